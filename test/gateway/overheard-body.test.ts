/** With an audit, a body is read while it passes, and whatever cannot be read goes on unchanged. */
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { describe, expect } from 'vitest'
import type { AuditRecord, GatewayOptions } from 'mcp-gatehouse/gateway'
import { Admission, admissionLimits, Place } from '../../src/gateway/request/admission.js'
import type { RequestHead } from '../../src/gateway/request/head.js'
import { overhear } from '../../src/gateway/request/overheard-body.js'
import { bodyOf, eventually, startGateway, startUpstream } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

async function start(options: Partial<GatewayOptions> = {}) {
  const records: AuditRecord[] = []
  const received: Buffer[] = []
  const upstream = await startUpstream((request, response) => {
    void bodyOf(request).then((body) => {
      received.push(body)
      response.end('{}')
    })
  })
  const { call } = await startGateway(upstream, {
    onAudit: (record) => records.push(record),
    ...options,
  })
  async function send(body: string | ReadableStream, type = 'application/json') {
    const count = records.length
    const answer = await call({
      method: 'POST',
      headers: { 'content-type': type },
      body,
      ...(typeof body !== 'string' && { duplex: 'half' }),
    } as RequestInit)
    await answer.text()
    await eventually(() => records.length > count)
    return { status: answer.status, record: records.at(-1), sent: received.at(-1)?.toString() }
  }
  return { send }
}

const callOf = (name: string, more = '') =>
  `{ "jsonrpc":"2.0",\n"id" : 1.0, "method":"tools/call","params":{"name":"${name}","arguments":{"a":"${more}"}} }`

describe('the audit without a policy', () => {
  verifies('WHO-03', 'has method and tool, and the upstream has the same bytes', async () => {
    const { send } = await start()
    const { record, sent } = await send(callOf('drop'))
    expect(record?.operations).toEqual([{ method: 'tools/call', name: 'drop' }])
    expect(record).not.toHaveProperty('unread')
    expect(sent).toBe(callOf('drop'))
  })

  verifies('WHO-03', 'has them of a long body that streams through', async () => {
    const { send } = await start({ auditArguments: true })
    const long = callOf('drop', 'x'.repeat(300_000))
    const chunks = new ReadableStream({
      start(controller) {
        for (let at = 0; at < long.length; at += 50_000) {
          controller.enqueue(new TextEncoder().encode(long.slice(at, at + 50_000)))
        }
        controller.close()
      },
    })
    const { record, sent } = await send(chunks)
    expect(record?.operations).toEqual([
      { method: 'tools/call', name: 'drop', arguments: { a: 'x'.repeat(300_000) } },
    ])
    expect(sent).toBe(long)
  })

  verifies('WHO-03', 'says why a message could not be read, and refuses nothing', async () => {
    const { send } = await start()
    const twice = callOf('drop').replace('"id"', '"method":"ping","id"')
    for (const [body, type, unread] of [
      ['{"broken":', 'application/json', 'no message'],
      [twice, 'application/json', 'no message'],
      [callOf('drop'), 'text/plain', 'no json'],
      [callOf('drop'), 'application/json; charset=utf-16', 'no json'],
    ] as const) {
      const { status, record, sent } = await send(body, type)
      expect(status).toBe(200)
      expect(sent).toBe(body)
      expect(record).toMatchObject({ outcome: 'allow', unread })
      expect(record).not.toHaveProperty('operations')
    }
  })

  verifies('WHO-03', 'says of a long batch that there is more', async () => {
    const { send } = await start()
    const batch = (length: number) =>
      `[${'{"jsonrpc":"2.0","method":"ping","id":1},'.repeat(length - 1)}${callOf('drop')}]`
    const { record } = await send(batch(100))
    expect(record?.operations?.at(-1)).toEqual({ method: 'tools/call', name: 'drop' })
    expect(record).not.toHaveProperty('unread')
    const { record: longer } = await send(batch(101))
    expect(longer?.operations).toHaveLength(100)
    expect(longer).toMatchObject({ outcome: 'allow', unread: 'too many' })
  })

  verifies('WHO-03', 'leaves a body beyond the limit to the limit', async () => {
    const { send } = await start({ maxBody: 100 })
    const { status, record } = await send(callOf('drop', 'x'.repeat(100)))
    expect(status).toBe(413)
    expect(record).toMatchObject({ outcome: 'refused', code: 'ERR_BODY_TOO_LARGE' })
    expect(record).not.toHaveProperty('unread')
  })
})

verifies('ATK-25', 'arguments count until the answer', async () => {
  const records: AuditRecord[] = []
  const waiting: (() => void)[] = []
  const upstream = await startUpstream((request, response) => {
    void bodyOf(request).then(() => waiting.push(() => response.end('{}')))
  })
  const maxBody = 100_000
  const onAudit = (record: AuditRecord) => records.push(record)
  const { call } = await startGateway(upstream, { onAudit, auditArguments: true, maxBody })
  // Long enough to be streamed. One caller has room for 16 bodies of the largest size: 22 of these.
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: callOf('drop', 'x'.repeat(70_000)),
  }
  const answers: Promise<Response>[] = []
  while (answers.length < 30) {
    answers.push(call(request))
    await eventually(() => waiting.length === answers.length)
  }
  for (const answer of waiting) answer()
  const statuses = await Promise.all(answers.map(async (each) => (await each).status))
  expect(new Set(statuses)).toEqual(new Set([200]))
  await eventually(() => records.length === 30)
  expect(records.filter(({ unread }) => unread === 'no room')).toHaveLength(8)
})

describe('a body that is overheard', () => {
  function listen(maxBody: number, limit = maxBody) {
    const admission = new Admission(admissionLimits(10, 10, limit))
    const request = new PassThrough()
    let end: () => void = () => undefined
    const known: unknown[] = []
    const passed: Buffer[] = []
    const head = { hasBody: true, contentType: 'application/json' } as RequestHead
    const enter = () => admission.enter({ issuer: 'i', subject: 's' }) as Place
    const onOver = (callback: () => void) => (end = callback)
    const options = { request: request as unknown as IncomingMessage, head, enter, maxBody, onOver }
    overhear(options, (each) => known.push(each))
    request.on('data', (chunk: Buffer) => passed.push(chunk))
    const passedText = () => Buffer.concat(passed).toString()
    return { admission, request, known, passed: passedText, end: () => end() }
  }

  verifies(['WHO-03', 'ATK-25'], 'takes room until its request ends', async () => {
    const { admission, request, known, passed, end } = listen(1_000)
    request.write(callOf('a').slice(0, 10))
    await eventually(() => admission.load.bytes === 10)
    request.end(callOf('a').slice(10))
    await eventually(() => known.length === 2)
    expect(known).toMatchObject(['incomplete', [{ method: 'tools/call' }]])
    expect(passed()).toBe(callOf('a'))
    expect(admission.load.bytes).toBe(callOf('a').length)
    end()
    expect(admission.load).toEqual({ callers: 0, requests: 0, bytes: 0 })
  })

  verifies('WHO-03', 'passes whole when there is no room for it', async () => {
    for (const [maxBody, limit] of [
      [50, 1_000],
      [1_000, 4],
    ] as const) {
      const { admission, request, known, passed } = listen(maxBody, limit)
      request.end(callOf('a'))
      await eventually(() => passed() === callOf('a'))
      expect(known).toEqual(['incomplete', 'no room'])
      expect(admission.load.bytes).toBe(0)
    }
  })

  verifies('WHO-03', 'is incomplete when its client leaves', async () => {
    const { admission, request, known, end } = listen(1_000)
    request.write('{')
    await eventually(() => admission.load.bytes === 1)
    request.destroy()
    end()
    expect(admission.load.requests).toBe(0)
    expect(known).toEqual(['incomplete'])
  })
})
