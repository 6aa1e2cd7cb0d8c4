"""The client of the Python SDK 1.x, unchanged."""

import asyncio

import httpx
from login import Login, MemoryStore
from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata
from report import CALL, URL, Report


async def main() -> None:
    report = Report()
    async with Login() as login:

        async def callback() -> tuple[str, str | None]:
            parameters = await login.callback()
            return parameters["code"], parameters.get("state")

        metadata = OAuthClientMetadata(client_name="mcp 1.x", redirect_uris=[login.redirect_uri])
        auth = OAuthClientProvider(URL, metadata, MemoryStore(), login.redirect, callback)
        async with (
            httpx.AsyncClient(auth=auth, timeout=30) as http_client,
            streamable_http_client(URL, http_client=http_client) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            report.lap("connectMs")
            await report.listed(session.list_tools())
            if CALL is not None:
                await report.called(session.call_tool(CALL["name"], CALL["arguments"]))
    report.print()


asyncio.run(main())
