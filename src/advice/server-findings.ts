/**
 * What `doctor` can find at an authorization server.
 *
 * @module
 */
import type { FindingKind } from './finding-kind.js'

const RFC_9728 = 'https://www.rfc-editor.org/rfc/rfc9728'
const RFC_8414 = 'https://www.rfc-editor.org/rfc/rfc8414'
const RFC_7591 = 'https://www.rfc-editor.org/rfc/rfc7591'
const RFC_9207 = 'https://www.rfc-editor.org/rfc/rfc9207'
const MCP = 'https://modelcontextprotocol.io/specification/2025-11-25/basic'
const AUTHORIZATION = `${MCP}/authorization`

const OF_ISSUERS = {
  'issuer-unreachable': {
    severity: 'error',
    title: 'The authorization server cannot be reached',
    change:
      'Correct the issuer (--oauth-issuer), start the server, or open the firewall. Clients that run on the servers of their vendor must reach it from the internet.',
    reference: `${RFC_8414}#section-3`,
  },
  'issuer-not-url': {
    severity: 'error',
    title: 'An authorization server is not named by a URL',
    change: 'Name the issuer by its https URL (--oauth-issuer).',
    reference: `${RFC_9728}#section-2`,
  },
  'issuer-not-public': {
    severity: 'note',
    title: 'Only this machine or network reaches the authorization server',
    change:
      'Nothing, if that is intended: name the clients that count with --client. Otherwise let it name itself by its public URL, and configure that (--oauth-issuer). The gateway may use another address: --oauth-discovery-url.',
    reference: `${RFC_8414}#section-2`,
  },
  'issuer-slash': {
    severity: 'warning',
    title: 'The issuers differ in the slash at the end',
    change: 'Configure the issuer exactly as its document spells it (--oauth-issuer).',
    reference: `${RFC_8414}#section-3.3`,
  },
  'issuer-scheme': {
    severity: 'warning',
    title: 'The issuers differ in http and https',
    change:
      'Let the provider name itself by the public https URL, and configure the same (--oauth-issuer).',
    reference: `${RFC_8414}#section-3.3`,
  },
  'issuer-differs': {
    severity: 'warning',
    title: 'The document names another issuer',
    change:
      'Configure the issuer exactly as its document spells it (--oauth-issuer), or give the provider its public name.',
    reference: `${RFC_8414}#section-3.3`,
  },
  'issuer-placeholder': {
    severity: 'error',
    title: 'The issuer is a placeholder',
    change: 'Configure the issuer of one tenant (--oauth-issuer). No token names a placeholder.',
    reference: `${RFC_8414}#section-3.3`,
  },
  'server-document-missing': {
    severity: 'error',
    title: 'The authorization server has no metadata document',
    change:
      'Correct the issuer (--oauth-issuer), and route /.well-known/* at the root of its host to the provider.',
    reference: `${RFC_8414}#section-3.1`,
  },
  'server-document-not-inserted': {
    severity: 'warning',
    title: 'Only the form below the issuer is served',
    change:
      'Route /.well-known/oauth-authorization-server at the root of the host to the provider. Clients that know only RFC 8414 look only there.',
    reference: `${RFC_8414}#section-3.1`,
  },
  'server-document-page': {
    severity: 'warning',
    title: 'A metadata URL of the authorization server answers 200 with a web page',
    change: 'Answer 404 where there is no document.',
    reference: `${RFC_8414}#section-3.2`,
  },
  'server-document-fault': {
    severity: 'warning',
    title: 'A metadata URL of the authorization server fails',
    change:
      'Answer 404 where there is no document. After a 5xx other than 502, clients give up and do not try the next URL.',
    reference: 'https://github.com/modelcontextprotocol/typescript-sdk',
  },
  'endpoint-missing': {
    severity: 'error',
    title: 'The authorization server names no endpoint for login or tokens',
    change: 'The document needs authorization_endpoint and token_endpoint.',
    reference: `${RFC_8414}#section-2`,
  },
  'endpoint-not-https': {
    severity: 'warning',
    title: 'An endpoint of the authorization server is not https',
    change: 'Let the provider name its endpoints by https.',
    reference: `${AUTHORIZATION}#communication-security`,
  },
  'pkce-absent': {
    severity: 'warning',
    title: 'The authorization server does not say that it supports PKCE',
    change:
      'Let it list S256 in code_challenge_methods_supported, or use another authorization server. mcp-gatehouse does not rewrite its document.',
    reference: `${AUTHORIZATION}#authorization-code-protection`,
  },
  'pkce-without-s256': {
    severity: 'error',
    title: 'The authorization server does not offer S256',
    change: 'Let it list S256 in code_challenge_methods_supported.',
    reference: `${AUTHORIZATION}#authorization-code-protection`,
  },
  'iss-not-sent': {
    severity: 'note',
    title: 'The authorization server does not name itself in its answers',
    change:
      'Switch on the iss parameter (RFC 9207). Without it, ChatGPT has a different redirect URI for each connector.',
    reference: `${RFC_9207}#section-3`,
  },
  'code-not-offered': {
    severity: 'error',
    title: 'The authorization server does not offer the authorization code grant',
    change: 'Switch on the response type code and the grant type authorization_code.',
    reference: `${RFC_8414}#section-2`,
  },
  'refresh-not-offered': {
    severity: 'note',
    title: 'The authorization server does not offer refresh tokens',
    change:
      'Switch on the grant type refresh_token. Without it, people log in again whenever a token expires.',
    reference: `${AUTHORIZATION}#refresh-tokens`,
  },
  'offline-access-missing': {
    severity: 'note',
    title: 'The authorization server does not list offline_access',
    change:
      'Nothing, if it issues refresh tokens without this scope. Otherwise list the scope, and let clients ask for it.',
    reference: 'https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess',
  },
  'resource-not-listed': {
    severity: 'warning',
    title: 'The authorization server lists its resources, and this one is missing',
    change: 'Register the resource at the authorization server.',
    reference: `${RFC_9728}#section-4`,
  },
  'provider-unfit': {
    severity: 'error',
    title: 'This provider does not issue access tokens for other servers',
    change: 'Use an authorization server that logs users in with this provider.',
    reference: 'docs/troubleshooting.md',
  },
  'audience-advice': {
    severity: 'note',
    title: 'The content of tokens cannot be seen from outside',
    change:
      'After a login, the log of mcp-gatehouse says whether the audience, the scopes and the kind of the token are right.',
    reference: 'docs/troubleshooting.md',
  },
} as const satisfies Readonly<Record<string, FindingKind>>

const OF_REGISTRATION = {
  'registration-manual': {
    severity: 'note',
    title: 'Clients cannot register themselves',
    change:
      'Register a client at the authorization server for each program, and give its id to your users.',
    reference: `${AUTHORIZATION}#client-registration-approaches`,
  },
  'cimd-without-none': {
    severity: 'warning',
    title:
      'The authorization server accepts metadata documents of clients, but no clients without a secret',
    change:
      'List none in token_endpoint_auth_methods_supported. Until then Claude does not use its document.',
    reference: `${AUTHORIZATION}#client-id-metadata-documents`,
  },
  'registration-refused': {
    severity: 'error',
    title: 'The authorization server refuses to register a client',
    change:
      'Open registration for the redirect URIs and scopes of your clients, or correct the scopes that they ask for (--oauth-scopes).',
    reference: `${RFC_7591}#section-3.2.2`,
  },
  'login-refused': {
    severity: 'error',
    title: 'The authorization server refuses the login of a client that it registered',
    change:
      'For invalid_target: register the resource at the authorization server. For invalid_scope: create the scopes there, or correct --oauth-scopes. For a redirect URI: allow those of the client.',
    reference: `${AUTHORIZATION}#resource-parameter-implementation`,
  },
  'login-port': {
    severity: 'warning',
    title: 'A login that returns to another port is refused',
    change:
      'Let the authorization server ignore the port of redirect URIs on loopback. Or give the client a fixed port, and register that port.',
    reference: 'https://www.rfc-editor.org/rfc/rfc8252#section-7.3',
  },
  'registration-stays': {
    severity: 'warning',
    title: 'A client that doctor registered could not be removed',
    change: 'Delete that client at the authorization server.',
    reference: 'https://www.rfc-editor.org/rfc/rfc7592#section-2.3',
  },
  'scope-unknown': {
    severity: 'warning',
    title: 'The resource asks for scopes that the authorization server does not list',
    change:
      'Create the scopes there, or correct --oauth-scopes. Nothing, if the provider never lists its own scopes.',
    reference: `${AUTHORIZATION}#scope-selection-strategy`,
  },
  'scope-unqualified': {
    severity: 'error',
    title: 'The scopes do not belong to the resource',
    change: 'Name scopes in full.',
    reference: 'https://github.com/anthropics/claude-ai-mcp/issues/977',
  },
  'scopes-differ': {
    severity: 'note',
    title: 'The challenge and the metadata name different scopes',
    change: 'Name the same scopes in both (--oauth-scopes).',
    reference: `${AUTHORIZATION}#scope-selection-strategy`,
  },
} as const satisfies Readonly<Record<string, FindingKind>>

const OF_KEYS = {
  'keys-unreachable': {
    severity: 'error',
    title: 'The keys of the authorization server cannot be read',
    change:
      'Correct jwks_uri at the provider. If the gateway must use another address: --oauth-jwks-uri. After 429, find out which program asks for the keys with every request: one answer is good for many requests.',
    reference: `${RFC_8414}#section-2`,
  },
  'keys-unusable': {
    severity: 'error',
    title: 'No key of the authorization server can verify a token',
    change:
      'Let the provider sign with an asymmetric key: RS256, PS256, ES256 or EdDSA. HS256 is a shared secret.',
    reference: 'https://www.rfc-editor.org/rfc/rfc8725#section-3.1',
  },
  'keys-not-named': {
    severity: 'note',
    title: 'The authorization server names no keys',
    change: 'Its tokens are opaque. Use introspection: --oauth-client-id, with a secret or a key.',
    reference: 'https://www.rfc-editor.org/rfc/rfc7662',
  },
} as const satisfies Readonly<Record<string, FindingKind>>

export const SERVER_FINDINGS = { ...OF_ISSUERS, ...OF_REGISTRATION, ...OF_KEYS }
