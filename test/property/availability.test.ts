/** Random lives of a server that we depend on: whatever happens, no caller decides for the others, and nothing waits for ever. */
import { AuthorizationServerError } from 'mcp-gatehouse'
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { Availability, type Call, type Failure, type Fault } from '../../src/base/availability.js'
import { LONGEST_RETRY } from '../../src/base/back-off.js'
import { verifies } from '../support/verifies.js'

const LONGEST_CALL = 10_000

function failureOf(isAlarming: boolean, retryAfter?: number): Failure {
  const code = isAlarming ? 'ERR_INTROSPECTION_CLIENT_REJECTED' : 'ERR_INTROSPECTION_UNAVAILABLE'
  const error = new AuthorizationServerError(code, 'https://sso.example', 'no', retryAfter)
  return { error, passes: !isAlarming }
}

/** What may happen next. */
type Step =
  | { readonly type: 'pass'; readonly milliseconds: number }
  | { readonly type: 'begin'; readonly isKnown: boolean }
  | {
      readonly type: 'end'
      readonly how: End
      readonly which: number
      readonly isAlarming: boolean
    }
  | { readonly type: 'wait'; readonly milliseconds: number }
  | { readonly type: 'give up' }
type End =
  'answered' | 'failed before' | 'failed, control answered' | 'failed, control failed' | 'lost'

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({
      type: fc.constant('pass' as const),
      milliseconds: fc.integer({ min: 0, max: 40_000 }),
    }),
    fc.record({
      type: fc.constant('pass' as const),
      milliseconds: fc.integer({ min: 0, max: 700 }),
    }),
    fc.record({ type: fc.constant('begin' as const), isKnown: fc.boolean() }),
    fc.record({
      type: fc.constant('end' as const),
      how: fc.constantFrom<End>(
        'answered',
        'failed before',
        'failed, control answered',
        'failed, control failed',
        'lost',
      ),
      which: fc.nat(9),
      isAlarming: fc.boolean(),
    }),
    fc.record({
      type: fc.constant('wait' as const),
      milliseconds: fc.integer({ min: 0, max: 5_000 }),
    }),
    fc.record({ type: fc.constant('give up' as const) }),
  ),
  { maxLength: 60 },
)

interface Life {
  readonly availability: Availability
  at: number
  readonly calls: Call[]
  /** Every fault of the server that was declared, in order. */
  readonly faults: Fault[]
}

function begin(): Life {
  const life: Life = {
    at: 1_000_000,
    calls: [],
    faults: [],
    availability: new Availability({
      now: () => life.at,
      longestPause: ({ error }) => (error.code.endsWith('REJECTED') ? LONGEST_RETRY : 4_000),
      isAlarming: ({ error }) => error.code.endsWith('REJECTED'),
    }),
  }
  return life
}

function end({ availability, at, calls }: Life, step: Extract<Step, { type: 'end' }>): void {
  const [call] = calls.splice(step.which % Math.max(calls.length, 1), 1)
  // A lost call never ends: a runtime cancelled it.
  if (call === undefined || step.how === 'lost') return
  const failure = failureOf(step.isAlarming)
  if (step.how === 'answered') availability.answered()
  else if (step.how === 'failed before') availability.failedBefore(call, failure)
  else if (availability.suspect(call, failure) === 'control') {
    if (step.how === 'failed, control answered') availability.controlAnswered()
    else availability.controlFailed(call, at, failure)
  }
  availability.end(call)
}

function take(life: Life, step: Step): void {
  const { availability } = life
  const before = availability.fault
  switch (step.type) {
    case 'pass':
      life.at += step.milliseconds
      break
    case 'begin':
      if (availability.mayCall(step.isKnown)) life.calls.push(availability.begin(step.isKnown))
      break
    case 'end':
      end(life, step)
      break
    case 'wait':
      availability.expect(life.at + step.milliseconds)
      break
    case 'give up':
      availability.unexpect()
  }
  const { fault } = availability
  if (fault !== undefined && fault !== before) life.faults.push(fault)
}

describe('availability', () => {
  verifies('ATK-16', 'nobody waits without a fault, and nobody calls during a pause', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const life = begin()
        for (const step of all) {
          take(life, step)
          const { availability } = life
          const { fault } = availability
          const may = [availability.mayCall(true), availability.mayCall(false)]
          expect(fault === undefined && may.includes(false)).toBe(false)
          const isPausing = fault !== undefined && life.at < fault.retryAt
          expect(isPausing && may.includes(true)).toBe(false)
        }
      }),
    )
  })

  verifies('ATK-16', 'pauses are bounded, and grow by failures in a row', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const life = begin()
        const seen: { readonly fault: Fault; readonly at: number }[] = []
        for (const step of all) {
          take(life, step)
          const fault = life.faults.at(-1)
          if (fault !== undefined && fault !== seen.at(-1)?.fault) seen.push({ fault, at: life.at })
        }
        for (const [index, { fault, at }] of seen.entries()) {
          expect(fault.retryAt - at).toBeGreaterThanOrEqual(500)
          expect(fault.retryAt - at).toBeLessThanOrEqual(LONGEST_RETRY)
          expect(fault.since).toBeLessThanOrEqual(at)
          const before = seen[index - 1]?.fault.attempts ?? 0
          expect([1, before + 1]).toContain(fault.attempts)
        }
      }),
    )
  })

  verifies('ATK-16', 'whatever happened, a call may begin after the longest pause and call', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const life = begin()
        for (const step of all) take(life, step)
        life.at += LONGEST_RETRY + LONGEST_CALL
        expect(life.availability.mayCall(true)).toBe(true)
        expect(life.availability.mayCall(false)).toBe(true)
      }),
    )
  })

  verifies('ATK-16', 'after a fault one call at a time finds out, until it is lost', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const life = begin()
        for (const step of all) take(life, step)
        const { availability } = life
        const { fault } = availability
        fc.pre(fault !== undefined)
        life.at = Math.max(life.at, fault.retryAt)
        fc.pre(availability.mayCall(true))
        availability.begin(true)
        expect(availability.mayCall(true) || availability.mayCall(false)).toBe(false)
        life.at += LONGEST_CALL
        expect(availability.mayCall(true)).toBe(true)
      }),
    )
  })

  verifies('ATK-16', 'tokens that fail beside answered ones never become a fault of all', () => {
    const bad = fc.record({
      isAlarming: fc.constant(false),
      milliseconds: fc.integer({ min: 0, max: 900 }),
    })
    fc.assert(
      fc.property(fc.array(bad, { minLength: 1, maxLength: 60 }), (all) => {
        const life = begin()
        const { availability } = life
        for (const { isAlarming, milliseconds } of all) {
          const good = availability.begin(true)
          const call = availability.begin(false)
          availability.answered()
          availability.end(good)
          life.at += milliseconds
          expect(availability.suspect(call, failureOf(isAlarming))).toBe('token')
          availability.end(call)
          expect(availability.fault).toBeUndefined()
        }
      }),
    )
  })

  verifies('ATK-16', 'an answer ends every fault and every doubt', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const life = begin()
        for (const step of all) take(life, step)
        life.availability.answered()
        expect([life.availability.fault, life.availability.trouble]).toEqual([undefined, undefined])
      }),
    )
  })
})
