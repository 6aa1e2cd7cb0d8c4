/**
 * Differences between runtimes.
 *
 * @module
 */

/**
 * Whether everything that a request began belongs to that request and ends with it, as on Workers.
 * There, a promise that another request would settle may never settle: that request may have been
 * answered, or cancelled with its timers and fetches. So work under way is not shared. Settled
 * results are.
 */
export function isolatesRequests(): boolean {
  return 'WebSocketPair' in globalThis
}

/** The part of a request that continues after its answer. */
export interface RequestContext {
  /**
   * Keeps the request alive until the work is done, if the host can do that (`ctx.waitUntil` of
   * Workers).
   */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
}
