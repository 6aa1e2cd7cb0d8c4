/** A record for every decision, by the schema that is published, and nothing in it that is secret. */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { AuditRecord, GatewayOptions } from 'mcp-gatehouse/gateway'
import { bodyOf, eventually, socketsAt, startGateway, startUpstream } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

const schema = z.fromJSONSchema(
  JSON.parse(readFileSync(new URL('../../audit.schema.json', import.meta.url), 'utf8')) as never,
)
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const rpc = (method: string, params?: unknown) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })

async function startFixture(options: Partial<GatewayOptions> = {}) {
  const records: AuditRecord[] = []
  const upstream = await startUpstream((request, response) => {
    void bodyOf(request).then(() => {
      response.statusCode = request.method === 'POST' ? 200 : 405
      response.end('{"jsonrpc":"2.0","id":1,"result":{}}')
    })
  })
  const fixture = await startGateway(upstream, {
    policy: {
      rules: [{ tools: ['read_*'], scopes: ['mcp:read'] }],
      unmatched: 'deny',
    },
    onAudit: (record) => records.push(record),
    ...options,
  })
  async function send(init: RequestInit, claims: Record<string, unknown> = {}) {
    const token = await fixture.idp.token({
      claims: { scope: 'mcp:read', sub: 'alice', ...claims },
    })
    const count = records.length
    const response = await fixture.call({
      ...init,
      headers: {
        authorization: `Bearer ${token}`,
        traceparent: TRACE,
        ...(init.headers as object),
      },
    })
    await response.text()
    await eventually(() => records.length > count)
    const record = records.at(-1) as AuditRecord
    expect(record.requestId).toBe(response.headers.get('x-request-id'))
    expect(record.status).toBe(response.status)
    schema.parse(record)
    expect(JSON.stringify(record)).not.toContain(token)
    return record
  }
  return { ...fixture, records, send }
}

const post = (body: string, headers: Record<string, string> = {}) => ({
  method: 'POST',
  body,
  headers: { 'content-type': 'application/json', ...headers },
})
const callTool = (name: string) =>
  post(rpc('tools/call', { name, arguments: { password: 'hunter2' } }))

describe('a record', () => {
  verifies(
    ['SCP-05', 'GW-08', 'GW-11'],
    'says who, what, which scopes, and how it went',
    async () => {
      const { send } = await startFixture()
      const record = await send(callTool('read_file'), { client_id: 'inspector' })
      expect(record).toEqual({
        version: 1,
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        requestId: expect.any(String),
        outcome: 'allow',
        issuer: 'https://sso.example.com/realms/mcp',
        subject: 'alice',
        clientId: 'inspector',
        httpMethod: 'POST',
        operations: [{ method: 'tools/call', name: 'read_file' }],
        scopesNeeded: ['mcp:read'],
        scopesHeld: ['mcp:read'],
        status: 200,
        upstreamStatus: 200,
        end: 'whole',
        seconds: expect.any(Number),
        traceparent: TRACE,
      })
      expect(JSON.stringify(record)).not.toContain('hunter2')
    },
  )

  verifies(
    'SCP-05',
    'has the reason of what was denied, refused, or could not be judged',
    async () => {
      const { send, idp } = await startFixture()
      for (const [init, claims, expected] of [
        [callTool('read_file'), { scope: '' }, { outcome: 'deny', code: 'ERR_SCOPE_INSUFFICIENT' }],
        [
          callTool('other'),
          {},
          { outcome: 'deny', code: 'ERR_OPERATION_DENIED', subject: 'alice' },
        ],
        [
          post('no json'),
          {},
          { outcome: 'refused', code: 'ERR_BODY_UNREADABLE', subject: 'alice' },
        ],
        [callTool('read_file'), { exp: 1 }, { outcome: 'refused', code: 'ERR_TOKEN_EXPIRED' }],
        [
          { headers: { authorization: '' } },
          {},
          { outcome: 'refused', code: 'ERR_CREDENTIALS_MISSING', status: 401 },
        ],
        [
          { headers: { origin: 'https://elsewhere.example' } },
          {},
          { outcome: 'refused', code: 'ERR_ORIGIN_FOREIGN' },
        ],
        [{ method: 'GET' }, {}, { outcome: 'allow', upstreamStatus: 405, httpMethod: 'GET' }],
        [
          post('x', { 'content-encoding': 'gzip' }),
          {},
          { outcome: 'refused', code: 'ERR_BODY_ENCODED', subject: 'alice' },
        ],
      ] as const) {
        expect(await send(init, claims)).toMatchObject(expected)
      }
      idp.fault = () => new Response('', { status: 500 })
      const other = await idp.token({ header: { kid: 'never-seen' } })
      expect(await send({ headers: { authorization: `Bearer ${other}` } })).toMatchObject({
        outcome: 'unavailable',
        code: 'ERR_KEYS_UNAVAILABLE',
      })
    },
  )

  test('says what the server behind did wrong', async () => {
    const { send } = await startFixture({ upstream: 'http://127.0.0.1:9/mcp' })
    expect(await send(callTool('read_file'))).toMatchObject({
      outcome: 'allow',
      code: 'ERR_UPSTREAM_UNREACHABLE',
      status: 502,
    })
  })

  test('has arguments where they are asked for, and is bounded', async () => {
    const { send } = await startFixture({ auditArguments: true })
    expect((await send(callTool('read_file'))).operations).toEqual([
      { method: 'tools/call', name: 'read_file', arguments: { password: 'hunter2' } },
    ])
    const long = await send(callTool(`read_${'x'.repeat(1_000)}`))
    expect(long.operations?.[0]?.name).toHaveLength(513)
    const many = Array.from({ length: 200 }, () => rpc('tools/call', { name: 'read_a' }))
    expect((await send(post(`[${many.join()}]`))).operations).toHaveLength(100)
  })

  test('is made only for decisions, and not for what a client makes up', async () => {
    const { records, call, url, send } = await startFixture()
    await fetch(`${url}/.well-known/oauth-protected-resource/mcp`)
    await fetch(`${url}/nowhere`)
    await call({ method: 'OPTIONS' })
    const record = await send(callTool('read_file'))
    expect(records).toEqual([record])
    const odd = post(rpc('ping'), { traceparent: '00-x' })
    expect((await send(odd)).traceparent).toBeUndefined()
  })

  test('is made once for a client that leaves', async () => {
    const { records, port, token } = await startFixture()
    const head = `POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: 99\r\n\r\n{`
    const served = socketsAt(port)
    const socket = connect({ port, host: '127.0.0.1' })
    socket.write(head)
    await eventually(() => served.size === 1)
    socket.destroy()
    await eventually(() => [...served].every(({ destroyed }) => destroyed))
    expect(records.length).toBeLessThanOrEqual(1)
  })

  test('does not depend on who listens', async () => {
    const { send } = await startFixture({
      onEvent() {
        throw new Error('a broken log')
      },
    })
    expect(await send(callTool('read_file'))).toMatchObject({ outcome: 'allow' })
    const refused = await send(post('x', { 'content-encoding': 'gzip' }))
    expect(refused).toMatchObject({ outcome: 'refused', code: 'ERR_BODY_ENCODED', status: 415 })
  })
})
