/**
 * The life of one answer: until it is complete, its token or its reader ends it, or its client
 * leaves.
 *
 * @module
 */
import { isGone, onceOver } from './answer.js'
import type { AdmittedRequest } from './backend.js'
import type { Clock } from '../clock.js'
import type { RequestCompleted } from '../events.js'
import { Silence } from './silence.js'
import { cutAnswer } from './turns.js'

/** Milliseconds that the rest of an ended answer may take to reach a slow client. */
const LINGER = 5_000

export class AnswerLife {
  readonly #admitted: AdmittedRequest
  readonly #clock: Clock
  #isOver = false
  #isWhole = false
  #isTokenOver = false
  #isReaderWatched = false
  #unwatch: (() => void) | undefined
  #clearTimer: (() => void) | undefined
  #silence: Silence | undefined

  constructor(admitted: AdmittedRequest, clock: Clock) {
    this.#admitted = admitted
    this.#clock = clock
  }

  /** Nothing more is sent to the client or read from it. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** The answer is complete. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  /** Nothing can be sent to the client any more. */
  get isGone(): boolean {
    return isGone(this.#admitted.request, this.#admitted.response)
  }

  /**
   * Begins. The record is closed when the client has the whole answer or is gone.
   *
   * @param onLeft called just before, if the answer ended because the client left
   */
  begin(onLeft: () => void): void {
    const { request, response, record } = this.#admitted
    onceOver(request, response, (isSent) => {
      const end = this.#endOf(isSent)
      onLeft()
      this.#isOver = true
      this.clear()
      record.close(response.headersSent ? response.statusCode : 0, end)
    })
  }

  /** The answer is complete. */
  finish(): void {
    this.#isOver = true
    this.#isWhole = true
  }

  /** Nothing more is sent; the answer is incomplete. */
  stop(): void {
    this.#isOver = true
  }

  /** Stops, and shows the client that the answer is incomplete. */
  cut(): void {
    this.stop()
    cutAnswer(this.#admitted.response)
  }

  /**
   * Begins to watch the caller's token.
   *
   * @param grace milliseconds after the token ends
   * @param onOver called after token and grace have ended
   */
  watchToken(grace: number, onOver: () => void): void {
    // If the client left before, nothing would ever end the watch.
    if (this.#isOver || this.#unwatch !== undefined) return
    const { caller, record } = this.#admitted
    const over = () => {
      this.#isTokenOver = true
      onOver()
    }
    record.expectReports()
    this.#unwatch = caller.watch(record.id, () => {
      if (grace === 0) over()
      else this.#clearTimer = this.#clock.setTimer(over, grace)
    })
  }

  /**
   * Calls back when the client has taken nothing for this long while bytes wait for it. A silent
   * stream does not count.
   *
   * @param stalled milliseconds
   */
  watchReader(stalled: number, onStalled: () => void): void {
    if (this.#isReaderWatched) return
    this.#isReaderWatched = true
    const { response } = this.#admitted
    // The socket's timeout notices each byte taken and restarts with each byte written.
    response.setTimeout(stalled, () => {
      if (response.writableLength > 0) onStalled()
    })
  }

  /**
   * Begins to send comments while an event stream is silent.
   *
   * @param interval milliseconds; 0: never
   * @param comment sends one, unless an event is half written
   */
  keepAlive(interval: number, comment: () => void): void {
    if (interval === 0 || this.#isOver) return
    this.#silence = new Silence(this.#clock, interval, () => {
      if (!this.#isOver) comment()
    })
  }

  /** Part of the answer was sent. */
  breakSilence(): void {
    this.#silence?.break()
  }

  /** The answer is complete: a client that does not read must not keep it open. */
  linger(): void {
    this.clear()
    const { response } = this.#admitted
    this.#clearTimer = this.#clock.setTimer(() => cutAnswer(response), LINGER)
  }

  /** Ends the watch of the token and all timers. */
  clear(): void {
    this.#unwatch?.()
    this.#silence?.end()
    this.#clearTimer?.()
  }

  #endOf(isSent: boolean): RequestCompleted['end'] {
    if (this.#isTokenOver) return 'token ended'
    if (isSent) return 'whole'
    return this.#isOver && !this.#isWhole ? 'cut' : 'client left'
  }
}
