import { createServer } from 'node:http'
import express from 'express'
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import type { ResourceServerEvent } from 'mcp-gatehouse'
import * as honoEntry from 'mcp-gatehouse/hono'
import * as nodeEntry from 'mcp-gatehouse/node'
import { portOf, sendTo } from '../matrix/hosts.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const GOOD = { resource: RESOURCE, authorizationServers: ISSUER }
const LOCAL = { resource: 'http://localhost:3000/mcp', authorizationServers: ISSUER }

function honoApp(options: nodeEntry.ProtectedResourceOptions): Hono {
  const app = new Hono()
  app.use(honoEntry.protectedResource(options))
  app.all('*', (c) => c.text('reached'))
  return app
}

describe('origins', () => {
  const loopback = [
    'http://localhost:6274',
    'http://127.0.0.1:1234',
    'https://[::1]',
    'http://app.localhost',
  ]
  for (const origin of loopback) {
    verifies(
      ['TRN-01', 'COR-06'],
      `${origin} may call a local resource, and no public one`,
      async () => {
        const headers = { origin }
        expect((await honoApp(LOCAL).request('/mcp', { headers })).status).toBe(401)
        expect((await honoApp(GOOD).request('/mcp', { headers })).status).toBe(403)
        const closed = { ...LOCAL, allowOrigins: ['https://app.example.com'] }
        expect((await honoApp(closed).request('/mcp', { headers })).status).toBe(403)
      },
    )
  }
  for (const origin of [
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example',
    'null',
    'file://',
    'ftp://localhost',
    'http://evil@localhost',
    'http://localhost/',
    'http://localhost:80',
    'http://LOCALHOST',
    'http://localhost, http://evil.example',
    'http://localhost/"x',
  ]) {
    verifies(['TRN-01', 'CASE-66'], `${origin} may not call a local resource`, async () => {
      const response = await honoApp(LOCAL).request('/mcp', { headers: { origin } })
      expect(response.status).toBe(403)
      expect(response.headers.get('access-control-allow-origin')).toBeNull()
    })
  }
})

describe('paths', () => {
  verifies('CASE-51', 'a proxy strips a prefix: `path` names what arrives here', async () => {
    const options = { ...GOOD, resource: 'https://mcp.example.com/tools/mcp', path: '/mcp' }
    const app = honoApp(options)
    expect((await app.request('/mcp')).status).toBe(401)
    expect((await app.request('/tools/mcp')).status).toBe(200)
    const { headers } = await app.request('/mcp')
    const metadata = 'https://mcp.example.com/.well-known/oauth-protected-resource/tools/mcp'
    expect(headers.get('www-authenticate')).toContain(metadata)
    expect((await app.request(new URL(metadata).pathname)).status).toBe(200)
  })

  verifies('CASE-51', 'a resource without a path guards everything but its metadata', async () => {
    const app = honoApp({ ...GOOD, resource: 'https://mcp.example.com' })
    for (const path of ['/', '/mcp', '/.well-known/openid-configuration']) {
      expect((await app.request(path)).status, path).toBe(401)
    }
    expect((await app.request('/.well-known/oauth-protected-resource')).status).toBe(200)
  })

  verifies(
    'CASE-51',
    'Hono: mounted at a path of its own, it guards all that arrives there',
    async () => {
      const app = new Hono()
      app.use('/internal/*', honoEntry.protectedResource(GOOD))
      app.all('*', (c) => c.text('reached'))
      expect((await app.request('/internal/mcp')).status).toBe(401)
      expect((await app.request('/elsewhere')).status).toBe(200)
    },
  )

  verifies(
    'CASE-51',
    'Express: mounted at a path of its own, it guards all that arrives there',
    async () => {
      const app = express()
      app.use('/internal', nodeEntry.protectedResource(GOOD))
      app.use((_request, response) => {
        response.send('reached')
      })
      const server = createServer(app)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      try {
        const get = (path: string) => sendTo(portOf(server), { method: 'GET', path, headers: [] })
        expect((await get('/internal/mcp')).status).toBe(401)
        expect((await get('/INTERNAL//x')).status).toBe(401)
        expect((await get('/elsewhere')).status).toBe(200)
      } finally {
        server.close()
        server.closeAllConnections()
      }
    },
  )

  verifies('CASE-51', 'an absolute request target is no way around', async () => {
    const guard = nodeEntry.protectedResource(GOOD)
    const server = createServer((request, response) =>
      guard(request, response, () => response.end()),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      for (const path of ['http://mcp.example.com/mcp', 'HTTP://x/mcp?y', 'http://x/%6Dcp']) {
        expect((await sendTo(portOf(server), { method: 'GET', path, headers: [] })).status).toBe(
          401,
        )
      }
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })

  verifies(
    'PRM-06',
    'the root form can be switched off where several resources share a host',
    async () => {
      const app = new Hono()
      app.use(honoEntry.protectedResource({ ...GOOD, rootMetadata: false }))
      app.use(
        honoEntry.protectedResource({
          ...GOOD,
          resource: 'https://mcp.example.com/other',
          rootMetadata: false,
        }),
      )
      const at = (path: string) => app.request(`/.well-known/oauth-protected-resource${path}`)
      expect(await (await at('/mcp')).json()).toMatchObject({ resource: RESOURCE })
      expect(await (await at('/other')).json()).toMatchObject({
        resource: 'https://mcp.example.com/other',
      })
      expect((await at('')).status).toBe(404)
    },
  )
})

describe('faults', () => {
  verifies(
    ['KEY-06', 'COR-04', 'CASE-24'],
    'an outage is 503 with Retry-After, readable by browsers',
    async () => {
      const idp = await FakeIdp.start()
      idp.fault = () => new Response('', { status: 502 })
      const origin = 'https://app.example.com'
      const app = honoApp({ ...GOOD, fetch: idp.fetch, wait: 0, allowOrigins: [origin] })
      const headers = { origin, authorization: `Bearer ${await idp.token()}` }
      const response = await app.request('/mcp', { headers })
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toBe('1')
      expect(response.headers.get('www-authenticate')).toBeNull()
      expect(response.headers.get('access-control-allow-origin')).toBe(origin)
      expect(await response.json()).toEqual({
        error: 'temporarily_unavailable',
        error_description: 'The access token cannot be checked at the moment',
      })
    },
  )

  verifies(
    ['GW-10', 'GW-08', 'CASE-67'],
    'a bug is 500: nothing passes, no stack and no message reaches the client or the log',
    async () => {
      const idp = await FakeIdp.start()
      const token = await idp.token()
      const events: ResourceServerEvent[] = []
      let broken = false
      const options: nodeEntry.ProtectedResourceOptions = {
        ...GOOD,
        fetch: idp.fetch,
        now: () => {
          if (broken) throw new TypeError(`cannot read ${token}`)
          return Date.now()
        },
        onEvent: (event) => events.push(event),
      }
      const app = honoApp(options)
      const send = () => app.request('/mcp', { headers: { authorization: `Bearer ${token}` } })
      broken = true
      const first = await send()
      broken = false
      expect((await send()).status).toBe(200)
      broken = true
      const remembered = await send()
      for (const response of [first, remembered]) {
        expect(response.status).toBe(500)
        expect(await response.json()).toEqual({
          error: 'server_error',
          error_description: 'Internal error',
        })
      }
      const failures = events.filter(({ type }) => type === 'request.failed')
      expect(failures).toHaveLength(2)
      expect(JSON.stringify(events)).not.toContain(token)
      // Nor a beginning of it.
      expect(JSON.stringify(events)).not.toContain('cannot read')
      expect(failures[0]).toMatchObject({ where: expect.stringContaining('TypeError') })
    },
  )
})

test('the resource server behind an entry can be used directly', async () => {
  const { resourceServer } = nodeEntry.protectedResource(GOOD)
  expect(resourceServer.metadata.resource).toBe(RESOURCE)
  expect(honoEntry.protectedResource(GOOD).resourceServer.metadataUrl).toBe(
    resourceServer.metadataUrl,
  )
})
