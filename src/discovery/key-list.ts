/**
 * The usable keys of one JWK Set, and which of them may have signed a token.
 *
 * @module
 */
import type { JsonObject } from '../base/json.js'
import { keysUnavailable } from './key-source.js'
import { createSigningKey, type SigningKey } from './signing-key.js'
import { foreignKeyReason } from './tenants.js'

/** What the token's header asks for. The client chooses both members. */
export interface KeyQuery {
  readonly kid: string | undefined
  readonly algorithm: string
}

/**
 * Why no key was found: certain, because the set was fetched recently enough. `ambiguous`: too many
 * fit.
 */
export type KeyMissing = 'unknown' | 'ambiguous' | 'algorithm'

/** The result of importing a JWK Set. */
export interface ImportedKeys {
  readonly keys: readonly SigningKey[]
  /** Why members were left out. */
  readonly skipped: readonly string[]
}

/** Whose tokens the keys verify. */
export interface KeyUse {
  readonly issuer: string
  readonly algorithms: readonly string[]
  /** `undefined` for an issuer without tenants. */
  readonly tenant: string | undefined
}

/** Real key sets have fewer than ten. */
const MAX_KEYS = 100

/**
 * Imports a JWK Set.
 *
 * @throws {AuthorizationServerError} `ERR_KEYS_UNAVAILABLE` when no key is usable
 */
export async function importKeys(
  document: JsonObject,
  { issuer, algorithms, tenant }: KeyUse,
): Promise<ImportedKeys> {
  const members = document['keys']
  if (!Array.isArray(members)) throw keysUnavailable(issuer, 'the document has no list of keys')
  const fresh = new Map<string, SigningKey>()
  const skipped: string[] =
    members.length > MAX_KEYS ? [`all beyond the first ${MAX_KEYS} of ${members.length}`] : []
  for (const member of members.slice(0, MAX_KEYS) as unknown[]) {
    const key =
      foreignKeyReason(member, issuer, tenant) ?? (await createSigningKey(member, algorithms))
    if (typeof key === 'string') skipped.push(key)
    else fresh.set(key.identity, key)
  }
  if (fresh.size === 0) {
    const why = `no usable key among ${members.length} (${skipped.slice(0, 5).join('; ')})`
    throw keysUnavailable(issuer, members.length === 0 ? 'the list of keys is empty' : why)
  }
  return { keys: [...fresh.values()], skipped }
}

/** The result of replacing the keys in use with a newer set. */
export interface ReplacedKeys {
  readonly keys: readonly SigningKey[]
  /** How many keys the newer set no longer contains. A retired key verifies nothing. */
  readonly retired: number
}

/**
 * Replaces the keys in use with a newer set. A key that stays keeps its object. So whatever was
 * remembered under that object stays remembered, and is dropped with it. Call it without a wait in
 * between: `old` must still be in use.
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

/** Each candidate costs one signature check, and the client chooses which keys its header fits. */
const MOST_CANDIDATES = 8

/**
 * The keys that may have signed the token: some providers publish several under one `kid`, or
 * several without.
 */
export function findKeys(
  keys: readonly SigningKey[],
  { kid, algorithm }: KeyQuery,
): readonly SigningKey[] | KeyMissing {
  const named = kid === undefined ? keys : keys.filter((key) => key.kid === kid)
  const found = named.filter((key) => key.fits(algorithm))
  if (found.length > MOST_CANDIDATES) return 'ambiguous'
  if (found.length > 0) return found
  return named.length > 0 && kid !== undefined ? 'algorithm' : 'unknown'
}
