/** Rules that attacks broke before, broken on purpose. */
import type { Fault } from './faults.js'

const tests = ['introspect/endpoint-health.test.ts', 'introspect/strangers.test.ts']
const introspection = ['introspect/introspection.test.ts']

export const PROVIDER_FAULTS: readonly Fault[] = [
  {
    id: 'one-token-for-all',
    breaks: 'ATK-16',
    find: "if (suspect !== 'control') return blameToken(",
    replace:
      "if (suspect === 'token') return tell(health.failedBefore(call, failure), 'issuer')\n    if (suspect !== 'control') return blameToken(",
    tests,
  },
  {
    id: 'no-control-is-asked',
    breaks: 'ATK-16',
    find: 'const second = await askControl()',
    replace: 'const second = failure',
    tests: ['introspect/strangers.test.ts'],
  },
  {
    id: 'a-control-for-every-fault',
    breaks: 'ATK-16',
    find: 'if (at < controlNotBefore || ',
    replace: 'if (',
    tests,
  },
  {
    id: 'late-calls-raise-attempts',
    breaks: 'ATK-16',
    find: 'if (fault !== undefined && call.fault !== fault) return fault\n      const at',
    replace:
      'if (fault !== undefined && call.fault !== fault) return declare(fault, false)\n      const at',
    tests,
  },
  {
    id: 'strangers-before-users-after-a-fault',
    breaks: 'ATK-16',
    find: 'return isKnown || !isOneExpected()',
    replace: 'return isKnown || true',
    tests,
  },
  {
    id: 'constant-believed-beside-answers',
    breaks: 'ATK-16, CASE-72',
    find: 'if (answeredAt > began - CONTROL_HOLDS) {',
    replace: 'if (answeredAt > began + CONTROL_HOLDS) {',
    tests,
  },
  {
    id: 'bad-token-forgotten-at-once',
    breaks: 'ATK-16',
    find: 'if (own !== undefined && now() < own.retryAt) return own',
    replace: 'if (own === undefined && now() < 0) return own',
    tests,
  },
  {
    id: 'hanging-calls-keep-their-slots',
    breaks: 'ATK-16',
    find: 'if (busyLong < forStrangers) move()',
    replace: 'if (busyLong > forStrangers) move()',
    tests,
  },
  {
    id: 'long-calls-without-bound',
    breaks: 'ATK-16',
    find: 'else overdue.push(move)',
    replace: 'else move()',
    tests,
  },
  {
    id: 'inactive-by-a-server-that-failed',
    breaks: 'ATK-16, CASE-72',
    find: "if (isClientError && body['active'] === false)",
    replace: "if (body['active'] === false)",
    tests,
  },
  {
    id: 'active-by-an-error',
    breaks: 'ATK-16, CASE-72',
    find: "if (isClientError && body['active'] === false)",
    replace: "if (isClientError && typeof body['active'] === 'boolean')",
    tests,
  },
  {
    id: 'invalid-token-of-any-status',
    breaks: 'ATK-16',
    find: "if (status === 400 && error === 'invalid_token'",
    replace: "if (error === 'invalid_token'",
    tests,
  },
  {
    id: 'invalid-token-of-ours',
    breaks: 'ATK-16',
    find: "error === 'invalid_token' && !answer.byBearer",
    replace: "error === 'invalid_token'",
    tests,
  },
  {
    id: 'a-call-longer-than-the-wait',
    breaks: 'ATK-17',
    find: 'return await Promise.race([answer, late])',
    replace: 'return await answer',
    tests,
  },
  {
    id: 'answers-by-the-wall-clock',
    breaks: 'ATK-17',
    find: 'return introspection.validUntil > steadyNow()',
    replace: 'return introspection.validUntil > world.now()',
    tests: introspection,
  },
  {
    id: 'answers-kept-when-the-clock-is-set-back',
    breaks: 'ATK-17',
    find: 'good.clear()\n',
    replace: '',
    tests: introspection,
  },
  {
    id: 'answers-of-any-width',
    breaks: 'ATK-17',
    find: 'if (seen > MOST_VALUES || depth > DEEPEST) return false',
    replace: 'if (depth > DEEPEST) return false',
    tests: introspection,
  },
  {
    id: 'freezing-by-one-call',
    breaks: 'ATK-17',
    find: 'for (const member of Object.values(next) as unknown[]) pending.push(member)',
    replace: 'pending.push(...Object.values(next))',
    tests: introspection,
  },
  {
    id: 'binding-of-an-introspected-jwt',
    breaks: 'ATK-18',
    find: 'isBound(claims) || (own !== undefined && isBound(own))',
    replace: 'isBound(claims)',
    tests: introspection,
  },
  {
    id: 'start-of-an-introspected-jwt',
    breaks: 'ATK-18',
    find: 'Math.max(times.start, ownTimes.start)',
    replace: 'times.start',
    tests: introspection,
  },
  {
    id: 'end-of-an-introspected-jwt',
    breaks: 'ATK-18',
    find: 'Math.min(times.end, ownTimes.end)',
    replace: 'times.end',
    tests: introspection,
  },
  {
    id: 'audience-of-an-introspected-jwt',
    breaks: 'ATK-18',
    find: 'return readIntrospection(Object.freeze(standing), jwt, policy, share)',
    replace:
      'return readIntrospection(Object.freeze({ ...standing, claims: { ...standing.claims, ...jwt?.claims } }), jwt, policy, share)',
    tests: introspection,
  },
]
