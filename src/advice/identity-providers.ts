/**
 * Each identity provider's names for the settings that go wrong. Data for {@link hintFor} only.
 *
 * A hint states what is true at that provider for any cause, or names what was seen in this token.
 * It names our settings by their flags.
 *
 * @module
 */
import { quoted, type BearerTokenErrorCode } from '../errors.js'
import type { JsonObject } from '../base/json.js'
import { isLeftOut } from './left-out-claims.js'

/** What went wrong: a refusal, or one of its causes that needs its own advice. */
export type HintTopic =
  | BearerTokenErrorCode
  | 'at+jwt required'
  | 'client as audience'
  | 'last slash of the audience'
  | 'sole audience'
  | 'left out'

export interface TokenContext {
  readonly token: string
  readonly claims: JsonObject
  readonly missing: readonly string[]
  readonly clock: ProviderTime
}

/** How the clock of the identity provider differs from ours. */
export interface ProviderTime {
  /** Seconds; negative when it is behind. 0 when it is not known. */
  readonly ahead: number
  /** The difference that is tolerated, in seconds. */
  readonly tolerance: number
}

export type Hint = string | ((context: TokenContext) => string | undefined)
type Hints = Partial<Record<HintTopic, Hint>>

export interface Provider {
  readonly issuer?: RegExp
  /** The prefix of its opaque tokens. */
  readonly token?: RegExp
  /** Recognizes its JWTs on any host name. */
  readonly matches?: (claims: JsonObject) => boolean
  readonly hints: Hints
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}

const GOOGLE =
  'Google: its tokens are for Google APIs and for its clients; use an authorization server that logs users in with Google'
const CLIENTS_OF_COGNITO =
  'use --oauth-audience-claim client_id, the ids of the app clients as --oauth-audience, and --oauth-scopes'
const AUTH0_NO_API =
  'Auth0: a token without an API works only at /userinfo; switch on Resource Parameter Compatibility Profile, so that Auth0 reads resource, and create an API whose identifier is the resource URL'

const GROUPS_OF_ENTRA =
  'Entra: the user is in too many groups for a token, and Microsoft Graph is not asked: assign app roles, and read the claim roles; or let the application write "Groups assigned to the application" alone'

export const PROVIDERS: readonly Provider[] = [
  {
    issuer: /^urn:mcp-gatehouse:keys:/,
    hints: {
      ERR_KEY_UNKNOWN:
        'API keys: mcp-gatehouse key list shows the keys of the file, and key new makes another one',
      ERR_TOKEN_AUDIENCE:
        'API keys: make a key for this resource (mcp-gatehouse key new --resource), or add the resource to its entry',
      ERR_TOKEN_EXPIRED:
        'API keys: make a new key (mcp-gatehouse key new), or change its end in the file',
      ERR_SCOPE_INSUFFICIENT: 'API keys: add the scope to the entry of the key',
    },
  },
  {
    issuer: /\/realms\/[^/]+$/,
    hints: {
      ERR_TOKEN_AUDIENCE:
        'Keycloak: add an Audience mapper (Included Custom Audience = the resource URL) to a default client scope; with lightweight access tokens also switch on "Add to lightweight access token"',
      ERR_TOKEN_TYPE:
        'Keycloak: send the access_token of the token response, not id_token or refresh_token',
      'at+jwt required':
        'Keycloak: switch on "Use "at+jwt" as access token header type" for this client, or leave out --oauth-require-type',
      ERR_TOKEN_BOUND: 'Keycloak: switch off "Require DPoP bound tokens" for this client',
      ERR_TOKEN_INACTIVE:
        'Keycloak: since 26.6.2 a token is also not active if its aud lacks the client that introspects it (--oauth-client-id): add that client with an Audience mapper',
      ERR_TOKEN_ALGORITHM:
        'Keycloak: refresh tokens are signed with a shared secret; if this is an access token, choose an asymmetric "Access token signature algorithm" for the client',
      ERR_SCOPE_INSUFFICIENT:
        'Keycloak: make the client scope Default, or let the client request it; switch on "Include in token scope"; give the user the roles in its Scope tab',
    },
  },
  {
    issuer: /^https:\/\/[^/]+\.auth0\.com\/$/,
    // With a custom domain: only Auth0 adds its /userinfo to aud and names third-party clients this
    // way.
    matches: ({ iss, aud, azp, client_id: clientId }) =>
      (typeof iss === 'string' && list(aud).includes(`${iss}userinfo`)) ||
      [clientId, azp].some((id) => typeof id === 'string' && id.startsWith('tpc_')),
    hints: {
      ERR_TOKEN_AUDIENCE:
        'Auth0: make the identifier of the API exactly the resource URL, and switch on Resource Parameter Compatibility Profile; or name the identifier of the API in --oauth-audience',
      ERR_TOKEN_ENCRYPTED: AUTH0_NO_API,
      ERR_TOKEN_OPAQUE: AUTH0_NO_API,
      'at+jwt required':
        'Auth0: choose the token profile RFC 9068 for the API, or leave out --oauth-require-type',
      ERR_TOKEN_ALGORITHM: 'Auth0: choose an asymmetric Signing Algorithm for the API: RS256',
      ERR_SCOPE_INSUFFICIENT:
        'Auth0: it silently drops scopes that it does not grant; a client that registered itself gets the Default Permissions for Third-Party Applications of the API; with RBAC, a user gets the permissions of their roles',
    },
  },
  {
    issuer:
      /^https:\/\/(?:login\.microsoftonline\.(?:com|us)|login\.partner\.microsoftonline\.cn|sts\.windows\.net|[^/]+\.ciamlogin\.com)\//,
    hints: {
      ERR_TOKEN_AUDIENCE:
        'Entra: aud is the application (client) id in v2 tokens, and the Application ID URI in v1 tokens: name it in --oauth-audience',
      ERR_TOKEN_SIGNATURE:
        'Entra: only Microsoft Graph can validate tokens for Graph; let the client request a scope of your own application',
      'left out': GROUPS_OF_ENTRA,
      ERR_SCOPE_INSUFFICIENT: ({ claims, missing }) => {
        if (isLeftOut(claims, 'groups')) return `where groups are scopes: ${GROUPS_OF_ENTRA}`
        const held = list(claims['scp'])
          .flatMap((value) => (typeof value === 'string' ? value.split(' ') : []))
          .find((scope) => missing.some((each) => each.endsWith(`/${scope}`)))
        return held === undefined
          ? 'Entra: expose the scope under "Expose an API", and name it in full (api://APP/mcp.use) in --oauth-advertise-scopes: clients request what the challenge names'
          : `Entra: scp holds scopes without the Application ID URI: name ${quoted(held, 64)} in --oauth-scopes, and the full name in --oauth-advertise-scopes`
      },
    },
  },
  {
    issuer: /^https:\/\/[^/]+\.okta(?:preview|-emea|-gov)?\.com(?:\/|$)/,
    matches: ({ cid, ver }) => typeof cid === 'string' && ver === 1,
    hints: {
      ERR_TOKEN_AUDIENCE:
        'Okta: aud is the Audience of the authorization server (Security, API): make it the resource URL, or name it in --oauth-audience',
      ERR_TOKEN_KEY_UNKNOWN:
        'Okta: only Okta can validate tokens of the org itself; use a custom authorization server, whose issuer contains /oauth2/',
      ERR_SCOPE_INSUFFICIENT:
        'Okta: add the scope to the authorization server, and let a rule of its access policy grant it to this client',
    },
  },
  {
    issuer: /^https:\/\/cognito-idp\./,
    hints: {
      'client as audience': `Cognito: ${CLIENTS_OF_COGNITO}`,
      ERR_TOKEN_AUDIENCE: `Cognito: its access tokens have no aud unless the client sends resource (managed login, Essentials or Plus); otherwise ${CLIENTS_OF_COGNITO}`,
      ERR_TOKEN_TYPE: 'Cognito: send the access token, not the ID token (token_use "id")',
      ERR_SCOPE_INSUFFICIENT:
        'Cognito: scopes are called RESOURCE-SERVER-ID/NAME; write the full name in --oauth-scopes',
    },
  },
  {
    issuer: /^https:\/\/accounts\.google\.com$/,
    token: /^ya29\./,
    hints: { ERR_TOKEN_OPAQUE: GOOGLE, ERR_TOKEN_TYPE: GOOGLE, ERR_TOKEN_AUDIENCE: GOOGLE },
  },
  {
    token: /^authelia_/,
    hints: {
      ERR_TOKEN_OPAQUE: ({ token }) =>
        token.startsWith('authelia_at_')
          ? 'Authelia: its access tokens are opaque, unless the client has access_token_signed_response_alg; use introspection (--oauth-client-id, --oauth-token-prefix authelia_at_)'
          : 'Authelia: send the access token, which begins with authelia_at_',
      ERR_TOKEN_AUDIENCE:
        'Authelia: list the resource URL as audience of the client, with requested_audience_mode: implicit; 4.37 writes the client id into aud: name it in --oauth-audience',
      ERR_SCOPE_INSUFFICIENT:
        'Authelia: list the scope under identity_providers.oidc.scopes (4.39) and among the scopes of the client',
    },
  },
  {
    issuer: /^https:\/\/[^/]+\.zitadel\.cloud$/,
    matches: (claims) => Object.keys(claims).some((name) => name.startsWith('urn:zitadel:iam:')),
    hints: {
      ERR_TOKEN_OPAQUE:
        'Zitadel: set Auth Token Type of the application to JWT, or use introspection with an API application (--oauth-client-id)',
      ERR_TOKEN_AUDIENCE:
        'Zitadel: aud holds ids of clients and projects: name the project id in --oauth-audience; a client of another project requests it with the scope urn:zitadel:iam:org:project:id:ID:aud',
      ERR_TOKEN_CLAIM:
        'Zitadel: roles are an object, not a list, so --oauth-scope-claim cannot read them',
      ERR_SCOPE_INSUFFICIENT:
        'Zitadel: it does not support custom scopes: leave out --oauth-scopes, or use scopes that it has',
    },
  },
  {
    issuer: /\/application\/o\/[^/]+\/$/,
    hints: {
      ERR_TOKEN_AUDIENCE:
        'authentik: aud is the client id of the provider: name it in --oauth-audience',
      ERR_TOKEN_ALGORITHM:
        'authentik: choose a Signing Key in the provider; without one it signs with the client secret (HS256)',
      ERR_SCOPE_INSUFFICIENT:
        'authentik: add a scope mapping of this name to the provider, and let the client request it',
    },
  },
  {
    issuer: /^https:\/\/[^/]+\.projects\.oryapis\.com\/?$/,
    token: /^ory_/,
    hints: {
      ERR_TOKEN_OPAQUE: ({ token }) =>
        /^ory_(?:rt|ac)_/.test(token)
          ? 'Ory: send the access token, which begins with ory_at_'
          : 'Ory: set strategies.access_token to jwt, or use introspection at the admin port (--oauth-introspection-url, --oauth-client-id)',
      ERR_TOKEN_AUDIENCE:
        'Ory: aud is empty unless the client sends audience= (Ory ignores resource) and the consent app grants it',
    },
  },
  {
    issuer: /^https:\/\/[^/]+\.logto\.app\/oidc$/,
    hints: {
      ERR_TOKEN_OPAQUE:
        'Logto: only tokens for an API resource are JWTs: make one whose identifier is the resource URL',
      ERR_TOKEN_AUDIENCE: 'Logto: make an API resource whose identifier is the resource URL',
    },
  },
  {
    issuer: /^https:\/\/[^/]+\.authkit\.app$/,
    hints: {
      ERR_TOKEN_AUDIENCE:
        'WorkOS: register the resource URL as MCP resource indicator; otherwise aud is one value for the whole environment',
    },
  },
  {
    issuer: /^https:\/\/api(?:\.[\w-]+)?\.descope\.com\//,
    hints: {
      ERR_TOKEN_AUDIENCE:
        'Descope: aud is the project id unless the client requested a resource: set the resource URL of the MCP server there, or name the project id in --oauth-audience',
    },
  },
  {
    issuer: /\/dex$/,
    hints: {
      ERR_TOKEN_AUDIENCE:
        'Dex: make a client whose id is the resource URL, with the other clients as trustedPeers, and let them request the scope audience:server:client_id:ID; or name the client id in --oauth-audience',
      // Only the ID token of a login names its code; a refresh token is not a JWT.
      ERR_TOKEN_TYPE: ({ claims }) =>
        claims['at_hash'] !== undefined && claims['c_hash'] === undefined
          ? 'Dex: its access tokens look like ID tokens: --oauth-accept-id-token-claims accepts both'
          : 'Dex: send the access_token of the token response, not id_token or refresh_token',
      ERR_SCOPE_INSUFFICIENT: 'Dex: its tokens have no scopes: leave out --oauth-scopes',
    },
  },
  {
    issuer: /^https:\/\/[^/]+\.supabase\.co\/auth\/v1$/,
    hints: {
      ERR_TOKEN_AUDIENCE:
        'Supabase: aud is "authenticated" for every client; set it with a Custom Access Token Hook',
      ERR_TOKEN_ALGORITHM:
        'Supabase: switch from the shared JWT secret (HS256) to asymmetric signing keys',
    },
  },
]

const SYNCHRONISE = 'synchronise the clocks (NTP)'
const ID_TOKEN_CLAIMS = ['at_hash', 'nonce', 's_hash']

export const ANY_PROVIDER: Hints = {
  ERR_TOKEN_AUDIENCE:
    'let the identity provider put the resource URL into aud, or name what it puts there in --oauth-audience',
  ERR_TOKEN_ENCRYPTED:
    'the client requested no audience, or the provider encrypts access tokens: switch encryption off',
  ERR_TOKEN_OPAQUE:
    'let the identity provider issue JWT access tokens, or use introspection for opaque ones (--oauth-client-id); if --oauth-token-prefix is set, the access token must begin with it',
  'at+jwt required':
    'let the identity provider write typ at+jwt (RFC 9068), or leave out --oauth-require-type',
  'last slash of the audience':
    'they differ in the last slash: correct --oauth-audience, or the audience at the identity provider',
  'sole audience':
    'let the identity provider put only this resource into aud, or name the other audiences that a token may have in --oauth-also-audience',
  'left out':
    'no other place is asked for claims: let the identity provider write fewer values into the token',
  'client as audience':
    'this claim names a client: list the clients whose tokens are accepted in --oauth-audience',
  ERR_TOKEN_TYPE: ({ claims }) =>
    ID_TOKEN_CLAIMS.some((name) => claims[name] !== undefined)
      ? 'send the access token, not the ID token; if access tokens of this provider look like ID tokens, set --oauth-accept-id-token-claims'
      : 'send the access token, not an ID, refresh or logout token',
  ERR_KEY_UNKNOWN: 'name the file of your API keys in --oauth-keys-file',
  ERR_KEY_MALFORMED: 'the key was cut or changed on its way: let its owner type it again',
  ERR_TOKEN_BOUND: 'let the identity provider issue plain bearer tokens to this client',
  ERR_TOKEN_NOT_YET_VALID: ({ clock }) =>
    clock.ahead > clock.tolerance
      ? `our clock is probably ${Math.round(clock.ahead)} s behind: the last answer of the provider is dated later; ${SYNCHRONISE}`
      : SYNCHRONISE,
  ERR_TOKEN_EXPIRED: ({ clock }) =>
    -clock.ahead > clock.tolerance
      ? `our clock is probably ${Math.round(-clock.ahead)} s ahead: the last answer of the provider is dated earlier; ${SYNCHRONISE}`
      : undefined,
  ERR_SCOPE_INSUFFICIENT:
    'let the identity provider grant the scope to this client, or correct --oauth-scopes or --oauth-policy',
}
