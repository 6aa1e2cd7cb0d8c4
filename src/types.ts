/**
 * The words that all layers share.
 *
 * @module
 */
import type { AuthorizationServerError } from './errors.js'
import type { EventListener } from './events.js'
import type { JsonObject } from './base/json.js'

/**
 * What a verified access token says, judged and frozen. Serialising it shows no token.
 *
 * Who is calling is (`issuer`, `subject`), never `subject` alone: see {@link principalOf}.
 */
export interface VerifiedAccessToken {
  /** The `iss` claim: one of the configured issuers, byte for byte. */
  readonly issuer: string
  /** The `sub` claim. Absent when the issuer names no subject. */
  readonly subject: string | undefined
  /** The OAuth client: `client_id`, else `azp`, `cid` or `appid`. */
  readonly clientId: string | undefined
  /** Granted scopes, without repetition, in the order of the token. */
  readonly scopes: readonly string[]
  /** The `aud` claim as a list, or the claim that is compared in its place. */
  readonly audience: readonly string[]
  /** The `exp` claim: seconds since 1970. Only an introspection answer may leave it out. */
  readonly expiresAt: number | undefined
  /** All claims, decoded when first asked for; of an opaque token what the authorization server said. */
  readonly claims: JsonObject
}

/**
 * The MCP SDK's `AuthInfo`, spelled out so that the kernel needs neither generation of the SDK.
 * Objects of this type are assignable to both. `extra.issuer` and `extra.subject` say who is calling.
 */
export interface AuthInfo {
  /** The access token as it came. */
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

/** Turns a bearer token into what it says, or throws. It must check everything; nobody does it again. */
export interface AccessTokenVerifier {
  /**
   * @throws {BearerTokenError} the token is not acceptable here
   * @throws {AuthorizationServerError} it could not be decided
   */
  verifyAccessToken(token: string): Promise<VerifiedAccessToken>
}

/** An answer about a token (RFC 7662 §2.2), as the authorization server gave it. */
export interface TokenIntrospection {
  /** All members, `active` among them. */
  readonly claims: JsonObject
  /** Milliseconds since 1970 until which it may be used again. */
  readonly validUntil: number
}

/**
 * Asks an authorization server about a token. It must judge nothing: audience, times, kind and scopes are
 * judged by whoever asks, on every request.
 */
export interface TokenIntrospector {
  /** @throws {AuthorizationServerError} the server could not be asked; never for a token that is not active */
  introspect(token: string): Promise<TokenIntrospection>
  /** For health checks. */
  status?(): {
    readonly issuer: string
    /** Why the last call failed; `undefined` after one that did not. */
    readonly fault: AuthorizationServerError | undefined
  }
}

/** What a resource server lends to the introspector of one of its issuers. */
export interface IntrospectorContext {
  readonly issuer: string
  /** Where the metadata of the issuer is, when that was configured. */
  readonly discoveryUrl?: string
  readonly allowHttp: readonly string[]
  /** Seconds for which a request waits out a momentary fault. */
  readonly wait: number
  readonly now: () => number
  readonly fetch: typeof fetch
  readonly onEvent: EventListener
}

/** Makes an introspector that shares fetch, clock and events of the resource server. */
export type CreateTokenIntrospector = (world: IntrospectorContext) => TokenIntrospector

/** The world outside, so that tests can replace it. All default to the runtime's own. */
export interface RuntimeHooks {
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Used for all requests to identity providers. */
  readonly fetch?: typeof fetch
  /** Unpredictable text; becomes the `X-Request-Id` of refusals. */
  readonly randomUUID?: () => string
}
