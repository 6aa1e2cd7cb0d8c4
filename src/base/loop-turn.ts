/**
 * The end of a turn of the event loop, to do together what arrived together.
 *
 * @module
 */

import { isolatesRequests } from './runtime.js'

interface Scheduler {
  setImmediate?(callback: () => void): unknown
}

const { setImmediate } = globalThis as Scheduler

function createEndOfTurn(schedule: (callback: () => void) => unknown): () => Promise<void> {
  let end: Promise<void> | undefined
  return function endOfTurn() {
    return (end ??= new Promise((resolve) => {
      schedule(() => {
        end = undefined
        resolve()
      })
    }))
  }
}

/**
 * Settles at the end of this turn: one promise for all who ask in it. What follows it runs back to back, with code
 * and data still in the processor's caches; a hash between two reads of sockets costs several times as much.
 *
 * Continue by `then`, in the context of the request: then its own `AsyncLocalStorage` holds in what follows, whoever
 * asked first. `undefined` on runtimes whose loop shows no turns, or whose requests share no promise.
 */
export const endOfTurn: (() => Promise<void>) | undefined =
  setImmediate === undefined || isolatesRequests() ? undefined : createEndOfTurn(setImmediate)
