/**
 * The help of `login`.
 *
 * @module
 */
import { settingLines } from '../../config/help.js'
import { SHAPE } from './arguments.js'

const COLUMNS = 100

const TEXT = `Logs in at the identity provider of an MCP server as a client does (authorization code with PKCE),
connects with the token, and lists the tools. It shows that the whole way works, or where it ends.

Usage:
  mcp-gatehouse login URL [flags]

It registers itself where the authorization server lets clients do that. Where it does not, register
a public client there, allow it the redirect URI http://127.0.0.1:PORT/callback, and give its id with
--client-id and the port with --redirect-port.

Examples:
  mcp-gatehouse login https://mcp.example.com/mcp
  mcp-gatehouse login https://mcp.example.com/mcp --client-id mcp-client --redirect-port 8765
  mcp-gatehouse login https://mcp.example.com/mcp --call search --args '{"query":"rain"}'
  TOKEN=$(mcp-gatehouse login https://mcp.example.com/mcp --print-token)
  mcp-gatehouse login https://mcp.example.com/mcp --store ~/.mcp-login.json
  mcp-gatehouse login https://mcp.example.com/mcp --headless "node log-in.mjs"

It calls no tool without --call, because nothing proves what a tool says about itself. It stores
nothing without --store, whose file only you can read: the refresh token is in it.
Standard output has the tools, the result of the call, or the token; everything else is on stderr.

Exit codes: 0 ok; 1 the login failed, the server refused the token, or the tool reported an error;
2 usage.`

/** Ends with a line break. */
export function loginHelp(): string {
  return `${[TEXT, '', 'Flags:', ...settingLines(SHAPE.flags, COLUMNS)].join('\n')}\n`
}
