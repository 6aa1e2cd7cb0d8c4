/**
 * What `policy --help` says, and that of each of its commands.
 *
 * @module
 */
import { settingLines } from '../../config/help.js'
import { SHAPES, type CommandName } from './arguments.js'

const COLUMNS = 100

const ALL = `A policy says who may call what: which scopes a tool, a prompt, a resource or a method needs.

Usage:
  mcp-gatehouse policy init --upstream URL | -- COMMAND    writes one, from a live server
  mcp-gatehouse policy check FILE                          all that is wrong, with line and column
  mcp-gatehouse policy explain FILE METHOD [NAME]          which rules decide, what the client gets
  mcp-gatehouse policy table FILE --upstream URL | -- COMMAND
                                                           what all of a live server needs

A policy:
  rules:
    - tools: [search, 'read_*']
      scopes: [mcp:read]
    - tools: [delete_file]
      scopes: [mcp:write]
      claims: { groups: [admins] }
  unmatched: deny

The gateway takes it by --oauth-policy FILE, beside --auth oauth. It is read at the start: after a
change the gateway is started anew, SIGHUP does not read it again.

mcp-gatehouse policy COMMAND --help tells more about each.`

const TEXTS: Readonly<Record<CommandName, string>> = {
  check: `Checks a policy: every problem with file, line and column, and warnings about what
cannot be meant.

Usage:
  mcp-gatehouse policy check FILE

Example:
  mcp-gatehouse policy check github.policy.yaml

Exit codes: 0 nothing is wrong (there may be warnings); 2 problems.`,
  explain: `Says which rules decide about a request, what it needs, what a token lacks, and the exact
answer that its client would get.

Usage:
  mcp-gatehouse policy explain FILE METHOD [NAME] [flags]

NAME is the name of the tool or prompt, or the URI of the resource; for completion/complete it is
that of a prompt, or a URI. One that begins with - comes after --.

Examples:
  mcp-gatehouse policy explain github.policy.yaml tools/call delete_file --scopes "mcp:read"
  mcp-gatehouse policy explain github.policy.yaml resources/read file:///srv/a.txt \\
    --scopes "mcp:read" --claims '{"groups":["admins"]}' --protocol-version 2025-11-25

Exit codes: 0 allowed; 1 denied; 2 usage, or problems of the policy.`,
  init: `Connects to an MCP server, reads what it offers, and writes a policy to begin with to
stdout. It asks for mcp:write for every tool; that a tool says it only reads is a comment that a
person has to confirm.

Usage:
  mcp-gatehouse policy init [flags] --upstream URL
  mcp-gatehouse policy init [flags] -- COMMAND [ARGUMENTS]

Examples:
  mcp-gatehouse policy init --upstream http://127.0.0.1:8000/mcp > my.policy.yaml
  mcp-gatehouse policy init -- npx -y @modelcontextprotocol/server-filesystem /srv > my.policy.yaml

Exit codes: 0 written; 1 the server cannot be asked; 2 usage.`,
  table: `Connects to an MCP server, and lists all of its tools, prompts, resources and templates with
what each needs. Those that no rule names stand at the end.

Usage:
  mcp-gatehouse policy table FILE [flags] --upstream URL
  mcp-gatehouse policy table FILE [flags] -- COMMAND [ARGUMENTS]

Example:
  mcp-gatehouse policy table my.policy.yaml --upstream http://127.0.0.1:8000/mcp

Exit codes: 0 listed; 1 the server cannot be asked; 2 usage, or problems of the policy.`,
}

/** Ends with a line break. */
export function policyHelp(command: CommandName | undefined): string {
  if (command === undefined) return `${ALL}\n`
  const { flags } = SHAPES[command]
  const lines = flags.length === 0 ? [] : ['', 'Flags:', ...settingLines(flags, COLUMNS)]
  return `${[TEXTS[command], ...lines].join('\n')}\n`
}
