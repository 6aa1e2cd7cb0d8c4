/**
 * The requests of a login, each with a limit.
 *
 * @module
 */
import { createFetch } from '../../gateway/http/network.js'
import type { ProxyEnvironment } from '../../gateway/http/proxies.js'

/** Milliseconds for one request. */
export const REQUEST_TIMEOUT = 15_000

export interface Network {
  readonly fetch: typeof fetch
  /** Fires when the user interrupts the command. */
  readonly signal: AbortSignal
  /** A new signal for one request: it fires with `signal`, or when the time is up. */
  limit(): AbortSignal
}

/** @param ca PEM certificates, in addition to those of the system */
export function createNetwork(
  ca: string | undefined,
  proxyEnvironment: ProxyEnvironment,
  signal: AbortSignal,
): Network {
  return {
    fetch: createFetch({ ca, proxyEnvironment }) ?? fetch,
    signal,
    limit: () => AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT)]),
  }
}
