/**
 * The help of `doctor`.
 *
 * @module
 */
import { commandHelp } from '../command-help.js'
import { DOCTOR_FLAGS } from './arguments.js'

const TEXT = `Looks at an MCP server as its clients do, and says who connects, who does not, and what to change.
The only token that it sends is a made-up one. It asks for one tool, which no server has. Without
--try-registration it changes nothing, so you can point it at any server.

Usage:
  mcp-gatehouse doctor URL [flags]                from outside, as a client
  mcp-gatehouse doctor [URL] [flags] SETTINGS     from inside, too, as a gateway with these settings

URL is the URL that users type into their client. SETTINGS are those of mcp-gatehouse serve: flags,
environment, a file (--config), a command after --. Without URL, it looks at the resources of the
settings. mcp-gatehouse check --live looks only from inside, before the gateway runs.

It reads the challenge, the metadata of the resource, and the metadata and keys of its authorization
servers. It looks at redirects, CORS, TLS and clocks. Then it compares what it saw with what is
known about each client. Findings that stop a client are errors. The others are warnings and notes.
From inside, it asks issuers for their keys, introspects a token that nobody issued, and asks the
server behind the gateway what it offers.

Examples:
  mcp-gatehouse doctor https://mcp.example.com/mcp
  mcp-gatehouse doctor https://mcp.example.com/mcp --client claude --client vscode
  mcp-gatehouse doctor https://mcp.example.com/mcp --try-registration
  mcp-gatehouse doctor https://mcp.example.com/mcp --json > report.json
  mcp-gatehouse doctor --config gatehouse.yaml

Exit codes: 0 nothing is wrong; 1 a client cannot connect, or there is another error; 2 usage, or
the server cannot be reached.`

/** Ends with a line break. */
export function doctorHelp(): string {
  return commandHelp(TEXT, DOCTOR_FLAGS)
}
