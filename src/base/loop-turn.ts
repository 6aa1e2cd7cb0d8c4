/**
 * Waits for the end of an event loop turn, so that requests which arrive together run together.
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
 * Settles at the end of this turn: one promise for all callers in it. Their continuations run back
 * to back, with code and data still in the processor's caches; a hash between two reads of sockets
 * costs several times as much.
 *
 * Continue by `then` in the context of the request, so that its own `AsyncLocalStorage` stays in
 * force. `undefined` on runtimes that show no loop turns, or whose requests cannot share a promise.
 */
export const endOfTurn: (() => Promise<void>) | undefined =
  setImmediate === undefined || isolatesRequests() ? undefined : createEndOfTurn(setImmediate)
