/**
 * Documents behind authorization: a bearer token for metadata and keys (Kubernetes).
 *
 * @module
 */
import { FetchFault, isLoopbackHost } from '../base/http.js'

/** What a header can hold (RFC 6750 §2.1 allows less). */
const SENDABLE = /^[\x21-\x7e]+$/

/** Why this is not a token that can be sent, without any part of it. */
export function discoveryTokenFault(token: string): string | undefined {
  return SENDABLE.test(token) ? undefined : 'must be one token, without blanks and line ends'
}

/** Whether a token may be sent there: nobody else must read it on the way. */
export function isSafeForToken({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || isLoopbackHost(hostname)
}

/** @throws {FetchFault} It shows nothing of the token; the error of a header would. */
function sendable(read: () => string): string {
  let token: unknown
  try {
    token = read()
  } catch {
    throw new FetchFault('was not asked, because the discovery token could not be read')
  }
  if (typeof token === 'string' && discoveryTokenFault(token) === undefined) return token
  throw new FetchFault('was not asked, because the discovery token cannot be sent')
}

/**
 * A `fetch` that shows the token to these origins alone, which the operator wrote down. An address
 * that a document names gets none, and neither does one that a redirect names. Only documents are
 * fetched with it: a request with a body has credentials of its own.
 */
export function withDiscoveryToken(
  fetchFunction: typeof fetch,
  origins: ReadonlySet<string>,
  read: () => string,
): typeof fetch {
  return async function fetchWithToken(input, init) {
    const url = new URL(input instanceof Request ? input.url : input)
    const isDocument = (init?.method ?? 'GET') === 'GET'
    if (!isDocument || !origins.has(url.origin) || !isSafeForToken(url)) {
      return fetchFunction(input, init)
    }
    const headers = new Headers(init?.headers)
    headers.set('authorization', `Bearer ${sendable(read)}`)
    return fetchFunction(input, { ...init, headers, redirect: 'manual' })
  }
}
