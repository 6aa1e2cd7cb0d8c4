/**
 * Request ids, for events and answers.
 *
 * @module
 */

const HEADER_VALUE = /^[\x21-\x7e]{1,200}$/

/**
 * Always a value that a header can carry: a custom generator must not be able to break a refusal.
 */
export function createRequestIds(
  randomUUID: () => string = () => crypto.randomUUID(),
): () => string {
  return function nextRequestId() {
    try {
      const id: unknown = randomUUID()
      if (typeof id === 'string' && HEADER_VALUE.test(id)) return id
    } catch {
      // The same as for an invalid header value.
    }
    return crypto.randomUUID()
  }
}
