/**
 * The help of `clients`.
 *
 * @module
 */
import { COLUMNS, commandHelp } from '../command-help.js'
import { wrap } from '../../config/help.js'
import { FLAGS } from './arguments.js'
import { KNOWN_CLIENTS } from './page.js'

const NAMES = KNOWN_CLIENTS.map(({ client }) => client.name).join(', ')
const INDENT = '  '

const ALL = `Says what to type into each MCP client for your server: the URL, the client id, what to paste,
and the redirect URIs that the identity provider must allow.

Usage:
  mcp-gatehouse clients URL [NAME]           all clients in short, or everything about one
  mcp-gatehouse clients [settings] [NAME]    the same for the resources of the configuration
  mcp-gatehouse clients register --idp IDP --client NAME
                                             how to register one; see clients register --help

Clients:
${INDENT}${wrap(NAMES, COLUMNS - INDENT.length).join(`\n${INDENT}`)}

Examples:
  mcp-gatehouse clients https://mcp.example.com/mcp
  mcp-gatehouse clients https://mcp.example.com/mcp claude-code --client-id mcp-client
  mcp-gatehouse clients --config gatehouse.yaml vscode

It contacts nobody. Each fact about a client has its source, and the day on which it was read.
mcp-gatehouse login URL tries the whole login.

Exit codes: 0 ok; 2 usage or configuration.`

/** Ends with a line break. */
export function clientsHelp(): string {
  return commandHelp(ALL, FLAGS)
}
