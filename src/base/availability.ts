/**
 * Decides whether a server that we depend on can be called now, and what a failure means: either
 * the server is at fault and everybody waits, or one token is. What one caller sends never affects
 * the others. Keys, introspection and every other fetch from an identity provider use it.
 *
 * - A failure before the request was written cannot be the token's fault. It is the server's at
 *   once.
 * - Any other failure is the token's fault until a control fails too. The control is a call about
 *   another token, preferably one that was active before. If there is none, we ask about a
 *   constant, at most once per pause.
 * - Some servers answer every unknown token with an error, and the constant too. When the constant
 *   fails while a token is answered, it proves nothing for a while.
 * - Refused credentials are alarming. They start a control even when a token was answered a moment
 *   ago. If the control is refused too, the next answer decides, or a moment without an answer.
 * - After a fault each pause is longer than the one before. When it ends, one call tries again. A
 *   call for a token that was active before goes first, if one waits.
 *
 * It does no I/O, and its clock never runs backwards. A runtime may cancel what a request began, so
 * every wait here has a limit.
 *
 * @module
 */
import { backOff, LONGEST_RETRY } from './back-off.js'
import type { AuthorizationServerError } from '../errors.js'

/**
 * A failure, and how long the server is left alone after it. Times in milliseconds of the clock.
 */
export interface Fault {
  readonly error: AuthorizationServerError
  /** Whether the fault may pass in a moment, so that a request can wait until it does. */
  readonly passes: boolean
  readonly since: number
  readonly attempts: number
  readonly retryAt: number
}

/** One call to the server. */
export interface Call {
  /** Whether it asks about a token that was found active before. */
  readonly isKnown: boolean
  /** The fault of the server that was known when the call began. */
  readonly fault: Fault | undefined
}

export type Failure = Pick<Fault, 'error' | 'passes'>

export interface AvailabilityOptions {
  /** Milliseconds; never runs backwards. */
  readonly now: () => number
  /** The longest pause after a failure, in milliseconds. Default {@link LONGEST_RETRY}. */
  readonly longestPause?: (failure: Failure) => number
  /** Whether a failure is alarming even though other tokens are answered. Default: none is. */
  readonly isAlarming?: (failure: Failure) => boolean
}

/** How long a fault still counts after the next attempt was due. */
const FAULT_MAX_AGE = 60_000
/**
 * How long an answer proves that the server works. While it works, we ask about the constant at
 * most this often.
 */
const CONTROL_HOLDS = 1_000
/** How long we do not ask about the constant after it failed while a token was answered. */
const CONSTANT_DISTRUSTED = 300_000
/** The longest that a call takes. A call that began earlier is lost. */
const LONGEST_CALL = 10_000

/**
 * How long a request pauses before it tries again, in milliseconds. Clients do not honour
 * `Retry-After`, so a request waits while the fault is younger than `wait`.
 *
 * @returns `undefined` when the request must give up
 */
export function pauseBefore(
  fault: Fault,
  at: number,
  {
    wait,
    deadline,
    least,
  }: { readonly wait: number; readonly deadline: number; readonly least: number },
): number | undefined {
  const pause = Math.max(fault.retryAt - at, least)
  return at + pause > Math.min(fault.since + wait, deadline) ? undefined : pause
}

export class Availability {
  readonly #now: () => number
  readonly #longestPause: (failure: Failure) => number
  readonly #isAlarming: (failure: Failure) => boolean
  #fault: Fault | undefined
  /** The constant showed the fault, so we want to know whether the constant proves anything. */
  #isByConstant = false
  /** The constant was refused a moment after a token was answered: one of the two is out of date. */
  #doubt: AuthorizationServerError | undefined
  #probe: { readonly call: Call; readonly until: number } | undefined
  #answeredAt = Number.NEGATIVE_INFINITY
  #controlNotBefore = Number.NEGATIVE_INFINITY
  #distrustedUntil = Number.NEGATIVE_INFINITY
  #expected = 0
  #expectedUntil = Number.NEGATIVE_INFINITY
  #knownUnderWay = 0
  #knownBegan = Number.NEGATIVE_INFINITY

  constructor({ now, longestPause, isAlarming }: AvailabilityOptions) {
    this.#now = now
    this.#longestPause = longestPause ?? (() => LONGEST_RETRY)
    this.#isAlarming = isAlarming ?? (() => false)
  }

  /** The next fault in a row; an old fault before it does not count. */
  next({ error, passes }: Failure, before: Fault | undefined, since: number = this.#now()): Fault {
    const at = this.#now()
    const recent = before !== undefined && at <= before.retryAt + FAULT_MAX_AGE ? before : undefined
    const attempts = (recent?.attempts ?? 0) + 1
    const pause = Math.max(
      backOff(attempts, this.#longestPause({ error, passes })),
      Math.min((error.retryAfter ?? 0) * 1000, LONGEST_RETRY),
    )
    return { error, passes, attempts, since: recent?.since ?? since, retryAt: at + pause }
  }

  /** The fault of the server; nobody may call before its `retryAt`. */
  get fault(): Fault | undefined {
    return this.#fault
  }

  /** The same, unless it is old: a process that was idle knows nothing about the server. */
  get recentFault(): Fault | undefined {
    const fault = this.#fault
    return fault !== undefined && this.#now() <= fault.retryAt + FAULT_MAX_AGE ? fault : undefined
  }

  /** The server will judge us anew: nothing that is known about it counts any more. */
  forget(): void {
    this.#fault = this.#doubt = undefined
    this.#probe = undefined
    this.#answeredAt = Number.NEGATIVE_INFINITY
    this.#controlNotBefore = Number.NEGATIVE_INFINITY
  }

  /** The known or suspected fault, for health checks. */
  get trouble(): AuthorizationServerError | undefined {
    return this.#fault?.error ?? this.#doubt
  }

  get isPausing(): boolean {
    return this.#fault !== undefined && this.#now() < this.#fault.retryAt
  }

  /** Sets the latest time until which a token that was active before waits for its call. */
  expect(until: number): void {
    if (this.#now() >= this.#expectedUntil) this.#expected = 0
    this.#expected++
    this.#expectedUntil = Math.max(this.#expectedUntil, until)
  }

  /** That token no longer waits. */
  unexpect(): void {
    this.#expected = Math.max(0, this.#expected - 1)
  }

  /** Whether a call may begin now. */
  mayCall(isKnown: boolean): boolean {
    if (this.#fault === undefined) return true
    if (this.isPausing) return false
    if (this.#probe !== undefined && this.#now() < this.#probe.until) return false
    return isKnown || !this.#isOneExpected()
  }

  begin(isKnown: boolean): Call {
    const at = this.#now()
    const call = { isKnown, fault: this.#fault }
    if (this.#fault !== undefined) this.#probe = { call, until: at + LONGEST_CALL }
    if (isKnown) {
      this.#knownUnderWay++
      this.#knownBegan = at
    }
    return call
  }

  /** The call is over, however it ended. Called after {@link answered} or one of the others. */
  end(call: Call): void {
    if (this.#probe?.call === call) this.#probe = undefined
    if (call.isKnown) this.#knownUnderWay = Math.max(0, this.#knownUnderWay - 1)
  }

  /**
   * The server answered, whatever the answer says.
   *
   * @returns whether to ask about the constant once more, to learn whether it proves anything here
   */
  answered(): boolean {
    const isDoubtful = this.#fault !== undefined && this.#isByConstant
    if (this.#doubt !== undefined) this.#distrustConstant()
    this.#fault = this.#doubt = undefined
    this.#answeredAt = this.#now()
    return isDoubtful
  }

  /** The constant was answered. */
  controlAnswered(): void {
    this.#fault = this.#doubt = undefined
    this.#answeredAt = this.#now()
    this.#controlNotBefore = this.#answeredAt + CONTROL_HOLDS
  }

  /**
   * The call failed before the request was written, or for a reason that has nothing to do with a token.
   *
   * @param since when it went wrong; default now
   */
  failedBefore(call: Call, failure: Failure, since?: number): Fault {
    return this.#faultBeyond(call) ?? this.#declare(failure, false, since)
  }

  /**
   * The call failed after the request was written.
   *
   * @returns `token`: other tokens are answered. `control`: this caller must ask the constant.
   * `unsure`: another caller is about to find out; until then the token is at fault. Or a fault of
   * the server that became known meanwhile
   */
  suspect(call: Call, failure: Failure): 'token' | 'unsure' | 'control' | Fault {
    const known = this.#faultBeyond(call)
    if (known !== undefined) return known
    const at = this.#now()
    if (at < this.#distrustedUntil) {
      // The request was written, so the connection works again.
      this.#fault = undefined
      return 'token'
    }
    const isAnswering = at - this.#answeredAt < CONTROL_HOLDS
    if (isAnswering && !this.#isAlarming(failure)) return 'token'
    if (at < this.#controlNotBefore) {
      return isAnswering && this.#doubt === undefined ? 'token' : 'unsure'
    }
    if (!call.isKnown && this.#willBeTold()) return 'unsure'
    this.#controlNotBefore = at + LONGEST_CALL
    return 'control'
  }

  /**
   * The constant failed; its call began at this time.
   *
   * @param call the call that the control was for; `undefined` when the constant was checked for
   * its own sake
   * @returns the server's fault; or as {@link suspect}
   */
  controlFailed(
    call: Call | undefined,
    began: number,
    failure: Failure,
  ): 'token' | 'unsure' | Fault {
    const known = this.#faultBeyond(call)
    if (known !== undefined) return known
    this.#controlNotBefore = this.#now() + CONTROL_HOLDS
    const isAnswering = this.#answeredAt > began - CONTROL_HOLDS
    if (this.#answeredAt >= began || (isAnswering && call === undefined)) {
      this.#distrustConstant()
      return 'token'
    }
    if (!isAnswering) return this.#declare(failure, true)
    this.#doubt = failure.error
    return 'unsure'
  }

  /** A fault that became known after the call began: the call met the same one. */
  #faultBeyond(call: Call | undefined): Fault | undefined {
    return this.#fault !== call?.fault ? this.#fault : undefined
  }

  #declare(failure: Failure, byConstant: boolean, since?: number): Fault {
    const fault = this.next(failure, this.#fault, since)
    this.#fault = fault
    this.#isByConstant = byConstant
    this.#controlNotBefore = fault.retryAt
    this.#doubt = undefined
    return fault
  }

  #distrustConstant(): void {
    this.#distrustedUntil = this.#now() + CONSTANT_DISTRUSTED
  }

  #isOneExpected(): boolean {
    return this.#expected > 0 && this.#now() < this.#expectedUntil
  }

  /**
   * A call about a token that was active before is under way and will show whether the server
   * answers.
   */
  #willBeTold(): boolean {
    return this.#knownUnderWay > 0 && this.#now() - this.#knownBegan < CONTROL_HOLDS
  }
}
