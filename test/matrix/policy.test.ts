/** Who may call what, through every host, in stateless and older revisions. */
import { serve, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import type { PolicyDocument } from 'mcp-gatehouse'
import { withoutReference } from '../support/references.js'
import { verifies } from '../support/verifies.js'
import { protectedResource, type ProtectedResourceEnv } from 'mcp-gatehouse/hono'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { eventually, exchangeBytes } from '../support/gateway.js'
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

/** The error of a message that is refused without a decision. */
const REFUSED = { id: 1, error: { code: -32_602 } }

const TOOLS =
  '[{"name":"read_a","max":9007199254740993},{"name":"delete_file"}, {"name":"free"},{"name":"hidden"},{"title":"no name"},7]'
const SHOWN = '[{"name":"read_a","max":9007199254740993},{"name":"free"}]'

describe.each(POLICY_HOSTS)('%s', (host) => {
  async function startFixture(options: Options = {}, answer?: string, type = 'application/json') {
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
    /** As it is written, with a token that holds the base scopes; the first line of the answer and its body. */
    async function exchange(method: string, fields: readonly string[], body: string) {
      const token = await idp.token({ claims: { scope: 'mcp:use' } })
      const head = [
        `${method} /mcp HTTP/1.1`,
        'Host: localhost',
        'Connection: close',
        `Authorization: Bearer ${token}`,
        'Content-Type: application/json',
        ...fields,
      ]
      return exchangeBytes(served.port, `${head.join('\r\n')}\r\n\r\n${body}`)
    }
    const reported = (type: string) => events.filter((event) => event.type === type)
    return { idp, call: fetchEndpoint, reported, send, exchange, arrived }
  }

  describe('scopes of operations', () => {
    verifies(
      ['SCP-01', 'SCP-02', 'SCP-05', 'CASE-52', 'CASE-53'],
      'one 403 names base scopes and those of the operation, and nothing reaches the server',
      async () => {
        const { send, reported } = await startFixture()
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
        expect(reported('request.denied')[0]).toMatchObject({
          code: 'ERR_SCOPE_INSUFFICIENT',
          reason: 'lacks mcp:read for "tools/call" "read_file"',
        })
      },
    )

    verifies(
      'SCP-04',
      'a greater scope holds the lesser ones, and no other way round',
      async () => {
        const { send } = await startFixture()
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
      const { send } = await startFixture()
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
      'clients of older revisions find the scopes they have in the challenge, later ones do not',
      async () => {
        const { send } = await startFixture()
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
        const { send } = await startFixture()
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
          expect(JSON.parse(withoutReference(answer.text))).toEqual({
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
      'a bad token is 401 with the base scopes alone, whatever is asked for',
      async () => {
        const { send, call: fetchEndpoint } = await startFixture()
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
      const { idp, call: fetchEndpoint } = await startFixture()
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
      const { idp, call: fetchEndpoint } = await startFixture()
      const token = await idp.token({ claims: { scope: 'mcp:use' } })
      for (const method of ['PUT', 'PATCH', 'post']) {
        const answer = await fetchEndpoint({
          method,
          body: call('delete_file'),
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        })
        // `fetch` makes a POST of the last.
        expect(method === 'post' ? [403] : [400, 405]).toContain(answer.status)
      }
    })

    verifies('ATK-12', 'a body is judged or refused, whatever the method', async () => {
      const { exchange, arrived } = await startFixture()
      const body = rpc('tools/list')
      const length = `Content-Length: ${body.length}`
      const chunked = 'Transfer-Encoding: chunked'
      const inChunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
      for (const method of ['GET', 'DELETE', 'HEAD']) {
        const status = expect.stringMatching(/^HTTP\/1.1 400 /)
        const whole = await exchange(method, [length], body)
        expect({ method, whole }).toEqual({ method, whole: status })
        const pieces = await exchange(method, [chunked], inChunks)
        expect({ method, pieces }).toEqual({ method, pieces: status })
        expect(whole.includes('Only POST may have a body')).toBe(method !== 'HEAD')
      }
      expect(arrived).toEqual([])
      // Without one they go on, and an announced body of nothing is none.
      for (const method of ['GET', 'DELETE']) {
        expect(await exchange(method, [], '')).toMatch(/ 200 /)
        expect(await exchange(method, ['Content-Length: 0'], '')).toMatch(/ 200 /)
      }
    })

    verifies('CASE-58', 'a resource in another spelling is the same resource', async () => {
      const { send } = await startFixture()
      for (const uri of [
        'file:/srv/secret/a',
        'file:srv/secret/a',
        'file://localhost/srv/secret/a',
        'FILE:////srv//%73ecret/a',
        'file:///srv/secret/a/',
        'file:///srv/secret/a;x',
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
      const { send } = await startFixture()
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
      ['HDR-08', 'CASE-58', 'CASE-59', 'ATK-13'],
      'is refused, and nothing of it reaches the server',
      async () => {
        const { send } = await startFixture()
        let callers = 0
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
          ...[
            ...[
              'method\\u0000',
              'method\\u0000x',
              '\\u0000method',
              ' method',
              'method\\t',
              'METHOD ',
            ],
            ...[
              'method\\ud800',
              '\\udc00method',
              'met\\ud800hod',
              '\\u00a0method',
              'method\\ufeff',
            ],
            ...['method\\u0085', 'method\\u007f'],
          ].map((name) => `{"jsonrpc":"2.0","id":1,"method":"ping","${name}":"tools/call"}`),
          ...['name\\u0000', ' name', 'name\\udfff', 'Uri\\u0000'].map(
            (name) =>
              `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","${name}":"x"}}`,
          ),
          ...[
            ...['\\u0000', '\\n', '\\u001b[2J', '\\u007f', '\\u009b'],
            ...['\\ud800', '\\udfff'],
          ].flatMap((character) => [
            `{"jsonrpc":"2.0","id":1,"method":"tools/call${character}","params":{"name":"free"}}`,
            `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free${character}"}}`,
            `{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"${character}free"}}`,
            `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"a${character}"}}}`,
          ]),
          rpc('completion/complete', { ref: { type: 'ref/prompt', name: 'a', 'name\0': 'b' } }),
          rpc('subscriptions/listen', { notifications: { ' resourceSubscriptions': ['x:a'] } }),
          rpc('ping', { _meta: { 'io.modelcontextprotocol/protocolVersion\0': MODERN } }),
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
          // More than one caller may ask for before they have to wait.
          const claims = { sub: `caller ${callers++}` }
          const answer = await send(body, 'mcp:use mcp:admin', {}, claims)
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
        const { send } = await startFixture()
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
        const { send } = await startFixture()
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
      const { send } = await startFixture()
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
          status: name === 'read_' ? 200 : name === 'delete_file\u0000' ? 400 : 403,
        })
      }
      // Escapes are another spelling of the same name.
      const escaped =
        '{"jsonrpc":"2.0","id":1,"method":"tools\\/call","params":{"name":"\\u0066ree"}}'
      expect(await send(escaped, 'mcp:use')).toMatchObject({ status: 200, arrived: [escaped] })
    })

    verifies(
      ['ATK-11', 'HDR-08'],
      'is anything but JSON in UTF-8, in every form of it',
      async () => {
        const { idp, call: fetchEndpoint, arrived } = await startFixture()
        const token = await idp.token({ claims: { scope: 'mcp:use' } })
        const statusOf = async (type: string | undefined) => {
          const headers = {
            authorization: `Bearer ${token}`,
            ...(type !== undefined && { 'content-type': type }),
          }
          const answer = await fetchEndpoint({
            method: 'POST',
            headers,
            body: Buffer.from(call('free')),
          })
          return [answer.status, await answer.text()] as const
        }
        for (const type of [
          undefined,
          'text/plain',
          'application/x-www-form-urlencoded',
          'multipart/form-data; boundary=x',
          'application/json-rpc',
          'application/jsonx',
          'text/json',
          'application/vnd.api+json',
          'application/json;',
          'application/json; charset=utf8',
          'application/json; charset=utf-16',
          "application/json; charset='utf-8'",
          "application/json; charset*=utf-8''utf-7",
          'application/json; charset*0=utf-; charset*1=7',
          'application/json; charset=utf-8; charset=utf-8',
          'application/json; charset=utf-8; x=1',
          'application/json; x=1',
          'application/json; charset=utf-8, application/json',
          'application/json\u0085; charset=utf-8',
          'application/json;\u0085charset=utf-7',
          'application/json; charset=\u00a0utf-8',
          'application/json; charset="utf\\-8"',
        ]) {
          const [status, text] = await statusOf(type)
          expect({ type, status, arrived }).toEqual({ type, status: 415, arrived: [] })
          expect(text).toContain(
            'Content-Type must be application/json, alone or with charset=utf-8',
          )
        }
        for (const type of [
          'application/json',
          'Application/JSON',
          'application/json;charset=utf-8',
          'application/json ;\tcharset = "UTF-8" ',
        ]) {
          expect({ type, status: (await statusOf(type))[0] }).toEqual({ type, status: 200 })
        }
      },
    )

    verifies(
      'ATK-07',
      'holds too much, is nested too deeply, and counts as a refusal',
      async () => {
        const { send } = await startFixture()
        const refused = async (body: string, sub: string) => {
          const answer = await send(body, 'mcp:use mcp:admin', {}, { sub })
          expect(answer).toMatchObject({ status: 400, arrived: [] })
          expect(JSON.parse(answer.text)).toMatchObject({ error: { code: -32_600 } })
        }
        const withArguments = (text: string) =>
          call('free').replace('"arguments":{}', `"arguments":${text}`)
        const names = (count: number) =>
          `{${Array.from({ length: count }, (_, index) => `"n${index}":1`).join()}}`
        const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
        await refused(withArguments(names(100_000)), 'wide')
        await refused(withArguments(`[${'{},'.repeat(100_000)}1]`), 'empty')
        await refused(withArguments(nested(500)), 'deep')
        for (const fine of [names(90_000), nested(490), `"${'x'.repeat(2_000_000)}"`]) {
          expect((await send(withArguments(fine), 'mcp:use')).status).toBe(200)
        }
        const large = await send(withArguments(`"${'x'.repeat(2_100_000)}"`), 'mcp:use')
        expect(large).toMatchObject({ status: 413, arrived: [] })
        const statuses: number[] = []
        for (let i = 0; i < 40; i++) {
          statuses.push((await send('no json', 'mcp:use', {}, { sub: 'babbler' })).status)
        }
        expect(new Set(statuses.slice(0, 25))).toEqual(new Set([400]))
        expect(statuses.at(-1)).toBe(429)
        const behind = modern('tools/call', { name: 'free', arguments: {} })
        const mismatches: number[] = []
        for (let i = 0; i < 40; i++) {
          mismatches.push((await send(behind, 'mcp:use', {}, { sub: 'behind' })).status)
        }
        expect(new Set(mismatches.slice(0, 25))).toEqual(new Set([400]))
        expect(mismatches.at(-1)).toBe(429)
        expect((await send(call('free'), 'mcp:use', {}, { sub: 'other' })).status).toBe(200)
      },
    )

    verifies(
      'ATK-10',
      'a thousand operations are judged, however they come, and no more',
      async () => {
        const { send } = await startFixture()
        const uris = (count: number) => Array.from({ length: count }, () => 'file:///srv/a')
        const listen = (count: number) =>
          rpc('subscriptions/listen', { notifications: { resourceSubscriptions: uris(count) } })
        const batch = (count: number, ...more: string[]) =>
          `[${[...Array.from({ length: count }, () => call('read_a')), ...more].join()}]`
        for (const body of [listen(1_000), batch(1_000), batch(500, listen(500))]) {
          expect((await send(body, 'mcp:use mcp:read')).status).toBe(200)
        }
        for (const body of [
          listen(1_001),
          listen(70_000),
          batch(1_001),
          batch(500, listen(501)),
          batch(999, listen(2)),
        ]) {
          const answer = await send(body, 'mcp:use mcp:read', {}, { sub: 'asks for too much' })
          expect(answer).toMatchObject({ status: 400, arrived: [] })
          expect(JSON.parse(answer.text)).toMatchObject({ error: { code: -32_602 } })
        }
      },
    )

    verifies(
      ['ATK-07', 'ATK-10'],
      'as many characters of names are judged as fit into 128 KiB, and no more',
      async () => {
        const { send } = await startFixture()
        const uri = `file:///srv/${'a/'.repeat(1_018)}`
        expect(uri.length).toBe(2_048)
        const read = (count: number) =>
          `[${Array.from({ length: count }, () => rpc('resources/read', { uri })).join()}]`
        const listen = (count: number) => {
          const resourceSubscriptions = Array.from({ length: count }, () => uri)
          return rpc('subscriptions/listen', { notifications: { resourceSubscriptions } })
        }
        const calls = (count: number) =>
          `[${Array.from({ length: count }, () => call(`read_${'a'.repeat(1_000)}`)).join()}]`
        for (const body of [read(63), listen(63), calls(129)]) {
          expect((await send(body, 'mcp:use mcp:read')).status).toBe(200)
        }
        for (const body of [read(64), listen(64), calls(130), read(900)]) {
          const answer = await send(body, 'mcp:use mcp:read', {}, { sub: 'asks for too much' })
          expect(answer).toMatchObject({ status: 400, arrived: [] })
          expect(JSON.parse(answer.text)).toMatchObject({ error: { code: -32_602 } })
        }
      },
    )

    verifies('ATK-13', 'but for characters that are only unusual', async () => {
      const { send } = await startFixture()
      for (const name of [
        'read_ a',
        'read_ü',
        'read_👩‍👩‍👧',
        'read_\u{1f44d}',
        'read_\u200b',
        'read_\u2028',
      ]) {
        expect((await send(call(name), 'mcp:use mcp:read')).status).toBe(200)
      }
      const plain = '{"jsonrpc":"2.0","id":1,"method":"ping","met hod":"x","\u00e9":1}'
      expect((await send(plain, 'mcp:use')).status).toBe(200)
      const inside = call('free').replace(
        '"arguments":{}',
        '"arguments":{"name\\u0000":1," name":2}',
      )
      expect((await send(inside, 'mcp:use')).status).toBe(200)
    })

    test('scopes of a token with odd characters hold nothing', async () => {
      const { send } = await startFixture()
      for (const scope of [
        'mcp:use "mcp:write"',
        'mcp:use\tmcp:write',
        'mcp:use mcp:write\u00a0',
      ]) {
        expect((await send(call('delete_file'), scope)).status).not.toBe(200)
      }
    })
  })

  describe('URIs', () => {
    const RULES: PolicyDocument = {
      rules: [
        { resources: ['file:///srv/**'], scopes: ['mcp:read'] },
        { resources: ['file:///srv/private/key.pem'], scopes: ['mcp:admin'] },
        { resources: ['weather://forecast?*'], scopes: ['mcp:read'] },
        { resources: ['https://*.example.com/**'], scopes: ['mcp:read'] },
        { resources: ['https://reader@h/**'], scopes: ['mcp:read'] },
      ],
      unmatched: 'deny',
    }
    const read = (uri: string) => rpc('resources/read', { uri })

    verifies(
      'ATK-10',
      'that servers take for what is closed are not opened by a wider rule',
      async () => {
        const { send } = await startFixture({ policy: RULES })
        const key = 'file:///srv/private/key.pem'
        for (const [uri, status] of [
          ['file:///srv/a', 200],
          ['file:///srv/[a]%5B', 200],
          [key, 403],
          [`${key}#`, 400],
          [`${key}#x`, 400],
          [`${key}?`, 403],
          [`${key}?x`, 403],
          [`${key}?/a.txt`, 403],
          ['file:///srv/a?x', 403],
          ['file:///srv/public/?/../../private/key.pem', 400],
          ['file:///srv/..;/private/key.pem', 400],
          ['file:///srv/%252e%252e/private/key.pem', 400],
          ['file:///srv/a%25%32%66b', 400],
          ['file:///srv/a%09b', 400],
          ['file:///srv/a ', 400],
          ['file://host/srv/private/key.pem', 403],
          ['https://a.example.com/x', 200],
          ['https://A.EXAMPLE.com./x', 200],
          ['https://u@a.example.com/x', 400],
          ['https://evil.test:80/.example.com/x', 403],
          ['https://evil.test?.example.com/', 403],
          ['https://evil.test/@a.example.com/', 403],
          ['https://reader@h/x', 200],
          ['https://writer@h/x', 400],
          ['https://reader:word@h/x', 400],
          ['weather://forecast?city=Berlin', 200],
          ['weather://forecast', 403],
          ['weather://other?city=Berlin', 403],
          [`file:///srv/${'a'.repeat(2_036)}`, 200],
          [`file:///srv/${'a'.repeat(2_037)}`, 400],
        ] as const) {
          const claims = { sub: `of ${uri.slice(0, 100)}` }
          const answer = await send(read(uri), 'mcp:use mcp:read', {}, claims)
          expect({ uri, status: answer.status }).toEqual({ uri, status })
          expect(answer.arrived).toEqual(status === 200 ? [read(uri)] : [])
          const refused: unknown = status === 400 ? JSON.parse(answer.text) : REFUSED
          expect({ uri, refused }).toMatchObject({ uri, refused: REFUSED })
        }
        // For callers who may read it, another name of it is still a query that nobody allowed.
        expect((await send(read(key), 'mcp:use mcp:read mcp:admin')).status).toBe(200)
        expect((await send(read(`${key}?x`), 'mcp:use mcp:read mcp:admin')).status).toBe(403)
      },
    )

    verifies('ATK-10', 'are not opened by what servers find beyond a narrow rule', async () => {
      const { send } = await startFixture({
        policy: {
          rules: [
            { resources: ['db://h/t?table=public_*'], scopes: ['mcp:read'] },
            { resources: ['db://h/u?table=*&user=me'], scopes: ['mcp:read'] },
            { resources: ['dir://h/list?path=public/**'], scopes: ['mcp:read'] },
            { resources: ['any://h/t?**'], scopes: ['mcp:read'] },
            { resources: ['any://h/t?table=secret'], scopes: ['mcp:admin'] },
            { resources: ['file:///srv/**'], scopes: ['mcp:read'] },
            { resources: ['file:///srv/private/**'], scopes: ['mcp:admin'] },
            { resources: ['file:///srv/one/key.pem'], scopes: ['mcp:admin'] },
            { resources: ['file:///txt/**/*.txt'], scopes: ['mcp:read'] },
          ],
          unmatched: 'deny',
        },
      })
      for (const [uri, status] of [
        ['db://h/t?table=public_a', 200],
        ['db://h/t?table=public_a&table=secret', 403],
        ['db://h/t?table=public_a;table=secret', 403],
        ['db://h/t?table=public_a&t%61ble=secret', 403],
        ['db://h/t?table=public_a&table[]=secret', 403],
        ['db://h/t?table=public_a&admin=1', 403],
        ['db://h/u?table=x&user=me', 200],
        ['db://h/u?table=x&user=root&user=me', 403],
        ['dir://h/list?path=public/a/b', 200],
        ['dir://h/list?path=public/1..5', 200],
        ['dir://h/list?path=public/..&x=1', 400],
        ['dir://h/list?path=public/a/..,b', 400],
        ['dir://h/list?path=public/..%26x', 400],
        ['dir://h/list?path=public/..+', 400],
        ['dir://h/list?path=public/..%20&x', 400],
        ['dir://h/list?path=public/..:y', 400],
        ['any://h/t?table=x&table=y', 200],
        ['any://h/t?table[]=secret', 403],
        ['any://h/t?x=1;table=secret', 403],
        ['file:///srv/a;v=1', 200],
        ['file:///srv/;a/private/key.pem', 403],
        ['file:///srv/;/private/key.pem', 403],
        ['file:///srv/one/key.pem/;x/', 403],
        ['file:///srv/one/key.pems/;x/', 200],
        ['file:///txt/d/a.txt', 200],
        ['file:///txt/d/key.pem;.txt', 403],
      ] as const) {
        const answer = await send(read(uri), 'mcp:use mcp:read', {}, { sub: `of ${uri}` })
        expect({ uri, status: answer.status }).toEqual({ uri, status })
        expect(answer.arrived).toEqual(status === 200 ? [read(uri)] : [])
      }
    })

    verifies('ATK-10', 'without a rule for their place are left to base, as they are', async () => {
      const { send } = await startFixture({ policy: { ...RULES, unmatched: 'base' } })
      for (const [uri, status] of [
        ['notes://a?x=1', 200],
        ['file:///etc/a', 200],
        ['file:///etc/a?x', 403],
        ['weather://forecast', 200],
        ['https://h/x?y', 403],
        ['https://u@other/x', 400],
      ] as const) {
        const answer = await send(read(uri), 'mcp:use mcp:read')
        expect({ uri, status: answer.status }).toEqual({ uri, status })
      }
    })

    verifies('ATK-10', 'of templates are shown and completed by their literal parts', async () => {
      const resourceTemplates = [
        'weather://forecast{?city}',
        'weather://{place}{?city}',
        'file:///srv/{name}',
        'file:///srv/{name}{?version}',
        'https://u@a.example.com/{x}',
      ].map((uriTemplate) => ({ uriTemplate }))
      const listed = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { resourceTemplates } })
      const { send } = await startFixture({ policy: RULES }, listed)
      const { text } = await send(rpc('resources/templates/list'), 'mcp:use mcp:read')
      const shown = [
        { uriTemplate: 'weather://forecast{?city}' },
        { uriTemplate: 'file:///srv/{name}' },
      ]
      expect(JSON.parse(text).result.resourceTemplates).toEqual(shown)
      const complete = (uri: string) =>
        send(rpc('completion/complete', { ref: { type: 'ref/resource', uri } }), 'mcp:use mcp:read')
      expect((await complete('weather://forecast{?city}')).status).toBe(200)
      expect((await complete('file:///srv/{name}{?version}')).status).toBe(403)
      expect((await complete('file:///srv/{name}/../{x}')).status).toBe(400)
    })
  })

  describe('refusals', () => {
    test('too many of one caller are 429 before anything is read, and others go on', async () => {
      const { send, reported } = await startFixture()
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
      expect(reported('operation.throttled')).toContainEqual(
        expect.objectContaining({ isFirst: true }),
      )
    })
  })

  describe('a policy function', () => {
    test('judges, and its faults allow nothing', async () => {
      const judge = oddJudge()
      const { send, reported } = await startFixture({ policy: judge })
      expect((await send(call('open'), 'mcp:use')).status).toBe(200)
      expect((await send(call('more'), 'mcp:use')).scope).toBe('mcp:use extra')
      expect(await send(call('never'), 'mcp:use')).toMatchObject({ status: 403, challenge: '' })
      for (const name of ['throws', 'nothing', 'promise', 'odd']) {
        expect(await send(call(name), 'mcp:use')).toMatchObject({ status: 500, arrived: [] })
      }
      expect(reported('request.failed')).toHaveLength(4)
    })
  })

  describe('filtered lists', () => {
    verifies(
      ['STA-07', 'STA-06', 'CASE-60'],
      'show what the token may use, in order, with the rest as it was, and are private',
      async () => {
        const listed = (tools: string) =>
          `{"jsonrpc":"2.0", "id":1,"result":{"tools":${tools},"nextCursor":"x","ttlMs":5,"cacheScope":"public"}}`
        const { send } = await startFixture({}, listed(TOOLS))
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
        const { send } = await startFixture(
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
      const { send } = await startFixture({}, stream, 'text/event-stream')
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
      const { send } = await startFixture({}, JSON.stringify({ jsonrpc: '2.0', id: 1, result }))
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
        const { send, reported } = await startFixture({}, answer)
        const { status, text } = await send(rpc('tools/list'), 'mcp:use mcp:read')
        // Behind a middleware it is the fault of the program that it is in.
        expect(status).toBe(host === 'gateway' ? 502 : 500)
        expect(text).not.toContain('hidden')
        const reason = expect.stringContaining('cannot be filtered') as string
        const where = expect.stringContaining('UnfilterableAnswer') as string
        expect(reported(host === 'gateway' ? 'upstream.failed' : 'request.failed')).toContainEqual(
          expect.objectContaining(host === 'gateway' ? { reason } : { where }),
        )
        // It is the gateway's answer, in place of the server's.
        const sources = host === 'gateway' ? ['gateway'] : []
        const completed = () =>
          reported('request.completed') as readonly { readonly from?: string }[]
        await eventually(() => completed().length === sources.length)
        expect(completed().map(({ from }) => from)).toEqual(sources)
      }
    })

    test('lists stay whole where the policy says so', async () => {
      const listed = `{"jsonrpc":"2.0","id":1,"result":{"tools":${TOOLS}}}`
      const { send } = await startFixture({ policy: { ...POLICY, lists: 'full' } }, listed)
      expect((await send(rpc('tools/list'), 'mcp:use')).text).toBe(listed)
    })

    verifies(
      'CASE-60',
      'what was lost of a stream is filtered for a client that comes back',
      async () => {
        const listed = (tools: string) => `{"jsonrpc":"2.0","id":1,"result":{"tools":${tools}}}`
        const fixture = await startFixture({}, `data: ${listed(TOOLS)}\n\n`, 'text/event-stream')
        const token = await fixture.idp.token({ claims: { scope: 'mcp:use mcp:read' } })
        const answer = await fixture.call({
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
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  })
  expect(answer.status).toBe(500)
  expect(await answer.text()).not.toContain('hidden')
})
