/**
 * Asks the upstream itself whether it answers, for readiness checks: one exchange of MCP, without a
 * client. It is not in the audit and does not count for limits.
 *
 * @module
 */
import type { Clock } from '../clock.js'
import type { BackendState } from '../request/backend.js'
import { faultOfError, faultOfStatus, TOO_LATE } from '../request/upstream-fault.js'
import { warningAbout } from './unexpected-answers.js'
import type { OwnAnswer, Upstream } from './upstream.js'

/** Milliseconds for the whole exchange. */
const TIMEOUT = 5_000

const VERSION = '2025-11-25'

/** A stateful server begins with it. A stateless one may refuse it, which is an answer, too. */
const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: VERSION,
    capabilities: {},
    clientInfo: { name: 'mcp-gatehouse readiness', version: '1' },
  },
})

/** Without a session it is mostly refused, but it opens none. */
const PING = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })

/** Alternating names and values. */
const POST_FIELDS: readonly string[] = Object.entries({
  'Content-Type': 'application/json',
  Accept: 'application/json, text/event-stream',
}).flat()

export class Probe {
  readonly #upstream: Upstream
  readonly #clock: Clock
  readonly #needsCaller: boolean
  /** The last session was not ended, if there was one: further ones would fill the server's memory. */
  #keepsSessions = false
  /** Settles when the last exchange is over, and its session has ended. */
  ended: Promise<void> = Promise.resolve()

  /** @param needsCaller whether the upstream gets credentials of each caller, which we lack here */
  constructor(upstream: Upstream, clock: Clock, needsCaller: boolean) {
    this.#upstream = upstream
    this.#clock = clock
    this.#needsCaller = needsCaller
  }

  /** Never rejects. */
  async ask(): Promise<BackendState> {
    const limit = new AbortController()
    let isLate = false
    const clearTimer = this.#clock.setTimer(() => {
      isLate = true
      limit.abort()
    }, TIMEOUT)
    try {
      const body = this.#keepsSessions ? PING : INITIALIZE
      const request = { method: 'POST', headers: POST_FIELDS, body }
      const answer = await this.#upstream.exchange(request, limit.signal)
      this.ended = this.#finish(answer, limit.signal).finally(clearTimer)
      return this.#stateOf(answer)
    } catch (error) {
      clearTimer()
      // It may open a session all the same, and we do not learn its id.
      this.#keepsSessions ||= isLate
      const { reason, hint } = isLate || !(error instanceof Error) ? TOO_LATE : faultOfError(error)
      return { ok: false, reason, hint: isLate ? undefined : hint }
    }
  }

  /** Only silence and 5xx say that requests would fail. Anything else may be for us alone. */
  #stateOf({ status, field }: OwnAnswer): BackendState {
    if (status >= 500) {
      return { ok: false, reason: `it answered ${status}`, hint: 'its own log says why' }
    }
    const isForCallers = this.#needsCaller && (status === 401 || status === 403)
    const fault = isForCallers
      ? undefined
      : faultOfStatus(status, field('location'), this.#upstream.url)
    const type = field('content-type')
    // A server of a stateless revision answers `initialize` so.
    const isStateless = true
    const answer = { method: 'POST', status, type, hasSession: false, isStateless }
    const { reason, hint } = fault ?? warningAbout(answer) ?? { reason: undefined, hint: undefined }
    return { ok: true, reason, hint }
  }

  /** Reads the rest, and ends the session if one was opened. Never rejects. No request waits for it. */
  async #finish(answer: OwnAnswer, signal: AbortSignal): Promise<void> {
    const session = answer.field('mcp-session-id') ?? ''
    const ended = session === '' ? undefined : this.#endSession(session, signal)
    await Promise.allSettled([answer.drain(signal), ended])
  }

  async #endSession(session: string, signal: AbortSignal): Promise<void> {
    const headers = ['Mcp-Session-Id', session, 'MCP-Protocol-Version', VERSION]
    this.#keepsSessions = true
    const answer = await this.#upstream.exchange({ method: 'DELETE', headers, body: null }, signal)
    this.#keepsSessions = answer.status >= 400
    await answer.drain(signal)
  }
}
