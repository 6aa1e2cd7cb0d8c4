/**
 * The trusted issuers, each with its keys and its introspector.
 *
 * @module
 */
import type { JsonObject } from '../base/json.js'
import type { ProviderTime } from '../advice/identity-providers.js'
import type { createKeySet, KeySet, KeySetOptions } from '../discovery/key-set.js'
import { ConfigurationError, quoted, Refusal } from '../errors.js'
import type { TokenIntrospector } from '../types.js'
import { createIntrospectors } from './introspectors.js'
import type { IssuerSettings } from './issuer-settings.js'
import { ProviderClock } from '../base/provider-clock.js'
import type { ResourceServerSettings } from './settings.js'

/** A shorter token cannot be a secret (RFC 6749 §10.10), so it is not introspected. */
const SHORTEST_OPAQUE = 16

export interface TrustedIssuer extends IssuerSettings {
  readonly keys: KeySet
  readonly introspector: TokenIntrospector | undefined
  readonly clock: ProviderClock
}

/** The environment of keys and introspectors. */
export type IssuersRuntime = Pick<KeySetOptions, 'now' | 'fetch' | 'emit' | 'isolated'>

export class TrustedIssuers {
  readonly #byName = new Map<unknown, TrustedIssuer>()

  /** @throws {ConfigurationError} when a function that makes an introspector does */
  constructor(
    settings: ResourceServerSettings,
    runtime: IssuersRuntime,
    keySetFor: typeof createKeySet,
  ) {
    const { now, fetch, emit } = runtime
    const { introspectors, problems } = createIntrospectors(settings, {
      now,
      fetch,
      onEvent: (event) => emit?.(event),
    })
    if (problems.length > 0) throw new ConfigurationError(problems)
    for (const [index, each] of settings.issuers.entries()) {
      const { requirements, source, authorizationServer, tenant, reach } = each
      const clock = new ProviderClock(now)
      const keys = keySetFor({
        issuer: requirements.issuer,
        authorizationServer,
        source,
        tenant,
        algorithms: requirements.algorithms,
        allowHttp: settings.allowHttp,
        maxAge: settings.jwksMaxAge,
        staleFor: settings.jwksStaleFor,
        wait: source.type === 'jwks' ? 0 : settings.wait,
        ...runtime,
        isShared: reach === undefined,
        fetch: clock.observe(reach?.(fetch) ?? fetch),
      })
      this.#byName.set(requirements.issuer, {
        ...each,
        keys,
        // If only JWTs count, nothing is introspected.
        introspector: each.validation === 'jwt' ? undefined : introspectors[index],
        clock,
      })
    }
  }

  /** How the clock of an issuer differs from our clock, by its last answer, and by how much it may. */
  timeOf(issuer: string | undefined): ProviderTime {
    const trusted = this.get(issuer)
    const ahead = trusted?.introspector?.status?.().clockAhead ?? trusted?.clock.ahead ?? 0
    return { ahead, tolerance: trusted?.requirements.clockTolerance ?? 0 }
  }

  get(issuer: unknown): TrustedIssuer | undefined {
    return this.#byName.get(issuer)
  }

  /** In the configured order. */
  get all(): readonly TrustedIssuer[] {
    return [...this.#byName.values()]
  }

  /** The one issuer that an opaque token may be sent to. */
  ofOpaque(token: string): TrustedIssuer | undefined {
    if (token.length < SHORTEST_OPAQUE) return undefined
    return this.all.find(
      ({ introspector, tokenPrefix }) =>
        introspector !== undefined && (tokenPrefix === undefined || token.startsWith(tokenPrefix)),
    )
  }

  whyNobodyIsAsked(): string {
    return this.all.some(({ introspector }) => introspector !== undefined)
      ? 'too short for introspection, or without the configured token prefix'
      : 'no introspection is configured'
  }

  /** @param claims of a token that nobody has verified */
  refuseUntrusted({ iss, sub }: JsonObject): Refusal {
    if (iss === undefined)
      return new Refusal('ERR_TOKEN_ISSUER_UNTRUSTED', 'no iss claim', undefined, {
        about: { iss, sub },
        claim: 'iss',
      })
    const known = this.all.map(({ requirements }) => requirements.issuer)
    const names = known
      .slice(0, 5)
      .map((issuer) => quoted(issuer))
      .join(' or ')
    const more = known.length > 5 ? ` or one of ${known.length - 5} more` : ''
    const reason = `iss ${quoted(iss)} is not ${names}${more}`
    return new Refusal('ERR_TOKEN_ISSUER_UNTRUSTED', reason, undefined, {
      about: { iss },
      claim: 'iss',
    })
  }
}
