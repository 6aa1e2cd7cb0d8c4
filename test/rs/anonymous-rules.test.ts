/** Rules of a policy for callers without a token: their checks, and what handlers get. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Hono } from 'hono'
import type { PolicyDocument, PolicyRule } from 'mcp-gatehouse'
import { protect, type ProtectedResourceOptions } from 'mcp-gatehouse/fetch'
import * as honoEntry from 'mcp-gatehouse/hono'
import { checkPolicy } from '../../src/policy/document.js'
import { RulePolicy } from '../../src/policy/policy.js'
import type { Visitor } from '../../src/rs/anonymous.js'
import { FetchGuardRequest } from '../../src/web/fetch-request.js'
import { createGuard } from '../../src/web/guard.js'
import { checkProtectedResource } from '../../src/web/options.js'
import { Permission } from '../../src/web/permission.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { createManualClock } from '../support/clocks.js'

const PUBLIC: PolicyRule = { tools: ['search'], anonymous: true }
const SESSION_KEYS = ['0123456789abcdef0123456789abcdef']

function policyOf(...rules: readonly object[]): PolicyDocument {
  return { rules: rules as readonly PolicyRule[], unmatched: 'deny' }
}

function problemsOf(document: unknown): readonly string[] {
  return checkPolicy(document).problems.map(({ path, message }) => `${path.join('.')} ${message}`)
}

describe('an anonymous rule', () => {
  verifies('IDN-29', 'has neither scopes nor claims nor methods, and says so clearly', () => {
    const beside = 'rules.0.anonymous stands beside scopes or claims'
    expect(problemsOf(policyOf({ ...PUBLIC, scopes: ['a'] }))).toEqual([beside])
    expect(problemsOf(policyOf({ ...PUBLIC, scopes: [] }))).toEqual([beside])
    expect(problemsOf(policyOf({ ...PUBLIC, claims: { role: 'a' } }))).toEqual([beside])
    expect(problemsOf(policyOf({ methods: ['logging/setLevel'], anonymous: true }))).toEqual([
      'rules.0.anonymous is not for methods',
    ])
    expect(problemsOf(policyOf({ tools: ['a'], scopes: [], anonymous: 'yes' }))).toEqual([
      'rules.0.anonymous must be true or false',
    ])
    expect(problemsOf(policyOf({ tools: ['a'], scopes: [], anonymous: null }))).toEqual([
      'rules.0.anonymous must be true or false',
    ])
    expect(problemsOf(policyOf({ tools: ['a'], anonymous: false }))).toEqual([
      'rules.0 does not say what it requires',
    ])
    expect(problemsOf(policyOf({ anonymous: true }))).toEqual(['rules.0 names nothing'])
  })

  test('a file gives texts', () => {
    expect(problemsOf(policyOf({ tools: 'search', anonymous: 'true' }))).toEqual([])
    expect(problemsOf(policyOf({ tools: 'search', scopes: 'a', anonymous: 'false' }))).toEqual([])
  })

  test('the limit for all of them is checked', () => {
    const limited = (anonymousLimit: unknown) => problemsOf({ ...policyOf(PUBLIC), anonymousLimit })
    expect(limited({ rate: '5/min', burst: '2' })).toEqual([])
    expect(limited({ rate: 'often' })).toEqual([
      'anonymousLimit.rate must be a number of uses in a time',
    ])
    expect(limited({ rate: '5/min', per: 'client' })).toEqual(['anonymousLimit.per no such name'])
    expect(limited('5/min')).toEqual(['anonymousLimit must be a limit'])
    expect(limited({ rate: '5/min', burst: 0 })).toEqual([
      'anonymousLimit.burst must be a whole number of at least 1',
    ])
  })

  verifies('IDN-29', 'needs keys that bind sessions, behind a middleware', () => {
    const options: ProtectedResourceOptions = {
      resource: RESOURCE,
      authorizationServers: ISSUER,
      policy: policyOf(PUBLIC),
    }
    expect(() => protect(options)).toThrow(/sessionKeys: is missing, and the policy has anonymous/)
    expect(() => protect({ ...options, sessionKeys: SESSION_KEYS })).not.toThrow()
    expect(checkProtectedResource(options).problems).toHaveLength(1)
    const { problems } = checkProtectedResource({ ...options, trustedProxies: ['0.0.0.0/0'] })
    expect(problems.map(({ path }) => path)).toContain('trustedProxies[0]')
  })
})

/** Few names, so that rules meet. */
const pattern = fc.constantFrom('a', 'b', 'a*', '*', 'ab')
const rule = fc.oneof(
  fc.record({
    tools: fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 }),
    anonymous: fc.constant(true),
  }),
  fc.record({
    tools: fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 }),
    scopes: fc.constant([]),
  }),
  fc.record({
    methods: fc.constantFrom<string>('tools/call', 'tools/list', 'ping').map((each) => [each]),
    scopes: fc.constant(['s']),
  }),
)
const toPattern = (text: string) => new RegExp(`^${text.replaceAll('*', '.*')}$`)

verifies('IDN-20', 'every rule that matches must be anonymous, and one at least', () => {
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 4 }),
      fc.constantFrom('deny', 'base'),
      (rules, rest) => {
        const { policy } = checkPolicy({ rules, unmatched: rest })
        const isPublic = new RulePolicy(policy).publicPart
        for (const name of ['a', 'b', 'ab', 'c']) {
          const matching = rules.filter((each) =>
            'tools' in each
              ? each.tools.some((text) => toPattern(text).test(name))
              : each.methods.includes('tools/call'),
          )
          const expected = matching.length > 0 && matching.every((each) => 'anonymous' in each)
          const operation = { method: 'tools/call', target: 'tool', name } as const
          expect(isPublic?.includes(operation) ?? false).toBe(expected)
        }
        for (const method of ['tools/list', 'ping', 'initialize', 'logging/setLevel']) {
          const isNamed = rules.some((each) => 'methods' in each && each.methods.includes(method))
          const isOpen = rules.some((each) => 'anonymous' in each)
          const operation = { method, target: undefined, name: undefined }
          const expected = isOpen && !isNamed && method !== 'logging/setLevel'
          expect(isPublic?.includes(operation) ?? false).toBe(expected)
        }
      },
    ),
    { numRuns: 1000 },
  )
})

describe('a handler', () => {
  const BODY = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}'
  async function start() {
    const idp = await FakeIdp.start()
    const options: ProtectedResourceOptions = {
      resource: RESOURCE,
      authorizationServers: ISSUER,
      fetch: idp.fetch,
      policy: policyOf(PUBLIC),
      sessionKeys: SESSION_KEYS,
      onEvent: false,
    }
    const request = (headers: Record<string, string> = {}) =>
      new Request(RESOURCE, {
        method: 'POST',
        body: BODY,
        headers: { 'content-type': 'application/json', ...headers },
      })
    return { idp, options, request }
  }

  verifies('IDN-20', 'finds no caller, and a route that asks for scopes stays closed', async () => {
    const { options, request } = await start()
    const guard = protect(options)
    const open = await guard(request(), (_request, { auth }) => Response.json(auth ?? 'nobody'))
    expect(await open.json()).toBe('nobody')
    const closed = await guard(
      request(),
      (_request, { requireScopes }) => requireScopes('admin') ?? Response.json('inside'),
    )
    expect(closed.status).toBe(401)
    expect(closed.headers.get('www-authenticate')).toMatch(/^Bearer resource_metadata=/)
  })

  verifies('IDN-20', 'finds no caller that earlier code has put there', async () => {
    const { options, request } = await start()
    const app = new Hono<honoEntry.ProtectedResourceEnv>()
    app.use(async (c, next) => {
      c.set('auth', { token: 'x', clientId: 'root', scopes: [] })
      await next()
    })
    app.use(honoEntry.protectedResource(options))
    app.post('/mcp', (c) => c.json(c.get('auth') ?? 'nobody'))
    app.post('/mcp/scoped', honoEntry.requireScopes('admin'), (c) => c.json('inside'))
    expect(await (await app.request(request())).json()).toBe('nobody')
    const scoped = new Request(`${RESOURCE}/scoped`, request())
    expect((await app.request(scoped)).status).toBe(401)
  })
})

verifies('IDN-25', 'callers without a token from many addresses take no limit of a user', () => {
  const policy: PolicyDocument = {
    rules: [PUBLIC, { tools: ['own'], scopes: [], limit: { rate: '1/h' } }],
    anonymousLimit: { rate: '1/d' },
    unmatched: 'deny',
  }
  const onEvent = () => undefined
  const options = { resource: RESOURCE, authorizationServers: ISSUER, policy, onEvent }
  const { operations } = createGuard(options, undefined, undefined, 'elsewhere')
  const asked = { origin: undefined, protocolVersion: undefined }
  // As many as are told apart.
  for (let each = 0; each < 100_000; each++) {
    const visitor = { outcome: 'anonymous', address: String(each), hasSession: false } as const
    operations?.countArrival(visitor, asked)
  }
  const body = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"own"}}')
  const callOf = (subject: string) => {
    const token = { issuer: ISSUER, subject, scopes: [], claims: {} }
    const visitor = { outcome: 'authenticated', token, bearer: '' } as unknown as Visitor
    return operations?.authorize(visitor, body, asked)
  }
  expect(callOf('alice')).toHaveProperty('messages')
  expect(callOf('bob')).toHaveProperty('messages')
  expect(callOf('alice')).toMatchObject({ status: 429 })
})

describe('a stream without a token', () => {
  /** One that is open for a minute. */
  async function start() {
    const clock = createManualClock()
    const options = {
      resource: RESOURCE,
      authorizationServers: ISSUER,
      policy: policyOf(PUBLIC),
      sessionKeys: SESSION_KEYS,
    }
    const guard = createGuard(options, undefined, clock.setTimer)
    const pass = async (init: RequestInit) => {
      const passage = await guard.pass(new FetchGuardRequest(new Request(RESOURCE, init), {}))
      if (!(passage instanceof Permission)) throw new TypeError(JSON.stringify(passage))
      return passage
    }
    const begun = await pass({
      method: 'POST',
      body: '{"jsonrpc":"2.0","id":1,"method":"initialize"}',
      headers: { 'content-type': 'application/json' },
    })
    const session = begun.sealSession('its-own') ?? ''
    const stream = await pass({ headers: { 'mcp-session-id': session } })
    const ends: string[] = []
    const stop = stream.watch((how) => ends.push(how))
    clock.pass(60_000)
    return { guard, clock, ends, stop }
  }

  verifies('IDN-20', 'ends normally after ten minutes', async () => {
    const { clock, ends } = await start()
    for (let minute = 2; minute < 10; minute++) clock.pass(60_000)
    clock.pass(59_999)
    expect(ends).toEqual([])
    clock.pass(1)
    expect(ends).toEqual(['end'])
    expect(clock.waiting()).toBe(0)
  })

  verifies('IDN-20', 'ends within a minute after the last anonymous rule is gone', async () => {
    const { guard, clock, ends } = await start()
    guard.resourceServer.replacePolicy(policyOf(PUBLIC, { tools: ['own'], scopes: [] }))
    clock.pass(60_000)
    expect(ends).toEqual([])
    guard.resourceServer.replacePolicy(policyOf({ tools: ['search'], scopes: [] }))
    clock.pass(60_000)
    expect(ends).toEqual(['end'])
  })

  test('is watched no more when it is over', async () => {
    const { clock, ends, stop } = await start()
    stop()
    expect(clock.waiting()).toBe(0)
    expect(ends).toEqual([])
  })
})
