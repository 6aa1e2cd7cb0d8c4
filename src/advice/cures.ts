/**
 * What to change in the settings of mcp-gatehouse, by the code of a refusal. (The kernel's hint names the
 * setting of the identity provider.)
 *
 * @module
 */
import type { RequestCode } from '../errors.js'

/** Of every code. */
export const CURES: Readonly<Record<RequestCode, string>> = {
  ERR_CREDENTIALS_MISSING: 'the client must log in and send its token: Authorization: Bearer',
  ERR_CREDENTIALS_MULTIPLE: 'the client must send one Authorization field with one token',
  ERR_CREDENTIALS_MALFORMED: 'the client must send the token alone after Bearer, without quotes',
  ERR_TOKEN_TOO_LARGE: 'let the provider put fewer claims into access tokens',
  ERR_TOKEN_OPAQUE: 'let the provider issue JWTs, or introspect: --oauth-client-id',
  ERR_TOKEN_ENCRYPTED:
    'let the client ask for the audience, and let the provider issue signed JWTs',
  ERR_TOKEN_MALFORMED: 'the token was cut or changed on its way; let the client log in again',
  ERR_TOKEN_TYPE:
    'send the access token, not an ID or refresh token; for Dex: --oauth-accept-id-token-claims',
  ERR_TOKEN_ALGORITHM: 'let the provider sign with an asymmetric algorithm, such as RS256',
  ERR_TOKEN_ISSUER_UNTRUSTED:
    'iss and --oauth-issuer must be equal, including the slash at the end',
  ERR_TOKEN_KEY_UNKNOWN:
    'the keys must be those of the issuer, even after it changes them: leave out --oauth-jwks-uri and --oauth-jwks-file',
  ERR_TOKEN_SIGNATURE: 'the keys must be those of the issuer: --oauth-jwks-uri, --oauth-jwks-file',
  ERR_TOKEN_CLAIM: 'let the provider correct that claim; scopes are read from --oauth-scope-claim',
  ERR_TOKEN_AUDIENCE:
    'let the provider put the resource into aud, or accept what it puts there: --oauth-audience',
  ERR_TOKEN_EXPIRED:
    'let the client refresh; for fresh tokens correct the clocks, or set --oauth-clock-tolerance',
  ERR_TOKEN_NOT_YET_VALID:
    'correct the clocks; --oauth-clock-tolerance allows a difference of at most 5m',
  ERR_TOKEN_BOUND: 'let the provider issue plain bearer tokens to this client',
  ERR_TOKEN_INACTIVE:
    'the token was revoked or has expired, or the client of --oauth-client-id may not see it',
  ERR_KEY_UNKNOWN: 'a key that was revoked, or --oauth-keys-file names another file',
  ERR_KEY_MALFORMED: 'the key was cut or changed on its way: type it again',
  ERR_SCOPE_INSUFFICIENT:
    'let the provider grant the scope; --oauth-scopes says what is needed, --oauth-scope-claim where it is read',
  ERR_OPERATION_DENIED: 'the policy denies it: mcp-gatehouse policy explain shows the rules',
  ERR_DISCOVERY_FAILED:
    '--oauth-discovery-url, --oauth-jwks-uri or --ca-file say how the provider is reached',
  ERR_KEYS_UNAVAILABLE: '--oauth-jwks-uri, --oauth-jwks-file or --ca-file say where the keys are',
  ERR_INTROSPECTION_UNAVAILABLE: '--oauth-introspection-url or --ca-file say how it is reached',
  ERR_INTROSPECTION_CLIENT_REJECTED:
    'correct --oauth-client-id and its secret, or --oauth-introspection-auth',
  ERR_METADATA_UNFIT:
    'correct --oauth-issuer or --oauth-discovery-url, or leave out --oauth-mirror-metadata',
  ERR_HOST_FOREIGN: 'let the proxy pass Host on, or add the name: --allow-host',
  ERR_ORIGIN_FOREIGN: 'add the origin: --allow-origin',
  ERR_SESSION_UNKNOWN:
    'the session has ended, or belongs to another caller; replicas must share --session-key-file',
  ERR_BODY_TOO_LARGE: '--max-body sets the limit',
  ERR_REQUESTS_TOO_MANY: '--max-requests and --max-requests-per-caller set the limits',
  ERR_CHILDREN_TOO_MANY: '--max-children and --max-children-per-principal set the limits',
  ERR_PATH_UNSERVED: 'correct the URL of the client; to serve another URL: --resource',
  ERR_REQUEST_MALFORMED: 'correct the client, or the proxy in front: the reason says what it sent',
  ERR_HEADERS_TOO_LARGE:
    'let the client and the proxy in front send fewer header fields; cookies and large tokens take most room',
  ERR_REQUEST_TIMEOUT:
    'let the client and the proxy in front send the request at once, or look for a slow network',
  ERR_BODY_ENCODED: 'let the client and the proxy in front send bodies without compression',
  ERR_BODY_UNREADABLE:
    'let the client send one JSON-RPC message in UTF-8, as Content-Type: application/json',
  ERR_HEADER_MISMATCH:
    'header fields of MCP and the body must say the same: update the client, or let the proxy in front change neither',
  ERR_METHOD_NOT_ALLOWED: 'let the client send POST; GET and DELETE are for sessions',
  ERR_CHILD_BUSY: '--child-queue sets how much may wait for the command',
  ERR_VERSION_UNSUPPORTED:
    'nothing: the client asks again with a revision that the answer names; if it does not, update it',
  ERR_REFUSALS_TOO_MANY:
    'the caller must wait; mcp-gatehouse policy explain shows what the policy refuses them',
  ERR_LIMIT_REACHED: 'limit in the policy sets it; for callers without a token, anonymousLimit',
  ERR_UPSTREAM_UNREACHABLE: 'start the MCP server, or correct --upstream',
  ERR_UPSTREAM_TIMEOUT:
    '--upstream-timeout sets how long to wait; --child-start-timeout for a command',
  ERR_UPSTREAM_UNAUTHORIZED:
    'switch off the authorization of the MCP server, or send it a key with --upstream-header',
  ERR_UPSTREAM_REDIRECT: '--upstream must be the exact endpoint',
  ERR_UPSTREAM_INVALID:
    'correct the MCP server: the reason says what it sent; --upstream must be its exact endpoint',
  ERR_UPSTREAM_CREDENTIALS:
    'correct the function upstreamCredentials; --upstream-timeout is its time',
  ERR_UPSTREAM_CREDENTIALS_UNAVAILABLE:
    'bring back the provider that upstreamCredentials asks; until then, clients try again',
  ERR_INTERNAL: 'a bug in mcp-gatehouse or in code plugged into it: report what "where" says',
  ERR_CLIENT_LEFT:
    'nothing here: the client or the proxy in front waited no longer; raise its timeout',
}

function isKnown(code: string): code is RequestCode {
  return Object.hasOwn(CURES, code)
}

/** `undefined`: no code of this version. */
export function cureFor(code: string | undefined): string | undefined {
  return code === undefined || !isKnown(code) ? undefined : CURES[code]
}

const OWN_COMMAND = /\bmcp-gatehouse [a-z]/

function settingsIn(text: string): readonly string[] {
  return text.match(/--[a-z][a-z-]+/g) ?? []
}

/**
 * The hint, and the cure if it adds a setting: most cures say in other words what the hint says.
 *
 * @param hint of the event
 */
export function adviceFor(hint: string | undefined, code: string | undefined): readonly string[] {
  const cure = cureFor(code)
  // A hint with one of our commands says all; the cure would be about tokens, and not about API keys.
  if (hint !== undefined && OWN_COMMAND.test(hint)) return [hint]
  if (hint === undefined) return cure === undefined ? [] : [cure]
  const settings = settingsIn(cure ?? '')
  const known = new Set(settingsIn(hint))
  const isNew = settings.length > 0 && !settings.some((setting) => known.has(setting))
  return cure !== undefined && isNew ? [hint, cure] : [hint]
}
