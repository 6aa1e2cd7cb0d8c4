/** A session over a channel without a child: its server is in the memory of the test. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished } from 'vitest'
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { REAL_TIME } from '../../../src/gateway/clock.js'
import { Admission, admissionLimits, type Place } from '../../../src/gateway/request/admission.js'
import { ANYBODY } from '../../../src/gateway/request/caller.js'
import { createHeadReader } from '../../../src/gateway/request/head.js'
import { Records } from '../../../src/gateway/request/records.js'
import type { Channel, ChannelListener } from '../../../src/gateway/stdio/channel.js'
import { DEFAULT_LIMITS } from '../../../src/gateway/stdio/limits.js'
import { readRawMessage, type RawMessage } from '../../../src/gateway/stdio/raw-message.js'
import { StdioRequest } from '../../../src/gateway/stdio/request.js'
import { Session } from '../../../src/gateway/stdio/session.js'
import { eventually } from '../../support/gateway.js'
import { verifies } from '../../support/verifies.js'

function read(text: string): RawMessage {
  const message = readRawMessage(Buffer.from(text))
  if (message === undefined) throw new Error(`no message: ${text}`)
  return message
}

/** What a server in memory got, and the way to speak as that server. */
class MemoryChannel implements Channel {
  unread = 0
  remark: string | undefined
  readonly written: string[] = []
  readonly watched: StdioRequest[] = []
  readonly reports: string[] = []
  stops = 0
  readonly listener: ChannelListener

  constructor(listener: ChannelListener) {
    this.listener = listener
  }

  write(line: Buffer): void {
    this.written.push(line.toString())
  }
  watch(request: StdioRequest): void {
    this.watched.push(request)
  }
  report(reason: string): void {
    this.reports.push(reason)
  }
  stop(): Promise<void> {
    this.stops++
    return Promise.resolve()
  }
  say(text: string): void {
    this.listener.onMessage(read(text))
  }
}

const CALL = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a"}}'
const ANSWER = '{"jsonrpc":"2.0","id":7,"result":{"by":"memory"}}'

/** One session, and an endpoint whose POSTs go to it and whose GETs listen to it. */
async function startSession(limits = DEFAULT_LIMITS) {
  const events: GatewayEvent[] = []
  const ends: Promise<void>[] = []
  let channel: MemoryChannel | undefined
  const session = new Session(
    {
      id: 's-1',
      callerKey: 'caller',
      principalKey: undefined,
      label: 'in memory',
      limits,
      clock: REAL_TIME,
      emit: (event) => events.push(event),
      onOpened: () => undefined,
      onEnd: (ended) => ends.push(ended),
    },
    (listener) => (channel = new MemoryChannel(listener)),
  )
  const onEvent = (event: GatewayEvent) => void events.push(event)
  const records = new Records({
    onEvent,
    onClose: undefined,
    kept: 'nothing',
    now: Date.now,
    clock: REAL_TIME,
  })
  const admission = new Admission(admissionLimits(10, 10, 1_000))
  const readHead = createHeadReader([], [])
  const context = { clock: REAL_TIME, maxQueue: 1_000, grace: 1_000, stalled: 60_000, keepAlive: 0 }
  const server = createServer((request, response) => {
    const head = readHead(request.rawHeaders)
    const admitted = {
      request,
      response,
      head,
      query: undefined,
      record: records.begin('r-1', request.method ?? '', head),
      caller: ANYBODY,
      corsHeaders: {},
      expectsContinue: false,
      body: undefined,
      message: undefined,
      filter: undefined,
      place: admission.enter(undefined) as Place,
      clock: REAL_TIME,
      fail: () => response.destroy(),
    }
    const opened = new StdioRequest(context, admitted, (each) => {
      if (request.method === 'GET') session.listen(each, undefined)
      else session.post(each, [read(CALL)], false)
    })
    opened.begin()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    await session.end({ reason: 'the test is over' })
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
  const ask = (method: string) =>
    fetch(url, { method, headers: { accept: 'application/json, text/event-stream' } })
  return { session, channel: channel as MemoryChannel, ask, events, ends }
}

describe('a session over a channel in memory', () => {
  verifies('TRN-04', 'asks its server, and gives its answer, without any process', async () => {
    const { session, channel, ask, events } = await startSession()
    const answer = ask('POST')
    await eventually(() => channel.written.length === 1)
    expect(channel.written).toEqual([CALL])
    expect(channel.watched).toHaveLength(1)
    expect(session.isWaiting('number:7')).toBe(true)
    channel.say(ANSWER)
    expect(await (await answer).text()).toBe(ANSWER)
    expect(session.isWaiting('number:7')).toBe(false)
    expect(events.filter(({ type }) => type.startsWith('child.'))).toEqual([])
  })

  verifies('TRN-04', 'lets a stream hear what its server says on its own', async () => {
    const { channel, ask } = await startSession()
    const notice = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
    const stream = await ask('GET')
    channel.say(notice)
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader()
    let text = ''
    while (!text.includes(notice)) text += Buffer.from((await reader.read()).value ?? []).toString()
    expect(text).toContain(`data: ${notice}\n\n`)
    await reader.cancel()
  })

  verifies('CASE-63', 'fails what waits when its server ends by itself', async () => {
    const { channel, ask, events, ends } = await startSession()
    const answer = ask('POST')
    await eventually(() => channel.written.length === 1)
    channel.listener.onEnd('left')
    expect((await answer).status).toBe(502)
    expect([channel.stops, ends.length]).toEqual([1, 1])
    expect(events).toContainEqual({
      type: 'session.ended',
      child: 'in memory',
      reason: 'the command left',
    })
  })

  verifies(
    'CASE-63',
    'stops the channel once, and is congested by what it does not take',
    async () => {
      const { session, channel } = await startSession({ ...DEFAULT_LIMITS, queue: 100 })
      expect(session.isCongested).toBe(false)
      channel.unread = 101
      expect(session.isCongested).toBe(true)
      channel.listener.onEndless()
      await session.end({ reason: 'again' })
      expect(channel.stops).toBe(1)
    },
  )
})
