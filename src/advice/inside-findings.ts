/**
 * What `doctor` can find from inside: in what the gateway itself asks.
 *
 * @module
 */
import type { FindingKind } from './finding-kind.js'

const RFC_7662 = 'https://www.rfc-editor.org/rfc/rfc7662'

export const INSIDE_FINDINGS = {
  'gateway-keys': {
    severity: 'error',
    title: 'The gateway cannot get the keys of the issuer',
    change:
      'Correct --oauth-issuer. If the gateway must use another address: --oauth-discovery-url or --oauth-jwks-uri. For a company CA: --ca-file.',
    reference: 'docs/troubleshooting.md',
  },
  'audience-wide': {
    severity: 'warning',
    title: 'Tokens for other servers are accepted, too',
    change:
      'Let the provider put the resource itself into aud, and name no other value in --oauth-audience.',
    reference:
      'https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#token-audience-binding-and-validation',
  },
  'introspection-refused': {
    severity: 'error',
    title: 'The issuer refuses the credentials of the gateway',
    change:
      'Correct --oauth-client-id and its secret or key, or how they are sent: --oauth-introspection-auth.',
    reference: `${RFC_7662}#section-2.1`,
  },
  'introspection-fault': {
    severity: 'error',
    title: 'The gateway cannot introspect tokens',
    change:
      'Correct --oauth-introspection-url. If the issuer has no introspection, leave out --oauth-client-id, and let it issue JWTs.',
    reference: `${RFC_7662}#section-2`,
  },
  'introspection-lenient': {
    severity: 'warning',
    title: 'The introspection endpoint also answers requests with wrong credentials',
    change:
      'A wrong secret then looks like a token that is not active. If every token is refused, look at the credentials first.',
    reference: `${RFC_7662}#section-4`,
  },
  'upstream-fault': {
    severity: 'error',
    title: 'The server behind the gateway does not answer',
    change: 'Start the server, or correct --upstream.',
    reference: 'docs/gateway.md',
  },
  'upstream-answer': {
    severity: 'error',
    title: 'The server behind the gateway does not answer with MCP',
    change: 'Correct --upstream: it is the exact endpoint, often with /mcp.',
    reference: 'docs/gateway.md',
  },
  'command-fault': {
    severity: 'error',
    title: 'The command cannot be used',
    change:
      'Correct the command after --. A command gets only a few environment variables: --child-env NAME passes another one.',
    reference: 'docs/stdio.md',
  },
  'upstream-offers': {
    severity: 'note',
    title: 'The server behind the gateway answers',
    change: 'Nothing.',
    reference: 'docs/policy.md',
  },
} as const satisfies Readonly<Record<string, FindingKind>>
