/**
 * What runtimes do differently.
 *
 * @module
 */

/**
 * Whether what a request began is its own, and ends with it: on Workers. There a promise that another request would
 * settle may never be settled, because that request was cancelled with its timers and fetches, or was answered. So
 * nothing under way is shared; what has settled is.
 */
export function isolatesRequests(): boolean {
  return 'WebSocketPair' in globalThis
}

/** A request, as far as it goes on after its answer. */
export interface RequestContext {
  /** Where the host has it: keeps the request alive until the work is done (`ctx.waitUntil` of Workers). */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
}
