/** Who may be called what: `Host` values, where we listen, and what there is without tokens. */
import { describe, expect } from 'vitest'
import { createGateway } from 'mcp-gatehouse/gateway'
import { ConfigurationError } from 'mcp-gatehouse'
import { createHostGuard } from '../../src/gateway/hosts.js'
import { exchangeBytes, startGateway, startUpstream } from '../support/gateway.js'
import { ISSUER, RESOURCE } from '../support/idp.js'
import { referencesIn } from '../support/references.js'
import { verifies } from '../support/verifies.js'

const local = createHostGuard({ listenHost: '127.0.0.1', resources: [RESOURCE], allowHosts: [] })
const added = createHostGuard({
  listenHost: '::1',
  resources: [RESOURCE],
  allowHosts: ['a.test', 'b.test:81'],
})
const open = createHostGuard({ listenHost: '0.0.0.0', resources: [RESOURCE], allowHosts: [] })
const closed = createHostGuard({
  listenHost: '0.0.0.0',
  resources: [RESOURCE],
  allowHosts: ['a.test'],
})

describe('the guard', () => {
  const GUARDS = { local, added, open, closed }
  const table: readonly (readonly [host: string, accepted: string])[] = [
    ['localhost', 'local added open'],
    ['localhost:8080', 'local added open'],
    ['LOCALHOST', 'local added open'],
    ['127.0.0.1:1', 'local added open'],
    ['127.9.9.9', 'local added open'],
    ['[::1]:9', 'local added open'],
    ['mcp.example.com', 'local added open closed'],
    ['mcp.example.com:443', 'local added open closed'],
    ['a.test', 'added open closed'],
    ['a.test:5', 'added open closed'],
    ['b.test:81', 'added open'],
    ['b.test:82', 'open'],
    ['b.test', 'open'],
    ['evil.example', 'open'],
    ['evil.example:8080', 'open'],
    ['localhost.evil.example', 'open'],
    ['mcp.example.com.evil.example', 'open'],
    ['127.0.0.1.evil.example', 'open'],
    ['localhost@evil.example', 'open'],
    ['', 'open'],
    ['localhost:x', 'open'],
  ]
  for (const [host, accepted] of table) {
    verifies(
      ['TRN-02', 'CASE-66'],
      `Host: ${JSON.stringify(host)} is accepted by ${accepted}`,
      () => {
        const names = Object.entries(GUARDS).filter(([, guard]) => guard(host) && guard(host))
        expect(names.map(([name]) => name).join(' ')).toBe(accepted)
      },
    )
  }

  verifies(
    ['TRN-02', 'CASE-66', 'WHO-04'],
    'a foreign Host is 403 everywhere, before the token is looked at',
    async () => {
      let asked = 0
      const upstream = await startUpstream((_request, response) => {
        asked++
        response.end()
      })
      const { port, token, events, reported } = await startGateway(upstream)
      for (const path of ['/mcp', '/.well-known/oauth-protected-resource/mcp', '/x']) {
        events.length = 0
        const answer = await exchangeBytes(
          port,
          `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`,
        )
        expect(answer).toMatch(/^HTTP\/1\.1 403 /)
        expect(answer).toMatch(/\{"error":"host_not_allowed",.*\}$/)
        expect(referencesIn(answer)).toEqual([expect.stringMatching(/^[\da-f]{8}$/)])
        expect(
          reported('request.refused')[0]?.requestId.endsWith(referencesIn(answer)[0] ?? '-'),
        ).toBe(true)
        expect(answer).not.toMatch(/www-authenticate|access-control/i)
        expect(reported('request.refused')[0]).toMatchObject({
          code: 'ERR_HOST_FOREIGN',
          reason: 'Host "evil.example"',
        })
        expect(reported('request.refused')[0]?.hint).toContain('--allow-host')
        expect(events.some(({ type }) => type === 'request.authenticated')).toBe(false)
      }
      expect(asked).toBe(0)
    },
  )
})

describe('auth none', () => {
  verifies(
    ['CASE-61', 'TRN-03', 'CASE-42'],
    'serves the endpoint on loopback and promises no protection',
    async () => {
      const upstream = await startUpstream((_request, response) => response.end('ok'))
      const { url } = await startGateway(upstream, {
        auth: 'none',
        resource: 'http://localhost/mcp',
      })
      expect(await (await fetch(`${url}/mcp`, { method: 'POST', body: '{}' })).text()).toBe('ok')
      for (const path of [
        '/.well-known/oauth-protected-resource/mcp',
        '/.well-known/oauth-protected-resource',
        '/other',
      ]) {
        const response = await fetch(url + path)
        expect(response.status).toBe(404)
        expect(response.headers.get('content-type')).toBe('application/json')
        expect(response.headers.get('cache-control')).toBe('no-store')
      }
    },
  )

  verifies(
    ['TRN-01', 'COR-01', 'CASE-66'],
    'guards the origin and answers preflights',
    async () => {
      const upstream = await startUpstream((_request, response) => response.end('ok'))
      const { url } = await startGateway(upstream, {
        auth: 'none',
        resource: 'http://localhost/mcp',
      })
      const from = (origin: string, method = 'GET') =>
        fetch(`${url}/mcp`, { method, headers: { origin } })
      expect((await from('https://evil.example')).status).toBe(403)
      const allowed = await from('http://localhost:6274')
      expect(allowed.status).toBe(200)
      expect(allowed.headers.get('access-control-allow-origin')).toBe('http://localhost:6274')
      expect((await from('http://localhost:6274', 'OPTIONS')).status).toBe(204)
    },
  )
})

describe('options', () => {
  const GOOD = {
    resource: RESOURCE,
    authorizationServers: ISSUER,
    upstream: 'http://127.0.0.1:8000/mcp',
  }

  function problemsOf(options: object): readonly string[] {
    try {
      createGateway({ ...GOOD, ...options })
      return []
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error
      return error.problems.map(({ path }) => path)
    }
  }

  const WRONG: readonly (readonly [options: object, ...paths: string[]])[] = [
    [{ auth: 'basic' }, 'auth'],
    [{ host: '' }, 'host'],
    [{ host: '0.0.0.0', auth: 'none' }, 'host'],
    [{ host: '192.168.1.1', resource: undefined }, 'resource'],
    [{ port: -1 }, 'port'],
    [{ port: 65536 }, 'port'],
    [{ port: 1.5 }, 'port'],
    [{ upstream: undefined }, 'upstream'],
    [{ upstream: 'ftp://h/mcp' }, 'upstream'],
    [{ upstream: 'http://u:p@h/mcp' }, 'upstream'],
    [{ upstream: 'http://h/mcp#x' }, 'upstream'],
    [{ upstreamHeaders: { Host: 'x' } }, 'upstreamHeaders.Host'],
    [{ upstreamHeaders: { 'X-Gatehouse-Subject': 'x' } }, 'upstreamHeaders.X-Gatehouse-Subject'],
    [{ upstreamHeaders: { x_gatehouse_subject: 'x' } }, 'upstreamHeaders.x_gatehouse_subject'],
    [{ upstreamHeaders: { A: 'a\r\nb' } }, 'upstreamHeaders.A'],
    [{ upstreamHeaders: { A: '' } }, 'upstreamHeaders.A'],
    [{ upstreamHeaders: ['x'] }, 'upstreamHeaders'],
    [{ forwardHeaders: ['Authorization'] }, 'forwardHeaders[0]'],
    [{ forwardHeaders: ['X-Ok', 'x_forwarded_for'] }, 'forwardHeaders[1]'],
    [{ forwardHeaders: ['mcp-x', 'Client-Cert-Chain'] }, 'forwardHeaders[0]', 'forwardHeaders[1]'],
    [{ forwardHeaders: ['a b'] }, 'forwardHeaders[0]'],
    [{ forwardHeaders: 'x' }, 'forwardHeaders'],
    [{ allowHosts: ['http://x'] }, 'allowHosts[0]'],
    [{ allowOrigins: 'https://a' }, 'allowOrigins'],
    [{ maxBody: -1 }, 'maxBody'],
    [{ upstreamTimeout: 0 }, 'upstreamTimeout'],
    [{ upstreamTimeout: Number.NaN }, 'upstreamTimeout'],
    [{ authorizationServers: undefined }, 'authorizationServers'],
    [{ unknown: 1, port: 'x', audience: [] }, 'port', 'unknown', 'audience'],
  ]
  for (const [options, ...paths] of WRONG) {
    verifies(
      ['CASE-61', 'GW-02'],
      `${JSON.stringify(options)} is refused with all its problems`,
      () => {
        expect(problemsOf(options)).toEqual(paths)
      },
    )
  }

  verifies('CASE-61', 'the near misses are accepted', () => {
    const right: readonly object[] = [
      {},
      { host: 'localhost', auth: 'none' },
      { host: '::1', resource: undefined },
      { host: '0.0.0.0' },
      { port: 0 },
      { upstream: 'https://h/mcp?key=1' },
      { upstreamHeaders: { Authorization: 'Basic eA==', 'X-Key': 'a b' } },
      { forwardHeaders: ['X-Tenant', 'Accept-Charset'] },
      { allowHosts: ['a.test', '[::1]:80'] },
      { maxBody: 0 },
    ]
    for (const options of right) expect(problemsOf(options), JSON.stringify(options)).toEqual([])
  })
})
