/**
 * The usable keys of one JWK Set, and the choice of the key for a token.
 *
 * @module
 */
import type { JsonObject } from '../base/json.js'
import { keysUnavailable } from './key-source.js'
import { createSigningKey, type SigningKey } from './signing-key.js'

/** The key that the token's header names. The client chooses both members. */
export interface KeyQuery {
  readonly kid: string | undefined
  readonly algorithm: string
}

/** Why no key was found. This is certain if the set was fetched recently enough. */
export type KeyMissing = 'unknown' | 'ambiguous' | 'algorithm'

/** The result of importing a JWK Set. */
export interface ImportedKeys {
  readonly keys: readonly SigningKey[]
  /** Why members were skipped. */
  readonly skipped: readonly string[]
}

/** Real key sets have fewer than ten. */
const MAX_KEYS = 100

/**
 * Imports a JWK Set.
 *
 * @param current keys that are in use: a key that stays keeps its object, so that cached tokens
 * stay valid
 * @throws {AuthorizationServerError} `ERR_KEYS_UNAVAILABLE` when no key is usable
 */
export async function importKeys(
  issuer: string,
  document: JsonObject,
  algorithms: readonly string[],
  current: readonly SigningKey[],
): Promise<ImportedKeys> {
  const members = document['keys']
  if (!Array.isArray(members)) throw keysUnavailable(issuer, 'the document has no list of keys')
  const known = new Map(current.map((key) => [key.identity, key]))
  const fresh = new Map<string, SigningKey>()
  const skipped: string[] = members.length > MAX_KEYS ? [`all beyond the first ${MAX_KEYS}`] : []
  for (const member of members.slice(0, MAX_KEYS) as unknown[]) {
    const key = await createSigningKey(member, algorithms)
    if (typeof key === 'string') skipped.push(key)
    else fresh.set(key.identity, known.get(key.identity) ?? key)
  }
  if (fresh.size === 0) {
    throw keysUnavailable(
      issuer,
      `no usable key among ${members.length} (${skipped.slice(0, 5).join('; ')})`,
    )
  }
  return { keys: [...fresh.values()], skipped }
}

/** Retires the keys that a newer set no longer contains. A retired key verifies nothing. */
export function retireMissing(old: readonly SigningKey[], current: readonly SigningKey[]): number {
  const identities = new Set(current.map(({ identity }) => identity))
  let retired = 0
  for (const key of old) {
    if (identities.has(key.identity)) continue
    key.retired = true
    retired++
  }
  return retired
}

export function findKey(
  keys: readonly SigningKey[],
  { kid, algorithm }: KeyQuery,
): SigningKey | KeyMissing {
  let found: SigningKey | undefined
  let named = false
  for (const key of keys) {
    if (kid !== undefined && key.kid !== kid) continue
    named = true
    if (!key.fits(algorithm)) continue
    // Several keys fit a token that names none (or a kid given twice): we would have to guess.
    if (found !== undefined) return 'ambiguous'
    found = key
  }
  return found ?? (named && kid !== undefined ? 'algorithm' : 'unknown')
}
