/**
 * The help of `clients register`.
 *
 * @module
 */
import { commandHelp } from '../../command-help.js'
import { IDPS, REGISTER_FLAGS } from './arguments.js'

const TEXT = `Prints the calls that register an MCP client at your identity provider, with a placeholder for
the admin token. With --apply it makes the calls itself, for keycloak and for oidc (RFC 7591).

Usage:
  mcp-gatehouse clients register --idp IDP --client NAME --issuer URL [flags]

IDP is ${IDPS.join(', ')}.
NAME is one of those that mcp-gatehouse clients --help lists.

Examples:
  mcp-gatehouse clients register --idp okta --client vscode \\
    --issuer https://example.okta.com/oauth2/default
  mcp-gatehouse clients register --idp keycloak --client claude-code \\
    --issuer https://sso.example.com/realms/mcp --apply --admin-token-file token

The token is sent only to the origin of the issuer, and is never shown. The clients are public if
the provider allows it: they have no secret, and use PKCE.

Exit codes: 0 printed or registered; 1 the identity provider refused; 2 usage.`

/** Ends with a line break. */
export function registerHelp(): string {
  return commandHelp(TEXT, REGISTER_FLAGS)
}
