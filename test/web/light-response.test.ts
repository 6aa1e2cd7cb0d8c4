/**
 * A `Response` whose body is costly to look at, as the one of `@hono/node-server`: it makes a real one with a stream
 * for that.
 */
import { Hono } from 'hono'
import { protect } from 'mcp-gatehouse/fetch'
import { protectedResource, type ProtectedResourceOptions } from 'mcp-gatehouse/hono'
import { describe, expect } from 'vitest'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

class LightResponse extends Response {
  looks = 0

  override get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    this.looks++
    return super.body
  }
}

const HOSTS = {
  hono(options: ProtectedResourceOptions, handle: () => Response) {
    const app = new Hono().use(protectedResource(options)).all('/mcp', handle)
    return (request: Request) => Promise.resolve(app.fetch(request))
  },
  fetch(options: ProtectedResourceOptions, handle: () => Response) {
    const guard = protect(options)
    return (request: Request) => Promise.resolve(guard(request, handle))
  },
} as const

/** Sends a good token, and answers with `response`. */
async function answeredWith(host: keyof typeof HOSTS, response: Response, origin?: string) {
  const idp = await FakeIdp.start()
  const options = { resource: RESOURCE, authorizationServers: ISSUER, fetch: idp.fetch }
  const answer = HOSTS[host]({ ...options, allowOrigins: [ORIGIN] }, () => response)
  const headers = {
    authorization: `Bearer ${await idp.token()}`,
    ...(origin !== undefined && { origin }),
  }
  return answer(new Request(RESOURCE, { method: 'POST', headers }))
}

const ORIGIN = 'https://app.example.com'
const JSON_TYPE = { headers: { 'content-type': 'application/json' } }
const STREAM_TYPE = { headers: { 'content-type': 'text/event-stream' } }

describe.each(['hono', 'fetch'] as const)('behind %s', (host) => {
  verifies('FLD-23', "the handler's JSON answer comes back untouched, unread", async () => {
    for (const init of [JSON_TYPE, { status: 202 }, { status: 404 }]) {
      const own = new LightResponse('{}', init)
      expect(await answeredWith(host, own)).toBe(own)
      expect(own.looks).toBe(0)
    }
  })

  verifies('FLD-23', 'an event stream is still ended with its token', async () => {
    const own = new LightResponse('data: x\n\n', STREAM_TYPE)
    const answer = await answeredWith(host, own)
    expect(answer).not.toBe(own)
    expect(own.looks).toBeGreaterThan(0)
    expect(await answer.text()).toBe('data: x\n\n')
  })

  verifies('FLD-23', 'a browser gets a copy that it may read', async () => {
    const own = new LightResponse('{}', JSON_TYPE)
    const answer = await answeredWith(host, own, ORIGIN)
    expect(answer).not.toBe(own)
    expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN)
    expect(own.headers.has('access-control-allow-origin')).toBe(false)
  })
})
