/**
 * The life of one answer: until all of it is said, its token or its reader ends it, or its client leaves.
 *
 * @module
 */
import { isGone, onceOver } from './answer.js'
import type { AdmittedRequest } from './backend.js'
import type { Clock } from '../clock.js'
import type { RequestCompleted } from '../events.js'
import { cutAnswer } from './turns.js'

/** How long the rest of an answer that we ended may take to reach a slow client, in milliseconds. */
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

  constructor(admitted: AdmittedRequest, clock: Clock) {
    this.#admitted = admitted
    this.#clock = clock
  }

  /** Nothing more goes to the client, or comes from it. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** What was said is all of it. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  /** Nothing can be said to the client any more. */
  get isGone(): boolean {
    return isGone(this.#admitted.request, this.#admitted.response)
  }

  /**
   * Begins. The request's record is closed when the client has all of the answer, or is gone.
   *
   * @param onLeft called just before: what was not over is so now, because the client left
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

  /** All is said. */
  finish(): void {
    this.#isOver = true
    this.#isWhole = true
  }

  /** Nothing more is said; what was said is not all of it. */
  stop(): void {
    this.#isOver = true
  }

  /** Stops, and lets the client see that there should have been more. */
  cut(): void {
    this.stop()
    cutAnswer(this.#admitted.response)
  }

  /**
   * Begins to watch the caller's token.
   *
   * @param grace milliseconds after its end
   * @param onOver when both are over
   */
  watchToken(grace: number, onOver: () => void): void {
    // Of one that left before, nobody would ever end the watch.
    if (this.#isOver || this.#unwatch !== undefined) return
    const { caller, record } = this.#admitted
    const over = () => {
      this.#isTokenOver = true
      onOver()
    }
    this.#unwatch = caller.watch(record.id, () => {
      if (grace === 0) over()
      else this.#clearTimer = this.#clock.setTimer(over, grace)
    })
  }

  /**
   * Calls when the client has taken nothing for so long, while something waits for it. This does not
   * apply to a stream that is silent.
   *
   * @param stalled milliseconds
   */
  watchReader(stalled: number, onStalled: () => void): void {
    if (this.#isReaderWatched) return
    this.#isReaderWatched = true
    const { response } = this.#admitted
    // Of the socket, which sees each byte that is taken, and begins anew with each that is written.
    response.setTimeout(stalled, () => {
      if (response.writableLength > 0) onStalled()
    })
  }

  /** The answer is at its end: who does not read it must not hold it. */
  linger(): void {
    this.clear()
    const { response } = this.#admitted
    this.#clearTimer = this.#clock.setTimer(() => cutAnswer(response), LINGER)
  }

  /** Ends the watch of the token, and what it began. */
  clear(): void {
    this.#unwatch?.()
    this.#clearTimer?.()
  }

  #endOf(isSent: boolean): RequestCompleted['end'] {
    if (this.#isTokenOver) return 'token ended'
    if (isSent) return 'whole'
    return this.#isOver && !this.#isWhole ? 'cut' : 'client left'
  }
}
