"""The client of the Python SDK 1.x, unchanged, that may have to ask for more."""

import asyncio

import httpx
from login import Login, MemoryStore
from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata
from stepping import TASK, URL, Stepper, code_of


async def main() -> None:
    stepper = Stepper()
    async with Login() as login:

        async def callback() -> tuple[str, str | None]:
            parameters = await login.callback()
            return code_of(parameters), parameters.get("state")

        metadata = OAuthClientMetadata(client_name="mcp 1.x", redirect_uris=[login.redirect_uri])
        store = MemoryStore()
        if "clientId" in TASK:
            await store.set_client_info(
                OAuthClientInformationFull(
                    client_id=TASK["clientId"],
                    issuer=TASK["issuer"],
                    redirect_uris=[login.redirect_uri],
                    token_endpoint_auth_method="none",
                )
            )
        auth = OAuthClientProvider(URL, metadata, store, login.redirect, callback)
        try:
            async with (
                httpx.AsyncClient(auth=auth, timeout=30) as http_client,
                streamable_http_client(URL, http_client=http_client) as (read, write, _),
                ClientSession(read, write) as session,
            ):
                await session.initialize()
                await stepper.call(session.call_tool)
        except BaseException as error:
            stepper.died(error)
    stepper.print()


asyncio.run(main())
