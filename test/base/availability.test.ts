/** Whose fault it is when a server gives no answer: each rule alone, by a clock that the test moves. */
import { AuthorizationServerError } from 'mcp-gatehouse'
import { expect } from 'vitest'
import { Availability } from '../../src/base/availability.js'
import { verifies } from '../support/verifies.js'

function failure(code: 'UNAVAILABLE' | 'CLIENT_REJECTED' = 'UNAVAILABLE') {
  const error = new AuthorizationServerError(
    `ERR_INTROSPECTION_${code}`,
    'https://sso.example',
    'no',
  )
  return { error, passes: code === 'UNAVAILABLE' }
}

function createScene() {
  let at = 1_000_000
  const health = new Availability({
    now: () => at,
    longestPause: ({ error }) => (error.code.endsWith('REJECTED') ? 30_000 : 4_000),
    isAlarming: ({ error }) => error.code.endsWith('REJECTED'),
  })
  const scene = {
    health,
    pass: (milliseconds: number) => (at += milliseconds),
    /** A call that ends at once. */
    call<T>(isKnown: boolean, end: (call: ReturnType<typeof health.begin>) => T): T {
      const call = health.begin(isKnown)
      try {
        return end(call)
      } finally {
        health.end(call)
      }
    },
    suspect: (isKnown = false) => scene.call(isKnown, (call) => health.suspect(call, failure())),
    /** A token and then the constant fail. */
    breakDown(code?: 'UNAVAILABLE' | 'CLIENT_REJECTED') {
      return scene.call(false, (call) => {
        expect(health.suspect(call, failure())).toBe('control')
        const fault = health.controlFailed(call, at, failure(code))
        if (typeof fault !== 'object') throw new Error(fault)
        return fault
      })
    },
  }
  return scene
}

verifies('ATK-16', 'what failed before it was written is the issuer’s at once', () => {
  const { health, call, pass } = createScene()
  health.answered()
  const fault = call(false, (each) => health.failedBefore(each, failure()))
  expect(fault).toMatchObject({ attempts: 1 })
  expect(health.mayCall(true)).toBe(false)
  pass(499)
  expect(health.mayCall(true)).toBe(false)
  pass(1)
  expect(health.mayCall(true)).toBe(true)
})

verifies('ATK-16', 'anything else is the token’s, until the constant fails too', () => {
  const { health, suspect, breakDown, pass } = createScene()
  expect(suspect()).toBe('control')
  expect(health.fault).toBeUndefined()
  expect(health.mayCall(false)).toBe(true)
  // Another asks already: nobody else does.
  expect(suspect()).toBe('unsure')
  health.controlAnswered()
  expect(suspect()).toBe('token')
  pass(999)
  expect(suspect()).toBe('token')
  pass(1)
  expect(breakDown()).toMatchObject({ attempts: 1, passes: true })
  expect(health.mayCall(false)).toBe(false)
})

verifies('ATK-16', 'a token that was active before is the control where one is asked about', () => {
  const { health, suspect, pass } = createScene()
  const known = health.begin(true)
  expect(suspect()).toBe('unsure')
  expect(health.suspect(known, failure())).toBe('control')
  health.end(known)
  const { health: other, suspect: suspectThere, pass: passThere } = createScene()
  other.begin(true)
  // One that hangs tells nothing.
  passThere(1_000)
  expect(suspectThere()).toBe('control')
  pass(20_000)
  expect(suspect()).toBe('control')
})

verifies('ATK-16', 'calls that began before the fault was known raise nothing', () => {
  const { health, breakDown, pass, call } = createScene()
  const late = Array.from({ length: 8 }, () => health.begin(false))
  const fault = breakDown()
  for (const each of late) expect(health.suspect(each, failure())).toBe(fault)
  for (const each of late) expect(health.failedBefore(each, failure())).toBe(fault)
  expect(health.controlFailed(late[0], 0, failure())).toBe(fault)
  for (const each of late) health.end(each)
  expect(health.fault?.attempts).toBe(1)
  pass(500)
  expect(call(false, (each) => health.failedBefore(each, failure()))?.attempts).toBe(2)
})

verifies(
  'ATK-16',
  'after a fault there is one call, by a token that was active before if one waits',
  () => {
    const { health, breakDown, pass } = createScene()
    breakDown()
    health.expect(1_000_000 + 3_000)
    pass(500)
    expect(health.mayCall(false)).toBe(false)
    expect(health.mayCall(true)).toBe(true)
    const probe = health.begin(true)
    expect(health.mayCall(true)).toBe(false)
    health.end(probe)
    health.unexpect()
    expect(health.mayCall(false)).toBe(true)
    // What was cancelled neither waits nor calls for ever.
    health.begin(false)
    expect(health.mayCall(false)).toBe(false)
    pass(10_000)
    expect(health.mayCall(false)).toBe(true)
    health.expect(1_000_000 + 12_000)
    expect(health.mayCall(false)).toBe(false)
    pass(2_000)
    expect(health.mayCall(false)).toBe(true)
  },
)

verifies('ATK-16', 'pauses grow by failures in a row, and an old fault is forgotten', () => {
  const { health, breakDown, pass } = createScene()
  const pauses: number[] = []
  for (let round = 0; round < 6; round++) {
    const fault = breakDown()
    pauses.push(fault.retryAt - fault.since)
    pass(Math.max(500, 500 * 2 ** round))
  }
  expect(health.fault?.attempts).toBe(6)
  pass(70_000)
  expect(breakDown()).toMatchObject({ attempts: 1 })
  expect(pauses[0]).toBe(500)
  const rejected = createScene()
  let longest = 0
  for (let round = 0; round < 10; round++) {
    const at = rejected.pass(30_000)
    longest = rejected.breakDown('CLIENT_REJECTED').retryAt - at
  }
  expect(longest).toBe(30_000)
})

verifies(
  'ATK-16',
  'where the constant fails beside a token that is answered, it tells nothing',
  () => {
    const { health, breakDown, pass, suspect } = createScene()
    breakDown()
    pass(500)
    // Worth to know whether it was the endpoint or the constant.
    expect(health.answered()).toBe(true)
    expect(health.controlFailed(undefined, 1_000_500, failure())).toBe('token')
    expect(health.fault).toBeUndefined()
    pass(2_000)
    expect(suspect()).toBe('token')
    expect(suspect(true)).toBe('token')
    pass(300_000)
    expect(suspect()).toBe('control')
    expect(health.answered()).toBe(false)
  },
)

verifies(
  'ATK-16',
  'credentials that are refused a moment after an answer: what comes next tells',
  () => {
    const refused = failure('CLIENT_REJECTED')
    function createDoubt() {
      const scene = createScene()
      const { health, call } = scene
      health.answered()
      scene.pass(500)
      // Others would be asked about no further.
      expect(scene.suspect()).toBe('token')
      const verdict = call(false, (each) => {
        expect(health.suspect(each, refused)).toBe('control')
        return health.controlFailed(each, 1_000_500, refused)
      })
      expect(verdict).toBe('unsure')
      expect(health.fault).toBeUndefined()
      expect(health.trouble).toBe(refused.error)
      return scene
    }
    // Nobody is answered: ours were changed.
    const changed = createDoubt()
    changed.pass(500)
    expect(changed.call(false, (each) => changed.health.suspect(each, refused))).toBe('unsure')
    changed.pass(500)
    expect(changed.breakDown('CLIENT_REJECTED')).toMatchObject({ attempts: 1, passes: false })
    // Somebody is: this provider refuses what it does not know.
    const odd = createDoubt()
    odd.health.answered()
    expect(odd.health.trouble).toBeUndefined()
    odd.pass(2_000)
    expect(odd.call(false, (each) => odd.health.suspect(each, refused))).toBe('token')
  },
)
