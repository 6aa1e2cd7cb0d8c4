/** What comes over a connection to break the gateway, or the server behind it: odd requests, odd ends, odd order. */
import { spawn, spawnSync } from 'node:child_process'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import express from 'express'
import fc from 'fast-check'
import { describe, expect, onTestFinished } from 'vitest'
import type { AuditRecord } from 'mcp-gatehouse/gateway'
import {
  Admission,
  admissionLimits,
  Place,
  type CountedCaller,
} from '../../src/gateway/request/admission.js'
import { REAL_TIME } from '../../src/gateway/clock.js'
import type { Backend } from '../../src/gateway/request/backend.js'
import { createHeadReader } from '../../src/gateway/request/head.js'
import { createRequestHandler } from '../../src/gateway/request/handler.js'
import { UnservedPaths } from '../../src/gateway/request/unserved-paths.js'
import { Records } from '../../src/gateway/request/records.js'
import { createOrigins } from '../../src/web/origins.js'
import { createManualClock } from '../support/clocks.js'
import {
  bodyOf,
  eventually,
  exchangeBytes,
  socketsAt,
  startGateway,
  startTcpUpstream,
  startUpstream,
} from '../support/gateway.js'
import { RESOURCE } from '../support/idp.js'
import { nextTurn, someTurns } from '../support/turns.js'
import { verifies } from '../support/verifies.js'

const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}'

const RESULT = '{"jsonrpc":"2.0","id":1,"result":{}}'

/** Sends bytes, and resets the connection once they have left. */
function reset(port: number, bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
    socket.write(bytes, () => socket.resetAndDestroy())
  })
}

/** What would have ended the process. */
function uncaught(): unknown[] {
  const errors: unknown[] = []
  const note = (error: unknown) => errors.push(error)
  process.on('uncaughtException', note).on('unhandledRejection', note)
  onTestFinished(() => {
    process.off('uncaughtException', note).off('unhandledRejection', note)
  })
  return errors
}

const statusesIn = (answer: string) =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

/** A gateway in front of a server that says what it was sent. */
async function startEcho(options: Parameters<typeof startGateway>[1] = {}) {
  const seen: string[] = []
  const upstream = await startUpstream((request, response) => {
    void bodyOf(request).then(
      (body) => {
        seen.push(`${request.method} ${body.length > 100 ? body.length : body.toString()}`)
        response.end('the answer')
      },
      () => undefined,
    )
  })
  const fixture = await startGateway(upstream, options)
  const authorization = `Authorization: Bearer ${fixture.token}`
  const write = (line: string, fields: readonly string[], body = '') =>
    [`${line} HTTP/1.1`, 'Host: localhost', authorization, ...fields, '', body].join('\r\n')
  return { ...fixture, seen, write }
}

describe('a connection', () => {
  verifies('ATK-01', 'that is reset in whatever state ends nothing but itself', async () => {
    const errors = uncaught()
    const { port, write, call, gateway } = await startEcho()
    const states = [
      'CONNECT x:1 HTTP/1.1\r\n\r\n',
      'CONNECT x:1 HTTP/1.1\r\nHost: localhost\r\n\r\nand more',
      write('GET /mcp', ['Connection: Upgrade', 'Upgrade: websocket']),
      write('GET /mcp', ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c']),
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      write('POST /mcp', ['Content-Length: 100000'], '{'),
      write('POST /mcp', ['Transfer-Encoding: chunked'], '1\r\n{\r\n'),
      write('POST /mcp', ['Expect: 100-continue', 'Content-Length: 5']),
      `${write('GET /mcp', [])}CONNECT x:1 HTTP/1.1\r\n\r\n`,
      'garbage',
      'GET /mcp',
    ]
    for (const bytes of states) {
      await Promise.all(Array.from({ length: 50 }, () => reset(port, bytes)))
    }
    await eventually(() => gateway.status().active === 0)
    expect((await call()).status).toBe(200)
    expect(errors).toEqual([])
  })

  verifies(
    'ATK-01',
    'that becomes a tunnel before its answer is there gets its answer',
    async () => {
      const large = 'x'.repeat(3_000_000)
      const upstream = await startUpstream((_request, response) => response.end(large))
      const { port, token } = await startGateway(upstream)
      const get = `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`
      const answer = await exchangeBytes(port, `${get}${get}CONNECT x:1 HTTP/1.1\r\n\r\n`)
      expect(statusesIn(answer)).toEqual([200, 200])
      expect(answer.split(large)).toHaveLength(3)
    },
  )

  verifies('ATK-01', 'a throw where nobody expects one is a 500, told and complete', async () => {
    const errors = uncaught()
    const events: unknown[] = []
    const readHead = createHeadReader([], [])
    const bug = () => {
      throw new RangeError('a secret')
    }
    const open: Backend['open'] = ({ query }) => {
      if (query === 'open') bug()
      return { begin: bug, giveUp: () => undefined } as never
    }
    const handle = createRequestHandler({
      healthPath: undefined,
      findRoute: () => ({
        resource: RESOURCE,
        resourceLabel: undefined,
        endpoint: '/mcp',
        metadataPaths: new Set(),
        guard: undefined,
        claims: undefined,
        origins: createOrigins([], RESOURCE),
        readHead,
        backend: { open } as unknown as Backend,
      }),
      readHead,
      isHostAllowed: () => true,
      randomUUID: () => crypto.randomUUID(),
      maxBody: 1_000,
      admission: new Admission(admissionLimits(9, 9, 1_000)),
      overhearing: undefined,
      unservedPaths: new UnservedPaths([RESOURCE], REAL_TIME.now),
      clock: REAL_TIME,
      records: new Records({
        onEvent: (event) => void events.push(event),
        onClose: undefined,
        kept: 'nothing',
        now: Date.now,
        clock: REAL_TIME,
      }),
    })
    const server = createServer(handle).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    for (const where of ['open', 'begin']) {
      const answer = await fetch(`http://127.0.0.1:${port}/mcp?${where}`)
      expect(answer.status).toBe(500)
      expect(await answer.text()).toBe(
        '{"error":"server_error","error_description":"Internal error"}',
      )
      expect(answer.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/)
    }
    expect(events).toEqual([
      expect.objectContaining({ type: 'request.failed' }),
      expect.objectContaining({ type: 'request.completed', status: 500, end: 'whole' }),
      // Of the second its backend tells the end.
      expect.objectContaining({ type: 'request.failed' }),
    ])
    expect(JSON.stringify(events)).not.toContain('secret')
    expect(errors).toEqual([])
  })
})

describe('a body that comes with another method than POST', () => {
  const bodies: readonly (readonly [string, string])[] = [
    [`Content-Length: ${CALL.length}`, CALL],
    ['Transfer-Encoding: chunked', `${CALL.length.toString(16)}\r\n${CALL}\r\n0\r\n\r\n`],
    ['Transfer-Encoding: chunked', '0\r\n\r\n'],
    ['Content-Length: 1', ' '],
  ]
  for (const auth of ['oauth', 'none'] as const) {
    verifies('ATK-02', `is refused, with auth ${auth} and without a policy`, async () => {
      const { port, write, seen } = await startEcho({ auth })
      for (const method of ['GET', 'HEAD', 'DELETE']) {
        for (const [field, body] of bodies) {
          const bytes = write(`${method} /mcp`, [field, 'Connection: close'], body)
          const answer = await exchangeBytes(port, bytes)
          expect(statusesIn(answer)).toEqual([400])
          expect(answer.includes('"Only POST may have a body"')).toBe(method !== 'HEAD')
        }
      }
      expect(seen).toEqual([])
      for (const fields of [[], ['Content-Length: 0']]) {
        const statuses: number[] = []
        for (const method of ['GET', 'DELETE', 'HEAD']) {
          const bytes = write(`${method} /mcp`, [...fields, 'Connection: close'])
          statuses.push(...statusesIn(await exchangeBytes(port, bytes)))
        }
        expect(statuses).toEqual([200, 200, 405])
      }
      expect(seen).toEqual(['GET ', 'DELETE ', 'GET ', 'DELETE '])
    })
  }

  // A machine without Python shows a test less.
  const hasPython = spawnSync('python3', ['--version']).status === 0
  const withPython = hasPython ? verifies : () => undefined
  withPython('ATK-02', "is no request of its own for Python's http.server", async () => {
    const program = [
      'from http.server import *',
      'class H(BaseHTTPRequestHandler):',
      '    protocol_version = "HTTP/1.1"',
      '    def do_GET(self):',
      '        print(self.path, self.headers.get("X-Gatehouse-Subject"), flush=True)',
      '        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()',
      '    def log_message(self, *args): pass',
      's = ThreadingHTTPServer(("127.0.0.1", 0), H)',
      'print(s.server_port, flush=True)',
      's.serve_forever()',
    ].join('\n')
    const python = spawn('python3', ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void python.kill('SIGKILL'))
    let said = ''
    python.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    await eventually(() => /^\d+\n/.test(said), 20_000)
    const [port] = said.split('\n')
    const fixture = await startGateway(`http://127.0.0.1:${port}/mcp`)
    const forged = 'GET /forged HTTP/1.1\r\nHost: x\r\nX-Gatehouse-Subject: admin\r\n\r\n'
    const sent = (more: string, body = '') =>
      `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${fixture.token}\r\n${more}\r\n${body}`
    const last = sent('Connection: close\r\n')
    const answer = await exchangeBytes(
      fixture.port,
      sent(`Content-Length: ${forged.length}\r\n`, forged) + last,
    )
    expect(statusesIn(answer)).toEqual([400, 200])
    expect(said.split('\n').slice(1, -1)).toEqual(['/mcp user-1'])
  })
})

describe('the body of a POST', () => {
  const LARGE = 70_000
  const forms = {
    'in one piece': (body: string) => [`Content-Length: ${body.length}`, body] as const,
    large: (body: string) =>
      [`Content-Length: ${LARGE}`, body + ' '.repeat(LARGE - body.length)] as const,
    'in chunks': (body: string) =>
      [
        'Transfer-Encoding: chunked',
        `${[...body].map((char) => `1\r\n${char}\r\n`).join('')}0\r\n\r\n`,
      ] as const,
  }
  for (const [name, form] of Object.entries(forms)) {
    verifies('ATK-03', `goes on when it begins as JSON, and not otherwise: ${name}`, async () => {
      const { port, write, seen, reported } = await startEcho()
      const odd = [
        'x',
        'GET / HTTP/1.1',
        '"text"',
        '7',
        'null',
        '\0{',
        '\v{',
        '\x85{',
        '\xef\xbb\xbf{}',
      ]
      for (const body of [...odd, ' \t\r\nx', ' ']) {
        const [field, bytes] = form(body)
        const sent = Buffer.from(write('POST /mcp', [field, 'Connection: close'], bytes), 'latin1')
        const answer = await exchangeBytes(port, sent)
        expect(statusesIn(answer), JSON.stringify(body)).toEqual([400])
        expect(answer).toContain('"code":-32700')
      }
      expect(seen).toEqual([])
      expect(new Set(reported('request.refused').map(({ code }) => code))).toEqual(
        new Set(['ERR_BODY_UNREADABLE']),
      )
      const good = ['{}', '[]', ' \t\r\n{}', '{']
      for (const body of good) {
        const [field, bytes] = form(body)
        const answer = await exchangeBytes(
          port,
          write('POST /mcp', [field, 'Connection: close'], bytes),
        )
        expect(statusesIn(answer), JSON.stringify(body)).toEqual([200])
      }
      expect(seen).toHaveLength(good.length)
    })
  }

  verifies('ATK-03', 'without any is refused', async () => {
    const { port, write, seen } = await startEcho()
    for (const fields of [[], ['Content-Length: 0']]) {
      const bytes = write('POST /mcp', [...fields, 'Connection: close'])
      expect(statusesIn(await exchangeBytes(port, bytes))).toEqual([400])
    }
    expect(seen).toEqual([])
  })

  verifies('ATK-03', 'is not waited for through blanks without end', async () => {
    const { port, write, seen } = await startEcho()
    const blanks = `8000\r\n${' '.repeat(0x8000)}\r\n`
    const bytes = write('POST /mcp', ['Transfer-Encoding: chunked'], blanks.repeat(3))
    const answer = await exchangeBytes(port, bytes)
    expect(statusesIn(answer)).toEqual([400])
    expect(seen).toEqual([])
  })

  verifies(
    'ATK-03',
    'streams on: the upstream has its beginning before its end is sent',
    async () => {
      let got = ''
      const upstream = await startUpstream((request, response) => {
        request.on('data', (chunk: Buffer) => (got += chunk.toString()))
        request.on('end', () => response.end('whole'))
      })
      const { port, token } = await startGateway(upstream)
      const socket = connect({ port, host: '127.0.0.1' })
      onTestFinished(() => void socket.destroy())
      let answer = ''
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
      socket.write(
        `POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer ${token}\r\n\r\n2\r\n \n\r\n2\r\n{"\r\n`,
      )
      // A short one is sent in one piece.
      const long = 'x'.repeat(0x10000)
      socket.write(`10000\r\n${long}\r\n`)
      await eventually(() => got === ` \n{"${long}`)
      socket.write('1\r\n}\r\n0\r\n\r\n')
      await eventually(() => answer.includes('whole'))
      expect(got).toBe(` \n{"${long}}`)
    },
  )
})

/**
 * A server that answers a POST as soon as its head is there, forgets its body, and takes what comes then for the next
 * request.
 */
async function startHasty() {
  const sockets: Socket[] = []
  /** Request lines, and over which connection they came. */
  const seen: string[] = []
  let finish = () => undefined as unknown
  /** Bytes of the request to which an answer has begun. */
  let received = 0
  const upstream = await startTcpUpstream((socket) => {
    const index = sockets.push(socket)
    let text = ''
    let isAnswering = false
    function next(): void {
      const end = text.indexOf('\r\n\r\n')
      if (isAnswering || end < 0) return
      const [first = ''] = text.slice(0, end).split('\r\n')
      const isPost = first.startsWith('POST')
      text = isPost ? '' : text.slice(end + 4)
      const asked = /(?:GET|POST) (\S+)/.exec(first)?.[1] ?? ''
      seen.push(`${index} ${asked}`)
      const answer = `to ${asked}`
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${answer.length}\r\n\r\n`,
      )
      isAnswering = true
      received = 0
      const answerNow = () => {
        socket.write(answer)
        isAnswering = false
        next()
      }
      if (isPost) finish = answerNow
      else answerNow()
    }
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      received += chunk.length
      next()
    })
  })
  return { upstream, seen, received: () => received, finish: () => finish() }
}

verifies(
  'ATK-03',
  'an Express server that answers early: nobody else gets its connection',
  async () => {
    /** By the port of the connection. */
    const seen: { readonly from: number | undefined; readonly asked: string }[] = []
    const app = express()
    app.use((request, response) => {
      seen.push({ from: request.socket.remotePort, asked: `${request.method} ${request.url}` })
      response.json({ asked: request.url })
    })
    const upstream = await startUpstream((request, response) => void app(request, response))
    const { port, token, gateway } = await startGateway(upstream)
    const head = (line: string, ...more: string[]) =>
      [line, 'Host: localhost', `Authorization: Bearer ${token}`, ...more, '', ''].join('\r\n')
    for (let round = 0; round < 5; round++) {
      const attack = connect({ port, host: '127.0.0.1' })
      attack.on('error', () => undefined)
      let answer = ''
      attack.on('data', (chunk: Buffer) => (answer += chunk.toString()))
      attack.write(`${head('POST /mcp?attack HTTP/1.1', 'Content-Length: 70000')}{"`)
      await eventually(() => answer.includes('{"asked":"/mcp?attack"}'))
      attack.write('GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n')
      const victim = await exchangeBytes(
        port,
        head('GET /mcp?victim HTTP/1.1', 'Connection: close'),
      )
      expect(victim).toContain('{"asked":"/mcp?victim"}')
      attack.destroy()
      await eventually(() => gateway.status().active === 0)
    }
    // An attack may take a connection that is clean, and nothing comes over it after that.
    const after = seen.filter(({ from }, index) =>
      seen.slice(0, index).some((one) => one.from === from && one.asked.includes('attack')),
    )
    expect(after).toEqual([])
    expect(seen.filter(({ asked }) => asked.includes('smuggled'))).toEqual([])
  },
)

verifies(
  'ATK-03',
  'an upstream connection is not used again after an answer that began before its request was sent',
  async () => {
    const hasty = await startHasty()
    const { port, token, gateway } = await startGateway(hasty.upstream)
    const head = (line: string, ...more: string[]) =>
      [line, 'Host: localhost', `Authorization: Bearer ${token}`, ...more, '', ''].join('\r\n')
    for (let round = 0; round < 5; round++) {
      const smuggled = 'GET /smuggled HTTP/1.1\r\n\r\n'
      const length = 70_000
      const attack = connect({ port, host: '127.0.0.1' })
      attack.on('error', () => undefined)
      let answer = ''
      attack.on('data', (chunk: Buffer) => (answer += chunk.toString()))
      attack.write(`${head('POST /mcp HTTP/1.1', `Content-Length: ${length}`)}{"`)
      // The gateway holds the head of an answer for one turn of its loop.
      await eventually(() => answer.includes('\r\n\r\n'))
      attack.write(smuggled.padStart(length - 2, 'x'))
      await eventually(() => hasty.received() >= length - 2)
      hasty.finish()
      await eventually(() => answer.includes('to /mcp'))
      attack.destroy()
      await eventually(() => gateway.status().active === 0)
      const victim = await exchangeBytes(
        port,
        head('GET /mcp?victim HTTP/1.1', 'Connection: close'),
      )
      expect(victim).toMatch(/\r\n\r\nto \/mcp\?victim$/)
    }
    // The server was taken in each time.
    expect(hasty.seen.filter((line) => line.endsWith('/smuggled'))).toHaveLength(5)
    const victims = [...hasty.seen.entries()].filter(([, line]) => line.endsWith('victim'))
    for (const [i, line] of victims) {
      const [connection = ''] = line.split(' ')
      const before = hasty.seen.slice(0, i).filter((each) => each.startsWith(`${connection} `))
      expect(before.filter((each) => !each.endsWith('victim'))).toEqual([])
    }
  },
)

describe('several requests of one connection', () => {
  verifies('ATK-05', 'after an answer that closes it none is executed', async () => {
    const { port, write, seen, reported } = await startEcho()
    const post = (more: string[], body = CALL) =>
      write('POST /mcp', [`Content-Length: ${body.length}`, ...more], body)
    const rest = post([]).repeat(49)
    const byClient = await exchangeBytes(port, post(['Connection: close']) + rest)
    expect(statusesIn(byClient)).toEqual([200])
    expect(seen).toHaveLength(1)
    // By us: nobody knows how much of its body would come.
    const unread = write('POST /mcp', ['Content-Length: 100000', 'Expect: 100-continue'])
    const byUs = await exchangeBytes(port, unread.replace(/Bearer \S+/, 'Bearer x') + rest)
    expect(statusesIn(byUs)).toEqual([401])
    expect(seen).toHaveLength(1)
    const whole = await exchangeBytes(port, rest + post(['Connection: close']))
    expect(statusesIn(whole)).toEqual(Array.from({ length: 50 }, () => 200))
    expect(seen).toHaveLength(51)
    await eventually(() => reported('request.completed').length === 52)
  })

  verifies(
    ['ATK-05', 'ATK-07'],
    'are executed one after the other, and few of them wait',
    async () => {
      let open = 0
      let most = 0
      let answered = 0
      const sockets = new Set<Socket>()
      const upstream = await startUpstream((request, response) => {
        sockets.add(request.socket)
        most = Math.max(most, ++open)
        setImmediate(() => {
          open--
          answered++
          response.end('1')
        })
      })
      const { port, token, reported } = await startGateway(upstream)
      const get = `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`
      const answer = await exchangeBytes(port, get.repeat(8_000), { timeout: 20_000 })
      const statuses = statusesIn(answer)
      // The refusal comes last, in its turn.
      expect(statuses.at(-1)).toBe(429)
      expect(new Set(statuses.slice(0, -1))).toEqual(new Set([200]))
      expect(answer.slice(answer.lastIndexOf('HTTP/1.1'))).toMatch(
        /^HTTP\/1\.1 429 [^]*\r\nRetry-After: 1\r\n[^]*Connection: close\r\n[^]*"too_many_requests"/,
      )
      expect(most).toBe(1)
      expect(sockets.size).toBeLessThan(3)
      // As many as may wait, and those that were answered while they came.
      expect(answered).toBe(statuses.length - 1)
      expect(answered).toBeLessThan(8_000)
      const [refused, ...more] = reported('request.refused')
      expect(more).toEqual([])
      expect(refused).toMatchObject({ status: 429, code: 'ERR_REQUESTS_TOO_MANY' })
      expect(answer).toContain(refused?.requestId)
    },
  )

  verifies('ATK-05', 'and one that is not HTTP: no status is told that nobody got', async () => {
    let letOn: (() => void) | undefined
    const upstream = await startUpstream((_request, response) => {
      letOn = () => response.end('1')
    })
    const { port, token, reported } = await startGateway(upstream)
    const get = `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`
    const asked = exchangeBytes(port, `${get}???\r\n\r\n`)
    await eventually(() => letOn !== undefined && reported('request.refused').length === 1)
    letOn?.()
    expect(statusesIn(await asked)).toEqual([200])
    expect(reported('request.refused')[0]).not.toHaveProperty('status')
    expect(statusesIn(await exchangeBytes(port, '???\r\n\r\n'))).toEqual([400])
    expect(reported('request.refused')[1]).toMatchObject({ status: 400 })
  })

  verifies('ATK-07', 'beyond those that may wait: no status is told that nobody got', async () => {
    let asked = 0
    const upstream = await startUpstream(() => void asked++)
    const { port, token, reported } = await startGateway(upstream)
    const get = `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => undefined)
    socket.write(get.repeat(200))
    await eventually(() => asked === 1)
    expect(reported('request.refused')).toEqual([])
    socket.destroy()
    await eventually(() => reported('request.refused').length === 1)
    expect(reported('request.refused')).toEqual([
      {
        type: 'request.refused',
        requestId: expect.any(String) as string,
        code: 'ERR_REQUESTS_TOO_MANY',
        reason: 'more than 100 requests of one connection wait for their answers',
        hint: 'the client sends requests and reads no answers',
      },
    ])
  })
})

describe('over is over', () => {
  verifies(
    'ATK-06',
    'a request whose connection ended while its token was checked is completed once, and goes nowhere',
    async () => {
      let upstreamSaw = 0
      const upstream = await startUpstream((_request, response) => {
        upstreamSaw++
        response.end()
      })
      const records: AuditRecord[] = []
      let letOn = () => undefined as unknown
      const waiting = new Promise<void>((resolve) => (letOn = resolve))
      const { port, idp, gateway, reported } = await startGateway(upstream, {
        onAudit: (record) => records.push(record),
        fetch: async (...args) => {
          await waiting
          return idpFetch(...args)
        },
      })
      const idpFetch = idp.fetch
      const good = await idp.token()
      const expired = await idp.token({ claims: { exp: 1 } })
      const heads = [good, expired].map(
        (token) => `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      )
      const served = socketsAt(port)
      const sockets = Array.from({ length: 40 }, (_, i) => {
        const socket = connect({ port, host: '127.0.0.1' })
        socket.on('error', () => undefined)
        socket.write(heads[i % 2] ?? '')
        return socket
      })
      await eventually(() => served.size === 40)
      for (const socket of sockets) socket.resetAndDestroy()
      await eventually(() => [...served].every(({ destroyed }) => destroyed))
      letOn()
      await eventually(() => reported('request.completed').length === 40)
      expect(new Set(reported('request.completed').map(({ requestId }) => requestId)).size).toBe(40)
      expect(reported('request.completed').every(({ end }) => end === 'client left')).toBe(true)
      expect(records).toHaveLength(40)
      expect(new Set(records.map(({ outcome, status }) => `${outcome} ${status}`))).toEqual(
        new Set(['refused 0']),
      )
      expect(records.filter(({ code }) => code === 'ERR_CLIENT_LEFT')).toHaveLength(20)
      expect(upstreamSaw).toBe(0)
      expect(gateway.status().active).toBe(0)
    },
  )

  verifies(
    'ATK-06',
    'readers that take nothing survive the end of the gateway, and are cut',
    async () => {
      const errors = uncaught()
      // Wherever it is cut, no event is half written.
      const event = '\n'.repeat(60_000)
      let written = 0
      const upstream = await startUpstream((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        const write = () => {
          for (let isFlowing = true; isFlowing; written++) isFlowing = response.write(event)
        }
        response.on('drain', write).on('error', () => undefined)
        write()
      })
      const { port, token, gateway, reported } = await startGateway(upstream, {}, { drain: 7_000 })
      const meta = '{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}'
      const body = `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"_meta":${meta}}}`
      const fields = [
        'Host: localhost',
        `Authorization: Bearer ${token}`,
        'MCP-Protocol-Version: 2026-07-28',
        'Mcp-Method: subscriptions/listen',
        'Content-Type: application/json',
        'Accept: application/json, text/event-stream',
        `Content-Length: ${body.length}`,
      ]
      const served = socketsAt(port)
      const readers = [1, 2, 3].map(() => {
        const socket = connect({ port, host: '127.0.0.1' })
        socket.on('error', () => undefined)
        socket.pause()
        socket.write(['POST /mcp HTTP/1.1', ...fields, '', body].join('\r\n'))
        return socket
      })
      await eventually(() => gateway.status().streams === 3)
      await eventually(() => [...served].every(({ writableLength }) => writableLength > 0))
      // One leaves, so that the others are looked at again while they end.
      const closing = gateway.close()
      await nextTurn()
      readers[0]?.destroy()
      await closing
      await eventually(() => reported('request.completed').length === 3)
      expect(errors).toEqual([])
    },
  )
})

/** Takes nothing of many answers, none of which needs a token, until some of them wait for it. */
async function startDeafReader({ port, reported }: Awaited<ReturnType<typeof startGateway>>) {
  const names = Array.from({ length: 400 }, (_, n) => `X-Name-That-Is-Asked-For-${n}`).join()
  const preflight = `OPTIONS /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: ${ORIGIN}\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: ${names}\r\n\r\n`
  const served = socketsAt(port)
  const isBlocked = () => [...served].some(({ writableLength }) => writableLength > 0)
  const socket = connect({ port, host: '127.0.0.1' }).pause()
  socket.on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
  for (let sent = 20; !isBlocked(); sent += 20) {
    socket.write(preflight.repeat(20))
    await eventually(() => reported('request.completed').length === sent || isBlocked())
  }
  return socket
}

const ORIGIN = 'https://app.example.com'

describe('a reader of our own answers', () => {
  const connectMethod = 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n'

  for (const [what, last] of [
    ['', ''],
    [', and then wants a tunnel,', connectMethod],
    [', and then sends no request,', 'NONSENSE\r\n\r\n'],
  ] as const) {
    verifies('ATK-07', `who takes nothing${what} is cut`, async () => {
      const fixture = await startGateway(
        'http://127.0.0.1:9/mcp',
        { allowOrigins: [ORIGIN] },
        { stalled: 300 },
      )
      const socket = await startDeafReader(fixture)
      const before = fixture.reported('request.completed').length
      socket.write(last)
      await eventually(() => fixture.reported('request.completed').at(-1)?.end === 'client left')
      expect(fixture.reported('request.completed').length).toBeGreaterThan(before)
    })
  }

  verifies('ATK-08', 'who takes nothing and wants a tunnel holds no end up', async () => {
    const fixture = await startGateway(
      'http://127.0.0.1:9/mcp',
      { allowOrigins: [ORIGIN] },
      { drain: 100 },
    )
    const socket = await startDeafReader(fixture)
    await new Promise<void>((resolve) => socket.write(connectMethod, () => resolve()))
    await nextTurn()
    await fixture.gateway.close()
    expect(fixture.gateway.status().active).toBe(0)
  })

  verifies(
    'ATK-07',
    'who waits for the next one longer than for a slow reader gets it',
    async () => {
      const upstream = await startUpstream((request, response) => {
        if (request.url !== '/mcp?slow') return void response.end('first')
        // So long that the connection counts as silent.
        for (const socket of served) socket.once('timeout', () => response.end('late'))
      })
      const { port, token } = await startGateway(upstream, {}, { stalled: 100 })
      const served = socketsAt(port)
      const get = (path: string, more = '') =>
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n${more}\r\n`
      const answers = await exchangeBytes(
        port,
        get('/mcp') + get('/mcp?slow', 'Connection: close\r\n'),
      )
      expect(answers.replaceAll(/\r\n|\d+/g, '')).toMatch(/first.*late/s)
    },
  )

  verifies('ATK-07', 'who is silent between two requests is not cut before its time', async () => {
    const upstream = await startUpstream((_request, response) => response.end('ok'))
    const { port, token } = await startGateway(upstream, {}, { stalled: 200 })
    const served = socketsAt(port)
    const socket = connect({ port, host: '127.0.0.1' })
    onTestFinished(() => void socket.destroy())
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    for (let n = 1; n <= 2; n++) {
      socket.write(`GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`)
      await eventually(() => statusesIn(text).length === n)
      // Milliseconds of silence until it is cut.
      const [end] = served
      await eventually(() => (end?.timeout ?? 0) >= 65_000)
    }
    expect(statusesIn(text)).toEqual([200, 200])
  })
})

describe('half an answer that only the end of the connection ends', () => {
  /** How the connection ended, whose answer goes on after its first half. */
  async function endOf(
    version: string,
    {
      method = 'GET',
      more = '',
      body = '',
      after,
      path = '/mcp',
    }: {
      method?: string
      more?: string
      body?: string
      after?: (socket: Socket) => unknown
      path?: string
    },
  ) {
    let answering: ServerResponse | undefined
    const upstream = await startUpstream((request, response) => {
      request.on('error', () => undefined)
      response.write('half ')
      if (path === '/mcp?quick') setImmediate(() => response.end('whole'))
      else answering = response
    })
    const { port, token, gateway } = await startGateway(upstream, {}, { drain: 100 })
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    onTestFinished(() => void socket.destroy())
    let text = ''
    const ended = new Promise<string>((resolve) => {
      socket.on('error', () => resolve('reset'))
      socket.on('end', () => resolve('end'))
    })
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    socket.write(
      `${method} ${path} HTTP/${version}\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n${more}\r\n${body}`,
    )
    await eventually(() => text.includes('half'))
    if (path === '/mcp?close') void gateway.close()
    else if (path === '/mcp?cut') answering?.destroy()
    else if (after !== undefined) after(socket)
    else answering?.end('whole')
    return `${await ended}${text.includes('whole') ? ' of all' : ''}`
  }
  const post = {
    method: 'POST',
    more: 'Content-Type: application/json\r\nContent-Length: 70000\r\n',
    body: '{',
  }
  const chunked = {
    ...post,
    more: 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n',
    body: `11170\r\n{${' '.repeat(69_999)}\r\n`,
  }
  const halfClose = (socket: Socket) => socket.end()

  for (const version of ['1.0', '0.9']) {
    verifies('ATK-06', `is reset, whichever side ended it: HTTP/${version}`, async () => {
      expect(
        await Promise.all([
          endOf(version, { path: '/mcp?cut' }),
          endOf(version, { path: '/mcp?close' }),
          endOf(version, { after: halfClose }),
          endOf(version, { ...post, after: halfClose }),
          endOf(version, { path: '/mcp?quick' }),
          endOf(version, {}),
        ]),
      ).toEqual(['reset', 'reset', 'reset', 'reset', 'end of all', 'end of all'])
    })
  }

  verifies('ATK-06', 'is reset where the body of its request breaks', async () => {
    const after = (socket: Socket) => socket.write('no size\r\n')
    expect(await endOf('1.0', { ...chunked, after })).toBe('reset')
    // With chunks it is plain that the last one is missing.
    expect(await endOf('1.1', { ...chunked, after })).toBe('end')
  })
})

describe('a server that does not come to its end', () => {
  const ask = { method: 'POST', body: CALL, headers: { 'content-type': 'application/json' } }
  const ANSWER = `HTTP/1.1 200 OK\r\nContent-Length: ${RESULT.length}\r\n\r\n${RESULT}`

  verifies('ATK-07', 'says without end that it will: 504 in time', async () => {
    let isSoon = true
    const upstream = await startTcpUpstream((socket) => {
      socket.on('data', () => {
        let hints = 0
        const timer = setInterval(() => {
          if (isSoon && ++hints > 3) {
            clearInterval(timer)
            return void socket.write(ANSWER)
          }
          return void socket.write('HTTP/1.1 103 Early Hints\r\n\r\n')
        }, 100)
        socket.on('close', () => clearInterval(timer))
      })
    })
    const { call, reported } = await startGateway(upstream, { upstreamTimeout: 1 })
    expect(await (await call(ask)).text()).toBe(RESULT)
    isSoon = false
    expect((await call({ ...ask, signal: AbortSignal.timeout(4_000) })).status).toBe(504)
    expect(reported('upstream.failed')).toMatchObject([{ code: 'ERR_UPSTREAM_TIMEOUT' }])
  })

  verifies('ATK-06', 'and resets an answer without a length: half of it is none', async () => {
    const sockets: Socket[] = []
    const upstream = await startTcpUpstream((socket) => {
      socket.once('data', () => {
        sockets.push(socket)
        socket.write('HTTP/1.1 200 OK\r\n\r\nhalf')
      })
    })
    const { call } = await startGateway(upstream)
    const half = await call(ask)
    sockets[0]?.resetAndDestroy()
    await expect(half.text()).rejects.toThrow()
    const whole = await call(ask)
    sockets[1]?.end()
    expect(await whole.text()).toBe('half')
  })
})

describe('the end of the gateway', () => {
  verifies(
    'ATK-08',
    'is told to all who wait: for the server, for their token, for the end of their body',
    async () => {
      let finish: (() => void) | undefined
      const upstream = await startUpstream((request, response) => {
        void bodyOf(request).then(() => {
          response.setHeader('content-type', 'application/json')
          if (request.url === '/mcp?slow') finish = () => void response.end(RESULT)
          else response.end(RESULT)
        })
      })
      let letOn = () => undefined as unknown
      const waiting = new Promise<void>((resolve) => (letOn = resolve))
      const policy = { rules: [], unmatched: 'base' as const }
      const fixture = await startGateway(upstream, { auth: 'none' })
      const checked = await startGateway(upstream, {
        policy,
        fetch: async (...args) => {
          await waiting
          return idp.fetch(...args)
        },
      })
      const { idp } = checked
      const ask = (port: number, token: string, line: string, more = '', body = '') => {
        const socket = connect({ port, host: '127.0.0.1' })
        onTestFinished(() => void socket.destroy())
        const said = { text: '', isClosed: false, socket }
        socket.on('data', (chunk: Buffer) => (said.text += chunk.toString()))
        socket.on('close', () => (said.isClosed = true))
        socket.write(
          `${line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n${more}\r\n${body}`,
        )
        return said
      }
      const served = socketsAt(checked.port)
      const slow = ask(fixture.port, 'x', 'GET /mcp?slow')
      const unchecked = ask(checked.port, checked.token, 'GET /mcp')
      const length = `Content-Length: ${CALL.length}\r\n`
      const half = ask(checked.port, checked.token, 'POST /mcp', length, CALL.slice(0, 9))
      await eventually(() => finish !== undefined && served.size === 2)
      const closing = Promise.all([fixture.gateway.close(), checked.gateway.close()])
      finish?.()
      letOn()
      await eventually(() => slow.isClosed && unchecked.isClosed)
      half.socket.write(CALL.slice(9))
      await eventually(() => half.isClosed)
      await closing
      for (const { text } of [slow, unchecked, half]) {
        expect(text).toMatch(/^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n[^]*"result":{}}$/)
      }
    },
  )

  verifies('ATK-08', 'meets no request on a kept connection with a reset', async () => {
    const upstream = await startUpstream((_request, response) => response.end('1'))
    const { port, token, gateway } = await startGateway(upstream, {}, { pause: 1_000 })
    const get = `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`
    const answers = Array.from({ length: 250 }, () => '')
    const errors: Error[] = []
    const sockets = answers.map((_, i) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.on('error', (error) => errors.push(error))
      socket.on('data', (chunk: Buffer) => (answers[i] += chunk.toString()))
      socket.write(get)
      return socket
    })
    await eventually(() => answers.every((answer) => answer.endsWith('1')))
    const closing = gateway.close()
    await new Promise((resolve) => setImmediate(resolve))
    for (const socket of sockets) socket.write(get)
    await closing
    await eventually(() => sockets.every((socket) => socket.closed))
    expect(errors).toEqual([])
    for (const answer of answers) {
      expect(statusesIn(answer)).toEqual([200, 200])
      expect(answer).toMatch(/\r\nConnection: keep-alive\r\n[^]*\r\nConnection: close\r\n/)
    }
    // Who was silent all the time is let go.
    await expect(exchangeBytes(port, get)).resolves.toBe('')
  })
})

verifies(
  'ATK-08',
  'a kept connection to the upstream ends before gunicorn would end it',
  async () => {
    const ends: string[] = []
    const upstream = await startTcpUpstream((socket) => {
      // As gunicorn has it by default, counted from the answer.
      let timer: ReturnType<typeof setTimeout> | undefined
      socket.on('data', () => {
        clearTimeout(timer)
        socket.write('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 1\r\n\r\n1')
        timer = setTimeout(() => ends.push('by the server'), 2_000)
      })
      socket.on('end', () => ends.push('by us')).on('close', () => clearTimeout(timer))
    })
    const { call } = await startGateway(upstream)
    expect((await call()).status).toBe(200)
    await eventually(() => ends.length > 0)
    expect(ends).toEqual(['by us'])
  },
)

describe('a call whose client has left', () => {
  verifies(
    'ATK-07',
    'costs the upstream no second connection, when its answer comes soon',
    async () => {
      const sockets = new Set<Socket>()
      const answers: (() => void)[] = []
      const upstream = await startUpstream((request, response) => {
        sockets.add(request.socket)
        answers.push(() => void response.end('1'))
      })
      const { port, token, gateway } = await startGateway(upstream)
      const head = `Host: localhost\r\nAuthorization: Bearer ${token}\r\n`
      for (let i = 0; i < 10; i++) {
        const socket = connect({ port, host: '127.0.0.1' })
        socket.on('error', () => undefined)
        socket.write(`POST /mcp HTTP/1.1\r\n${head}Content-Length: 2\r\n\r\n{}`)
        await eventually(() => answers.length === i + 1)
        socket.destroy()
        await eventually(() => gateway.status().active === 0)
        answers[i]?.()
        // The gateway reads it in one of the next turns.
        await someTurns()
      }
      expect(sockets.size).toBe(1)
    },
  )

  verifies(
    'ATK-07',
    'is told to the upstream, when its answer does not come, or is a stream',
    async () => {
      let open = 0
      const upstream = await startUpstream((request, response) => {
        open++
        response.on('close', () => open--)
        if (request.url === '/mcp?stream') {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
        }
      })
      const clock = createManualClock()
      const { port, token, gateway } = await startGateway(upstream, {}, {}, clock)
      for (const [query, patience] of [
        ['', 250],
        ['?stream', 0],
      ] as const) {
        const socket = connect({ port, host: '127.0.0.1' })
        socket.on('error', () => undefined)
        socket.write(
          `GET /mcp${query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`,
        )
        await eventually(() => open === 1)
        socket.destroy()
        await eventually(() => patience === 0 || clock.waiting(patience) === 1)
        clock.pass(patience)
        await eventually(() => open === 0)
        expect(gateway.status().active).toBe(0)
      }
    },
  )
})

describe('what one caller may take', () => {
  const limits = { requests: 6, requestsOfOne: 3, bytes: 100, bytesOfOne: 40 }

  function principalOf(name: string, random: number): CountedCaller | undefined {
    const principals: Record<string, CountedCaller> = {
      a: { issuer: 'first', subject: 'one' },
      b: { issuer: 'first', subject: 'two' },
      // Another person of the same name.
      c: { issuer: 'second', subject: 'one' },
      // They are one, whatever their issuer.
      'no subject': { issuer: random % 2 === 0 ? 'first' : 'second', subject: undefined },
    }
    return principals[name]
  }

  verifies('ATK-07', 'is counted, and is there again when its requests have ended', () => {
    const steps = fc.array(
      fc.record({
        caller: fc.constantFrom('a', 'b', 'c', 'no subject', ''),
        does: fc.constantFrom('enter', 'hold', 'leave', 'leave twice'),
        bytes: fc.nat(60),
      }),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(steps, (all) => {
        const admission = new Admission(limits)
        const open: { caller: string; bytes: number; place: Place }[] = []
        const sum = (list: typeof open) => list.reduce((total, { bytes }) => total + bytes, 0)
        type Step = (typeof all)[number]
        /** Whether it was refused, and whether it had to be. */
        function take({ caller, does, bytes }: Step): readonly [is: boolean, should: boolean] {
          const own = open.filter((each) => each.caller === caller)
          const isOne = caller !== ''
          if (does === 'enter') {
            const isFull = open.length >= 6 || (isOne && own.length >= 3)
            const place = admission.enter(principalOf(caller, bytes))
            if (place instanceof Place) open.push({ caller, bytes: 0, place })
            return [!(place instanceof Place), isFull]
          }
          const [first] = own
          if (first === undefined) return [false, false]
          if (does === 'hold') {
            const isFull = sum(open) + bytes > 100 || (isOne && sum(own) + bytes > 40)
            if (!isFull) first.bytes += bytes
            return [first.place.hold(bytes) !== undefined, isFull]
          }
          first.place.leave()
          if (does === 'leave twice') first.place.leave()
          open.splice(open.indexOf(first), 1)
          return [false, false]
        }
        for (const step of all) {
          const [isRefused, shouldBe] = take(step)
          expect(isRefused).toBe(shouldBe)
          const callers = new Set(open.map((each) => each.caller)).size
          expect(admission.load).toEqual({ callers, requests: open.length, bytes: sum(open) })
        }
      }),
    )
  })

  verifies('ATK-07', 'counts callers without a subject as one, whatever their issuer', () => {
    const admission = new Admission(limits)
    const nameless = (issuer: string) => admission.enter({ issuer, subject: undefined })
    for (const issuer of ['first', 'second', 'third']) {
      expect(nameless(issuer)).toBeInstanceOf(Place)
    }
    expect(nameless('fourth')).toMatchObject({ reason: '3 requests of this caller are under way' })
    expect(admission.enter({ issuer: 'first', subject: 'one' })).toBeInstanceOf(Place)
  })

  /** Requests that wait for their answers until they are let go. */
  async function startSlow(options: Parameters<typeof startGateway>[1]) {
    const waiting: (() => void)[] = []
    const upstream = await startUpstream((request, response) => {
      void bodyOf(request).then(() => {
        response.setHeader('content-type', 'application/json')
        waiting.push(() => void response.end(RESULT))
      })
    })
    const fixture = await startGateway(upstream, options)
    const call = async (claims: Record<string, unknown>, body?: string) => {
      const token = await fixture.idp.token({ claims })
      return fixture.call({
        method: body === undefined ? 'GET' : 'POST',
        ...(body !== undefined && { body }),
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
        },
      })
    }
    const letGo = () => {
      for (const answer of waiting.splice(0)) answer()
    }
    return { ...fixture, call, waiting, letGo }
  }

  verifies(
    'ATK-07',
    'in requests: all of its clients together, and nobody else is touched',
    async () => {
      const { call, waiting, letGo, reported, gateway } = await startSlow({
        maxRequests: 7,
        maxRequestsPerCaller: 4,
      })
      const client = (client_id: number | undefined) => ({
        sub: 'ada',
        client_id: `client-${client_id}`,
      })
      const running = [1, 2, 3, 4].map((each) => call(client(each)))
      await eventually(() => waiting.length === 4)
      const refused = await call(client(5))
      expect(refused.status).toBe(429)
      expect(refused.headers.get('retry-after')).toBe('1')
      expect(await refused.text()).toBe(
        '{"error":"too_many_requests","error_description":"Too many requests are under way"}',
      )
      expect(reported('request.refused')[0]).toMatchObject({
        code: 'ERR_REQUESTS_TOO_MANY',
        reason: '4 requests of this caller are under way',
        hint: '--max-requests-per-caller sets the limit; open streams count',
      })
      // Who names no subject shares with others like that.
      const others = [
        call({ sub: 'bob' }),
        call({ sub: undefined, client_id: 'batch' }),
        call({ sub: undefined, client_id: undefined }),
      ]
      await eventually(() => waiting.length === 7)
      expect((await call({ sub: 'eve' })).status).toBe(429)
      expect(reported('request.refused')[1]).toMatchObject({
        reason: '7 requests are under way',
        hint: '--max-requests sets the limit; open streams count',
      })
      letGo()
      for (const answer of await Promise.all([...running, ...others])) {
        expect(answer.status).toBe(200)
        await answer.text()
      }
      await eventually(() => gateway.status().active === 0)
      const again = call(client(5))
      await eventually(() => waiting.length === 1)
      letGo()
      expect((await again).status).toBe(200)
    },
  )

  for (const [name, options] of [
    ['that are judged', { policy: { rules: [], unmatched: 'base' } }],
    ['that are collected', {}],
  ] as const) {
    verifies(
      'ATK-07',
      `in bytes of bodies ${name}: 429, and the memory is free again`,
      async () => {
        const { port, idp, token, reported, gateway, call, waiting, letGo } = await startSlow({
          ...options,
          maxBody: 10_000,
        })
        const head = (bearer: string) =>
          `POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${bearer}\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n{`
        const answers: string[] = []
        const sockets = Array.from({ length: 30 }, (_, i) => {
          const socket = connect({ port, host: '127.0.0.1' })
          socket.on('error', () => undefined)
          socket.on('data', (chunk: Buffer) => (answers[i] = chunk.toString()))
          socket.write(head(token) + ' '.repeat(9_998))
          return socket
        })
        await eventually(() => answers.filter((answer) => answer !== undefined).length === 14)
        for (const answer of answers.filter((each) => each !== undefined)) {
          expect(answer).toMatch(/^HTTP\/1\.1 429 [^]*"too_many_requests"/)
        }
        expect(reported('request.refused')[0]?.reason).toBe(
          'more than 160000 bytes of request bodies of this caller are held',
        )
        const other = call({ sub: 'bob' }, CALL)
        await eventually(() => waiting.length === 1)
        letGo()
        expect((await other).status).toBe(200)
        for (const socket of sockets) socket.destroy()
        await eventually(() => reported('request.completed').length === 31)
        expect(gateway.status().active).toBe(0)
        const again = call({}, CALL)
        await eventually(() => waiting.length === 1)
        letGo()
        expect((await again).status).toBe(200)
        expect(idp.requests.length).toBeGreaterThan(0)
      },
    )
  }

  verifies(
    'ATK-07',
    'in time: who takes nothing is cut, and who is slow, or has a silent stream, is not',
    async () => {
      const upstream = await startUpstream((request, response) => {
        const isStream = request.url === '/mcp?stream'
        response.writeHead(200, { 'content-type': isStream ? 'text/event-stream' : 'text/plain' })
        if (isStream) response.write('data: 1\n\n')
        else response.end('x'.repeat(20_000_000))
      })
      const { port, token, gateway, reported } = await startGateway(
        upstream,
        {},
        { stalled: 1_000 },
      )
      const open = (query: string) => {
        const socket = connect({ port, host: '127.0.0.1' })
        socket.on('error', () => undefined)
        socket.write(
          `GET /mcp${query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`,
        )
        return socket
      }
      const silent = open('?stream')
      const slow = open('')
      let taken = 0
      slow.on('data', (chunk: Buffer) => {
        taken += chunk.length
        if (taken > 6_000_000) return
        slow.pause()
        setTimeout(() => slow.resume(), 2)
      })
      const stalled = open('').pause()
      await eventually(() => reported('request.completed').length === 2, 20_000)
      const ends = reported('request.completed').map(({ end }) => end)
      expect([...ends].sort()).toEqual(['cut', 'whole'])
      expect(gateway.status()).toMatchObject({ active: 1, streams: 1 })
      expect(silent.destroyed).toBe(false)
      silent.destroy()
      slow.destroy()
      stalled.destroy()
    },
  )
})
