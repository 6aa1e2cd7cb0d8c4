/** Callers without a token at the gateway: what the upstream, a command, audit and metrics learn. */
import { describe, expect } from 'vitest'
import {
  createGateway,
  type AuditRecord,
  type EventSubject,
  type GatewayEvent,
  type GatewayOptions,
} from 'mcp-gatehouse/gateway'
import type { PolicyDocument } from 'mcp-gatehouse'
import { lineOf } from '../../src/gateway/events.js'
import { createMetrics } from '../../src/gateway/metrics.js'
import { bodyOf, eventually, startGateway, startUpstream } from '../support/gateway.js'
import { ISSUER, RESOURCE } from '../support/idp.js'
import { createManualClock } from '../support/clocks.js'
import { verifies } from '../support/verifies.js'
import {
  Client,
  commandOf,
  messagesOf,
  MODERN,
  passOnceSet,
  startBridge,
  startServer,
} from './stdio/support.js'

const POLICY: PolicyDocument = {
  rules: [
    { tools: ['search', 'env', 'held', 'pid'], anonymous: true },
    { tools: ['delete'], scopes: ['write'] },
  ],
  unmatched: 'deny',
}

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c' } },
})
const call = (name: string, args: object = {}) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })

const FIELDS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
}

function poster(url: string, base: Readonly<Record<string, string>> = {}) {
  return (body: string, headers: Readonly<Record<string, string>> = {}, signal?: AbortSignal) =>
    fetch(`${url}/mcp`, {
      method: 'POST',
      body,
      headers: { ...FIELDS, ...base, ...headers },
      ...(signal !== undefined && { signal }),
    })
}

describe('a server reached by HTTP', () => {
  async function start(options: Partial<GatewayOptions> = {}) {
    const seen: Record<string, unknown>[] = []
    const records: AuditRecord[] = []
    const subjects: EventSubject[] = []
    const metrics = createMetrics(() => ({
      active: 0,
      streams: 0,
      children: { running: 0, sessions: 0 },
      resources: [],
    }))
    const upstream = await startUpstream((request, response) => {
      seen.push(request.headers)
      void bodyOf(request).then(() => response.end('{"jsonrpc":"2.0","id":1,"result":{}}'))
    })
    const fixture = await startGateway(upstream, {
      policy: POLICY,
      onAudit: (record) => records.push(record),
      onEvent(event: GatewayEvent, _resource?: string, about?: EventSubject) {
        metrics.count(event)
        if (event.type === 'request.completed' && about !== undefined) {
          subjects.push({ ...OF_NOBODY, caller: about.caller, subject: about.subject })
        }
      },
      ...options,
    })
    return { ...fixture, seen, records, subjects, metrics, post: poster(fixture.url) }
  }
  const OF_NOBODY: EventSubject = {
    user: undefined,
    subject: undefined,
    clientId: undefined,
    rpcMethod: undefined,
    target: undefined,
    operations: undefined,
    path: undefined,
    decision: undefined,
  }

  verifies('IDN-23', 'learns no identity, also not one that the client made up', async () => {
    const { post, seen, token } = await start()
    const forged = {
      'x-gatehouse-subject': 'root',
      'x-gatehouse-issuer': ISSUER,
      x_gatehouse_subject: 'root',
      'x-forwarded-for': '192.0.2.1',
    }
    expect((await post(call('search'), forged)).status).toBe(200)
    expect(Object.keys(seen[0] ?? {}).filter((name) => /gatehouse|forwarded/.test(name))).toEqual(
      [],
    )
    await post(call('search'), { authorization: `Bearer ${token}` })
    expect(seen[1]).toMatchObject({ 'x-gatehouse-subject': 'user-1' })
  })

  verifies('IDN-23', 'gets no credentials of a caller', async () => {
    const asked: string[] = []
    const { post, seen, token } = await start({
      upstreamCredentials: ({ token: facts }) => {
        asked.push(String(facts.subject))
        return { 'X-Api-Key': 'key' }
      },
    })
    expect((await post(call('search'))).status).toBe(200)
    expect(seen[0]).not.toHaveProperty('x-api-key')
    await post(call('search'), { authorization: `Bearer ${token}` })
    expect(asked).toEqual(['user-1'])
  })

  verifies('IDN-23', 'audit, events and metrics say that there was no token', async () => {
    const { post, records, subjects, metrics, token } = await start()
    await (await post(call('search'))).text()
    await (await post(call('delete'))).text()
    await (await post(call('search'), { authorization: `Bearer ${token}` })).text()
    await eventually(() => records.length === 3)
    expect(records[0]).toMatchObject({
      outcome: 'allow',
      anonymous: true,
      status: 200,
      operations: [{ method: 'tools/call', name: 'search' }],
    })
    expect(records[0]).not.toHaveProperty('issuer')
    expect(records[1]).toMatchObject({
      outcome: 'refused',
      code: 'ERR_CREDENTIALS_MISSING',
      anonymous: true,
      status: 401,
      operations: [{ method: 'tools/call', name: 'delete' }],
    })
    expect(records[2]).not.toHaveProperty('anonymous')
    expect(subjects.map(({ caller }) => caller)).toEqual(['anonymous', 'anonymous', undefined])
    const { text } = await metrics.collect()
    expect(text).toContain('gatehouse_anonymous_requests_total{outcome="allowed"} 1')
    expect(text).toContain('gatehouse_anonymous_requests_total{outcome="denied"} 1')
  })

  verifies(
    'IDN-25',
    'callers without a token have no more requests under way than one user',
    async () => {
      const { post, token } = await start({ maxRequestsPerCaller: 1 })
      const statuses = await Promise.all(
        Array.from({ length: 20 }, async () => (await post(call('search'))).status),
      )
      expect(new Set(statuses)).toEqual(new Set([200, 429]))
      expect((await post(call('search'), { authorization: `Bearer ${token}` })).status).toBe(200)
    },
  )

  verifies('IDN-25', 'one address leaves places for the others, and all leave some', async () => {
    const waiting: (() => void)[] = []
    const upstream = await startUpstream((request, response) => {
      void bodyOf(request).then(() => waiting.push(() => response.end('{}')))
    })
    const { url, token, reported } = await startGateway(upstream, {
      policy: POLICY,
      trustedProxies: ['127.0.0.1'],
      maxRequestsPerCaller: 8,
    })
    const post = poster(url)
    const running: Promise<Response>[] = []
    const hold = async (headers: Record<string, string>, count: number) => {
      const before = waiting.length
      for (let each = 0; each < count; each++) running.push(post(call('search'), headers))
      await eventually(() => waiting.length === before + count)
    }
    const from = (address: number) => ({ 'x-forwarded-for': `192.0.2.${address}` })
    await hold(from(1), 2)
    expect((await post(call('search'), from(1))).status).toBe(429)
    for (const address of [2, 3, 4]) await hold(from(address), 2)
    expect((await post(call('search'), from(5))).status).toBe(429)
    await hold({ authorization: `Bearer ${token}` }, 1)
    expect(reported('request.refused')).toMatchObject([
      {
        reason: '2 requests without a token are under way from this address',
        hint: expect.stringContaining('--trusted-proxy'),
      },
      { reason: '8 requests of this caller are under way' },
    ])
    for (const answer of waiting) answer()
    const statuses = (await Promise.all(running)).map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([200]))
  })

  verifies('IDN-28', 'audit and metrics count what a tool result stands for', async () => {
    const { post, records, metrics, token } = await start({ refusalForm: 'tool-result' })
    expect((await post(call('delete'))).status).toBe(200)
    await eventually(() => records.length === 1)
    const answer = await post(call('delete'), { authorization: `Bearer ${token}` })
    expect(answer.status).toBe(200)
    await eventually(() => records.length === 2)
    expect(records).toMatchObject([
      { outcome: 'refused', status: 401, code: 'ERR_CREDENTIALS_MISSING' },
      { outcome: 'deny', status: 403, code: 'ERR_SCOPE_INSUFFICIENT' },
    ])
    const { text } = await metrics.collect()
    expect(text).toContain('outcome="denied",reason="ERR_CREDENTIALS_MISSING"} 1')
    expect(text).not.toContain('outcome="answered"')
  })

  verifies('IDN-25', 'the log names the settings that help', async () => {
    const lines: string[] = []
    const { post } = await start({
      policy: { ...POLICY, anonymousLimit: { rate: '1/h' } },
      onEvent: (event) => void lines.push(lineOf(event)[1]()),
    })
    await post(call('search'))
    expect((await post(call('search'))).status).toBe(429)
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^beyond the limit of 1\/h per address: .*anonymousLimit.*--trusted-proxy/,
      ),
    )
  })

  verifies('IDN-29', 'no policy without anonymous rules is replaced by one with them', async () => {
    const closed: PolicyDocument = { rules: [{ tools: 'search', scopes: [] }], unmatched: 'deny' }
    const { gateway, post } = await start({ policy: closed })
    expect(() => gateway.replacePolicies({ [RESOURCE]: POLICY })).toThrow(
      /has anonymous rules, unlike/,
    )
    expect((await post(call('search'))).status).toBe(401)
  })

  verifies('IDN-20', 'a stream without a token ends in time', async () => {
    const upstream = await startUpstream((request, response) => {
      response.setHeader('Mcp-Session-Id', 'its-own')
      if (request.method === 'GET') {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' })
        return void response.write(': open\n\n')
      }
      void bodyOf(request).then(() => response.end('{"jsonrpc":"2.0","id":1,"result":{}}'))
    })
    const clock = createManualClock()
    const { url, gateway } = await startGateway(
      upstream,
      { policy: POLICY, sseKeepAlive: 0 },
      {},
      clock,
    )
    const begun = await poster(url)(INITIALIZE)
    await begun.text()
    await eventually(() => clock.waiting(60_000) === 0)
    const session = begun.headers.get('mcp-session-id') ?? ''
    const open = async () => {
      const headers = { accept: 'text/event-stream', 'mcp-session-id': session }
      const stream = await fetch(`${url}/mcp`, { headers })
      expect(stream.status).toBe(200)
      return stream.text()
    }
    const whole = open()
    for (let minute = 1; minute <= 10; minute++) await passOnceSet(clock, 60_000)
    expect(await whole).toBe(': open\n\n')
    const closed: PolicyDocument = { rules: [{ tools: 'search', scopes: [] }], unmatched: 'deny' }
    const ended = open()
    await eventually(() => clock.waiting(60_000) === 1)
    gateway.replacePolicies({ [RESOURCE]: closed })
    clock.pass(60_000)
    expect(await ended).toBe(': open\n\n')
  })

  verifies('IDN-20', 'anonymous rules can go while requests are served', async () => {
    const closed: PolicyDocument = { rules: [{ tools: 'search', scopes: [] }], unmatched: 'deny' }
    const { gateway, post } = await start()
    expect((await post(call('search'))).status).toBe(200)
    gateway.replacePolicies({ [RESOURCE]: closed })
    expect((await post(call('search'))).status).toBe(401)
    expect((await post(INITIALIZE)).status).toBe(401)
  })
})

describe('a command', () => {
  verifies('IDN-29', 'needs children for callers without a token', () => {
    const make = (children: GatewayOptions['children']) => () =>
      createGateway({
        resource: RESOURCE,
        authorizationServers: ISSUER,
        command: commandOf('legacy'),
        policy: POLICY,
        ...(children !== undefined && { children }),
      })
    expect(make(undefined)).toThrow(
      /maxAnonymousChildren: is 0, and the policy has anonymous rules/,
    )
    expect(make({ maxAnonymousChildren: 0 })).toThrow(/is 0/)
    expect(make({ maxAnonymousChildren: -1 })).toThrow(/must be a number/)
    expect(make({ maxAnonymousChildren: 1 })).not.toThrow()
  })

  async function start(
    children: GatewayOptions['children'],
    options: Partial<GatewayOptions> = {},
  ) {
    const fixture = await startBridge('legacy', {
      policy: POLICY,
      ...options,
      ...(children !== undefined && { children }),
    })
    const anonymous = poster(fixture.url)
    const user = poster(fixture.url, { authorization: `Bearer ${fixture.token}` })
    const open = async (post: typeof user) => {
      const answer = await post(INITIALIZE)
      await answer.text()
      return { status: answer.status, session: answer.headers.get('mcp-session-id') ?? '' }
    }
    return { ...fixture, anonymous, user, open }
  }

  verifies('IDN-23', 'learns no identity of a caller without a token', async () => {
    const { anonymous, user, open } = await start({ maxAnonymousChildren: 1 })
    const environmentOf = async (post: typeof user) => {
      const { session } = await open(post)
      return (await post(call('env'), { 'mcp-session-id': session })).text()
    }
    const seen = await environmentOf(anonymous)
    expect(seen).toContain('PATH')
    expect(seen).not.toMatch(/GATEHOUSE_(?:ISSUER|SUBJECT|CLIENT)/)
    expect(await environmentOf(user)).toContain('GATEHOUSE_SUBJECT')
  })

  verifies('IDN-22', 'has sessions of users, and sessions without a token', async () => {
    const { anonymous, user, open, url } = await start({ maxAnonymousChildren: 1 })
    const theirs = await open(user)
    const nobodys = await open(anonymous)
    expect(nobodys.session).toMatch(/^anonymous\./)
    const named = (session: string) => ({ 'mcp-session-id': session })
    expect((await anonymous(call('pid'), named(nobodys.session))).status).toBe(200)
    expect((await user(call('pid'), named(nobodys.session))).status).toBe(404)
    expect((await anonymous(call('pid'), named(theirs.session))).status).toBe(401)
    expect((await anonymous(call('delete'), named(nobodys.session))).status).toBe(401)
    expect((await anonymous(call('pid'), named('anonymous.gone'))).status).toBe(404)
    const without = (session: string, method: string) =>
      fetch(`${url}/mcp`, { method, headers: { ...named(session), accept: 'text/event-stream' } })
    expect((await without(theirs.session, 'GET')).status).toBe(401)
    expect((await without(theirs.session, 'DELETE')).status).toBe(401)
    const stream = await without(nobodys.session, 'GET')
    expect(stream.status).toBe(200)
    await stream.body?.cancel()
    expect((await without(nobodys.session, 'DELETE')).status).toBe(204)
    expect((await user(call('pid'), named(theirs.session))).status).toBe(200)
  })

  verifies('IDN-24', 'of one address takes and ends no child of another', async () => {
    const trustedProxies = ['127.0.0.1']
    const { open, url, gateway } = await start({ maxAnonymousChildren: 4 }, { trustedProxies })
    const one = poster(url, { 'x-forwarded-for': '192.0.2.1' })
    const other = poster(url, { 'x-forwarded-for': '198.51.100.1' })
    const { session } = await open(one)
    await open(one)
    const statuses: number[] = []
    for (let each = 0; each < 3; each++) statuses.push((await open(other)).status)
    expect(statuses).toEqual([200, 200, 200])
    expect(gateway.status().children).toEqual({ running: 4, sessions: 4 })
    expect((await one(call('pid'), { 'mcp-session-id': session })).status).toBe(200)
  })

  verifies('IDN-23', 'that all share tells nobody of another, and nobody cancels', async () => {
    const body = `
      globalThis.held ??= []
      globalThis.told ??= []
      const log = () => say('{"jsonrpc":"2.0","method":"notifications/message","params":{}}')
      if (method === 'server/discover') return answer(id, { supportedVersions: ['${MODERN}'] })
      if (method !== 'tools/call') return void told.push(method)
      held.push(id)
      if (params.name === 'held') return console.error('held')
      log()
      for (const each of held.splice(0)) answer(each, { told })
      log()`
    const children = { maxAnonymousChildren: 1 }
    const fixture = await startServer(body, { policy: POLICY, children })
    const withoutToken = (init: RequestInit) => fetch(`${fixture.url}/mcp`, init)
    const client = () => new Client({ ...fixture, call: withoutToken }, { version: MODERN })
    const [one, other] = [client(), client()]
    const held = one.call('held', {}, { id: 7 })
    await eventually(() => fixture.reported('child.remarked').length > 0)
    const notify = async (method: string, params = {}) => {
      const _meta = { 'io.modelcontextprotocol/protocolVersion': MODERN }
      const notification = { jsonrpc: '2.0', method, params: { ...params, _meta } }
      return (await other.post(notification, { 'mcp-method': method })).status
    }
    expect(await notify('notifications/cancelled', { requestId: 7 })).toBe(401)
    expect(await notify('notifications/roots/list_changed')).toBe(202)
    const answer = (id: number) => [{ jsonrpc: '2.0', id, result: { told: [] } }]
    expect(await messagesOf(await other.call('pid', {}, { id: 8 }))).toEqual(answer(8))
    expect(await messagesOf(await held)).toEqual(answer(7))
    expect(await messagesOf(await other.call('pid', {}, { id: 9 }))).toEqual(answer(9))
  })

  verifies('IDN-24', 'neither side takes a place of the other', async () => {
    const { anonymous, user, open, reported, gateway } = await start({
      maxAnonymousChildren: 1,
      maxChildren: 2,
      maxChildrenPerPrincipal: 1,
    })
    const nobodys = await open(anonymous)
    const theirs = await open(user)
    expect([nobodys.status, theirs.status]).toEqual([200, 200])
    expect(gateway.status().children).toEqual({ running: 2, sessions: 2 })
    // In use, so that neither ends for another.
    const leaving = new AbortController()
    const held = (post: typeof user, session: string) =>
      post(call('held', { before: 1 }), { 'mcp-session-id': session }, leaving.signal)
    const answers = await Promise.allSettled([
      held(anonymous, nobodys.session),
      held(user, theirs.session),
    ])
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    expect((await open(anonymous)).status).toBe(503)
    expect(reported('request.refused')).toMatchObject([
      { code: 'ERR_CHILDREN_TOO_MANY', hint: expect.stringContaining('--max-anonymous-children') },
    ])
    expect((await open(user)).status).toBe(429)
    leaving.abort()
  })
})
