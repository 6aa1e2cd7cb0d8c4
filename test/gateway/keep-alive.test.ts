/** Event streams over which nothing comes: comments keep them open, and break nothing. */
import { connect, type Socket } from 'node:net'
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import { describe, expect, onTestFinished } from 'vitest'
import { createManualClock, FAST_CLOCK } from '../support/clocks.js'
import { eventually, startGateway, startTcpUpstream } from '../support/gateway.js'
import { Client, startBridge } from './stdio/support.js'
import { verifies } from '../support/verifies.js'

const STREAM = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n'
const COMMENT = ': \n\n'

/** A stream through a gateway whose clock the test moves, and everything that its client got. */
async function openStream({
  head = `${STREAM}\r\n`,
  first = '',
  request = 'GET /mcp',
  options = {},
}: {
  head?: string
  /** What comes with the head. */
  first?: string
  request?: string
  options?: Partial<GatewayOptions>
} = {}) {
  let server: Socket | undefined
  const upstream = await startTcpUpstream((socket) => {
    server = socket
    socket.once('data', () => socket.write(head + first))
  })
  const clock = createManualClock()
  const fixture = await startGateway(upstream, options, {}, clock)
  const socket = connect({ port: fixture.port, host: '127.0.0.1' })
  onTestFinished(() => void socket.destroy())
  let got = Buffer.alloc(0)
  socket.on('data', (chunk) => (got = Buffer.concat([got, chunk])))
  const body = request.startsWith('POST') ? '{}' : ''
  const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`
  // In HTTP/1.0 the body comes as it is, until its connection ends.
  socket.write(
    `${request} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer ${fixture.token}\r\n${length}\r\n${body}`,
  )
  await eventually(() => got.includes('\r\n\r\n'))
  return {
    ...fixture,
    clock,
    send: (bytes: string | Buffer) => server?.write(bytes),
    finish: () => server?.end(),
    body: () => got.subarray(got.indexOf('\r\n\r\n') + 4).toString(),
  }
}

/** A mark that nothing else sends shows that everything before it has come. */
async function until(stream: Awaited<ReturnType<typeof openStream>>, end: string): Promise<string> {
  await eventually(() => stream.body().endsWith(end))
  return stream.body()
}

describe('a silent stream', () => {
  verifies('FLD-15', 'begins with a comment if it is asked for by GET, and has more', async () => {
    const stream = await openStream()
    expect(await until(stream, COMMENT)).toBe(COMMENT)
    stream.clock.pass(14_999)
    stream.send('data: 1\n\n')
    expect(await until(stream, 'data: 1\n\n')).toBe(`${COMMENT}data: 1\n\n`)
    // The silence began with the event.
    stream.clock.pass(14_999)
    stream.send('data: 2\n\n')
    expect(await until(stream, 'data: 2\n\n')).toBe(`${COMMENT}data: 1\n\ndata: 2\n\n`)
    stream.clock.pass(1)
    stream.clock.pass(15_000)
    expect(await until(stream, COMMENT)).toBe(`${COMMENT}data: 1\n\ndata: 2\n\n${COMMENT}`)
    stream.clock.pass(15_000)
    expect(await until(stream, COMMENT + COMMENT)).toContain(`2\n\n${COMMENT}${COMMENT}`)
  })

  verifies('FLD-15', 'of a POST has its first comment after the time, not at once', async () => {
    const stream = await openStream({ request: 'POST /mcp' })
    await eventually(() => stream.clock.waiting() > 1)
    stream.clock.pass(14_999)
    expect(stream.body()).toBe('')
    stream.clock.pass(1)
    expect(await until(stream, COMMENT)).toBe(COMMENT)
  })

  verifies('FLD-15', 'with an event at once does not begin with a comment', async () => {
    const stream = await openStream({ first: 'data: 1\n\n' })
    expect(await until(stream, 'data: 1\n\n')).toBe('data: 1\n\n')
  })

  verifies('FLD-15', 'has comments as often as configured, or none', async () => {
    const often = await openStream({ options: { sseKeepAlive: 2 } })
    await until(often, COMMENT)
    often.clock.pass(2_000)
    expect(await until(often, COMMENT + COMMENT)).toBe(COMMENT + COMMENT)
    const never = await openStream({ options: { sseKeepAlive: 0 } })
    never.clock.pass(60_000)
    never.send('data: 1\n\n')
    expect(await until(never, 'data: 1\n\n')).toBe('data: 1\n\n')
  })

  for (const [name, half] of [
    ['a line', 'data: ha'],
    ['an event', 'id: 1\n'],
    ['an event with CR', 'id: 1\r'],
    ['an event with CR LF', 'id: 1\r\n'],
  ] as const) {
    verifies('FLD-15', `has none in the middle of ${name}`, async () => {
      const stream = await openStream({ first: half })
      await until(stream, half)
      stream.clock.pass(60_000)
      stream.send('x: y\n\n')
      expect(await until(stream, 'x: y\n\n')).toBe(`${half}x: y\n\n`)
      stream.clock.pass(15_000)
      expect(await until(stream, COMMENT)).toBe(`${half}x: y\n\n${COMMENT}`)
    })
  }

  for (const [name, head] of [
    ['with a coding', `${STREAM}Content-Encoding: gzip\r\n`],
    ['with a length', `${STREAM}Content-Length: 9\r\n`],
    ['of another status', STREAM.replace('200 OK', '404 Not Found')],
    ['of another type', STREAM.replace('event-stream', 'event-stream-x')],
    ['of JSON', STREAM.replace('text/event-stream', 'application/json')],
  ] as const) {
    verifies('FLD-15', `has none in a body ${name}`, async () => {
      const stream = await openStream({ head: `${head}\r\n` })
      stream.clock.pass(60_000)
      stream.send('data: 1\n\n')
      expect(await until(stream, 'data: 1\n\n')).toBe('data: 1\n\n')
    })
  }

  verifies('FLD-15', 'keeps its byte order mark only at the beginning', async () => {
    const mark = Buffer.from('\ufeffdata: 1\n\n')
    const early = await openStream({ options: { sseKeepAlive: 0 } })
    early.send(mark)
    expect(await until(early, 'data: 1\n\n')).toBe('\ufeffdata: 1\n\n')
    const late = await openStream()
    await until(late, COMMENT)
    late.send(mark)
    expect(await until(late, 'data: 1\n\n')).toBe(`${COMMENT}data: 1\n\n`)
    late.send(mark)
    expect(await until(late, '\ufeffdata: 1\n\n')).toBe(`${COMMENT}data: 1\n\n\ufeffdata: 1\n\n`)
  })

  verifies('FLD-15', 'whose reader takes nothing is cut all the same', async () => {
    const upstream = await startTcpUpstream((socket) => {
      const chunk = `data: ${'x'.repeat(60_000)}\n\n`
      const fill = () => {
        while (socket.write(chunk));
      }
      socket.once('data', () => {
        socket.write(`${STREAM}\r\n`)
        socket.on('drain', fill)
        fill()
      })
    })
    const clock = createManualClock()
    const fixture = await startGateway(upstream, {}, { stalled: 300 }, clock)
    const socket = connect({ port: fixture.port, host: '127.0.0.1' })
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => undefined)
    socket.pause()
    socket.write(
      `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`,
    )
    await eventually(() => {
      clock.pass(15_000)
      return fixture.reported('request.completed').length > 0
    })
    expect(fixture.reported('request.completed')[0]).toMatchObject({ end: 'cut' })
  })

  verifies('FLD-15', 'leaves no timer behind when it has ended', async () => {
    const stream = await openStream({ request: 'POST /mcp' })
    await eventually(() => stream.clock.waiting() > 1)
    stream.send('data: 1\n\n')
    await until(stream, 'data: 1\n\n')
    stream.finish()
    await eventually(() => stream.clock.waiting() === 0)
  })
})

describe('a silent stream of a command', () => {
  async function openSession(version: string, options: Partial<GatewayOptions>) {
    const fixture = await startBridge('legacy', options, FAST_CLOCK)
    const client = new Client(fixture, { version })
    await (await client.open(version)).arrayBuffer()
    return client
  }

  function read(answer: Response): () => string {
    let text = ''
    void (async () => {
      for await (const chunk of answer.body ?? []) text += Buffer.from(chunk).toString()
    })().catch(() => undefined)
    return () => text
  }

  verifies('FLD-15', 'begins with a comment', async () => {
    const client = await openSession('2025-06-18', { sseKeepAlive: 86_400 })
    const text = read(await client.send('GET'))
    await eventually(() => text() === COMMENT)
  })

  verifies('FLD-15', 'has more of them', async () => {
    const client = await openSession('2025-06-18', { sseKeepAlive: 1 })
    const text = read(await client.send('GET'))
    await eventually(() => text() === COMMENT.repeat(3))
  })

  verifies('FLD-15', 'needs no comment if it begins with an event', async () => {
    const client = await openSession('2025-11-25', {})
    const text = read(await client.send('GET'))
    await eventually(() => text().length > 0)
    expect(text()).toMatch(/^id: /)
  })

  verifies('FLD-15', 'has none if they are switched off', async () => {
    const client = await openSession('2025-06-18', { sseKeepAlive: 0 })
    const text = read(await client.send('GET'))
    await client.call('note', { level: 'info' })
    await eventually(() => text().length > 0)
    expect(text()).toMatch(/^id: \S+\nevent: message\n/)
  })
})
