"""What an application adds to the SDK's OAuth provider: a store, a browser, a listener for the callback."""

import asyncio
import webbrowser
from typing import Any
from urllib.parse import parse_qs, urlsplit


class MemoryStore:
    """Keeps tokens and registration as long as the process lives."""

    def __init__(self) -> None:
        self._tokens: Any = None
        self._client: Any = None

    async def get_tokens(self) -> Any:
        return self._tokens

    async def set_tokens(self, tokens: Any) -> None:
        self._tokens = tokens

    async def get_client_info(self) -> Any:
        return self._client

    async def set_client_info(self, client_info: Any) -> None:
        self._client = client_info


class Login:
    """Opens the user's browser, and waits until it comes back with a code, as often as it takes."""

    redirect_uri: str

    async def __aenter__(self) -> "Login":
        self._parameters: asyncio.Future[dict[str, str]] = asyncio.Future()
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.redirect_uri = f"http://127.0.0.1:{port}/callback"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        target = head.split(b" ")[1].decode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()
        if not self._parameters.done():
            query = parse_qs(urlsplit(target).query)
            self._parameters.set_result({name: values[0] for name, values in query.items()})

    async def redirect(self, url: str) -> None:
        self._parameters = asyncio.Future()
        webbrowser.open(url)

    async def callback(self) -> dict[str, str]:
        return await asyncio.wait_for(self._parameters, 30)
