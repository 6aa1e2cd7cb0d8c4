/**
 * The usable keys of one JWK Set, and which of them a token means.
 *
 * @module
 */
import type { JsonObject } from '../base/json.js'
import { keysUnavailable } from './key-source.js'
import { createSigningKey, type SigningKey } from './signing-key.js'

/** What the token's header asks for. Both members are the client's words. */
export interface KeyQuery {
  readonly kid: string | undefined
  readonly algorithm: string
}

/** Why no key was found: certain, because the set was fetched recently enough. */
export type KeyMissing = 'unknown' | 'ambiguous' | 'algorithm'

/** What an import of a JWK Set made of it. */
export interface ImportedKeys {
  readonly keys: readonly SigningKey[]
  /** Why members were left out. */
  readonly skipped: readonly string[]
}

/** Real key sets have fewer than ten. */
const MAX_KEYS = 100

/**
 * Imports a JWK Set.
 *
 * @throws {AuthorizationServerError} `ERR_KEYS_UNAVAILABLE` when no key is usable
 */
export async function importKeys(
  issuer: string,
  document: JsonObject,
  algorithms: readonly string[],
): Promise<ImportedKeys> {
  const members = document['keys']
  if (!Array.isArray(members)) throw keysUnavailable(issuer, 'the document has no list of keys')
  const fresh = new Map<string, SigningKey>()
  const skipped: string[] = members.length > MAX_KEYS ? [`all beyond the first ${MAX_KEYS}`] : []
  for (const member of members.slice(0, MAX_KEYS) as unknown[]) {
    const key = await createSigningKey(member, algorithms)
    if (typeof key === 'string') skipped.push(key)
    else fresh.set(key.identity, key)
  }
  if (fresh.size === 0) {
    throw keysUnavailable(
      issuer,
      `no usable key among ${members.length} (${skipped.slice(0, 5).join('; ')})`,
    )
  }
  return { keys: [...fresh.values()], skipped }
}

/** What a newer set makes of the keys in use. */
export interface ReplacedKeys {
  readonly keys: readonly SigningKey[]
  /** How many keys the newer set no longer contains. A retired key verifies nothing. */
  readonly retired: number
}

/**
 * Puts a newer set in the place of the keys in use. A key that stays keeps its object, so what was remembered by it stays
 * remembered, and dies with it. To be called at once: `old` must still be in use.
 */
export function replaceKeys(
  old: readonly SigningKey[],
  newer: readonly SigningKey[],
): ReplacedKeys {
  const leaving = new Map(old.map((key) => [key.identity, key]))
  const keys = newer.map((key) => {
    const known = leaving.get(key.identity)
    leaving.delete(key.identity)
    return known ?? key
  })
  for (const key of leaving.values()) key.retired = true
  return { keys, retired: leaving.size }
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
    // Several keys fit a token that names none (or a kid given twice): choosing would be guessing.
    if (found !== undefined) return 'ambiguous'
    found = key
  }
  return found ?? (named && kid !== undefined ? 'algorithm' : 'unknown')
}
