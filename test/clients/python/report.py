"""What every client script is asked, and what it prints: one line of JSON."""

import json
import sys
import time
from collections.abc import Awaitable
from typing import Any

URL: str = sys.argv[1]
MODE: str = sys.argv[2]
"""How to negotiate the version, for clients that know several ways."""
CALL: dict[str, Any] | None = json.loads(sys.argv[3])
"""Name and arguments of the tool to call."""


class Report:
    def __init__(self) -> None:
        self._members: dict[str, Any] = {}
        self._start = time.perf_counter()

    def lap(self, name: str) -> None:
        """Takes the milliseconds since the last lap."""
        now = time.perf_counter()
        self._members[name] = round((now - self._start) * 1000)
        self._start = now

    async def listed(self, tools: Awaitable[Any]) -> None:
        self._members["tools"] = len(getattr(answer := await tools, "tools", answer))
        self.lap("listMs")

    async def called(self, result: Awaitable[Any]) -> None:
        self._members["result"] = (await result).content[0].text
        self.lap("callMs")

    def print(self) -> None:
        print(json.dumps(self._members))
