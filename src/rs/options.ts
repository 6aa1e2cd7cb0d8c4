/**
 * What can be configured.
 *
 * @module
 */
import type { EventListener } from '../events.js'
import type { AuthorizeOperation } from '../policy/policy.js'
import type { PolicyDocument } from '../policy/document.js'
import type { RequiredClaims } from '../token/required-claims.js'
import type { CreateTokenIntrospector, RuntimeHooks, TokenIntrospector } from '../types.js'
import type { ApiKeysDocument } from './api-keys.js'
import type { TokenValidator } from './token-validators.js'

/** Rules for tokens. At the top they hold for all issuers; an issuer's own come first. */
export interface TokenOptions {
  /** Accepted `aud` values, compared exactly. Default: the resource. An empty list is an error. */
  readonly audience?: string | readonly string[]
  /** Only tokens with the header `typ: at+jwt` (RFC 9068). Default false: Keycloak, Auth0 and Entra send `JWT`. */
  readonly requireType?: boolean
  /** Signature algorithms. Default: all asymmetric ones of {@link SIGNATURE_ALGORITHMS}. */
  readonly algorithms?: readonly string[]
  /**
   * Claims that hold scopes; their union counts. Default `['scope', 'scp']`. Others, such as
   * `permissions`, count only when named here; a dotted path names nested claims. In those, a text
   * is one entry, and entries that cannot be scopes (`authentik Admins`) are left out.
   */
  readonly scopeClaims?: readonly string[]
  /**
   * Claims that name the person (`preferred_username`, `upn`, `email`). Log and audit show the first that
   * the token has, as `user`. It is never compared with anything. A dotted path names a nested claim.
   * Default: none, so no name and no e-mail address is written anywhere.
   */
  readonly userClaims?: readonly string[]
  /**
   * Refuse tokens that name other audiences, too: those services see the token, and could use it here.
   * Default false.
   */
  readonly soleAudience?: boolean
  /**
   * Like `soleAudience`, but a token may also name these (Keycloak: `account`; Auth0:
   * `https://TENANT/userinfo`). They open nothing here. Default none.
   */
  readonly alsoAudience?: readonly string[]
  /**
   * The claim that is compared with `audience`, for providers whose access tokens have no `aud`
   * (Cognito). Default `aud`. Any other claim requires `audience` and `scopes`: a client id does
   * not name this resource.
   */
  readonly audienceClaim?: 'aud' | 'client_id' | 'azp'
  /**
   * Accept access tokens that look like ID tokens (`at_hash`, `nonce`), for a provider that issues
   * such tokens (Dex). Its ID tokens for the same audience are then accepted as well. Default
   * false.
   */
  readonly acceptIdTokenClaims?: boolean
  /**
   * Claims that a token must have, with the accepted values. Default: only those that OAuth
   * requires.
   */
  readonly requiredClaims?: RequiredClaims
  /**
   * `auto`: JWTs by keys, anything else by introspection if there is an `introspector`. `jwt`: JWTs
   * only. `introspection`: every token, so that logout and revocation take effect at once. Default
   * `auto`.
   */
  readonly validation?: 'auto' | 'jwt' | 'introspection'
}

/** An authorization server whose tokens are accepted. */
export interface AuthorizationServerOptions extends TokenOptions {
  /** The issuer, exactly as its metadata and its tokens spell it, including any final `/`. */
  readonly issuer: string
  /**
   * The issuer that its metadata names, and that our metadata sends clients to, where access tokens
   * name another one (AD FS: `https://adfs.example.com/adfs`). Then `issuer` is a name that is never
   * fetched, and may begin with `http:`. Default: the issuer.
   */
  readonly authorizationServer?: string
  /** The URL of its metadata, if it is not at the issuer's well-known URLs. */
  readonly discoveryUrl?: string
  /** The URL of its keys; then there is no discovery. */
  readonly jwksUri?: string
  /**
   * Introspects its tokens: made by `createTokenIntrospector` of `mcp-gatehouse/introspect`, or
   * your own. A function is called once and gets the fetch, clock and events of the resource
   * server.
   */
  readonly introspector?: TokenIntrospector | CreateTokenIntrospector
  /**
   * Stands before each scope in metadata and challenges, but not in its tokens (Entra: `api://APP/`).
   * All issuers of a resource must have the same. Default none.
   */
  readonly scopePrefix?: string
  /**
   * False: its tokens are accepted, but the metadata does not name it, so no client logs in there.
   * For machines: GitHub Actions, Kubernetes. Then `requiredClaims` must say whose tokens are accepted,
   * or `anySubject` must be set. At least one issuer must be published. Default true.
   */
  readonly published?: boolean
  /**
   * Accept every token that an unpublished issuer issues for this resource, because only you can get one
   * there. It is refused for issuers where anybody can (GitHub Actions, GitLab.com, Google, Entra's
   * `common`). Default false.
   */
  readonly anySubject?: boolean
  /**
   * Ids of the tenants whose tokens are accepted (Entra); `issuer` then contains `{tenantid}`, and so
   * may `discoveryUrl` and `jwksUri`. Each tenant is an issuer of its own: `tid` must name it, and a
   * key that names another issuer does not count. The metadata names the first: clients of the other
   * tenants' users need another resource. Default: the issuer is one tenant.
   */
  readonly tenants?: readonly string[]
  /**
   * A bearer token for its metadata and keys, or a function that returns the one in use, for an
   * issuer that shows them to nobody else (Kubernetes). It is sent only to the origins of `issuer`,
   * `discoveryUrl` and `jwksUri`: never to an address that a document or a redirect names, and by
   * plain HTTP only to loopback hosts. Default none.
   */
  readonly discoveryToken?: string | (() => string)
  /** Used for all requests to this issuer, in place of the one for all issuers. */
  readonly fetch?: typeof fetch
  /** Only opaque tokens with this prefix are introspected (Authelia: `authelia_at_`). */
  readonly tokenPrefix?: string
  /**
   * Its keys (a JWK Set), or a function that returns them; then the issuer is never contacted. The
   * function is called for the first token and by every `refreshKeys()`. Problems that only an
   * import shows (a point off its curve) are found then: as the event `keys.failed`, and 503 while
   * no key is usable.
   */
  readonly jwks?: { readonly keys: readonly unknown[] } | (() => unknown)
}

export interface ResourceServerOptions extends TokenOptions, RuntimeHooks {
  /** The resource identifier (RFC 8707): the URL of the MCP endpoint as clients type it. Published byte for byte. */
  readonly resource: string
  /** One or several issuers, or issuers with settings of their own. */
  readonly authorizationServers:
    string | AuthorizationServerOptions | readonly (string | AuthorizationServerOptions)[]
  /**
   * Base scopes: required on every request, advertised, named in the 401. A list, or a string
   * separated by spaces. Default none.
   */
  readonly scopes?: string | readonly string[]
  /**
   * What metadata and challenges name in place of `scopes`, for a provider whose clients ask for a
   * scope in other words than its tokens hold (Entra: `api://APP/mcp.use` for `mcp.use`). A list, or
   * a string separated by spaces. Default: `scopes`, with the issuer's `scopePrefix`.
   */
  readonly advertiseScopes?: string | readonly string[]
  /**
   * What each tool, prompt, resource and method needs besides the base scopes: rules, or a
   * function. The middleware and the gateway enforce it; code that calls `authenticate` or a
   * verifier itself must call `authorizeOperations` afterwards. Default: the base scopes suffice
   * for everything.
   */
  readonly policy?: PolicyDocument | AuthorizeOperation
  /**
   * API keys that are accepted beside tokens: their digests, whom they stand for, and what they open. Scopes, policy,
   * limits and audit are the same as for tokens; nothing that is published changes. Default none.
   * `mcp-gatehouse key new` makes a key and its entry.
   */
  readonly apiKeys?: ApiKeysDocument
  /** Your own checks, run in this order on every request. Default none. */
  readonly validators?: readonly TokenValidator[]
  /** Clients show it to users. */
  readonly resourceName?: string
  /** The URL of a page for developers. */
  readonly resourceDocumentation?: string
  /** Further members of the metadata (RFC 9728 §2): `resource_policy_uri`, `resource_name#de`, … */
  readonly additionalMetadata?: Readonly<Record<string, unknown>>
  /**
   * Also serve the metadata document of the first published issuer at
   * `/.well-known/oauth-authorization-server`, with and without the resource's path, byte for byte: for
   * clients of protocol revision 2025-03-26, which look for it at the host of the resource. Later clients
   * do not ask for it, and must refuse it. It is fetched whatever `jwks` and `jwksUri` say, and kept
   * for `jwksMaxAge`. A document of another issuer, or with an address that is not https, is never
   * served (502, `ERR_METADATA_UNFIT`); without a document the answer is 503. The middleware and the
   * gateway serve it, because they have paths. Default false.
   */
  readonly mirrorMetadata?: boolean
  /** Seconds of clock skew to tolerate. Default 30, at most 300. */
  readonly clockTolerance?: number
  /** Seconds after which keys are fetched again. Default 600; less than 1 counts as 1. */
  readonly jwksMaxAge?: number
  /** Seconds for which older keys stay in use when that fails. Default 86400. */
  readonly jwksStaleFor?: number
  /**
   * Seconds that a request waits at most for keys, while the authorization server is slow or has a
   * momentary fault, or for newer keys after an idle time. Default 3; less than 1 counts as 1, but
   * then a request does not wait for a fault to pass.
   */
  readonly wait?: number
  /** Host names, in lower case, that may be reached without TLS. Loopback hosts always may. */
  readonly allowHttp?: readonly string[]
  /** How many tokens are cached. Default 10000, about 300 bytes each; 0 caches none. */
  readonly rememberedTokens?: number
  /**
   * Receives every event, with exact reasons and without tokens. Default: a line on the console for
   * each code and issuer, at most one a minute (`logEvents`); `false`: nothing.
   */
  readonly onEvent?: EventListener | false
}
