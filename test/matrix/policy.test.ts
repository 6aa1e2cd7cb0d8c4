/** Who may call what, through every host, in both eras. */
import { serve, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import type { PolicyDocument } from 'mcp-gatehouse'
import { verifies } from '../support/verifies.js'
import { protectedResource, type ProtectedResourceEnv } from 'mcp-gatehouse/hono'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { portOf } from './hosts.js'
import { POLICY_HOSTS, startPolicyHost } from './policy-hosts.js'

const MODERN = '2026-07-28'
const POLICY: PolicyDocument = {
  implies: { 'mcp:admin': ['mcp:write'], 'mcp:write': ['mcp:read'] },
  rules: [
    { tools: ['read_*', 'list_*'], scopes: ['mcp:read'] },
    { tools: 'delete_file', scopes: ['mcp:write'] },
    { prompts: ['*'], scopes: ['mcp:read'] },
    { resources: ['file:///srv/**'], scopes: ['mcp:read'] },
    { resources: ['file:///srv/secret/*'], scopes: ['mcp:admin'] },
    { methods: ['logging/setLevel'], scopes: ['mcp:admin'] },
    { tools: ['deploy'], claims: { 'realm_access.roles': ['ops'] } },
    { tools: ['deploy', 'two'], scopes: ['a', 'b'] },
    { tools: ['free'], scopes: [] },
  ],
  unmatched: 'deny',
}
const rpc = (method: string, params?: unknown, id: unknown = 1) =>
  JSON.stringify({ jsonrpc: '2.0', ...(id !== undefined && { id }), method, params })
const call = (name: unknown) => rpc('tools/call', { name, arguments: {} })
const modern = (method: string, params: object = {}) =>
  rpc(method, {
    ...params,
    _meta: { 'io.modelcontextprotocol/protocolVersion': MODERN },
  })

type Options = Pick<GatewayOptions, 'policy' | 'scopes'>

function oddJudge(): NonNullable<GatewayOptions['policy']> {
  return ({ name }) => {
    if (name === 'open') return { scopes: [] }
    if (name === 'more') return { scopes: ['extra'] }
    if (name === 'never') return 'deny'
    if (name === 'throws') throw new Error('secret')
    if (name === 'promise') return Promise.resolve({ scopes: [] }) as never
    if (name === 'odd') return { scopes: ['a b'] }
    return undefined as never
  }
}

const TOOLS =
  '[{"name":"read_a","max":9007199254740993},{"name":"delete_file"}, {"name":"free"},{"name":"hidden"},{"title":"no name"},7]'
const SHOWN = '[{"name":"read_a","max":9007199254740993},{"name":"free"}]'

describe.each(POLICY_HOSTS)('%s', (host) => {
  async function startBench(options: Options = {}, answer?: string, type = 'application/json') {
    const served = await startPolicyHost(
      host,
      { policy: POLICY, scopes: ['mcp:use'], ...options },
      { body: answer ?? '{"jsonrpc":"2.0","id":1,"result":{}}', type },
    )
    const { idp, arrived, events, call: fetchEndpoint } = served
    async function send(
      body: string,
      scope: string,
      headers: Record<string, string> = {},
      claims: Record<string, unknown> = {},
    ) {
      arrived.length = 0
      const token = await idp.token({ claims: { scope, ...claims } })
      const response = await fetchEndpoint({
        method: 'POST',
        body,
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...headers,
        },
      })
      const challenge = response.headers.get('www-authenticate') ?? ''
      return {
        status: response.status,
        challenge,
        scope: /scope="([^"]*)"/.exec(challenge)?.[1],
        text: await response.text(),
        headers: response.headers,
        arrived: [...arrived],
      }
    }
    const told = (type: string) => events.filter((event) => event.type === type)
    return { idp, call: fetchEndpoint, told, send }
  }

  describe('scopes of operations', () => {
    verifies(
      ['SCP-01', 'SCP-02', 'SCP-05', 'CASE-52', 'CASE-53'],
      'one 403 names base scopes and those of the operation, and nothing reaches the server',
      async () => {
        const { send, told } = await startBench()
        for (const [body, scope, expected] of [
          [call('read_file'), 'mcp:use', 'mcp:use mcp:read'],
          [call('read_file'), '', 'mcp:use mcp:read'],
          [call('read_file'), 'mcp:read', 'mcp:use mcp:read'],
          [call('two'), 'mcp:use', 'mcp:use a b'],
          [call('two'), 'mcp:use a', 'mcp:use a b'],
          [rpc('prompts/get', { name: 'x' }), 'mcp:use', 'mcp:use mcp:read'],
          [rpc('resources/read', { uri: 'file:///srv/a' }), 'mcp:use', 'mcp:use mcp:read'],
          [rpc('resources/subscribe', { uri: 'file:///srv/a' }), 'mcp:use', 'mcp:use mcp:read'],
          [rpc('resources/unsubscribe', { uri: 'file:///srv/a' }), 'mcp:use', 'mcp:use mcp:read'],
          [
            rpc('completion/complete', { ref: { type: 'ref/prompt', name: 'x' } }),
            'mcp:use',
            'mcp:use mcp:read',
          ],
          [
            rpc('completion/complete', { ref: { type: 'ref/resource', uri: 'file:///srv/{x}' } }),
            'mcp:use',
            'mcp:use mcp:read',
          ],
          [rpc('logging/setLevel', { level: 'info' }), 'mcp:use', 'mcp:use mcp:admin'],
          [
            rpc('resources/read', { uri: 'file:///srv/secret/a' }),
            'mcp:use',
            'mcp:use mcp:read mcp:admin',
          ],
          [rpc('ping'), 'other', 'mcp:use'],
        ] as const) {
          const { status, challenge, scope: asked, arrived, text } = await send(body, scope)
          expect({ body, status, asked, arrived }).toEqual({
            body,
            status: 403,
            asked: expected,
            arrived: [],
          })
          expect(challenge).toMatch(/^Bearer error="insufficient_scope"/)
          expect(challenge).toContain('resource_metadata=')
          expect(JSON.parse(text)).toMatchObject({ error: 'insufficient_scope' })
        }
        expect(told('request.denied')[0]).toMatchObject({
          code: 'ERR_SCOPE_INSUFFICIENT',
          reason: 'lacks mcp:read for "tools/call" "read_file"',
        })
      },
    )

    verifies(
      'SCP-04',
      'a greater scope holds the lesser ones, and no other way round',
      async () => {
        const { send } = await startBench()
        for (const [name, scope, status] of [
          ['read_file', 'mcp:use mcp:admin', 200],
          ['delete_file', 'mcp:use mcp:admin', 200],
          ['delete_file', 'mcp:use mcp:read', 403],
          ['two', 'mcp:use mcp:admin', 403],
          ['free', 'mcp:use', 200],
          ['free', 'mcp:admin', 403],
        ] as const) {
          const body = call(name)
          const answer = await send(body, scope)
          expect({ name, scope, status: answer.status }).toEqual({ name, scope, status })
          expect(answer.arrived).toEqual(status === 200 ? [body] : [])
        }
      },
    )

    verifies('ATK-04', 'a version older than that of the body is a mismatch', async () => {
      const { send } = await startBench()
      const mirrored = { 'mcp-method': 'tools/call', 'mcp-name': 'free' }
      const body = modern('tools/call', { name: 'free' })
      const lists = [body, `[${body}]`, `[${call('free')},${body}]`]
      for (const version of ['2025-11-25', '2025-03-26', '2026-07-27', 'DRAFT', undefined]) {
        const headers = { ...mirrored, ...(version && { 'mcp-protocol-version': version }) }
        // Batches are refused before where the version has none.
        const sent = version === undefined || version === '2025-03-26' ? lists : [body]
        for (const each of sent) {
          const answer = await send(each, 'mcp:use', headers)
          expect({ version, each, status: answer.status, arrived: answer.arrived }).toEqual({
            version,
            each,
            status: 400,
            arrived: [],
          })
          expect(JSON.parse(answer.text)).toMatchObject({
            id: each === body ? 1 : null,
            error: { code: -32020, message: 'MCP-Protocol-Version does not match the body' },
          })
        }
      }
      const equal = { ...mirrored, 'mcp-protocol-version': MODERN }
      expect((await send(body, 'mcp:use', equal)).status).toBe(200)
      // What an older revision says of itself binds nobody.
      const old = body.replace(MODERN, '2025-11-25')
      expect((await send(old, 'mcp:use', { 'mcp-protocol-version': '2025-11-25' })).status).toBe(
        200,
      )
    })

    verifies(
      ['SCP-03', 'CASE-52'],
      'clients of the older eras find the scopes they have in the challenge, later ones do not',
      async () => {
        const { send } = await startBench()
        const held = 'mcp:use mcp:read a elsewhere'
        const older = { 'mcp-protocol-version': '2025-11-25' }
        expect((await send(call('delete_file'), held, older)).scope).toBe(
          'mcp:use mcp:write mcp:read a',
        )
        expect((await send(call('delete_file'), held)).scope).toBe('mcp:use mcp:write mcp:read a')
        const answer = await send(modern('tools/call', { name: 'delete_file' }), held, {
          'mcp-protocol-version': MODERN,
          'mcp-method': 'tools/call',
          'mcp-name': 'delete_file',
        })
        expect(answer.scope).toBe('mcp:use mcp:write')
      },
    )

    verifies(
      ['SCP-06', 'SCP-07'],
      'what no scope cures is a denial without a challenge',
      async () => {
        const { send } = await startBench()
        const roles = (...list: string[]) => ({ realm_access: { roles: list } })
        for (const [body, claims] of [
          [call('deploy'), {}],
          [call('deploy'), roles('dev', 'OPS')],
          [call('deploy'), { realm_access: { roles: 'dev ops' } }],
          [call('deploy'), { 'realm_access.roles': 'dev', ...roles('ops') }],
          [call('unnamed'), {}],
          [call('Read_file'), {}],
          [rpc('prompts/unknown'), {}],
          [rpc('tools/unknown'), {}],
          [rpc('resources/read', { uri: 'https://srv/a' }), {}],
        ] as const) {
          const answer = await send(body, 'mcp:use mcp:admin a b', {}, claims)
          expect({ body, status: answer.status, arrived: answer.arrived }).toEqual({
            body,
            status: 403,
            arrived: [],
          })
          expect(answer.challenge).toBe('')
          expect(JSON.parse(answer.text)).toEqual({
            error: 'access_denied',
            error_description: 'This caller may not do this',
          })
        }
        expect((await send(call('deploy'), 'mcp:use a b', {}, roles('ops'))).status).toBe(200)
        // With the role the scopes are asked for, which are needed as well.
        expect((await send(call('deploy'), 'mcp:use', {}, roles('ops'))).scope).toBe('mcp:use a b')
      },
    )

    verifies(
      ['CASE-54', 'SCP-01'],
      'a token that is no good is 401 with the base scopes alone, whatever is asked for',
      async () => {
        const { send, call: fetchEndpoint } = await startBench()
        const expired = { exp: 1_000 }
        const answer = await send(call('delete_file'), 'mcp:use', {}, expired)
        expect(answer).toMatchObject({ status: 401, scope: 'mcp:use', arrived: [] })
        const nobody = await fetchEndpoint({
          method: 'POST',
          body: call('delete_file'),
          headers: { authorization: '' },
        })
        expect(nobody.status).toBe(401)
        expect(nobody.headers.get('www-authenticate')).toContain('scope="mcp:use"')
      },
    )

    verifies('SCP-08', 'streams and sessions need the base scopes', async () => {
      const { idp, call: fetchEndpoint } = await startBench()
      const token = await idp.token({ claims: { scope: 'mcp:read' } })
      for (const method of ['GET', 'DELETE']) {
        const answer = await fetchEndpoint({
          method,
          headers: { authorization: `Bearer ${token}` },
        })
        expect(answer.status).toBe(403)
        expect(answer.headers.get('www-authenticate')).toContain('scope="mcp:use"')
      }
    })

    verifies('CASE-53', 'another method of HTTP opens nothing that POST does not', async () => {
      const { idp, call: fetchEndpoint } = await startBench()
      const token = await idp.token({ claims: { scope: 'mcp:use' } })
      for (const method of ['PUT', 'PATCH', 'post']) {
        const answer = await fetchEndpoint({
          method,
          body: call('delete_file'),
          headers: { authorization: `Bearer ${token}` },
        })
        expect([403, 405]).toContain(answer.status)
      }
    })

    verifies('CASE-58', 'a resource in another spelling is the same resource', async () => {
      const { send } = await startBench()
      for (const uri of [
        'file:/srv/secret/a',
        'file:srv/secret/a',
        'file://localhost/srv/secret/a',
        'FILE:////srv//%73ecret/a ',
      ]) {
        const answer = await send(rpc('resources/read', { uri }), 'mcp:use mcp:read')
        expect({ uri, ...answer }).toMatchObject({
          uri,
          status: 403,
          scope: 'mcp:use mcp:read mcp:admin',
          arrived: [],
        })
      }
    })

    verifies('CASE-53', 'the protocol itself needs the base scopes only', async () => {
      const { send } = await startBench()
      for (const method of ['initialize', 'ping', 'tools/list', 'notifications/initialized']) {
        expect((await send(rpc(method), 'mcp:use')).status).toBe(200)
      }
      // An answer to a request of the server.
      const answer = '{"jsonrpc":"2.0","id":5,"result":{"roots":[]}}'
      expect(await send(answer, 'mcp:use')).toMatchObject({ status: 200, arrived: [answer] })
      expect(await send(answer, 'mcp:read')).toMatchObject({ status: 403, arrived: [] })
    })
  })

  describe('what cannot be judged', () => {
    verifies(
      ['HDR-08', 'CASE-58', 'CASE-59'],
      'is refused, and nothing of it reaches the server',
      async () => {
        const { send } = await startBench()
        for (const body of [
          'no json',
          '',
          '[]',
          '1',
          '{"jsonrpc":"2.0","id":1}',
          '{"jsonrpc":"1.0","id":1,"method":"ping"}',
          '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"x"}}',
          '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","name":"x"}}',
          '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","Name":"x"}}',
          '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}',
          '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["free"]}',
          '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":"free"}',
          '{"jsonrpc":"2.0","id":1,"method":"tools/call"}',
          call(1),
          call(['free']),
          call(undefined),
          rpc('completion/complete', { ref: { type: 'ref/other', uri: 'file:///srv/a' } }),
          rpc('completion/complete', {}),
          rpc('completion/complete', { ref: { type: 'ref/prompt', name: 'a', Name: 'b' } }),
          rpc('completion/complete', { ref: { type: 'ref/prompt', name: 'a', Type: 'x' } }),
          rpc('subscriptions/listen', { notifications: { ResourceSubscriptions: ['file:///a'] } }),
          rpc('resources/read', { uri: 'file:///srv/../etc/passwd' }),
          rpc('resources/read', { uri: 'file:///srv/%2e%2e/etc/passwd' }),
          rpc('resources/read', { uri: 'file:///srv/a%2fb' }),
          rpc('resources/read', { uri: 'file:///srv\\a' }),
          rpc('resources/read', { uri: 'srv/a' }),
          rpc('subscriptions/listen', {
            notifications: { resourceSubscriptions: 'file:///srv/a' },
          }),
        ]) {
          const answer = await send(body, 'mcp:use mcp:admin')
          expect({ body, status: answer.status, arrived: answer.arrived }).toEqual({
            body,
            status: 400,
            arrived: [],
          })
          expect(JSON.parse(answer.text)).toMatchObject({
            jsonrpc: '2.0',
            error: { code: expect.any(Number) },
          })
        }
      },
    )

    verifies(
      ['HDR-09', 'CASE-58'],
      'of a batch every element is judged, and versions without batches have none',
      async () => {
        const { send } = await startBench()
        const batch = (...bodies: string[]) => `[${bodies.join(',')}]`
        const mixed = batch(call('read_file'), call('delete_file'))
        expect(await send(mixed, 'mcp:use mcp:read')).toMatchObject({
          status: 403,
          scope: 'mcp:use mcp:read mcp:write',
          arrived: [],
        })
        expect(await send(mixed, 'mcp:use mcp:write')).toMatchObject({
          status: 200,
          arrived: [mixed],
        })
        const version = (name: string) => ({ 'mcp-protocol-version': name })
        expect((await send(mixed, 'mcp:use mcp:write', version('2025-03-26'))).status).toBe(200)
        for (const name of ['2025-06-18', '2025-11-25', 'nonsense', MODERN]) {
          expect(await send(mixed, 'mcp:use mcp:write', version(name))).toMatchObject({
            status: 400,
            arrived: [],
          })
        }
        expect((await send(batch(call('read_file'), '1'), 'mcp:use mcp:admin')).status).toBe(400)
      },
    )

    verifies(
      ['HDR-05', 'HDR-06', 'HDR-07'],
      'header fields decide nothing: the body is read',
      async () => {
        const { send } = await startBench()
        const body = call('delete_file')
        const harmless = { 'mcp-method': 'tools/call', 'mcp-name': 'free' }
        for (const headers of [
          { 'mcp-protocol-version': '2025-11-25', ...harmless },
          harmless,
          { 'mcp-method': 'ping' },
        ]) {
          expect(await send(body, 'mcp:use', headers)).toMatchObject({ status: 403, arrived: [] })
        }
        const listen = modern('subscriptions/listen', {
          notifications: { resourceSubscriptions: ['file:///srv/a', 'file:///srv/secret/b'] },
        })
        const fields = { 'mcp-protocol-version': MODERN, 'mcp-method': 'subscriptions/listen' }
        expect(await send(listen, 'mcp:use mcp:read', fields)).toMatchObject({
          status: 403,
          scope: 'mcp:use mcp:read mcp:admin',
          arrived: [],
        })
        expect((await send(listen, 'mcp:use mcp:admin', fields)).status).toBe(200)
      },
    )

    test('names are what they are: large, odd, or like a pattern', async () => {
      const { send } = await startBench()
      const long = `read_${'x'.repeat(1_000)}`
      expect((await send(call(long), 'mcp:use mcp:read')).status).toBe(200)
      expect((await send(call(`w${long}`), 'mcp:use mcp:read')).status).toBe(403)
      const large = await send(call(`read_${'x'.repeat(1_000_000)}`), 'mcp:use mcp:read')
      expect(large).toMatchObject({ status: 400, arrived: [] })
      for (const name of [
        '*',
        'read_',
        'delete_fil*',
        'delete_file\u0000',
        ' free',
        '__proto__',
        '',
      ]) {
        const answer = await send(call(name), 'mcp:use mcp:admin')
        expect({ name, status: answer.status }).toEqual({
          name,
          status: name === 'read_' ? 200 : 403,
        })
      }
      // Escapes are another spelling of the same name.
      const escaped =
        '{"jsonrpc":"2.0","id":1,"method":"tools\\/call","params":{"name":"\\u0066ree"}}'
      expect(await send(escaped, 'mcp:use')).toMatchObject({ status: 200, arrived: [escaped] })
    })

    test('a subscription may name more than a call may have arguments', async () => {
      const { send } = await startBench()
      const resourceSubscriptions = Array.from({ length: 150_000 }, () => 'file:///srv/a')
      const body = rpc('subscriptions/listen', { notifications: { resourceSubscriptions } })
      expect(await send(body, 'mcp:use')).toMatchObject({
        status: 403,
        scope: 'mcp:use mcp:read',
        arrived: [],
      })
    })

    test('scopes of a token with odd characters hold nothing', async () => {
      const { send } = await startBench()
      for (const scope of [
        'mcp:use "mcp:write"',
        'mcp:use\tmcp:write',
        'mcp:use mcp:write\u00a0',
      ]) {
        expect((await send(call('delete_file'), scope)).status).not.toBe(200)
      }
    })
  })

  describe('refusals', () => {
    test('too many of one caller are 429 before anything is read, and others go on', async () => {
      const { send, told } = await startBench()
      const statuses: number[] = []
      for (let i = 0; i < 40; i++) {
        statuses.push((await send(call(`guess_${i}`), 'mcp:use', {}, { sub: 'guesser' })).status)
      }
      expect(statuses.slice(0, 30).every((status) => status === 403)).toBe(true)
      expect(statuses.at(-1)).toBe(429)
      const waiting = await send(call('free'), 'mcp:use', {}, { sub: 'guesser' })
      expect(waiting).toMatchObject({ status: 429, arrived: [] })
      expect(Number(waiting.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
      expect((await send(call('free'), 'mcp:use', {}, { sub: 'other' })).status).toBe(200)
      expect(told('operation.throttled')).toContainEqual(expect.objectContaining({ isFirst: true }))
    })
  })

  describe('a policy function', () => {
    test('judges, and its faults allow nothing', async () => {
      const judge = oddJudge()
      const { send, told } = await startBench({ policy: judge })
      expect((await send(call('open'), 'mcp:use')).status).toBe(200)
      expect((await send(call('more'), 'mcp:use')).scope).toBe('mcp:use extra')
      expect(await send(call('never'), 'mcp:use')).toMatchObject({ status: 403, challenge: '' })
      for (const name of ['throws', 'nothing', 'promise', 'odd']) {
        expect(await send(call(name), 'mcp:use')).toMatchObject({ status: 500, arrived: [] })
      }
      expect(told('request.failed')).toHaveLength(4)
    })
  })

  describe('filtered lists', () => {
    verifies(
      ['STA-07', 'STA-06', 'CASE-60'],
      'show what the token may use, in order, with the rest as it was, and are private',
      async () => {
        const listed = (tools: string) =>
          `{"jsonrpc":"2.0", "id":1,"result":{"tools":${tools},"nextCursor":"x","ttlMs":5,"cacheScope":"public"}}`
        const { send } = await startBench({}, listed(TOOLS))
        const answer = await send(rpc('tools/list'), 'mcp:use mcp:read')
        expect(answer.text).toBe(listed(SHOWN).replace('"public"', '"private"'))
        expect(answer.headers.get('cache-control')).toBe('private, no-store')
        expect(answer.headers.get('vary')).toBe('Authorization')
        expect(answer.headers.get('content-length')).toBe(String(answer.text.length))
        const all = await send(rpc('tools/list'), 'mcp:use mcp:admin')
        expect(JSON.parse(all.text).result.tools).toHaveLength(3)
        const none = await send(rpc('tools/list'), 'mcp:use')
        expect(JSON.parse(none.text).result.tools).toEqual([{ name: 'free' }])
      },
    )

    verifies(
      ['STA-07', 'CASE-60'],
      'are judged by roles too, where scopes are the same',
      async () => {
        const tools = ['deploy', 'two'].map((name) => ({ name, description: 'x'.repeat(1_000) }))
        const { send } = await startBench(
          {},
          JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools } }),
        )
        for (let i = 0; i < 3; i++) {
          for (const [roles, shown] of [
            [['ops'], ['deploy', 'two']],
            [['dev'], ['two']],
          ] as const) {
            const { text } = await send(
              rpc('tools/list'),
              'mcp:use a b',
              {},
              { realm_access: { roles } },
            )
            const { result } = JSON.parse(text) as { result: { tools: { name: string }[] } }
            expect(result.tools.map(({ name }) => name)).toEqual(shown)
          }
        }
      },
    )

    verifies('STA-07', 'in events too, in each of them, however they come in', async () => {
      const event = (text: string) => `id: 7\r\nevent: message\r\ndata: ${text}\r\n\r\n`
      const listed = (tools: string) => `{"jsonrpc":"2.0","id":1,"result":{"tools":${tools}}}`
      const notice = 'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n'
      const stream = `: hello\n\nid: 1\ndata: \n\n${notice}${event(listed(TOOLS))}`
      const { send } = await startBench({}, stream, 'text/event-stream')
      const answer = await send(rpc('tools/list'), 'mcp:use mcp:read')
      expect(answer.text).toBe(
        `: hello\n\nid: 1\ndata: \n\n${notice}id: 7\nevent: message\ndata: ${listed(SHOWN)}\n\n`,
      )
    })

    verifies('STA-07', 'of prompts, resources and templates as well', async () => {
      const result = {
        resources: [{ uri: 'file:///srv/a' }, { uri: 'file:///etc/a' }, { uri: '::' }],
        prompts: [{ name: 'p' }],
        resourceTemplates: [{ uriTemplate: 'file:///srv/{x}' }, { uriTemplate: 'file:///{+x}' }],
      }
      const { send } = await startBench({}, JSON.stringify({ jsonrpc: '2.0', id: 1, result }))
      for (const method of ['resources/list', 'prompts/list', 'resources/templates/list']) {
        expect(JSON.parse((await send(rpc(method), 'mcp:use mcp:read')).text).result).toEqual({
          resources: [{ uri: 'file:///srv/a' }],
          prompts: [{ name: 'p' }],
          resourceTemplates: [{ uriTemplate: 'file:///srv/{x}' }],
        })
        expect(JSON.parse((await send(rpc(method), 'mcp:use')).text).result).toEqual({
          resources: [],
          prompts: [],
          resourceTemplates: [],
        })
      }
    })

    test('what cannot be filtered is not shown', async () => {
      for (const answer of [
        'no json',
        '{"jsonrpc":"2.0","id":1,"result":{"tools":{}}}',
        '{"jsonrpc":"2.0","id":1,"result":{"tools":[],"tools":[{"name":"hidden"}]}}',
        '{"jsonrpc":"2.0","id":1,"result":{},"result":{"tools":[{"name":"hidden"}]}}',
        `{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"hidden","x":"${'x'.repeat(17 << 20)}"}]}}`,
      ]) {
        const { send, told } = await startBench({}, answer)
        const { status, text } = await send(rpc('tools/list'), 'mcp:use mcp:read')
        // Behind a middleware it is the fault of the program that it is in.
        expect(status).toBe(host === 'gateway' ? 502 : 500)
        expect(text).not.toContain('hidden')
        const reason = expect.stringContaining('cannot be filtered') as string
        const where = expect.stringContaining('UnfilterableAnswer') as string
        expect(told(host === 'gateway' ? 'upstream.failed' : 'request.failed')).toContainEqual(
          expect.objectContaining(host === 'gateway' ? { reason } : { where }),
        )
      }
    })

    test('lists stay whole where the policy says so', async () => {
      const listed = `{"jsonrpc":"2.0","id":1,"result":{"tools":${TOOLS}}}`
      const { send } = await startBench({ policy: { ...POLICY, lists: 'full' } }, listed)
      expect((await send(rpc('tools/list'), 'mcp:use')).text).toBe(listed)
    })

    verifies(
      'CASE-60',
      'what was lost of a stream is filtered for whoever comes back',
      async () => {
        const listed = (tools: string) => `{"jsonrpc":"2.0","id":1,"result":{"tools":${tools}}}`
        const bench = await startBench({}, `data: ${listed(TOOLS)}\n\n`, 'text/event-stream')
        const token = await bench.idp.token({ claims: { scope: 'mcp:use mcp:read' } })
        const answer = await bench.call({
          headers: { authorization: `Bearer ${token}`, 'last-event-id': '1' },
        })
        expect(await answer.text()).toBe(`data: ${listed(SHOWN)}\n\n`)
      },
    )
  })
})

test('a Hono handler that would write past the filter finds no socket', async () => {
  const idp = await FakeIdp.start()
  const app = new Hono<ProtectedResourceEnv & { Bindings: HttpBindings }>()
  app.use(
    protectedResource({
      resource: RESOURCE,
      authorizationServers: ISSUER,
      fetch: idp.fetch,
      policy: POLICY,
    }),
  )
  app.post('/mcp', (c) => {
    c.env.outgoing.end(`{"jsonrpc":"2.0","id":1,"result":{"tools":${TOOLS}}}`)
    return RESPONSE_ALREADY_SENT
  })
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => void server.close())
  const token = await idp.token()
  const answer = await fetch(`http://127.0.0.1:${portOf(server as never)}/mcp`, {
    method: 'POST',
    body: rpc('tools/list'),
    headers: { authorization: `Bearer ${token}` },
  })
  expect(answer.status).toBe(500)
  expect(await answer.text()).not.toContain('hidden')
})
