/** `./fetch` where it differs from other hosts: what runtimes hand to it, and what it hands on. */
import { describe, expect, test } from 'vitest'
import type { ResourceServerEvent } from 'mcp-gatehouse'
import {
  createGuard,
  HostRequest,
  protect,
  type Next,
  type ProtectedResourceOptions,
} from 'mcp-gatehouse/fetch'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const POLICY = { rules: [{ tools: ['free'], scopes: [] }], unmatched: 'deny' } as const
const CALL =
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","arguments":{}}}'

async function startFixture(options: Partial<ProtectedResourceOptions> = {}) {
  const idp = await FakeIdp.start()
  const events: ResourceServerEvent[] = []
  const guard = protect({
    resource: RESOURCE,
    authorizationServers: ISSUER,
    fetch: idp.fetch,
    onEvent: (event) => events.push(event),
    ...options,
  })
  const authorization = `Bearer ${await idp.token()}`
  const requestOf = (init: RequestInit & { duplex?: 'half' } = {}, path = '/mcp') =>
    new Request(`https://mcp.example.com${path}`, {
      ...init,
      headers: { authorization, ...(init.headers as Record<string, string>) },
    })
  return { idp, guard, events, requestOf, authorization }
}

function streamOf(...pieces: readonly string[]): ReadableStream<Uint8Array> {
  const chunks = pieces.map((piece) => new TextEncoder().encode(piece))
  return new ReadableStream({
    pull(controller) {
      const next = chunks.shift()
      if (next === undefined) controller.close()
      else controller.enqueue(next)
    },
  })
}

const hello: Next = (_request, { auth }) => new Response(`hello ${auth?.clientId}`)

describe('paths', () => {
  verifies('CASE-51', 'others go on without a caller, and as they are', async () => {
    const { guard, requestOf } = await startFixture()
    const request = requestOf({}, '/elsewhere')
    const seen: unknown[] = []
    const response = await guard(request, (given, { auth, requireScopes }) => {
      seen.push(given === request, auth)
      return requireScopes('a') ?? new Response('open')
    })
    expect(seen).toEqual([true, undefined])
    // A mistake in the order must not open the route.
    expect(response.status).toBe(500)
    expect(await response.json()).toMatchObject({ error: 'server_error' })
  })

  verifies(
    'CASE-51',
    'in a handler that its framework chose, every request is guarded',
    async () => {
      const { guard } = await startFixture()
      const request = new Request('https://mcp.example.com/api/whatever')
      expect((await guard(request, hello, { mounted: true })).status).toBe(401)
      expect((await guard(request, hello, { mounted: false })).status).toBe(200)
      expect((await guard(request, hello)).status).toBe(200)
    },
  )
})

describe('bodies', () => {
  const methods = ['DELETE', 'PUT', 'PATCH'] as const
  for (const method of methods) {
    verifies('ATK-12', `${method} with a stream that has something in it: 400`, async () => {
      const { guard, requestOf } = await startFixture({ policy: POLICY })
      let isReached = false
      const request = requestOf({ method, body: streamOf('', CALL), duplex: 'half' })
      const response = await guard(request, () => {
        isReached = true
        return new Response()
      })
      expect([response.status, isReached]).toEqual([400, false])
    })
  }

  verifies(
    'ATK-12',
    'DELETE with a stream that is empty, as runtimes give it, goes on',
    async () => {
      const { guard, requestOf } = await startFixture({ policy: POLICY })
      for (const body of [streamOf(), streamOf('', ''), null]) {
        const request = requestOf({
          method: 'DELETE',
          headers: { 'x-mine': '1' },
          body,
          duplex: 'half',
        })
        const response = await guard(request, async (given, { auth }) => {
          const text = await given.text()
          return Response.json([
            given.method,
            given.url,
            given.headers.get('x-mine'),
            text,
            auth?.clientId,
          ])
        })
        expect(await response.json()).toEqual(['DELETE', RESOURCE, '1', '', 'client-1'])
      }
    },
  )

  verifies('ATK-12', 'PUT with such a stream is judged as empty', async () => {
    const { guard, requestOf } = await startFixture({ policy: POLICY })
    const headers = { 'content-type': 'application/json' }
    const request = requestOf({ method: 'PUT', headers, body: streamOf(), duplex: 'half' })
    expect((await guard(request, hello)).status).toBe(400)
  })

  verifies('ATK-11', 'what was judged is what the handler reads, however it came', async () => {
    const { guard, requestOf } = await startFixture({
      policy: POLICY,
      sessionKeys: ['k'.repeat(32)],
    })
    const headers = { 'content-type': 'application/json' }
    for (const body of [CALL, streamOf(CALL.slice(0, 10), CALL.slice(10))]) {
      const request = requestOf({ method: 'POST', headers, body, duplex: 'half' })
      const response = await guard(request, async (given) => new Response(await given.text()))
      expect(await response.text()).toBe(CALL)
    }
    const denied = CALL.replace('"free"', '"other"')
    const response = await guard(requestOf({ method: 'POST', headers, body: denied }), hello)
    expect(response.status).toBe(403)
  })

  verifies('ATK-11', 'one that was read before is not judged: 500, and an event', async () => {
    const { guard, requestOf, events } = await startFixture({ policy: POLICY })
    const headers = { 'content-type': 'application/json' }
    const request = requestOf({ method: 'POST', headers, body: CALL })
    await request.text()
    expect((await guard(request, hello)).status).toBe(500)
    expect(events).toContainEqual(expect.objectContaining({ type: 'request.failed' }))
  })
})

describe('answers', () => {
  verifies(
    'COR-04',
    'of the handler stay its own: one that it gives again is not changed',
    async () => {
      const origin = 'https://app.example.com'
      const { guard, requestOf } = await startFixture({ allowOrigins: [origin] })
      const shared = new Response(null, { status: 204, headers: { Vary: 'Accept' } })
      const response = await guard(requestOf({ headers: { origin } }), () => shared)
      expect(response.headers.get('access-control-allow-origin')).toBe(origin)
      expect(response.headers.get('vary')).toBe('Accept, Origin')
      expect([...shared.headers]).toEqual([['vary', 'Accept']])
      const other = await guard(requestOf(), () => shared)
      expect(other).toBe(shared)
    },
  )

  test('a handler that throws rejects, and nothing is told of it', async () => {
    const { guard, requestOf, events } = await startFixture()
    const fault = new Error('theirs')
    await expect(guard(requestOf(), () => Promise.reject(fault))).rejects.toBe(fault)
    expect(events.map(({ type }) => type)).not.toContain('request.failed')
  })

  verifies(
    'SCP-01',
    'a handler asks for more scopes, and a browser can read the answer',
    async () => {
      const origin = 'https://app.example.com'
      const { guard, requestOf } = await startFixture({ allowOrigins: [origin] })
      const response = await guard(
        requestOf({ headers: { origin } }),
        (_request, { requireScopes }) => requireScopes('mcp:admin') ?? new Response('in'),
      )
      expect(response.status).toBe(403)
      expect(response.headers.get('www-authenticate')).toContain('scope="mcp:admin"')
      expect(response.headers.get('access-control-allow-origin')).toBe(origin)
    },
  )
})

describe('a host of your own', () => {
  class PlainRequest extends HostRequest {
    readonly method = 'POST'
    readonly path = '/mcp'
    readonly fields: Readonly<Record<string, string | readonly string[]>>
    isGone = false

    constructor(fields: Readonly<Record<string, string | readonly string[]>>) {
      super()
      this.fields = fields
    }
    header(name: string) {
      return this.fields[name]
    }
    bringsBody() {
      return true
    }
    readBody(): Promise<Uint8Array | undefined> {
      return Promise.reject(new Error('cut short'))
    }
  }

  async function createFixture(options: Partial<ProtectedResourceOptions> = {}) {
    const idp = await FakeIdp.start()
    const guard = createGuard({
      resource: RESOURCE,
      authorizationServers: ISSUER,
      fetch: idp.fetch,
      ...options,
    })
    return { guard, idp, authorization: `Bearer ${await idp.token()}` }
  }

  verifies('TOK-01', 'a token seen before is let in without a promise', async () => {
    const { guard, authorization } = await createFixture()
    await guard.pass(new PlainRequest({ authorization }))
    const passage = guard.pass(new PlainRequest({ authorization }))
    expect(passage).toMatchObject({ outcome: 'permitted', body: undefined, sessionId: undefined })
  })

  verifies('TOK-04', 'two credentials that the host keeps apart are one too many', async () => {
    const { guard, authorization } = await createFixture()
    const both = new PlainRequest({ authorization: [authorization, authorization] })
    expect(await guard.pass(both)).toMatchObject({ outcome: 'answer', status: 400 })
  })

  verifies('GW-10', 'what the host throws is a 500, and never a rejection', async () => {
    const { guard, authorization } = await createFixture({ policy: POLICY })
    const fields = { authorization, 'content-type': 'application/json' }
    expect(await guard.pass(new PlainRequest(fields))).toMatchObject({ status: 500 })
    const broken = new PlainRequest(fields)
    Object.defineProperty(broken, 'contentEncoding', { get: () => expect.unreachable() })
    expect(await guard.pass(broken)).toMatchObject({ outcome: 'answer', status: 500 })
  })

  verifies(
    'GW-10',
    'for a client that left while keys were fetched nothing more is done',
    async () => {
      const { guard, authorization } = await createFixture({ policy: POLICY })
      const request = new PlainRequest({ authorization, 'content-type': 'application/json' })
      const passage = guard.pass(request)
      request.isGone = true
      expect(await passage).toMatchObject({ outcome: 'answer', status: 499 })
    },
  )
})
