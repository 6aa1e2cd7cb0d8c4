"""The client of the Python SDK 2.x, unchanged."""

import asyncio

import httpx2
from login import Login, MemoryStore
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata
from report import CALL, MODE, URL, Report


async def main() -> None:
    report = Report()
    async with Login() as login:

        async def callback() -> AuthorizationCodeResult:
            return AuthorizationCodeResult(**await login.callback())

        metadata = OAuthClientMetadata(client_name="mcp 2.x", redirect_uris=[login.redirect_uri])
        auth = OAuthClientProvider(URL, metadata, MemoryStore(), login.redirect, callback)
        async with httpx2.AsyncClient(auth=auth, timeout=30) as http_client:
            transport = streamable_http_client(URL, http_client=http_client)
            async with Client(transport, mode=MODE) as client:
                report.lap("connectMs")
                await report.listed(client.list_tools())
                if CALL is not None:
                    await report.called(client.call_tool(CALL["name"], CALL["arguments"]))
    report.print()


asyncio.run(main())
