/** What a bridge refuses itself is told as the gateway's other refusals are: once, with code and reason. */
import { expect } from 'vitest'
import type { AuditRecord, GatewayEvent, GatewayOptions } from 'mcp-gatehouse/gateway'
import type { Clock } from '../../../src/gateway/clock.js'
import { outcomeOf } from '../../../src/gateway/events.js'
import { FAST_CLOCK } from '../../support/clocks.js'
import { eventually, type GatewayFixture } from '../../support/gateway.js'
import { verifies } from '../../support/verifies.js'
import { Client, MODERN, openClient, startBridge, type Mode } from './support.js'

interface Expected {
  readonly status: number
  readonly code: string
  readonly reason: RegExp
  readonly hint?: RegExp
}

async function start(mode: Mode = 'legacy', options: Partial<GatewayOptions> = {}, clock?: Clock) {
  const audit: AuditRecord[] = []
  const onAudit = (line: AuditRecord) => void audit.push(line)
  const fixture = await startBridge(mode, { onAudit, ...options }, clock)

  /** The answer is told by one event, the record of the request, metrics and audit. */
  async function expectReported(answer: Response, { status, code, reason, hint }: Expected) {
    await answer.arrayBuffer()
    expect(answer.status).toBe(status)
    const requestId = answer.headers.get('x-request-id')
    await eventually(() => audit.some((line) => line.requestId === requestId))
    const isAbout = (event: GatewayEvent) => 'requestId' in event && event.requestId === requestId
    const refusals = fixture.reported('request.refused').filter(isAbout)
    expect(refusals).toHaveLength(1)
    expect(refusals[0]).toMatchObject({ status, code })
    expect(refusals[0]?.reason).toMatch(reason)
    expect(refusals[0]?.hint).toEqual(hint && expect.stringMatching(hint))
    const line = audit.find((each) => each.requestId === requestId)
    expect(line).toMatchObject({ outcome: 'refused', code, status })
    const counted = fixture.events
      .filter(isAbout)
      .flatMap((event) => [outcomeOf(event) ?? []].flat())
    expect(counted).toEqual(['refused', code])
  }
  return { fixture, audit, expectReported }
}

const batchOf = (count: number, first = 0) =>
  JSON.stringify(
    Array.from({ length: count }, (_, index) => ({
      jsonrpc: '2.0',
      id: first + index,
      method: 'tools/call',
      params: { name: 'never', arguments: {} },
    })),
  )

const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}'
const LATER = CALL.replace(
  '"params":{',
  `"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"${MODERN}"},`,
)

type Send = (client: Client) => Promise<Response>
const post =
  (body: string, headers: Record<string, string> = {}): Send =>
  (client) =>
    client.send('POST', body, headers)

const unreadable = { status: 400, code: 'ERR_BODY_UNREADABLE' } as const
const CASES: readonly (readonly [what: string, send: Send, expected: Expected])[] = [
  [
    'another type than JSON',
    post(CALL, { 'content-type': 'text/plain' }),
    { status: 415, code: 'ERR_BODY_UNREADABLE', reason: /application\/json/ },
  ],
  ['no message', post('[]'), { ...unreadable, reason: /Invalid request/ }],
  ['two members of one name', post('{"id":1,"id":2}'), { ...unreadable, reason: /Invalid/ }],
  [
    'half a message',
    post('{"jsonrpc":"2.0"'),
    { status: 400, code: 'ERR_BODY_UNREADABLE', reason: /Parse error/ },
  ],
  ['a batch of 1001', post(batchOf(1_001)), { ...unreadable, reason: /at most 1000/ }],
  [
    'a batch in a version without them',
    post(batchOf(2), { 'mcp-protocol-version': '2025-11-25' }),
    { ...unreadable, reason: /Invalid request/ },
  ],
  [
    'a later version than the header says',
    post(LATER),
    { status: 400, code: 'ERR_HEADER_MISMATCH', reason: /does not match the body/ },
  ],
  [
    'one id twice',
    post(`[${CALL},${CALL}]`, { 'mcp-protocol-version': '2025-03-26' }),
    { status: 400, code: 'ERR_REQUEST_MALFORMED', reason: /id is in use/ },
  ],
  [
    'a version that nobody negotiated',
    post(CALL, { 'mcp-protocol-version': '1999-01-01' }),
    {
      status: 400,
      code: 'ERR_VERSION_UNSUPPORTED',
      reason: /"1999-01-01"; possible are ".*2025-11-25/,
    },
  ],
]
for (const [what, send, expected] of CASES) {
  verifies('GW-11', `a refusal of ${what} is told`, async () => {
    const { fixture, expectReported } = await start()
    const client = await openClient(fixture)
    await expectReported(await send(client), expected)
    expect(await client.value('echo', { a: 1 })).toEqual({ a: 1 })
  })
}

verifies('GW-11', 'a request without a session is told, and one with a foreign one', async () => {
  const { fixture, expectReported } = await start()
  const client = new Client(fixture)
  await expectReported(await client.call('echo'), {
    status: 400,
    code: 'ERR_SESSION_UNKNOWN',
    reason: /Mcp-Session-Id is missing/,
    hint: /initialize/,
  })
  client.session = 'of-somebody'
  await expectReported(await client.call('echo'), {
    status: 404,
    code: 'ERR_SESSION_UNKNOWN',
    reason: /session/,
    hint: /sticky sessions/,
  })
  expect(JSON.stringify(fixture.events)).not.toContain('of-somebody')
})

verifies('GW-11', 'a version that the command does not speak is told', async () => {
  const { fixture, expectReported } = await start('legacy')
  await expectReported(await new Client(fixture, { version: MODERN }).call('echo'), {
    status: 400,
    code: 'ERR_VERSION_UNSUPPORTED',
    reason: /"2026-07-28"; possible are "/,
  })
})

verifies('GW-11', 'a method that the version does not have is told', async () => {
  const { fixture, expectReported } = await start('modern')
  await expectReported(await new Client(fixture, { version: MODERN }).send('DELETE'), {
    status: 405,
    code: 'ERR_METHOD_NOT_ALLOWED',
    reason: /^DELETE/,
  })
})

verifies('GW-11', 'too many streams, and too many requests that wait, are told', async () => {
  const { fixture, expectReported } = await start()
  const client = await openClient(fixture)
  const streams: Response[] = []
  for (let i = 0; i < 8; i++) streams.push(await client.send('GET'))
  const tooMany = { code: 'ERR_REQUESTS_TOO_MANY', reason: /oo many/ } as const
  await expectReported(await client.send('GET'), { ...tooMany, status: 409 })
  for (const each of streams) await each.body?.cancel()
  const version = { 'mcp-protocol-version': '2025-03-26' }
  const left = new AbortController()
  const waiting = await client.send('POST', batchOf(1_000), version, left.signal)
  const rest = await client.send('POST', batchOf(24, 1_000), version, left.signal)
  expect([waiting.status, rest.status]).toEqual([200, 200])
  const one = CALL.replace('"id":1', '"id":"one more"')
  await expectReported(await client.send('POST', one), { ...tooMany, status: 429 })
  left.abort()
})

async function sendUntilBusy(fixture: GatewayFixture): Promise<Response> {
  const client = await openClient(fixture)
  await client.value('deaf')
  const note = { jsonrpc: '2.0', method: 'notifications/x', params: { x: 'x'.repeat(50_000) } }
  for (let i = 0; i < 20; i++) {
    const answer = await client.post(note)
    if (answer.status !== 202) return answer
    await answer.arrayBuffer()
  }
  throw new Error('never busy')
}

verifies('GW-11', 'a command that takes nothing any more is told', async () => {
  const options = { children: { queue: 100_000 } }
  const { fixture, expectReported } = await start('legacy', options, FAST_CLOCK)
  await expectReported(await sendUntilBusy(fixture), {
    status: 503,
    code: 'ERR_CHILD_BUSY',
    reason: /has not read/,
    hint: /--child-queue/,
  })
})

verifies('GW-11', 'a caller with too many children is told', async () => {
  const { fixture, expectReported } = await start('legacy', {
    children: { maxChildrenPerPrincipal: 1 },
  })
  const first = await openClient(fixture)
  // A session whose client is there is in use.
  const stream = await first.send('GET')
  await expectReported(await new Client(fixture).open(), {
    status: 429,
    code: 'ERR_CHILDREN_TOO_MANY',
    reason: /too many child processes/,
    hint: /--max-children-per-principal/,
  })
  await stream.body?.cancel()
})
