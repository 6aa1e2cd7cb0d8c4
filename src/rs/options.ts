/**
 * What can be configured.
 *
 * @module
 */
import type { EventListener } from '../events.js'
import type { Runtime } from '../types.js'

/** Rules for tokens. At the top they hold for all issuers; an issuer's own come first. */
export interface TokenOptions {
  /** Accepted `aud` values, compared exactly. Default: the resource. An empty list is an error. */
  readonly audience?: string | readonly string[]
  /** Only tokens with the header `typ: at+jwt` (RFC 9068). Default false: Keycloak, Auth0 and Entra send `JWT`. */
  readonly requireType?: boolean
  /** Signature algorithms. Default: all asymmetric ones of {@link SIGNATURE_ALGORITHMS}. */
  readonly algorithms?: readonly string[]
  /** Claims that hold scopes, united. Default `['scope', 'scp']`. Others, such as `permissions`, count only when named. */
  readonly scopeClaims?: readonly string[]
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
   * Its keys themselves (a JWK Set), or a function that returns them; then it is never contacted. The function
   * is called for the first token and by every `refreshKeys()`. What only importing shows (a point off its curve)
   * is found then, too: as the event `keys.failed`, and 503 while no key is usable.
   */
  readonly jwks?: { readonly keys: readonly unknown[] } | (() => unknown)
}

export interface ResourceServerOptions extends TokenOptions, Runtime {
  /** The resource identifier (RFC 8707): the URL of the MCP endpoint as clients type it. Published byte for byte. */
  readonly resource: string
  /** One or several issuers, or issuers with settings of their own. */
  readonly authorizationServers:
    string | AuthorizationServerOptions | readonly (string | AuthorizationServerOptions)[]
  /** Base scopes: needed on every request, advertised, named in the 401. A list, or a text with blanks. Default none. */
  readonly scopes?: string | readonly string[]
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
