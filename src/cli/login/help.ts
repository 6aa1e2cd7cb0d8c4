/**
 * The help of `login`.
 *
 * @module
 */
import { commandHelp } from '../command-help.js'
import { SHAPE } from './arguments.js'

const TEXT = `Logs in at the identity provider of an MCP server as a client does (authorization code with PKCE),
connects with the token, and lists the tools. It shows that everything works, or which step fails.

Usage:
  mcp-gatehouse login URL [flags]

It registers itself if the authorization server lets clients do that. Otherwise, register a public
client there with the redirect URI http://127.0.0.1:PORT/callback. Give its id with --client-id, and
the port with --redirect-port.

Examples:
  mcp-gatehouse login https://mcp.example.com/mcp
  mcp-gatehouse login https://mcp.example.com/mcp --client-id mcp-client --redirect-port 8765
  mcp-gatehouse login https://mcp.example.com/mcp --call search --args '{"query":"rain"}'
  TOKEN=$(mcp-gatehouse login https://mcp.example.com/mcp --print-token)
  mcp-gatehouse login https://mcp.example.com/mcp --store ~/.mcp-login.json
  mcp-gatehouse login https://mcp.example.com/mcp --headless "node log-in.mjs"

It calls no tool without --call, because nothing proves that a tool does what it says. It stores
nothing without --store. Only you can read that file: it holds the refresh token.
Standard output has the tools, the result of the call, or the token. Everything else is on stderr.

Exit codes: 0 ok; 1 the login failed, the server refused the token, or the tool reported an error;
2 usage.`

/** Ends with a line break. */
export function loginHelp(): string {
  return commandHelp(TEXT, SHAPE.flags)
}
