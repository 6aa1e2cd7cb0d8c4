/**
 * The help of `key`.
 *
 * @module
 */
import { commandHelp } from '../command-help.js'
import { OF_NEW } from './arguments.js'

const ALL = `Makes API keys for callers that cannot log in, beside the tokens of your identity provider.

Usage:
  mcp-gatehouse key new FILE --subject NAME --resource URL [flags]
                                     makes a key, and prints it once
  mcp-gatehouse key list FILE [--json]
                                     who has a key, for what, and until when
  mcp-gatehouse key revoke FILE ID   the key opens nothing any more

FILE holds SHA-256 of each key, and no key. The gateway reads it (--oauth-keys-file FILE) and takes
a change within ten seconds. A key is sent like a token: Authorization: Bearer mgh_…
Scopes, policy, limits and audit are the same as for tokens.

Examples:
  mcp-gatehouse key new keys.yaml --subject ci --resource https://mcp.example.com/mcp \\
    --scopes "mcp:read" > ci.key
  mcp-gatehouse key list keys.yaml
  mcp-gatehouse key revoke keys.yaml key-3f1c09ab

Exit codes: 0 ok; 1 the file cannot be read or written; 2 usage, or problems of the file.`

/** Ends with a line break. */
export function keyHelp(): string {
  return commandHelp(`${ALL}\n\nFlags of key new:`, OF_NEW).replace('\n\nFlags:', '')
}
