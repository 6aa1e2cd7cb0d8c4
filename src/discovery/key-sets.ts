/**
 * The keys of several resource servers in one process: those that trust the same issuer in the same way share them,
 * so that it is asked once for all.
 *
 * @module
 */
import type { Emit } from '../events.js'
import { createKeySet, type KeySet, type KeySetOptions } from './key-set.js'

/** @param emit for all: what is shared is of no one resource */
export function createKeySets(emit: Emit | undefined): (options: KeySetOptions) => KeySet {
  const known = new Map<string, KeySet>()
  return function keySetFor(options) {
    const { issuer, source, algorithms, allowHttp, maxAge, staleFor, wait } = options
    const create = () => createKeySet({ ...options, emit })
    // Keys that are given cost nobody a request, and nothing tells whether two functions give the same.
    if (source.type === 'jwks') return create()
    const name = JSON.stringify([issuer, source, algorithms, allowHttp, maxAge, staleFor, wait])
    const keys = known.get(name) ?? create()
    known.set(name, keys)
    return keys
  }
}
