"""The client of FastMCP 3 and 4, unchanged. Generation 3 has no modes."""

import asyncio

from fastmcp import Client
from report import CALL, MODE, URL, Report


async def main() -> None:
    report = Report()
    options = {"mode": MODE} if MODE else {}
    async with Client(URL, auth="oauth", **options) as client:
        report.lap("connectMs")
        await report.listed(client.list_tools())
        if CALL is not None:
            await report.called(client.call_tool(CALL["name"], CALL["arguments"]))
    report.print()


asyncio.run(main())
