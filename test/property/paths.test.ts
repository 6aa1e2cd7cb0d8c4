/**
 * CASE-51: whatever a router takes for the guarded path, the guard takes for it as well. Random
 * spellings go through the test for paths itself, and through the routers that people really use.
 */
import { serve } from '@hono/node-server'
import express from 'express'
import fc from 'fast-check'
import { Hono } from 'hono'
import { Agent, createServer, request, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, expect } from 'vitest'
import { protectedResource as honoProtectedResource } from '../../src/hono.js'
import { protectedResource } from '../../src/node.js'
import { guardedPaths } from '../../src/web/paths.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

/** Percent-encodes `rounds` times, with the case of the digits as the seed says. */
function encode(char: string, rounds: number, upper: boolean): string {
  if (rounds === 0) return char
  const hex = char.charCodeAt(0).toString(16).padStart(2, '0')
  let text = `%${upper ? hex.toUpperCase() : hex}`
  for (let i = 1; i < rounds; i++) text = text.replaceAll('%', '%25')
  return text
}

const spelledChar = (char: string) =>
  fc
    .tuple(
      fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) }),
      fc.boolean(),
      fc.boolean(),
    )
    .map(([rounds, upper, capital]) => encode(capital ? char.toUpperCase() : char, rounds, upper))

const spelledName = (name: string) =>
  fc.tuple(...Array.from(name, spelledChar)).map((chars) => chars.join(''))

/** All of these some router, proxy or file system takes for one slash. */
const SLASHES = ['//', '///', '\\', '/\\', '%2f', '%2F', '%252f', '%5c', ';v=1/', ';/', ';a;b//']
const DOTTED_SLASHES = [
  '/./',
  '/%2e/',
  '/x/../',
  '/x/%2e%2e/',
  '/x/.%2E/',
  '/x\\..\\',
  '/x/..;/',
  '/x/..;a=b/',
  '/x/y/../../',
  '/%252e/',
  '/.;v/',
]
const TAILS = [
  '',
  '',
  '/',
  '//',
  '%2f',
  '\\',
  ';a=b',
  ';',
  '/below',
  '%00',
  '/a/b/c',
  '%3bv',
  '%3f',
  '%3Fx/y',
  '%23',
  '%2523x',
  '%09',
  '%0a/',
  '%20',
]
const DOTTED_TAILS = ['/.', '/%2e', '/x/..', '/..', '/../health', ';/../health', '/../../x']

function spelledWith(
  path: string,
  slashes: readonly string[],
  tails: readonly string[],
): fc.Arbitrary<string> {
  const slash = fc.oneof(
    { weight: 2, arbitrary: fc.constant('/') },
    { weight: 1, arbitrary: fc.constantFrom(...slashes) },
  )
  const names = path.split('/').filter(Boolean)
  return fc
    .tuple(
      fc.tuple(...names.flatMap((name) => [slash, spelledName(name)])),
      fc.constantFrom(...tails),
    )
    .map(([parts, tail]) => parts.join('') + tail)
    .filter((spelling) => spelling.startsWith('/'))
}

const spelledPath = (path: string) =>
  fc.oneof(
    spelledWith(path, SLASHES, [...TAILS, ...DOTTED_TAILS]),
    spelledWith(path, [...SLASHES, ...DOTTED_SLASHES], TAILS),
  )

for (const path of ['/mcp', '/a/b/mcp', '/mcp-v1.2/api']) {
  const isGuarded = guardedPaths(path)

  verifies('CASE-51', `every spelling of ${path} and of what is below it is guarded`, () => {
    fc.assert(
      fc.property(spelledPath(path), (spelling) => {
        expect(isGuarded(spelling), spelling).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  verifies('CASE-51', `what is not ${path} passes untouched`, () => {
    const names = path.split('/').filter(Boolean)
    const [first = ''] = names
    const others = fc
      .array(fc.stringMatching(/^[a-z0-9_-]{1,8}$/), { maxLength: 4 })
      .filter((segments) => segments[0] !== first)
    fc.assert(
      fc.property(others, (segments) => {
        expect(isGuarded(`/${segments.join('/')}`)).toBe(false)
      }),
      { numRuns: 500 },
    )
    for (const near of [`${path}2`, `${path}-x`, `${path}.json`, path.slice(0, -1), `/x${path}`]) {
      expect(isGuarded(near), near).toBe(false)
    }
    for (const other of [
      '/',
      '',
      '*',
      '/health',
      '/favicon.ico',
      '/.well-known/openid-configuration',
    ]) {
      expect(isGuarded(other), other).toBe(false)
    }
  })
}

verifies('CASE-51', 'a resource at the root guards everything', () => {
  const isGuarded = guardedPaths('/')
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(isGuarded(text)).toBe(true)
      expect(isGuarded(`/${text}`)).toBe(true)
    }),
  )
})

/** What a client can write after the method, as far as Node's own client lets us. */
const target = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('/', 'mcp', '/mcp') },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          '\\',
          '//',
          'x',
          '.',
          '..',
          '%2e',
          ';a',
          '%2f',
          'MCP',
          '%6dcp',
          '?',
          '#',
          '%',
          ':',
          '@',
          '/x/..',
          '/..;/',
          '/%252e%252e/',
          '%00',
          '%25',
          'm%C3%BCp',
        ),
      },
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((pieces) => `/${pieces.join('')}`)

/** The commonest router in bare node:http is the expression `new URL(request.url, base).pathname`. */
function whatwgPath(text: string): string | undefined {
  return URL.canParse(text, 'http://h') ? new URL(text, 'http://h').pathname : undefined
}

function holdsForWhatwg(targets: fc.Arbitrary<string>, examples: readonly string[]): void {
  const isGuarded = guardedPaths('/mcp')
  let hits = 0
  fc.assert(
    fc.property(targets, (text) => {
      const pathname = whatwgPath(text)
      if (pathname === undefined || !/^\/mcp(?:\/|$)/.test(pathname)) return
      hits++
      const path = /^[^?#]*/.exec(text)?.[0] ?? ''
      expect(isGuarded(path), `${text} is ${pathname}`).toBe(true)
    }),
    { numRuns: 5000, examples: examples.map((text) => [text]) },
  )
  expect(hits).toBeGreaterThan(100)
}

const AUTHORITY = /^[/\\]{2}/

verifies('CASE-51', 'what the WHATWG URL resolves to the guarded path is guarded', () => {
  const targets = target.filter((text) => !AUTHORITY.test(text))
  // Resolved there, but not everything that other routers resolve.
  holdsForWhatwg(targets, ['/x/../mcp', '/x/../mcp/..;/x', '/x/../mcp/%252e%252e/x'])
})

verifies(
  'CASE-51',
  'two slashes begin a host for the WHATWG URL; the path behind it is guarded',
  () => {
    const host = fc.constantFrom('//x', '/\\x', '///x', '//x:1', '//a@x', '/\\\\x', '//127.0.0.1')
    const targets = fc.tuple(host, target).map((parts) => parts.join(''))
    holdsForWhatwg(targets, ['//x/mcp', '/\\x/mcp', '///x/mcp', '//x\\mcp'])
  },
)

const idp = await FakeIdp.start()
const options = { resource: RESOURCE, authorizationServers: ISSUER, fetch: idp.fetch }
const agent = new Agent({ keepAlive: true })
const servers: Server[] = []

async function listen(server: Server): Promise<number> {
  servers.push(server)
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  return (server.address() as AddressInfo).port
}

function get(port: number, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, agent }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
      .on('error', reject)
      .end()
  })
}

afterAll(() => {
  agent.destroy()
  for (const server of servers) server.close()
})

const INSIDE = 'inside the MCP endpoint'

/** Nothing sends a token, so nothing may get inside. */
async function nobodyGetsIn(port: number, spellings: fc.Arbitrary<string>): Promise<void> {
  let refused = 0
  await fc.assert(
    fc.asyncProperty(spellings, async (path) => {
      const { status, body } = await get(port, path)
      expect(body, path).not.toContain(INSIDE)
      if (status === 401) refused++
    }),
    { numRuns: 300, examples: [['//x/mcp'], ['/\\x/mcp'], ['/MCP/'], ['/mcp#x'], ['/%6Dcp']] },
  )
  expect(refused).toBeGreaterThan(50)
}

const spellings = fc.oneof(spelledPath('/mcp'), target)

verifies('CASE-51', 'Express finds no way around the guard', async () => {
  const app = express()
  app.use(protectedResource(options))
  app.use('/mcp', (_request, response) => void response.send(INSIDE))
  await nobodyGetsIn(await listen(app.listen(0, '127.0.0.1')), spellings)
})

verifies(
  'CASE-51',
  'bare node:http with the WHATWG URL finds no way around the guard',
  async () => {
    const guard = protectedResource(options)
    const listener: RequestListener = (incoming, response) => {
      guard(incoming, response, () => {
        const base = 'http://127.0.0.1'
        const url = URL.canParse(incoming.url ?? '', base)
          ? new URL(incoming.url ?? '', base)
          : undefined
        response.statusCode = url?.pathname === '/mcp' ? 200 : 404
        response.end(url?.pathname === '/mcp' ? INSIDE : '')
      })
    }
    await nobodyGetsIn(await listen(createServer(listener).listen(0, '127.0.0.1')), spellings)
  },
)

verifies('CASE-51', 'Hono finds no way around the guard', async () => {
  const app = new Hono()
  app.use(honoProtectedResource(options))
  app.all('/mcp', (c) => c.text(INSIDE))
  app.all('/mcp/*', (c) => c.text(INSIDE))
  await nobodyGetsIn(
    await listen(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server),
    spellings,
  )
})

verifies(
  ['CASE-51', 'PRM-01'],
  'a path outside of ASCII is guarded and found, as any other',
  async () => {
    // Hono decodes the path, the configured resource is encoded: both spell one path.
    const app = new Hono()
    app.use(honoProtectedResource({ ...options, resource: 'https://mcp.example.com/m%C3%BCp' }))
    app.all('/müp', (c) => c.text(INSIDE))
    app.all('/m%C3%BCp', (c) => c.text(INSIDE))
    for (const path of ['/m%C3%BCp', '/m%c3%bcp', '/%6D%C3%BCp', '/m%25C3%25BCp', '/M%C3%9CP']) {
      const response = await app.request(`https://mcp.example.com${path}`)
      expect(await response.text(), path).not.toContain(INSIDE)
    }
    const metadata = await app.request(
      'https://mcp.example.com/.well-known/oauth-protected-resource/m%C3%BCp',
    )
    expect(metadata.status).toBe(200)
  },
)

verifies('CASE-51', 'a path that is encoded without end is guarded, and costs little', () => {
  const isGuarded = guardedPaths('/mcp')
  for (const rounds of [10, 100, 30_000]) {
    const began = performance.now()
    for (const path of [`/%${'25'.repeat(rounds)}`, `/health/%${'25'.repeat(rounds)}6d`]) {
      expect(isGuarded(path)).toBe(true)
    }
    expect(performance.now() - began).toBeLessThan(1_000)
  }
  // As often as anybody decodes, it is judged by what it says.
  expect(isGuarded(`/%${'25'.repeat(6)}6dcp`)).toBe(true)
  expect(isGuarded(`/%${'25'.repeat(6)}6dcq`)).toBe(false)
})
