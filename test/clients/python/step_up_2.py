"""The client of the Python SDK 2.x, unchanged, that may have to ask for more."""

import asyncio

import httpx2
from login import Login, MemoryStore
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata
from stepping import MODE, TASK, URL, Stepper, code_of


async def main() -> None:
    stepper = Stepper()
    async with Login() as login:

        async def callback() -> AuthorizationCodeResult:
            parameters = await login.callback()
            code_of(parameters)
            return AuthorizationCodeResult(**parameters)

        metadata = OAuthClientMetadata(client_name="mcp 2.x", redirect_uris=[login.redirect_uri])
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
            async with httpx2.AsyncClient(auth=auth, timeout=30) as http_client:
                transport = streamable_http_client(URL, http_client=http_client)
                async with Client(transport, mode=MODE) as client:
                    await stepper.call(client.call_tool)
        except BaseException as error:
            stepper.died(error)
    stepper.print()


asyncio.run(main())
