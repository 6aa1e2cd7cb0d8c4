/**
 * The help of `policy`, and of each of its commands.
 *
 * @module
 */
import { commandHelp } from '../command-help.js'
import { SHAPES, type CommandName } from './arguments.js'

const ALL = `A policy says who may call what: which scopes a tool, a prompt, a resource or a method needs.

Usage:
  mcp-gatehouse policy init --upstream URL | -- COMMAND    writes a policy for a live server
  mcp-gatehouse policy check FILE                          lists all problems, with line and column
  mcp-gatehouse policy explain FILE METHOD [NAME]          shows which rules decide, and the answer
  mcp-gatehouse policy table FILE --upstream URL | -- COMMAND
                                                           lists what each item of the server needs
  mcp-gatehouse policy replay FILE --audit AUDIT           shows which recorded calls a new policy
                                                           would decide otherwise

A policy:
  rules:
    - tools: [search, 'read_*']
      scopes: [mcp:read]
    - tools: [delete_file]
      scopes: [mcp:write]
      claims: { groups: [admins] }
  unmatched: deny

Give it to the gateway with --oauth-policy FILE and --auth oauth. The gateway reads it at the start,
and again at SIGHUP. Only a change of lists needs a restart.

For details: mcp-gatehouse policy COMMAND --help`

const TEXTS: Readonly<Record<CommandName, string>> = {
  check: `Checks a policy: lists every problem with file, line and column, and warns about rules that
probably do not do what was meant.

Usage:
  mcp-gatehouse policy check FILE

Example:
  mcp-gatehouse policy check github.policy.yaml

Exit codes: 0 no problems (there may be warnings); 2 problems.`,
  explain: `Shows which rules decide about a request, what it needs, what a token lacks, and the exact
answer that the client would get.

Usage:
  mcp-gatehouse policy explain FILE METHOD [NAME] [flags]

NAME is the name of the tool or prompt, or the URI of the resource; for completion/complete, the
name of a prompt, or a URI. Put a NAME that begins with - after --.

Examples:
  mcp-gatehouse policy explain github.policy.yaml tools/call delete_file --scopes "mcp:read"
  mcp-gatehouse policy explain github.policy.yaml resources/read file:///srv/a.txt \\
    --scopes "mcp:read" --claims '{"groups":["admins"]}' --protocol-version 2025-11-25

Exit codes: 0 allowed; 1 denied; 2 usage, or problems of the policy.`,
  init: `Connects to an MCP server, reads what it offers, and writes a first policy to stdout. The
policy requires mcp:write for every tool. Where a tool claims to be read-only, a comment says so,
and a person has to confirm it.

Usage:
  mcp-gatehouse policy init [flags] --upstream URL
  mcp-gatehouse policy init [flags] -- COMMAND [ARGUMENTS]

Examples:
  mcp-gatehouse policy init --upstream http://127.0.0.1:8000/mcp > my.policy.yaml
  mcp-gatehouse policy init -- npx -y @modelcontextprotocol/server-filesystem /srv > my.policy.yaml

Exit codes: 0 written; 1 the server does not answer; 2 usage.`,
  replay: `Decides the requests of an audit file again, by another policy, and shows those that it would
decide otherwise. The audit has no claims of tokens: where a rule needs one, the answer is unknown.

Usage:
  mcp-gatehouse policy replay FILE --audit AUDIT [flags]

Example:
  mcp-gatehouse policy replay new.policy.yaml --audit audit.jsonl --base-scopes "mcp:tools"

Exit codes: 0 nothing changes; 1 something changes, or may change; 2 usage, or problems of the
policy or of the audit file. An audit without a request that can be decided again is such a problem:
a CI job must not pass because it compared nothing.`,
  table: `Connects to an MCP server, and lists all of its tools, prompts, resources and templates with
what each needs. Those that no rule names come last.

Usage:
  mcp-gatehouse policy table FILE [flags] --upstream URL
  mcp-gatehouse policy table FILE [flags] -- COMMAND [ARGUMENTS]

Example:
  mcp-gatehouse policy table my.policy.yaml --upstream http://127.0.0.1:8000/mcp

Exit codes: 0 listed; 1 the server does not answer; 2 usage, or problems of the policy.`,
}

/** Ends with a line break. */
export function policyHelp(command: CommandName | undefined): string {
  if (command === undefined) return `${ALL}\n`
  return commandHelp(TEXTS[command], SHAPES[command].flags)
}
