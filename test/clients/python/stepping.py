"""What every script of step-up is asked, and what it prints: one line of JSON, a text for each call."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

URL: str = sys.argv[1]
MODE: str = sys.argv[2]
TASK: dict[str, Any] = json.loads(sys.argv[3])
"""`calls`: names of tools, and whether all `atOnce`. `clientId` of a client that was registered before, with its `issuer`."""

PATIENCE = 20


class Stepper:
    def __init__(self) -> None:
        self._outcomes: list[str] = []

    async def call(self, call_tool: Callable[[str], Awaitable[Any]]) -> None:
        """Goes on after an error as far as the connection allows it."""

        async def once(name: str) -> None:
            try:
                result = await asyncio.wait_for(call_tool(name), PATIENCE)
                self._outcomes.append(result.content[0].text)
            except Exception as error:
                self._outcomes.append(f"{type(error).__name__}: {error}")

        if TASK.get("atOnce"):
            await asyncio.gather(*map(once, TASK["calls"]))
            return
        for name in TASK["calls"]:
            await once(name)

    def died(self, error: BaseException) -> None:
        """The connection as a whole."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        self._outcomes.append(f"died of {type(error).__name__}: {error}")

    def print(self) -> None:
        print(json.dumps(self._outcomes))


def code_of(parameters: dict[str, str]) -> str:
    """As an application must: an answer without a code is the end of the login."""
    if "code" not in parameters:
        raise RuntimeError(f"login refused: {parameters.get('error')}")
    return parameters["code"]
