/**
 * Key sets that the resource servers of one process share: if they trust an issuer with the same
 * settings, its keys are fetched once.
 *
 * @module
 */
import type { Emit } from '../events.js'
import { createKeySet, type KeySet, type KeySetOptions } from './key-set.js'

/** @param emit for all resources: a shared key set belongs to none of them */
export function createKeySets(emit: Emit | undefined): (options: KeySetOptions) => KeySet {
  const known = new Map<string, KeySet>()
  return function keySetFor(options) {
    const { issuer, authorizationServer, source, tenant, algorithms } = options
    const { allowHttp, maxAge, staleFor, wait } = options
    const create = () => createKeySet({ ...options, emit })
    // Configured keys cost no request, and we cannot tell whether two functions return the same
    // keys, or reach the same place.
    if (source.type === 'jwks' || !options.isShared) return create()
    const whose = [issuer, authorizationServer, source, tenant, algorithms]
    const name = JSON.stringify([whose, allowHttp, maxAge, staleFor, wait])
    const keys = known.get(name) ?? create()
    known.set(name, keys)
    return keys
  }
}
