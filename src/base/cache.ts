/**
 * The bounded memory that we keep between requests.
 *
 * @module
 */
import { LRUCache } from 'lru-cache'

/**
 * Where facts about tokens are remembered. Keys are digests, values are small frozen objects; neither
 * holds a token. An implementation must be bounded and must return just what was set, in this process.
 */
export interface CacheStore<V extends object> {
  get(key: string): V | undefined
  set(key: string, value: V): void
  delete(key: string): void
  /** Forgets everything. */
  clear(): void
  /** Entries held now. */
  readonly size: number
}

/** Least recently used goes first. `max` is the number of entries. */
export function createCacheStore<V extends object>(max: number): CacheStore<V> {
  return new LRUCache<string, V>({ max })
}

/** Gives equal lists of texts one frozen copy. */
export type ShareList = (list: readonly string[]) => readonly string[]

/**
 * Thousands of tokens name a handful of audiences, clients and sets of scopes: sharing them halves what
 * a remembered token costs.
 */
export function createShareList(max = 1000): ShareList {
  const known = new LRUCache<string, readonly string[]>({ max })
  return function share(list) {
    const key = JSON.stringify(list)
    let shared = known.get(key)
    if (shared === undefined) {
      shared = Object.freeze([...list])
      known.set(key, shared)
    }
    return shared
  }
}
