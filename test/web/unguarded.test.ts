/** The paths of route and resource differ: what is open is told, and a guard on the route keeps it closed. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import { logEvents, type ResourceServerEvent } from 'mcp-gatehouse'
import { protect } from 'mcp-gatehouse/fetch'
import * as hono from 'mcp-gatehouse/hono'
import * as node from 'mcp-gatehouse/node'
import { describe, expect, expectTypeOf, onTestFinished } from 'vitest'
import { FakeIdp, ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const RESOURCE = 'https://mcp.example.com/mcp'
const OTHER = 'https://mcp.example.com/other'

interface Fixture {
  readonly options: hono.ProtectedResourceOptions
  readonly events: ResourceServerEvent[]
  readonly token: (audience?: string) => Promise<string>
}

async function createFixture(): Promise<Fixture> {
  const idp = await FakeIdp.start()
  const events: ResourceServerEvent[] = []
  return {
    events,
    options: {
      resource: RESOURCE,
      authorizationServers: ISSUER,
      fetch: idp.fetch,
      onEvent: (event) => void events.push(event),
    },
    token: (aud = RESOURCE) => idp.token({ claims: { aud } }),
  }
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/**
 * A server that answers `/mcp/` + anything and `/api` with 200, and everything else with 404. It has these guards at its
 * root, one after the other.
 */
type Host = (guards: readonly hono.ProtectedResourceOptions[]) => RequestListener

/** Neither is below `/mcp` or `/other`. */
const OPEN = new Set(['/api', '/v2/mcp'])

const HOSTS: Readonly<Record<string, Host>> = {
  Hono(guards) {
    const app = new Hono()
    for (const options of guards) app.use(hono.protectedResource(options))
    app.all('*', (c) =>
      OPEN.has(c.req.path) || c.req.path === '/other' ? c.json({}) : c.notFound(),
    )
    return getRequestListener(app.fetch)
  },
  Express(guards) {
    const app = express()
    for (const options of guards) app.use(node.protectedResource(options))
    app.use((req, res) => {
      res.status(OPEN.has(req.path) || req.path === '/other' ? 200 : 404).json({})
    })
    return app
  },
  fetch(guards) {
    type Step = (request: Request) => Promise<Response>
    const last: Step = (request) => {
      const { pathname } = new URL(request.url)
      const status = OPEN.has(pathname) || pathname === '/other' ? 200 : 404
      return Promise.resolve(Response.json({}, { status }))
    }
    const handle = guards
      .map((options) => protect(options))
      .reduceRight<Step>((next, guard) => (request) => guard(request, next), last)
    return getRequestListener(handle)
  },
}

const CALL = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })

function post(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  const ofMcp = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  }
  return fetch(url, { method: 'POST', body: CALL, headers: { ...ofMcp, ...headers } })
}

for (const [name, host] of Object.entries(HOSTS)) {
  describe(`behind ${name}`, () => {
    verifies('FLD-20', 'an MCP message that is answered without a token is an event', async () => {
      const { options, events } = await createFixture()
      const url = await listen(host([options]))
      expect((await post(`${url}/v2/mcp`)).status).toBe(200)
      await expect.poll(() => events).toHaveLength(1)
      expect(events).toMatchObject([
        {
          type: 'request.unguarded',
          resource: RESOURCE,
          path: '"/v2/mcp"',
          status: 200,
          reason: 'a POST to "/v2/mcp" was answered 200 without a token: this guard is for "/mcp"',
          hint: expect.stringContaining('the same path'),
        },
      ])
    })

    verifies('FLD-20', 'other requests and answers are not', async () => {
      const { options, events } = await createFixture()
      const url = await listen(host([options]))
      await post(`${url}/nowhere`)
      await post(`${url}/api`, { accept: '*/*' })
      await post(`${url}/api`, { 'content-type': 'text/plain' })
      await fetch(`${url}/api`, { headers: { accept: 'text/event-stream' } })
      await post(`${url}/mcp`)
      expect(events.map(({ type }) => type)).toEqual(['request.denied'])
      // A session says that it is MCP, whatever it accepts.
      await post(`${url}/api`, { accept: '*/*', 'mcp-session-id': 'x' })
      await expect.poll(() => events.map(({ type }) => type)).toContain('request.unguarded')
    })

    verifies('FLD-20', 'what another guard lets pass, or refuses, is not told', async () => {
      const { options, events, token } = await createFixture()
      const url = await listen(host([options, { ...options, resource: OTHER }]))
      const authorization = `Bearer ${await token(OTHER)}`
      expect((await post(`${url}/other`, { authorization })).status).toBe(200)
      expect((await post(`${url}/other`)).status).toBe(401)
      // Told once, although two guards see it.
      expect((await post(`${url}/api`)).status).toBe(200)
      await expect.poll(() => events.map(({ type }) => type)).toContain('request.unguarded')
      expect(events.map(({ type }) => type)).toEqual([
        'keys.loaded',
        'request.authenticated',
        'request.denied',
        'request.unguarded',
      ])
    })
  })
}

verifies('FLD-20', 'many guards add one listener to an answer', async () => {
  const { options } = await createFixture()
  const listeners: number[] = []
  const app = express()
  for (let n = 0; n < 12; n++) {
    app.use(node.protectedResource({ ...options, resource: `${RESOURCE}/${n}` }))
    app.use((_req, res, next) => {
      listeners.push(res.listenerCount('finish'))
      next()
    })
  }
  app.use((_req, res) => void res.json({}))
  await post(`${await listen(app)}/api`)
  expect(listeners).toHaveLength(12)
  expect(new Set(listeners)).toEqual(new Set([listeners[0]]))
})

describe('a guard at the root and on the route', () => {
  async function servers({ options }: Fixture) {
    const onHono = hono.protectedResource(options)
    const app = new Hono()
    app.use(onHono)
    app.all('/v2/mcp', onHono, (c) => c.json({ client: c.get('auth').clientId }))
    app.all('/mcp', onHono, (c) => c.json({ client: c.get('auth').clientId }))
    const onExpress = node.protectedResource(options)
    const other = express()
    other.use(onExpress)
    other.all('/v2/mcp', onExpress, (req, res) => void res.json({ client: req.auth?.clientId }))
    other.all('/mcp', onExpress, (req, res) => void res.json({ client: req.auth?.clientId }))
    return [await listen(getRequestListener(app.fetch)), await listen(other)]
  }

  verifies('FLD-20', 'the route is closed although its path is another one', async () => {
    const fixture = await createFixture()
    const authorization = `Bearer ${await fixture.token()}`
    for (const url of await servers(fixture)) {
      expect((await post(`${url}/v2/mcp`)).status).toBe(401)
      const answer = await post(`${url}/v2/mcp`, { authorization })
      expect(await answer.json()).toEqual({ client: expect.any(String) })
    }
    expect(fixture.events.map(({ type }) => type)).not.toContain('request.unguarded')
  })

  verifies('FLD-20', 'a request is checked once', async () => {
    const fixture = await createFixture()
    const authorization = `Bearer ${await fixture.token()}`
    for (const url of await servers(fixture)) {
      expect((await post(`${url}/mcp`, { authorization })).status).toBe(200)
    }
    const checked = fixture.events.filter(({ type }) => type === 'request.authenticated')
    expect(checked).toHaveLength(2)
  })

  verifies('FLD-20', 'a guard of another resource on the route is not skipped', async () => {
    const { options, token } = await createFixture()
    const [first, second] = [options, { ...options, resource: OTHER }].map((each) =>
      hono.protectedResource(each),
    )
    const app = new Hono()
    app.use(first!)
    app.all('/mcp', second!, (c) => c.json({}))
    const url = await listen(getRequestListener(app.fetch))
    const authorization = `Bearer ${await token(RESOURCE)}`
    expect((await post(`${url}/mcp`, { authorization })).status).toBe(401)
  })
})

verifies('FLD-20', 'the console says it once', async () => {
  const lines: string[] = []
  let now = 0
  const log = logEvents({ write: (line) => void lines.push(line), now: () => now })
  const { options } = await createFixture()
  const guard = protect({ ...options, onEvent: log })
  for (let minute = 0; minute < 3; minute++) {
    now = minute * 61_000
    const request = new Request('https://mcp.example.com/v2/mcp', {
      method: 'POST',
      body: CALL,
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    })
    await guard(request, () => Response.json({}))
  }
  expect(lines).toEqual([
    expect.stringMatching(/^mcp-gatehouse: request\.unguarded: a POST to "\/v2\/mcp".*Try: /),
  ])
})

verifies('FLD-20', 'the type of auth says whether the route is guarded', () => {
  const guard = hono.protectedResource({ resource: RESOURCE, authorizationServers: ISSUER })
  const app = new Hono<hono.ProtectedResourceEnv>()
  app.use(guard)
  type Auth = hono.GuardedEnv['Variables']['auth']
  app.all('/open', (c) => {
    expectTypeOf(c.get('auth')).toEqualTypeOf<Auth | undefined>()
    return c.json({})
  })
  app.all('/mcp', guard, (c) => {
    expectTypeOf(c.get('auth')).toEqualTypeOf<Auth>()
    return c.json({})
  })
  expect(app.routes.map(({ path }) => path)).toContain('/mcp')
})
