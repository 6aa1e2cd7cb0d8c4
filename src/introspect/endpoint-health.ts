/**
 * Whose fault it is that an introspection endpoint gave no answer: the issuer's, so that everybody waits, or one
 * token's. What one caller sends never decides for the others.
 *
 * - A failure before the request was written cannot be the token's: it is the issuer's at once.
 * - Any other failure is that token's, until a control fails too. The control is any other token that is answered, best
 *   one that was active before; where there is none, a constant of ours is asked, at most once for each pause.
 * - Some providers answer with an error to every token that they do not know, the constant too. Where it fails beside a
 *   token that is answered, it tells nothing for a while.
 * - Refused credentials are worth a control even where a token was answered a moment ago. If that is refused too, the
 *   next answer, or none in the next moment, tells which of both it is.
 * - While the issuer is at fault there is one call for each pause, by a token that was active before if one waits.
 *
 * It does no I/O and takes a clock that never runs backwards. What one request began another may never end (a runtime
 * may cancel it), so that nothing here waits for an end for ever.
 *
 * @module
 */
import { backOff, LONGEST_RETRY } from '../base/back-off.js'
import type { AuthorizationServerError } from '../errors.js'

/** Something that failed, and how long it is left alone. Times in milliseconds of the clock. */
export interface Fault {
  readonly error: AuthorizationServerError
  /** Whether it may pass in a moment, so that a request waits it out. */
  readonly passes: boolean
  readonly since: number
  readonly attempts: number
  readonly retryAt: number
}

/** One call to the endpoint. */
export interface Call {
  /** Whether its token was found active before. */
  readonly isKnown: boolean
  /** What was known of the issuer when it began. */
  readonly fault: Fault | undefined
}

/**
 * A server that is away is asked again so soon, in milliseconds: every user waits for it, and nothing old serves
 * meanwhile, as keys do.
 */
const LONGEST_ABSENCE = 4_000
/** How long after the next attempt was due a fault still tells something. */
const FAULT_MAX_AGE = 60_000
/** How long an answer shows that the endpoint is well, and how often the constant is asked at most while it is. */
const CONTROL_HOLDS = 1_000
/** How long the constant is not asked after it failed beside a token that was answered. */
const CONSTANT_DISTRUSTED = 300_000
/** A call takes no longer: what was begun before is lost. */
const LONGEST_CALL = 10_000

const REJECTED = 'ERR_INTROSPECTION_CLIENT_REJECTED'

type Failure = Pick<Fault, 'error' | 'passes'>

/** The fault after the one before, which is forgotten when it is old. */
export function nextFault(
  { error, passes }: Failure,
  before: Fault | undefined,
  at: number,
): Fault {
  const known = before !== undefined && at <= before.retryAt + FAULT_MAX_AGE ? before : undefined
  const attempts = (known?.attempts ?? 0) + 1
  // Each refusal of our credentials may count against us there, and passes only when somebody acts.
  const pause = Math.max(
    error.code === REJECTED ? backOff(attempts) : backOff(attempts, LONGEST_ABSENCE),
    Math.min((error.retryAfter ?? 0) * 1000, LONGEST_RETRY),
  )
  return { error, passes, attempts, since: known?.since ?? at, retryAt: at + pause }
}

export interface EndpointHealth {
  /** What is wrong with the issuer, so that nobody may call. */
  fault(): Fault | undefined
  /** The same, or what is probably wrong: for health checks. */
  trouble(): AuthorizationServerError | undefined
  /** A token that was active before waits for its call, until then at most. */
  expect(until: number): void
  /** It waits no longer. */
  unexpect(): void
  /** Whether a call may begin now. */
  mayCall(isKnown: boolean): boolean
  begin(isKnown: boolean): Call
  /** It is over, however it ended; after {@link answered} or one of the others. */
  end(call: Call): void
  /** The constant was answered. */
  controlAnswered(): void
  /**
   * A token was answered, whatever the answer.
   *
   * @returns whether the constant should be asked once more, to learn whether it tells anything here
   */
  answered(): boolean
  /** It failed before the request was written. */
  failedBefore(call: Call, failure: Failure): Fault
  /**
   * It failed later. Others are answered: `token`. The constant is to be asked, by the one who is told so: `control`.
   * Somebody is about to find out: `unsure`; it is that token's until then. Or a fault of the issuer, which became known
   * meanwhile.
   */
  suspect(call: Call, failure: Failure): 'token' | 'unsure' | 'control' | Fault
  /**
   * The constant failed, whose call began then.
   *
   * @param call the one that it was to tell about; `undefined` where it was to tell about itself
   * @returns the issuer's fault; or as {@link suspect}
   */
  controlFailed(call: Call | undefined, began: number, failure: Failure): 'token' | 'unsure' | Fault
}

export function createEndpointHealth(now: () => number): EndpointHealth {
  let fault: Fault | undefined
  /** By the constant, so that it is worth knowing whether it tells anything. */
  let isByConstant = false
  /** The constant was refused a moment after a token was answered: one of both is no longer so. */
  let doubt: AuthorizationServerError | undefined
  let probe: { readonly call: Call; readonly until: number } | undefined
  let answeredAt = Number.NEGATIVE_INFINITY
  let controlNotBefore = Number.NEGATIVE_INFINITY
  let distrustedUntil = Number.NEGATIVE_INFINITY
  let expected = 0
  let expectedUntil = Number.NEGATIVE_INFINITY
  let knownUnderWay = 0
  let knownBegan = Number.NEGATIVE_INFINITY

  function declare(failure: Failure, byConstant: boolean): Fault {
    fault = nextFault(failure, fault, now())
    isByConstant = byConstant
    controlNotBefore = fault.retryAt
    doubt = undefined
    return fault
  }

  function distrustConstant(): void {
    distrustedUntil = now() + CONSTANT_DISTRUSTED
  }

  function isOneExpected(): boolean {
    return expected > 0 && now() < expectedUntil
  }

  /** A token that was active before is asked about at this moment, and will tell. */
  function willBeTold(): boolean {
    return knownUnderWay > 0 && now() - knownBegan < CONTROL_HOLDS
  }

  return {
    fault: () => fault,
    trouble: () => fault?.error ?? doubt,
    expect(until) {
      if (now() >= expectedUntil) expected = 0
      expected++
      expectedUntil = Math.max(expectedUntil, until)
    },
    unexpect() {
      expected = Math.max(0, expected - 1)
    },
    mayCall(isKnown) {
      if (fault === undefined) return true
      const at = now()
      if (at < fault.retryAt || (probe !== undefined && at < probe.until)) return false
      return isKnown || !isOneExpected()
    },
    begin(isKnown) {
      const at = now()
      const call = { isKnown, fault }
      if (fault !== undefined) probe = { call, until: at + LONGEST_CALL }
      if (isKnown) {
        knownUnderWay++
        knownBegan = at
      }
      return call
    },
    end(call) {
      if (probe?.call === call) probe = undefined
      if (call.isKnown) knownUnderWay = Math.max(0, knownUnderWay - 1)
    },
    controlAnswered() {
      fault = doubt = undefined
      answeredAt = now()
      controlNotBefore = answeredAt + CONTROL_HOLDS
    },
    answered() {
      const isDoubtful = fault !== undefined && isByConstant
      if (doubt !== undefined) distrustConstant()
      fault = doubt = undefined
      answeredAt = now()
      return isDoubtful
    },
    failedBefore(call, failure) {
      // It began before the fault was known: it is the same one.
      if (fault !== undefined && call.fault !== fault) return fault
      return declare(failure, false)
    },
    suspect(call, { error }) {
      if (fault !== undefined && call.fault !== fault) return fault
      const at = now()
      if (at < distrustedUntil) {
        // The request was written: so much works again.
        fault = undefined
        return 'token'
      }
      const isAnswering = at - answeredAt < CONTROL_HOLDS
      if (isAnswering && error.code !== REJECTED) return 'token'
      if (at < controlNotBefore) return isAnswering && doubt === undefined ? 'token' : 'unsure'
      if (!call.isKnown && willBeTold()) return 'unsure'
      controlNotBefore = at + LONGEST_CALL
      return 'control'
    },
    controlFailed(call, began, failure) {
      if (fault !== undefined && call?.fault !== fault) return fault
      controlNotBefore = now() + CONTROL_HOLDS
      const isAnswering = answeredAt > began - CONTROL_HOLDS
      if (answeredAt >= began || (isAnswering && call === undefined)) {
        distrustConstant()
        return 'token'
      }
      if (!isAnswering) return declare(failure, true)
      doubt = failure.error
      return 'unsure'
    },
  }
}
