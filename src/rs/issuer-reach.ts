/**
 * How the documents of one issuer are reached.
 *
 * @module
 */
import { parseHttpUrl } from '../base/http.js'
import type { JsonObject } from '../base/json.js'
import type { OptionChecker, OptionPath } from '../base/option-checker.js'
import {
  discoveryTokenFault,
  isSafeForToken,
  withDiscoveryToken,
} from '../discovery/discovery-token.js'

/** Returns the `fetch` for the issuer, by the one of all issuers; `undefined`: that one. */
export type Reach = ((shared: typeof fetch) => typeof fetch) | undefined

/** The URLs that the operator wrote down for this issuer, where a token may be shown. */
function originsOf(server: JsonObject): ReadonlySet<string> {
  const { issuer, authorizationServer = issuer, discoveryUrl, jwksUri } = server
  const urls = [authorizationServer, discoveryUrl, jwksUri].flatMap(
    (each) => parseHttpUrl(each) ?? [],
  )
  return new Set(urls.filter(isSafeForToken).map(({ origin }) => origin))
}

function checkDiscoveryToken(
  checker: OptionChecker,
  path: OptionPath,
  server: JsonObject,
): (() => string) | undefined {
  const { discoveryToken: token, jwks } = server
  if (token === undefined) return undefined
  if (typeof token !== 'string' && typeof token !== 'function') {
    checker.problem(path, 'must be a text, or a function that returns one', 'leave it out')
    return undefined
  }
  const fault = typeof token === 'string' ? discoveryTokenFault(token) : undefined
  if (fault !== undefined) checker.problem(path, fault, 'as it stands behind Bearer')
  if (jwks !== undefined) checker.problem(path, 'has no effect', 'the keys are not fetched')
  if (originsOf(server).size === 0) {
    checker.problem(path, 'would never be sent', 'it is sent by https, or to a loopback host')
  }
  return typeof token === 'string' ? () => token : (token as () => string)
}

/** Checks `discoveryToken` and `fetch`. */
export function checkReach(checker: OptionChecker, path: OptionPath, server: JsonObject): Reach {
  const { fetch: own } = server
  checker.callable([...path, 'fetch'], own)
  const read = checkDiscoveryToken(checker, [...path, 'discoveryToken'], server)
  if (own === undefined && read === undefined) return undefined
  const origins = originsOf(server)
  return (shared) => {
    const fetchFunction = typeof own === 'function' ? (own as typeof fetch) : shared
    return read === undefined ? fetchFunction : withDiscoveryToken(fetchFunction, origins, read)
  }
}
