/** Running it: health, metrics, the end, and a way to the outside through company proxies. */
import { createServer as createHttpsServer } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { createServer } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { describe, expect, onTestFinished } from 'vitest'
import { createGateway, type GatewayEvent } from 'mcp-gatehouse/gateway'
import { createAdmin } from '../../src/gateway/admin.js'
import { createAdminHostGuard } from '../../src/gateway/hosts.js'
import { createMetrics } from '../../src/gateway/metrics.js'
import { makeCertificates } from '../support/certificates.js'
import {
  eventually,
  exchangeBytes,
  socketsAt,
  startGateway,
  startUpstream,
} from '../support/gateway.js'
import { fakeKey, FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { nextTurn } from '../support/turns.js'
import { entryOf, keysOf, newKey } from '../support/api-keys.js'
import { verifies } from '../support/verifies.js'

describe('the end', () => {
  verifies(
    'TRN-05',
    'waits for a running answer, ends open streams, and takes nothing new',
    async () => {
      let finish: (() => void) | undefined
      const upstream = await startUpstream((request, response) => {
        if (request.method === 'GET') {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
        } else finish = () => response.end('done')
      })
      const { gateway, call, url } = await startGateway(upstream)
      const stream = await call()
      const reader = (stream.body as ReadableStream<Uint8Array>).getReader()
      await reader.read()
      const answer = call({ method: 'POST', body: '{}' })
      await eventually(() => finish !== undefined)
      const closing = gateway.close()
      await nextTurn()
      finish?.()
      expect(await (await answer).text()).toBe('done')
      // A clean end: the client knows to come again, and loses nothing.
      expect((await reader.read()).done).toBe(true)
      await closing
      await expect(fetch(url)).rejects.toThrow()
      expect(gateway.status().active).toBe(0)
    },
  )

  verifies(
    'TRN-05',
    'a request that is under way is told that it is the last, and none comes after it',
    async () => {
      let finish: (() => void) | undefined
      const upstream = await startUpstream((_request, response) => {
        finish = () => response.end('first')
      })
      const { gateway, port, token } = await startGateway(upstream)
      const served = socketsAt(port)
      const socket = connect({ port, host: '127.0.0.1' })
      let answer = ''
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
      socket.write(
        `POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: 2\r\n\r\n{}`,
      )
      await eventually(() => finish !== undefined)
      const closing = gateway.close()
      socket.write('GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await eventually(() => [...served][0]?.bytesRead === socket.bytesWritten)
      finish?.()
      await closing
      await eventually(() => socket.destroyed)
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK[^]*\r\nConnection: close\r\n[^]*first$/)
    },
  )
})

describe('health and metrics', () => {
  async function startAdmin(fixture: Awaited<ReturnType<typeof startGateway>>) {
    const metrics = createMetrics(() => fixture.gateway.status())
    for (const event of fixture.events) metrics.count(event)
    const admin = createAdmin({ gateway: fixture.gateway, metrics, host: '127.0.0.1', port: 0 })
    const { port } = await admin.listen()
    onTestFinished(() => admin.close())
    return { metrics, get: (path: string) => fetch(`http://127.0.0.1:${port}${path}`) }
  }

  verifies('KEY-06', 'ready while keys and upstream are there, and says why when not', async () => {
    const upstream = await startUpstream((_request, response) => response.end())
    const idp = await FakeIdp.start()
    idp.fault = () => new Response('', { status: 500 })
    const fixture = await startGateway(upstream, { fetch: idp.fetch })
    const { get } = await startAdmin(fixture)
    expect(await (await get('/livez')).json()).toEqual({ live: true })
    const notYet = await get('/readyz')
    expect(notYet.status).toBe(503)
    expect(notYet.headers.get('cache-control')).toBe('no-store')
    expect(await notYet.json()).toMatchObject({
      ready: false,
      checks: [
        {
          name: 'keys',
          subject: ISSUER,
          ok: false,
          reason: expect.stringContaining('answered 500'),
        },
        { name: 'upstream', ok: true },
      ],
    })
    idp.fault = undefined
    // Not at once: a caller who asks us often must not make us ask the provider often.
    const before = idp.requests.length
    await Promise.all(Array.from({ length: 50 }, () => get('/readyz')))
    expect(idp.requests.length - before).toBeLessThan(4)
    await expect.poll(async () => (await get('/readyz')).status, { timeout: 5_000 }).toBe(200)
    expect((await get('/other')).status).toBe(404)
  })

  verifies('IDN-12', 'shows when an API key was used last, by its id', async () => {
    const upstream = await startUpstream((_request, response) => response.end())
    const key = newKey()
    const fixture = await startGateway(upstream, { apiKeys: keysOf(entryOf(key, { id: 'ci-1' })) })
    const used = async () => {
      const { get } = await startAdmin(fixture)
      const text = await (await get('/metrics')).text()
      return /gatehouse_api_key_last_use_timestamp_seconds\{key="ci-1"\} (\d+)/.exec(text)?.[1]
    }
    expect(await used()).toBeUndefined()
    await fixture.call({ headers: { authorization: `Bearer ${key}` } })
    await eventually(() => fixture.reported('request.completed').length === 1)
    expect(Number(await used())).toBeGreaterThan(1_700_000_000)
  })

  verifies('GW-08', 'counts outcomes by code, with labels from closed lists', async () => {
    const upstream = await startUpstream((request, response) => {
      response.writeHead(request.url?.includes('redirect') === true ? 302 : 200).end()
    })
    const fixture = await startGateway(upstream, { scopes: 'mcp:tools' })
    await fixture.call()
    await fixture.call({}, '/mcp?redirect')
    await fixture.call({ headers: { authorization: 'Bearer canary-token' } })
    await fixture.call({ headers: { authorization: '' } })
    await fixture.call({ headers: { origin: 'https://canary.example' } })
    await fixture.call({}, '/canary')
    await fixture.call({ method: 'PUT', headers: { 'x-canary': 'canary' } })
    await eventually(() => fixture.reported('request.completed').length === 7)
    const { get } = await startAdmin(fixture)
    const response = await get('/metrics')
    expect(response.headers.get('content-type')).toContain('text/plain')
    const text = await response.text()
    const lines = text.split('\n').filter((line) => line.startsWith('gatehouse_requests_total'))
    expect(lines.sort()).toEqual([
      'gatehouse_requests_total{outcome="answered",reason="404"} 1',
      'gatehouse_requests_total{outcome="denied",reason="ERR_CREDENTIALS_MISSING"} 1',
      'gatehouse_requests_total{outcome="denied",reason="ERR_TOKEN_OPAQUE"} 1',
      'gatehouse_requests_total{outcome="forwarded",reason="whole"} 1',
      'gatehouse_requests_total{outcome="refused",reason="ERR_METHOD_NOT_ALLOWED"} 1',
      'gatehouse_requests_total{outcome="refused",reason="ERR_ORIGIN_FOREIGN"} 1',
      'gatehouse_requests_total{outcome="upstream_failed",reason="ERR_UPSTREAM_REDIRECT"} 1',
    ])
    expect(text).toContain('gatehouse_upstream_responses_total{class="2xx"} 1')
    expect(text).toContain(`gatehouse_jwks_keys{issuer="${ISSUER}"} 1`)
    expect(text).toContain(`gatehouse_jwks_fetches_total{issuer="${ISSUER}",result="ok"} 1`)
    expect(text).toContain('gatehouse_remembered_tokens 1')
    expect(text).toContain('gatehouse_upstream_response_seconds_count 1')
    expect(text).not.toContain('canary')
    const [, payload = '-'] = fixture.token.split('.')
    expect(text).not.toContain(payload)
  })

  verifies('CASE-66', 'on loopback the admin listener knows no foreign Host', async () => {
    const upstream = await startUpstream((_request, response) => response.end())
    const fixture = await startGateway(upstream)
    const metrics = createMetrics(() => fixture.gateway.status())
    const admin = createAdmin({ gateway: fixture.gateway, metrics, host: '127.0.0.1', port: 0 })
    const { port } = await admin.listen()
    onTestFinished(() => admin.close())
    const answer = await new Promise<string>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.on('data', (chunk: Buffer) => resolve(chunk.toString()))
      socket.write('GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')
    })
    expect(answer).toMatch(/^HTTP\/1\.1 403/)
    const page = await fetch(`http://127.0.0.1:${port}/readyz`, {
      headers: { origin: 'http://localhost:3000' },
    })
    expect(page.status).toBe(403)
  })
})

describe('the admin listener beyond loopback', () => {
  verifies('ATK-05', 'is reached by addresses and by names that it knows', async () => {
    const upstream = await startUpstream((_request, response) => response.end())
    const fixture = await startGateway(upstream)
    const metrics = createMetrics(() => fixture.gateway.status())
    const allowHosts = ['prometheus.internal', 'exact.internal:9464']
    const admin = createAdmin({
      gateway: fixture.gateway,
      metrics,
      host: '0.0.0.0',
      allowHosts,
      port: 0,
    })
    const { port } = await admin.listen()
    onTestFinished(() => admin.close())
    const statusFor = async (host: string) => {
      const answer = await exchangeBytes(
        port,
        `GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      )
      return Number(answer.slice(9, 12))
    }
    for (const host of [
      ...['10.1.2.3', '10.1.2.3:9464', '[fd00::1]', '[fd00::1]:9464', '127.0.0.1', 'localhost:1'],
      ...['prometheus.internal', 'PROMETHEUS.internal:1', 'exact.internal:9464'],
    ]) {
      expect({ host, status: await statusFor(host) }).toEqual({ host, status: 200 })
    }
    for (const host of [
      ...['evil.example', 'evil.example:9464', '10.1.2.3.evil.example', '0x7f.1', '10.1.2'],
      ...['exact.internal', 'exact.internal:80', 'prometheus.internal.'],
    ]) {
      expect({ host, status: await statusFor(host) }).toEqual({ host, status: 403 })
    }
  })

  verifies('ATK-05', 'knows its own name where it listens by one', () => {
    const isAllowed = createAdminHostGuard('gatehouse.internal', [])
    expect(isAllowed('gatehouse.internal:9464')).toBe(true)
    expect(isAllowed('evil.example')).toBe(false)
  })
})

describe('keys from a function', () => {
  verifies(
    'KEY-04',
    'are read anew when asked; broken ones leave the old ones, loudly',
    async () => {
      const upstream = await startUpstream((_request, response) => response.end('ok'))
      const one = await fakeKey('key-1')
      const other = await fakeKey('key-2')
      let file: () => unknown = () => ({ keys: [one.jwk] })
      const fixture = await startGateway(upstream, {
        authorizationServers: { issuer: ISSUER, jwks: () => file() },
        fetch: () => Promise.reject(new Error('nobody may be contacted')),
      })
      const statusWith = async (key: typeof one) => {
        const token = await fixture.idp.token({ key })
        return (await fixture.call({ headers: { authorization: `Bearer ${token}` } })).status
      }
      expect([await statusWith(one), await statusWith(other)]).toEqual([200, 401])
      file = () => {
        throw Object.assign(new Error('canary'), { code: 'ENOENT' })
      }
      await fixture.gateway.refreshKeys()
      expect([await statusWith(one), await statusWith(other)]).toEqual([200, 401])
      expect(fixture.reported('keys.failed')[0]).toMatchObject({ serving: true })
      expect(JSON.stringify(fixture.events)).not.toContain('canary')
      file = () => ({ keys: [other.jwk] })
      await fixture.gateway.refreshKeys()
      expect([await statusWith(one), await statusWith(other)]).toEqual([401, 200])
    },
  )
})

describe('the way out', () => {
  verifies(
    ['CASE-40', 'GW-03', 'GW-09'],
    'a company CA is trusted when named, for keys and upstream, and never otherwise',
    async () => {
      const { ca, key, cert } = makeCertificates()
      const signing = await fakeKey('key-1')
      const server = createHttpsServer({ key, cert }, (request, response) => {
        if (request.url === '/keys') response.end(JSON.stringify({ keys: [signing.jwk] }))
        else response.end('reached')
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => {
        server.closeAllConnections()
        server.close()
      })
      const { port } = server.address() as AddressInfo
      const idp = await FakeIdp.start()
      const events: GatewayEvent[] = []
      const start = async (trusted: { ca?: string }) => {
        const gateway = createGateway({
          port: 0,
          resource: RESOURCE,
          authorizationServers: { issuer: ISSUER, jwksUri: `https://localhost:${port}/keys` },
          upstream: `https://localhost:${port}/mcp`,
          wait: 0,
          onEvent: (event) => events.push(event),
          ...trusted,
        })
        const { url } = await gateway.listen()
        onTestFinished(() => gateway.close())
        const headers = { authorization: `Bearer ${await idp.token()}` }
        return fetch(`${url}/mcp`, { headers })
      }
      expect(await (await start({ ca })).text()).toBe('reached')
      const refused = await start({})
      expect(refused.status).toBe(503)
      expect(JSON.stringify(events)).toMatch(
        /could not be reached \((?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|\w*SELF_SIGNED)[^)]*; add your own CA with --ca-file\)/,
      )
    },
  )

  verifies(
    'FLD-13',
    'the Host that an operator sets never changes the name in the certificate',
    async () => {
      const { ca, key, cert } = makeCertificates()
      const seen: unknown[] = []
      const server = createHttpsServer({ key, cert }, (request, response) => {
        seen.push([(request.socket as TLSSocket).servername, request.headers.host])
        response.end('{}')
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => {
        server.closeAllConnections()
        server.close()
      })
      const { port } = server.address() as AddressInfo
      for (const name of ['localhost', '127.0.0.1']) {
        const upstream = `https://${name}:${port}/mcp`
        const fixture = await startGateway(upstream, { ca, upstreamHost: 'other.example:1' })
        expect((await fixture.call({ method: 'POST', body: '{}' })).status).toBe(200)
      }
      // An address is no TLS name (RFC 6066 §3).
      expect(seen).toEqual([
        ['localhost', 'other.example:1'],
        [false, 'other.example:1'],
      ])
    },
  )

  verifies(
    'CASE-40',
    'a proxy of the environment leads out, and loopback never goes through it',
    async () => {
      const tunnels: string[] = []
      const upstream = await startUpstream((request, response) => {
        response.end(`reached with Host ${request.headers.host}`)
      })
      const sockets = new Set<Socket>()
      const proxy = createServer((_request, response) => {
        response.statusCode = 502
        response.end()
      })
      // Whatever is asked for is on this machine: nothing of the test leaves it.
      proxy.on('connect', (request, client: Socket) => {
        tunnels.push(request.url ?? '')
        const through = connect({ port: Number(new URL(upstream).port), host: '127.0.0.1' }, () => {
          client.write('HTTP/1.1 200 OK\r\n\r\n')
          through.pipe(client).pipe(through)
        })
        for (const socket of [client, through]) {
          sockets.add(socket)
          socket.on('error', () => undefined)
        }
      })
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => {
        for (const socket of sockets) socket.destroy()
        proxy.close()
      })
      const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
      const proxyEnvironment = {
        HTTP_PROXY: proxyUrl,
        https_proxy: proxyUrl,
        NO_PROXY: 'direct.test',
      }
      const away = await startGateway('http://upstream.test/mcp', { proxyEnvironment })
      expect(await (await away.call()).text()).toBe('reached with Host upstream.test')
      expect(tunnels).toEqual(['upstream.test:80'])
      const local = await startGateway(upstream, { proxyEnvironment })
      expect(await (await local.call()).text()).toMatch(/^reached with Host 127\.0\.0\.1:/)
      const direct = await startGateway('http://direct.test/mcp', { proxyEnvironment })
      expect((await direct.call()).status).toBe(502)
      expect(tunnels).toHaveLength(1)
    },
  )
})
