/** Commands that misbehave and clients that mean ill: what they can do ends with them. */
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { AdmittedRequest } from '../../../src/gateway/request/backend.js'
import { Admission, admissionLimits } from '../../../src/gateway/request/admission.js'
import { ANYBODY } from '../../../src/gateway/request/caller.js'
import { Records } from '../../../src/gateway/request/records.js'
import { REAL_TIME } from '../../../src/gateway/clock.js'
import { Child } from '../../../src/gateway/stdio/child.js'
import { StdioRequest } from '../../../src/gateway/stdio/request.js'
import { LineSplitter } from '../../../src/gateway/stdio/lines.js'
import { costOf } from '../../../src/gateway/stdio/bounded-queue.js'
import { EventWindow } from '../../../src/gateway/stdio/event-stream.js'
import { createManualClock } from '../../support/clocks.js'
import { startGateway, type GatewayFixture } from '../../support/gateway.js'
import { verifies } from '../../support/verifies.js'
import {
  Client,
  JSON_ONLY,
  messagesOf,
  MODERN,
  openClient,
  PATIENCE,
  startBridge,
  startScript,
  type RpcMessage,
  until,
  untilLeft,
} from './support.js'

describe('what must not end the gateway', () => {
  test.each([
    String.raw`{"\q":1,"id":1}`,
    String.raw`{"jsonrpc":"2.0","method":"notifications/progress","params":{"\u12":1}}`,
    String.raw`{"jsonrpc":"2.0","id":ID,"error":{"\x":1}}`,
    '{"jsonrpc":"2.0","method":"x","params":{"ä\u0001":1}}',
  ])('a name of a member that is not JSON: %j', async (line) => {
    const fixture = await startScript(
      `if (id) { say(${JSON.stringify(line)}.replace('ID', 999)); answer(id, {}) }`,
    )
    const client = await openClient(fixture)
    const answer = await client.call('anything', {}, { id: 'a' })
    expect(await answer.text()).toContain('"id":"a","result":{}')
  })
})

describe('a start that fails at once', () => {
  test('arguments that are too long: 502, and no session', async () => {
    const command = [process.execPath, '-e', '0', 'x'.repeat(200_000)]
    const fixture = await startGateway(command)
    expect((await new Client(fixture).open()).status).toBe(502)
    expect((await new Client(fixture, { version: MODERN }).call('echo')).status).toBe(400)
    expect(fixture.reported('child.ended').map(({ reason }) => reason)).toEqual(
      Array(2).fill('cannot be started (E2BIG)'),
    )
  })

  test('no file descriptor is left: it ends like one that is not there', () => {
    // In a process of its own, whose descriptors may run out.
    const script = `
      import { openSync, closeSync } from 'node:fs'
      import { Child } from './src/gateway/stdio/child.ts'
      const taken = []
      try { for (;;) taken.push(openSync('/dev/null')) } catch {}
      const none = () => undefined
      const onEnd = (reason) => {
        for (const each of taken) closeSync(each)
        console.log(reason)
      }
      const listener = { onLine: none, onTooLong: none, onStderr: none, onEnd }
      new Child(['true'], {}, 100, listener).write(Buffer.from('{}'))`
    const few = 'ulimit -n 100; exec "$0" --import tsx --input-type=module -e "$1"'
    const options = { cwd: resolve(import.meta.dirname, '../../..'), encoding: 'utf8' } as const
    const { stdout, stderr } = spawnSync('bash', ['-c', few, process.execPath, script], options)
    expect(stderr).toBe('')
    expect(stdout).toBe('cannot be started (EMFILE)\n')
  })
})

describe('a batch of many requests', () => {
  const headers = { accept: 'application/json', 'mcp-protocol-version': '2025-03-26' }
  const batchOf = (count: number) => {
    const requests = Array.from(
      { length: count },
      (_, n) => `{"jsonrpc":"2.0","id":${n + 1},"method":"a"}`,
    )
    return `[${requests.join(',')}]`
  }

  test('1,000, and the command ends: each is told', async () => {
    const fixture = await startScript('if (id === 1000) process.exit(3)')
    const client = await openClient(fixture)
    const answer = await client.send('POST', batchOf(1_000), headers)
    expect(answer.status).toBe(502)
    expect((await messagesOf(answer)).length).toBe(1_000)
  })

  test.each([1_001, 80_000])('%d: refused, and none reaches the command', async (count) => {
    const fixture = await startScript(`process.stderr.write('heard ' + method)`)
    const client = await openClient(fixture)
    const answer = await client.send('POST', batchOf(count), headers)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({
      id: null,
      error: { code: -32_600, message: 'A batch has at most 1000 messages' },
    })
    expect(fixture.reported('child.remarked')).toEqual([])
  })
})

describe('versions', () => {
  /** As servers made with SDK v2 do: a version that they do not know is refused, also in `server/discover`. */
  const MODERN_ONLY = `
    const version = params?._meta?.['io.modelcontextprotocol/protocolVersion']
    const say2 = (error) => say(JSON.stringify({ jsonrpc: '2.0', id, error }))
    const supported = process.env.SUPPORTED.split(' ')
    if (!supported.includes(version)) {
      return say2({ code: -32022, message: 'no', data: { supported, requested: version } })
    }
    answer(id, { supportedVersions: supported })`
  const startModernOnly = (supported: string) => {
    const childEnvironment = { PATH: process.env['PATH'] ?? '', SUPPORTED: supported }
    return startScript(MODERN_ONLY, { childEnvironment })
  }

  verifies('TRN-07', 'a client of a version that nobody knows spoils it for nobody', async () => {
    const fixture = await startModernOnly(MODERN)
    const answer = await new Client(fixture, { version: '2099-12-31' }).call('echo')
    expect(answer.status).toBe(400)
    const { error } = (await answer.json()) as RpcMessage
    expect(error?.data).toEqual({ supported: [MODERN], requested: '2099-12-31' })
    expect((await new Client(fixture, { version: MODERN }).call('echo')).status).toBe(200)
  })

  verifies('TRN-07', 'a command of later versions alone is known by its refusal', async () => {
    const fixture = await startModernOnly('2027-01-01')
    expect((await new Client(fixture, { version: '2027-01-01' }).call('echo')).status).toBe(200)
    expect((await new Client(fixture, { version: MODERN }).call('echo')).status).toBe(400)
  })
})

describe('a child whose first words are waited for', () => {
  const SLOW = `
    if (method === 'server/discover') {
      process.on('SIGUSR2', () => answer(id, { supportedVersions: ['2026-07-28'] }))
      return process.stderr.write('asked ' + process.pid + '\\n')
    }
    if (id) answer(id, { method })
    process.stderr.write('served ' + params.name + '\\n')`

  /** Returns what lets the command answer, once it was asked. */
  async function untilAsked({ reported }: GatewayFixture): Promise<() => void> {
    await until(() => reported('child.remarked').length === 1)
    const [, pid] = reported('child.remarked')[0]?.text.split(' ') ?? []
    return () => void process.kill(Number(pid), 'SIGUSR2')
  }

  test('who leaves meanwhile is not served, and does not keep it', async () => {
    const clock = createManualClock()
    const fixture = await startScript(SLOW, { children: { idle: 60 } }, clock)
    const leaving = new AbortController()
    const client = new Client(fixture, { version: MODERN })
    const gone = client.call('gone', {}, { signal: leaving.signal })
    const answer = await untilAsked(fixture)
    leaving.abort()
    await expect(gone).rejects.toThrow('abort')
    await untilLeft(fixture)
    const stays = client.call('stays')
    await until(() => fixture.gateway.status().active === 1)
    answer()
    expect((await stays).status).toBe(200)
    await untilLeft(fixture)
    clock.pass(60_000)
    await until(() => fixture.reported('child.ended').length === 1)
    expect(fixture.reported('session.ended')).toMatchObject([{ reason: 'idle' }])
    expect(fixture.reported('child.remarked').map(({ text }) => text)).toEqual([
      expect.stringMatching('asked'),
      'served stays',
    ])
  })

  test('is in use, and makes no room for another', async () => {
    const fixture = await startScript(SLOW, { children: { maxChildrenPerPrincipal: 1 } })
    const waiting = new Client(fixture, { version: MODERN }).call('echo')
    const answer = await untilAsked(fixture)
    expect((await new Client(fixture).open()).status).toBe(429)
    answer()
    expect((await waiting).status).toBe(200)
  })
})

test('a shared child that does not read is not fed notifications without end', async () => {
  const fixture = await startScript(
    `if (method === 'server/discover') answer(id, { supportedVersions: ['2026-07-28'] })
    if (method === 'tools/call') {
      answer(id, {})
      process.stdin.pause()
      setInterval(() => undefined, 1000)
    }`,
    { children: { queue: 100_000 } },
  )
  const client = new Client(fixture, { version: MODERN })
  expect((await client.call('deaf')).status).toBe(200)
  const params = { x: 'x'.repeat(50_000), ...client.request('x').params }
  const headers = { 'mcp-method': 'notifications/x' }
  const note = { jsonrpc: '2.0', method: 'notifications/x', params }
  const statuses: number[] = []
  for (let i = 0; i < 20; i++) statuses.push((await client.post(note, headers)).status)
  expect([statuses[0], statuses.at(-1)]).toEqual([202, 503])
})

test('the token of a client that left before its answer began is watched no longer', async () => {
  const clock = createManualClock()
  const fixture = await startBridge('legacy', {}, clock)
  const client = await openClient(fixture)
  const leaving = new AbortController()
  const gone = client.call('never', {}, { signal: leaving.signal })
  await until(() => clock.waiting(PATIENCE) === 1)
  leaving.abort()
  await expect(gone).rejects.toThrow('abort')
  await untilLeft(fixture)
  const others = clock.waiting() - 1
  // Its answer would begin, and the watch of its token with it.
  clock.pass(PATIENCE)
  expect(clock.waiting()).toBe(others)
})

describe('pipes', () => {
  test.each([0, 1])(
    'a child that lives on without one of them (%d) ends, and who waits is told',
    async (descriptor) => {
      const fixture = await startScript(
        `setInterval(() => undefined, 1000)
        globalThis.closed ??= [require('node:fs').closeSync(${descriptor})]
        process.stderr.write('closed\\n')`,
      )
      const client = await openClient(fixture)
      const json = JSON_ONLY
      const answers = [client.call('a', {}, json)]
      await until(() => fixture.reported('child.remarked').length === 1)
      answers.push(client.call('b', {}, json))
      for (const answer of answers) expect((await answer).status).toBe(502)
    },
    15_000,
  )

  test('what hangs on to them in a group of its own costs no descriptors', async () => {
    const fixture = await startScript(
      `const options = { detached: true, stdio: 'inherit' }
      answer(id, { pid: require('node:child_process').spawn('sleep', ['60'], options).pid })`,
    )
    const client = await openClient(fixture)
    const [message] = await messagesOf(await client.call('a'))
    onTestFinished(() => void process.kill(Number(message?.result?.['pid'])))
    const pipes = () =>
      process.getActiveResourcesInfo().filter((name) => name === 'PipeWrap').length
    const before = pipes()
    await client.send('DELETE')
    await until(() => fixture.reported('child.ended').length === 1)
    await until(() => pipes() === before - 3)
  }, 10_000)
})

test('questions of a child that does not read are not answered without end', async () => {
  const fixture = await startScript(
    `if (method === 'server/discover') answer(id, { supportedVersions: ['2026-07-28'] })
    if (method !== 'tools/call') return
    process.stdin.pause()
    setInterval(() => undefined, 1000)
    const text = JSON.stringify({ id: 'x'.repeat(100_000), method: 'a' })
    for (let i = 0; i < 1000; i++) say(text)
    answer(id, {})`,
  )
  let queued = 0
  const { write } = Child.prototype
  const spy = vi.spyOn(Child.prototype, 'write').mockImplementation(function (this: Child, line) {
    queued = Math.max(queued, this.unread)
    return write.call(this, line)
  })
  onTestFinished(() => spy.mockRestore())
  await messagesOf(await new Client(fixture, { version: MODERN }).call('a'))
  expect(queued).toBeLessThan(5 * 2 ** 20)
})

verifies('TRN-07', 'a version that nobody knows is refused within a session', async () => {
  const client = await openClient(await startBridge())
  for (const [version, id, code] of [
    ['1999-01-01', 'v', -32_000],
    ['2025-99-99', 'v', -32_000],
    ['x', 'v', -32_000],
    // Refused in every host, before the message is read.
    ['2025-06-18, 2025-06-18', null, -32_020],
  ] as const) {
    const headers = { 'mcp-protocol-version': version }
    const answer = await client.call('echo', {}, { headers, id: 'v' })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ id, error: { code } })
    expect((await client.send('GET', undefined, headers)).status).toBe(400)
  }
  const agreed = new Client(await startBridge())
  await agreed.open('2024-10-07')
  const headers = { 'mcp-protocol-version': '2024-10-07' }
  expect((await agreed.call('echo', {}, { headers })).status).toBe(200)
})

verifies(
  'ATK-07',
  'a child that refuses server/discover decides for its own caller alone',
  async () => {
    const fixture = await startScript(
      `if (method === 'server/discover' && process.env.GATEHOUSE_SUBJECT === 'mallory') {
       return say(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } }))
     }
     answer(id, { supportedVersions: ['2026-07-28'], content: [] })`,
    )
    const userOf = async (sub: string) =>
      new Client(fixture, { version: MODERN, token: await fixture.idp.token({ claims: { sub } }) })
    const [mallory, alice] = [await userOf('mallory'), await userOf('alice')]
    for (const _ of [1, 2]) expect((await mallory.call('echo')).status).toBe(400)
    expect((await alice.call('echo')).status).toBe(200)
    expect(fixture.reported('child.started')).toHaveLength(2)
  },
)

describe('what nobody reads', () => {
  const FLOOD = 100_000
  const NOTE = '{"jsonrpc":"2.0","method":"notifications/x"}'

  verifies('ATK-07', 'is kept by what it costs, and the rest is dropped', async () => {
    const fixture = await startScript(
      `if (id) process.stdout.write(${JSON.stringify(`${NOTE}\n`)}.repeat(${FLOOD}), () => answer(id, {}))`,
    )
    const client = await openClient(fixture)
    await (await client.call('flood', {}, JSON_ONLY)).text()
    const stream = await client.send('GET')
    await client.send('DELETE')
    const kept = Math.floor((4 * 2 ** 20) / costOf(Buffer.from(NOTE)))
    expect((await stream.text()).split(NOTE)).toHaveLength(kept + 1)
  })
})

describe('events that are kept', () => {
  test('cost as much when there are many of them', () => {
    const window = new EventWindow(4 * 2 ** 20)
    const line = Buffer.alloc(60)
    for (let n = 0; n < 300_000; n++) window.add('1', n, line)
    expect(window.after('1', 0).length).toBe(Math.floor((4 * 2 ** 20) / costOf(line)))
    expect(window.after('1', 299_990).map(({ number }) => number)).toEqual([
      299_991, 299_992, 299_993, 299_994, 299_995, 299_996, 299_997, 299_998, 299_999,
    ])
  })

  test('do not keep what was read together with them', () => {
    const window = new EventWindow(4 * 2 ** 20)
    const chunk = Buffer.alloc(2 ** 20)
    window.add('1', 1, chunk.subarray(0, 10))
    expect(window.after('1', 0)[0]?.line.buffer).not.toBe(chunk.buffer)
  })
})

/** Bytes that are in use now, garbage collected. */
function bytesInUse(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

describe('a line that comes byte by byte', () => {
  test('costs little more than its bytes', () => {
    const size = 2 ** 20
    let line: Buffer | undefined
    const lines = new LineSplitter(size, {
      onLine: (each) => (line = each),
      onTooLong: () => undefined,
    })
    const before = bytesInUse()
    // As they are read: each has memory of its own.
    for (let n = 0; n < size; n++) lines.push(Buffer.allocUnsafeSlow(1).fill(n % 10))
    expect(bytesInUse() - before).toBeLessThan(5 * size)
    lines.push(Buffer.from('\n'))
    expect(line?.equals(Buffer.alloc(size).map((_, n) => n % 10))).toBe(true)
  })
})

test('what a server says by itself does not go to a stream that was left', async () => {
  const fixture = await startBridge()
  const client = await openClient(fixture)
  const leaving = new AbortController()
  const live = await client.call('held', { before: 1 }, { progressToken: 'p' })
  const options = { progressToken: 'q', signal: leaving.signal }
  await client.call('held', { before: 1 }, options)
  leaving.abort()
  await until(() => fixture.gateway.status().active === 1)
  await client.value('note', { heard: 'by whom' }, JSON_ONLY)
  await client.value('release', {}, JSON_ONLY)
  expect(await live.text()).toContain('by whom')
})

describe('a reader that reads nothing', () => {
  /** Answers with `bytes` on a connection that cuts after 300 ms. */
  async function serve(respond: (request: StdioRequest) => void): Promise<number> {
    const context = { clock: REAL_TIME, maxQueue: 2 ** 20, grace: 0, stalled: 300, keepAlive: 0 }
    const records = new Records({
      onEvent: undefined,
      onClose: undefined,
      kept: 'nothing',
      now: Date.now,
      clock: REAL_TIME,
    })
    const server = createServer((request, response) => {
      const record = records.begin('r', 'GET', undefined as never)
      const known = { record, caller: ANYBODY, corsHeaders: {} }
      const place = new Admission(admissionLimits(1, 1, 1)).enter(undefined)
      const admitted = { ...known, place, request, response } as unknown as AdmittedRequest
      new StdioRequest(context, admitted, respond).begin()
    })
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }
  const body = Buffer.alloc(30 * 2 ** 20)
  const answers: readonly (readonly [string, (request: StdioRequest) => void])[] = [
    ['an answer', (request) => request.sendJson(200, body)],
    [
      'a stream that has ended',
      (request) => {
        request.startStream()
        request.write(body)
        request.endStream()
      },
    ],
  ]

  test.each(answers)('of %s is cut', async (_, respond) => {
    let isOver = false
    const port = await serve((connection) => {
      connection.whenOver(() => (isOver = true))
      respond(connection)
    })
    const socket = connect(port, '127.0.0.1').pause()
    onTestFinished(() => void socket.destroy())
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => isOver)
  })

  test.each(answers)('of %s is not cut while it reads, however slowly', async (_, respond) => {
    const port = await serve(respond)
    const socket = connect(port, '127.0.0.1')
    let size = 0
    socket.on('data', (chunk) => {
      size += chunk.length
      socket.pause()
      setTimeout(() => socket.resume(), 2)
    })
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await new Promise((resolve) => socket.on('close', resolve))
    expect(size).toBeGreaterThan(body.length)
  })
})
