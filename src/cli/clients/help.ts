/**
 * The help of `clients`.
 *
 * @module
 */
import { settingLines } from '../../config/help.js'
import { FLAGS } from './arguments.js'
import { KNOWN_CLIENTS } from './page.js'

const COLUMNS = 100

const NAMES = KNOWN_CLIENTS.map(({ client }) => client.name)

function wrapped(names: readonly string[]): string {
  const lines: string[] = ['']
  for (const name of names) {
    const last = lines.at(-1) ?? ''
    if (last.length + name.length > COLUMNS - 6) lines.push(name)
    else lines[lines.length - 1] = last === '' ? name : `${last}, ${name}`
  }
  return lines.join(',\n  ')
}

const ALL = `Says what to type into each MCP client for your server: the URL, the client id, what to paste,
and the redirect URIs that the identity provider must allow.

Usage:
  mcp-gatehouse clients URL [NAME]           all clients in short, or everything about one
  mcp-gatehouse clients [settings] [NAME]    the same for the resources of the configuration
  mcp-gatehouse clients register --idp IDP --client NAME
                                             how it is registered there; register --help

Clients:
  ${wrapped(NAMES)}

Examples:
  mcp-gatehouse clients https://mcp.example.com/mcp
  mcp-gatehouse clients https://mcp.example.com/mcp claude-code --client-id mcp-client
  mcp-gatehouse clients --config gatehouse.yaml vscode

It contacts nobody. What is said about a client has its source and the day on which it was read;
mcp-gatehouse login URL tries the whole way.

Exit codes: 0 ok; 2 usage or configuration.`

/** Ends with a line break. */
export function clientsHelp(): string {
  return `${[ALL, '', 'Flags:', ...settingLines(FLAGS, COLUMNS)].join('\n')}\n`
}
