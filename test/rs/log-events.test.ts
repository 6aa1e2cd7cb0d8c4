/** What a developer sees who listens to no events. */
import { createServer } from 'node:http'
import express from 'express'
import { Hono } from 'hono'
import { logEvents } from 'mcp-gatehouse'
import { protect } from 'mcp-gatehouse/fetch'
import { createGateway } from 'mcp-gatehouse/gateway'
import { protectedResource } from 'mcp-gatehouse/hono'
import * as node from 'mcp-gatehouse/node'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { portOf } from '../matrix/hosts.js'
import { startUpstream } from '../support/gateway.js'
import { FakeIdp, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const DENIED = {
  type: 'request.denied',
  requestId: 'r-1',
  status: 401,
  code: 'ERR_TOKEN_AUDIENCE',
  reason: 'aud "a"; expected "b"',
  issuer: 'https://sso.example.com',
  hint: 'an audience mapper',
} as const

describe('lines about events', () => {
  function startLog() {
    const lines: string[] = []
    let at = 1_000_000
    const log = logEvents({ write: (line) => lines.push(line), now: () => at })
    return { lines, log, pass: (milliseconds: number) => (at += milliseconds) }
  }

  verifies('FLD-18', 'name the reason, what to try, the issuer and the request', () => {
    const { lines, log } = startLog()
    log(DENIED)
    expect(lines).toEqual([
      'mcp-gatehouse: request.denied ERR_TOKEN_AUDIENCE: aud "a"; expected "b". Try: an audience mapper (issuer https://sso.example.com, request r-1)',
    ])
  })

  verifies('FLD-18', 'are one printable line each, whatever others wrote into them', () => {
    const { lines, log } = startLog()
    log({ ...DENIED, reason: `x\nmcp-gatehouse: forged\u001b[2K\u2028${'y'.repeat(5000)}` })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^[\x20-\x7e]{1,1000}$/)
  })

  verifies('FLD-18', 'come once a minute for each code and issuer, and count the others', () => {
    const { lines, log, pass } = startLog()
    log(DENIED)
    log(DENIED)
    pass(59_999)
    log(DENIED)
    expect(lines).toHaveLength(1)
    log({ ...DENIED, code: 'ERR_TOKEN_EXPIRED' })
    log({ ...DENIED, issuer: 'https://other.example.com' })
    expect(lines).toHaveLength(3)
    pass(1)
    log(DENIED)
    expect(lines[3]).toContain('2 more like it')
    pass(-120_000)
    log(DENIED)
    expect(lines).toHaveLength(5)
  })

  verifies('FLD-18', 'come for each resource, but once for an issuer that fails', () => {
    const { lines, log } = startLog()
    const [one, other] = ['https://mcp.example.com/one', 'https://mcp.example.com/other']
    for (const resource of [one, other, one]) log(DENIED, resource)
    expect(lines).toEqual([
      expect.stringContaining(`resource ${one}, request r-1)`),
      expect.stringContaining(`resource ${other}, request r-1)`),
    ])
    const failed = { type: 'keys.failed', code: 'ERR_KEYS_UNAVAILABLE', issuer: DENIED.issuer }
    for (const resource of [one, other]) log({ ...failed, reason: 'down' }, resource)
    expect(lines).toHaveLength(3)
  })

  verifies('FLD-18', 'say which limit refused', () => {
    const { lines, log } = startLog()
    log({ type: 'operation.limited', requestId: 'r-1', limit: '20/min per subject' })
    expect(lines[0]).toContain('operation.limited: 20/min per subject (request r-1)')
  })

  verifies('FLD-18', 'do not come for requests without a token, and for what is in order', () => {
    const { lines, log } = startLog()
    log({ ...DENIED, code: 'ERR_CREDENTIALS_MISSING' })
    log({ type: 'request.authenticated', issuer: DENIED.issuer })
    log({ type: 'keys.loaded', issuer: DENIED.issuer })
    expect(lines).toEqual([])
  })
})

describe('by default', () => {
  let lines: string[]

  beforeEach(() => {
    lines = []
    vi.spyOn(console, 'warn').mockImplementation((line: unknown) => void lines.push(String(line)))
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  type Options = node.ProtectedResourceOptions

  async function listen(listener: Parameters<typeof createServer>[1]): Promise<string> {
    const server = createServer(listener)
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${portOf(server)}/mcp`
  }

  const HOSTS = {
    hono: async (options: Options) => {
      const app = new Hono().use(protectedResource(options)).all('/mcp', (c) => c.text('x'))
      return async (init: RequestInit) => app.request('/mcp', init)
    },
    fetch: async (options: Options) => {
      const guard = protect(options)
      return async (init: RequestInit) =>
        guard(new Request(RESOURCE, init), () => new Response('x'))
    },
    express: async (options: Options) => {
      const app = express().use(node.protectedResource(options))
      const url = await listen(app)
      return async (init: RequestInit) => fetch(url, init)
    },
    gateway: async (options: Options) => {
      const upstream = await startUpstream((_request, response) => void response.end('{}'))
      const { path: _p, rootMetadata: _r, onEvent: _e, ...rest } = options
      const silence = options.onEvent === false && { onEvent: false as const }
      const gateway = createGateway({ ...rest, ...silence, port: 0, upstream })
      onTestFinished(() => gateway.close())
      const { url } = await gateway.listen()
      return async (init: RequestInit) => fetch(`${url}/mcp`, init)
    },
  } as const

  describe.each(['hono', 'fetch', 'express', 'gateway'] as const)('%s', (host) => {
    async function visit(issuer: string, onEvent?: false): Promise<string> {
      const idp = await FakeIdp.start(issuer)
      const send = await HOSTS[host]({
        resource: RESOURCE,
        authorizationServers: issuer,
        fetch: idp.fetch,
        ...(onEvent === false && { onEvent }),
      })
      const token = await idp.token({ claims: { aud: 'https://other.example.com' } })
      const response = await send({ headers: { authorization: `Bearer ${token}` } })
      expect(response.status).toBe(401)
      await send({})
      return token
    }

    verifies('FLD-18', 'a wrong audience is a line on the console, without the token', async () => {
      const token = await visit(`https://sso.example.com/${host}`)
      const about = lines.filter((line) => line.includes(`sso.example.com/${host},`))
      expect(about).toHaveLength(1)
      expect(about[0]).toContain('ERR_TOKEN_AUDIENCE')
      expect(about[0]).toContain(RESOURCE)
      for (const part of token.split('.')) expect(lines.join()).not.toContain(part)
    })

    verifies('FLD-18', '`onEvent: false` prints nothing', async () => {
      await visit(`https://sso.example.com/silent-${host}`, false)
      expect(lines).toEqual([])
    })
  })

  verifies('FLD-18', 'servers in one process do not hide each other', async () => {
    const issuer = 'https://sso.example.com/of-three'
    const idp = await FakeIdp.start(issuer)
    const references: string[] = []
    for (const name of ['one', 'two', 'three']) {
      const resource = `https://mcp.example.com/${name}`
      const guard = protect({ resource, authorizationServers: issuer, fetch: idp.fetch })
      for (const origin of [undefined, 'https://a.example']) {
        const headers = { authorization: 'Bearer opaque', ...(origin && { origin }) }
        const answer = await guard(new Request(resource, { headers }), () => new Response('x'))
        references.push(`resource ${resource}, request ${answer.headers.get('x-request-id')}`)
      }
    }
    expect(lines).toHaveLength(6)
    for (const [at, reference] of references.entries()) expect(lines[at]).toContain(reference)
  })

  test('anything else than a function or false is a problem', () => {
    const options = { resource: RESOURCE, authorizationServers: 'https://sso.example.com' }
    expect(() => protect({ ...options, onEvent: true as never })).toThrow(/onEvent/)
  })
})
