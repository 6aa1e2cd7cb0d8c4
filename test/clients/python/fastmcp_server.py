"""A server of FastMCP 3 and 4: five tools, no authentication of its own. Its argument is a port, or `stdio`."""

import asyncio
import json
import os
import sys

from fastmcp import Context, FastMCP
from fastmcp.server.dependencies import get_http_headers

mcp = FastMCP("upstream")


@mcp.tool
def echo(message: str) -> str:
    """Says it again."""
    return f"Echo: {message}"


@mcp.tool
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@mcp.tool
async def slow(steps: int, ctx: Context) -> str:
    """Takes 200 ms a step, and reports each."""
    for step in range(steps):
        await ctx.report_progress(step, steps)
        await asyncio.sleep(0.2)
    return f"{steps} steps"


@mcp.tool
def headers() -> str:
    """The fields of the request, as a tool sees them."""
    return json.dumps(get_http_headers(include_all=True))


@mcp.tool
def who(message: str) -> str:
    """Says it again, and who is calling: by HTTP the request tells it, by stdio the environment."""
    caller = get_http_headers(include_all=True).get("x-gatehouse-subject")
    return f"{caller or os.environ['GATEHOUSE_SUBJECT']}: {message}"


if sys.argv[1] == "stdio":
    mcp.run(transport="stdio", show_banner=False)
else:
    mcp.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)
