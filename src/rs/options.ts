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
import type { TokenValidator } from './token-validators.js'

/** Rules for tokens. At the top they hold for all issuers; an issuer's own come first. */
export interface TokenOptions {
  /** Accepted `aud` values, compared exactly. Default: the resource. An empty list is an error. */
  readonly audience?: string | readonly string[]
  /** Only tokens with the header `typ: at+jwt` (RFC 9068). Default false: Keycloak, Auth0 and Entra send `JWT`. */
  readonly requireType?: boolean
  /** Signature algorithms. Default: all asymmetric ones of {@link SIGNATURE_ALGORITHMS}. */
  readonly algorithms?: readonly string[]
  /** Claims that hold scopes, united. Default `['scope', 'scp']`. Others, such as `permissions`, count only when named; nested ones by a dotted path. */
  readonly scopeClaims?: readonly string[]
  /**
   * The claim that is compared with `audience`, for providers whose access tokens have no `aud` (Cognito).
   * Default `aud`. Another one needs `audience` and `scopes`: a client id says nothing about this resource.
   */
  readonly audienceClaim?: 'aud' | 'client_id' | 'azp'
  /**
   * Accept access tokens that look like ID tokens (`at_hash`, `nonce`), for a provider that writes them so (Dex).
   * Its ID tokens for the same audience are then accepted, too. Default false.
   */
  readonly acceptIdTokenClaims?: boolean
  /** Claims that a token must have, with the values that count. Default: none but those that OAuth asks for. */
  readonly requiredClaims?: RequiredClaims
  /**
   * `auto`: JWTs by keys, anything else by introspection where there is an `introspector`. `jwt`: JWTs only.
   * `introspection`: every token, so that logout and revocation take effect at once. Default `auto`.
   */
  readonly validation?: 'auto' | 'jwt' | 'introspection'
}

/** An authorization server whose tokens are accepted. */
export interface AuthorizationServerOptions extends TokenOptions {
  /** The issuer, exactly as its metadata and its tokens spell it, with or without the last `/`. */
  readonly issuer: string
  /** Where its metadata is, when not at the well-known places of the issuer. */
  readonly discoveryUrl?: string
  /** Where its keys are; then no discovery takes place. */
  readonly jwksUri?: string
  /**
   * Asks it about tokens: made by `createTokenIntrospector` of `mcp-gatehouse/introspect`, or your own. A function
   * is called once, and gets fetch, clock and events of the resource server.
   */
  readonly introspector?: TokenIntrospector | CreateTokenIntrospector
  /** Only opaque tokens that begin so are asked about (Authelia: `authelia_at_`). */
  readonly tokenPrefix?: string
  /**
   * Its keys themselves (a JWK Set), or a function that returns them; then it is never contacted. The function
   * is called for the first token and by every `refreshKeys()`. What only importing shows (a point off its curve)
   * is found then, too: as the event `keys.failed`, and 503 while no key is usable.
   */
  readonly jwks?: { readonly keys: readonly unknown[] } | (() => unknown)
}

export interface ResourceServerOptions extends TokenOptions, RuntimeHooks {
  /** The resource identifier (RFC 8707): the URL of the MCP endpoint as clients type it. Published byte for byte. */
  readonly resource: string
  /** One or several issuers, or issuers with settings of their own. */
  readonly authorizationServers:
    string | AuthorizationServerOptions | readonly (string | AuthorizationServerOptions)[]
  /** Base scopes: needed on every request, advertised, named in the 401. A list, or a text with blanks. Default none. */
  readonly scopes?: string | readonly string[]
  /**
   * What each tool, prompt, resource and method needs besides the base scopes: rules, or a function that says so.
   * The middleware and the gateway see to it; whoever calls `authenticate` or a verifier himself calls
   * `authorizeOperations` after it. Default: the base scopes suffice for everything.
   */
  readonly policy?: PolicyDocument | AuthorizeOperation
  /** Checks of your own, run in this order on every request. Default none. */
  readonly validators?: readonly TokenValidator[]
  /** Shown to users by clients. */
  readonly resourceName?: string
  /** URL of a page for developers. */
  readonly resourceDocumentation?: string
  /** Further members of the metadata (RFC 9728 §2): `resource_policy_uri`, `resource_name#de`, … */
  readonly additionalMetadata?: Readonly<Record<string, unknown>>
  /** Seconds by which clocks may differ. Default 30, at most 300. */
  readonly clockTolerance?: number
  /** Seconds after which keys are fetched again. Default 600; less than 1 counts as 1. */
  readonly jwksMaxAge?: number
  /** Seconds for which older keys serve when that fails. Default 86400. */
  readonly jwksStaleFor?: number
  /**
   * Seconds that a request waits at most for the keys of an authorization server that is slow or has a
   * momentary fault, and on a server that was idle for newer ones. Default 3; less than 1 counts as 1, but then
   * no fault is waited out.
   */
  readonly wait?: number
  /** Names of hosts, in lower case, that may be reached without TLS. Loopback hosts may always. */
  readonly allowHttp?: readonly string[]
  /** How many tokens are remembered. Default 10000, about 300 bytes each; 0 remembers none. */
  readonly rememberedTokens?: number
  /** Receives what happens, with exact reasons and without tokens. */
  readonly onEvent?: EventListener
}
