/**
 * Types that all layers share.
 *
 * @module
 */
import type { AuthorizationServerError } from './errors.js'
import type { EventListener } from './events.js'
import type { JsonObject } from './base/json.js'

/**
 * The verified facts of an access token, frozen. Serialising them shows no token.
 *
 * The principal is (`issuer`, `subject`), never `subject` alone: see {@link principalOf}.
 */
export interface VerifiedAccessToken {
  /** The `iss` claim: one of the configured issuers, byte for byte. */
  readonly issuer: string
  /** The `sub` claim. Absent when the issuer names no subject. */
  readonly subject: string | undefined
  /**
   * The name of the person: the first claim of `userClaims` that the token has, cut to 256 characters.
   * Show it to people, and never decide by it: it may change, and later belong to somebody else.
   */
  readonly user?: string | undefined
  /** The OAuth client: `client_id`, else `azp`, `cid` or `appid`. */
  readonly clientId: string | undefined
  /** Granted scopes, without repetition, in the order of the token. */
  readonly scopes: readonly string[]
  /** The `aud` claim as an array, or the claim that is compared in its place. */
  readonly audience: readonly string[]
  /** The `exp` claim: seconds since 1970. Only an introspection answer may omit it. */
  readonly expiresAt: number | undefined
  /** All claims, decoded on first use; for an opaque token, the introspection answer. */
  readonly claims: JsonObject
}

/**
 * The MCP SDK's `AuthInfo`, spelled out so that the kernel needs neither generation of the SDK.
 * Objects of this type are assignable to both. `extra.issuer` and `extra.subject` name the
 * principal.
 */
export interface AuthInfo {
  /** The access token as it was sent. */
  token: string
  /** The client; when the token names none, its subject; when it names neither, the empty string. */
  clientId: string
  scopes: string[]
  /** Seconds since 1970. */
  expiresAt?: number
  /** The resource that the token was accepted for. Set by {@link toOAuthTokenVerifier} only. */
  resource?: URL
  /** Read by the second generation of the SDK for its own challenges. */
  resourceMetadataUrl?: string
  extra?: Record<string, unknown>
}

/**
 * Verifies a bearer token and returns its facts, or throws. It must check everything; nothing is
 * checked again.
 */
export interface AccessTokenVerifier {
  /**
   * @throws {BearerTokenError} the token is not acceptable here
   * @throws {AuthorizationServerError} it could not be decided
   */
  verifyAccessToken(token: string): Promise<VerifiedAccessToken>
}

/** An introspection answer (RFC 7662 §2.2), as the authorization server sent it. */
export interface TokenIntrospection {
  /** All members, including `active`. */
  readonly claims: JsonObject
  /** Until when it may be cached, in milliseconds since 1970. */
  readonly validUntil: number
}

/**
 * Asks an authorization server about a token. It must not verify anything: its caller verifies
 * audience, times, kind and scopes on every request.
 */
export interface TokenIntrospector {
  /** @throws {AuthorizationServerError} the server could not be asked; never for a token that is not active */
  introspect(token: string): Promise<TokenIntrospection>
  /**
   * True if an active token also opens APIs of the provider itself. No audience can keep such a token apart. Then the
   * resource server insists on `audience` and `scopes`. Default false.
   */
  readonly opensProvider?: boolean
  /** For health checks. */
  status?(): {
    readonly issuer: string
    /** Why the last call failed; `undefined` after one that did not. */
    readonly fault: AuthorizationServerError | undefined
    /**
     * Seconds from our clock to that of the server when it last answered; negative when the server was behind. For
     * advice about clocks.
     */
    readonly clockAhead?: number | undefined
  }
}

/** What a resource server shares with the introspector of one of its issuers. */
export interface IntrospectorContext {
  readonly issuer: string
  /** The URL of the issuer's metadata, if it was configured. */
  readonly discoveryUrl?: string
  readonly allowHttp: readonly string[]
  /** Seconds that a request waits for a momentary fault to pass. */
  readonly wait: number
  readonly now: () => number
  readonly fetch: typeof fetch
  readonly onEvent: EventListener
}

/** Makes an introspector that shares the fetch, clock and events of the resource server. */
export type CreateTokenIntrospector = (world: IntrospectorContext) => TokenIntrospector

/** The outside world, so that tests can replace it. All default to the runtime's own. */
export interface RuntimeHooks {
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Used for all requests to identity providers. */
  readonly fetch?: typeof fetch
  /** Unpredictable text; becomes the `X-Request-Id` of refusals. */
  readonly randomUUID?: () => string
}
