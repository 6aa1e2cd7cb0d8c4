/**
 * Tells the upstream what a token says besides who is calling, in headers that no client can set.
 *
 * @module
 */
import type { ClaimSuspected } from '../events.js'
import { quoted } from '../errors.js'
import { claimAt } from '../token/claim-shapes.js'
import type { VerifiedAccessToken } from '../types.js'
import { encodeIdentity } from './identity.js'

/** A claim for the upstream. */
export interface ForwardedClaim {
  /** Its name, or a dotted path: `realm_access.roles`. */
  readonly claim: string
  /** The rest of `X-Gatehouse-Claim-…`: `Email`. */
  readonly header: string
}

/** Servers refuse longer heads; characters. */
const LONGEST_VALUE = 4096

/** A text or a number as one word. */
function toWord(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined
}

/** The value of the header, or the reason that it is left out. */
function toValue(value: unknown): { readonly value: string } | { readonly fault: string } {
  const words = (Array.isArray(value) ? value : [value]).map(toWord)
  if (words.includes(undefined)) return { fault: 'is neither a text, a number nor a list of these' }
  const text = words.map((word) => encodeIdentity(word ?? '')).join(' ')
  return text.length > LONGEST_VALUE
    ? { fault: `has more than ${LONGEST_VALUE} characters` }
    : { value: text }
}

/** Issuers and claims that were told: more come only from many issuers. */
const MOST_TOLD = 1000

export class ForwardedClaims {
  readonly #claims: readonly ForwardedClaim[]
  readonly #emit: (event: ClaimSuspected) => void
  readonly #told = new Set<string>()

  constructor(claims: readonly ForwardedClaim[], emit: (event: ClaimSuspected) => void) {
    this.#claims = claims
    this.#emit = emit
  }

  /** Alternating names and values. A claim that is not there makes no header. */
  headersFor(token: VerifiedAccessToken): string[] {
    return this.#claims.flatMap(({ claim, header }) => {
      const found = claimAt(token.claims, claim)
      if (found === undefined || found === null) return []
      const read = toValue(found)
      if ('fault' in read) {
        this.#tell(token.issuer, claim, read.fault)
        return []
      }
      return read.value === '' ? [] : [`X-Gatehouse-Claim-${header}`, read.value]
    })
  }

  /** Once for each issuer and claim. */
  #tell(issuer: string, claim: string, fault: string): void {
    const key = JSON.stringify([issuer, claim])
    if (this.#told.has(key) || this.#told.size >= MOST_TOLD) return
    this.#told.add(key)
    const reason = `the claim ${quoted(claim)} ${fault}, so the upstream does not get it`
    this.#emit({ type: 'claim.suspected', issuer, claim, reason })
  }
}
