/**
 * What to change in the settings of mcp-gatehouse, by the code of a refusal. (The kernel's hint names the
 * setting of the identity provider.)
 *
 * @module
 */

const CURES: Readonly<Record<string, string>> = {
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
    'let the client refresh; for fresh tokens synchronise the clocks (--oauth-clock-tolerance)',
  ERR_TOKEN_NOT_YET_VALID: 'synchronise the clocks (NTP); --oauth-clock-tolerance is at most 5m',
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
}

/** `undefined`: the reason says everything that is known. */
export function cureFor(code: string | undefined): string | undefined {
  return code === undefined || !Object.hasOwn(CURES, code) ? undefined : CURES[code]
}
