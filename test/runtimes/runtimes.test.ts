/** The Hono and the fetch entry on workerd, Bun and Deno, over real sockets, with an identity provider over HTTP. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest'
import { CASES, ORIGIN } from '../matrix/cases.js'
import { sendTo, type TestAnswer, type TestRequest } from '../matrix/hosts.js'
import { FakeIdp, fakeKey, ISSUER, RESOURCE, type TokenSpec } from '../support/idp.js'
import { withoutReference } from '../support/references.js'
import { verifies } from '../support/verifies.js'
import type { Entry } from './app.js'
import { RUNTIMES, startRuntime, type Running, type RuntimeName } from './runtime.js'

const ENTRIES: readonly Entry[] = ['hono', 'fetch']

interface ServedIdp {
  readonly idp: FakeIdp
  stop(): void
}

async function serveIdp(alg = 'ES256'): Promise<ServedIdp> {
  let idp: FakeIdp | undefined
  const server: Server = createServer((request, response) => {
    const { origin } = new URL(idp?.issuer ?? '')
    void idp?.fetch(origin + request.url).then(async (answer) => {
      response.writeHead(answer.status, Object.fromEntries(answer.headers))
      response.end(await answer.text())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  idp = await FakeIdp.start(`http://127.0.0.1:${port}/realms/mcp`, alg)
  return {
    idp,
    stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

interface Scene {
  readonly idp: FakeIdp
  send(request: TestRequest): Promise<TestAnswer>
  /** A POST to the MCP endpoint with a token of this kind. */
  call(token: TokenSpec | string, query?: string): Promise<TestAnswer>
  stop(): void
}

async function startScene(runtime: RuntimeName, entry: Entry, alg?: string): Promise<Scene> {
  const { idp, stop } = await serveIdp(alg)
  const running: Running = await startRuntime(runtime, entry, {
    ISSUER: idp.issuer,
    RESOURCE,
    ORIGIN,
    SESSION_KEY: 'QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE',
  })
  async function send(request: TestRequest): Promise<TestAnswer> {
    const answer = await sendTo(running.port, request)
    const seen = JSON.parse(answer.headers.get('x-seen') ?? 'null') as TestAnswer['caller'] | null
    return { ...answer, caller: seen === null ? undefined : { rest: '', ...seen } } as TestAnswer
  }
  return {
    idp,
    send,
    async call(token, query = '') {
      const text = typeof token === 'string' ? token : await idp.token(token)
      const headers = [['Authorization', `Bearer ${text}`]] as const
      return send({ method: 'POST', path: `/mcp${query}`, headers })
    },
    stop() {
      running.stop()
      stop()
    },
  }
}

/** A scene for one test. */
async function scene(runtime: RuntimeName, entry: Entry, alg?: string): Promise<Scene> {
  const started = await startScene(runtime, entry, alg)
  onTestFinished(() => started.stop())
  return started
}

/** A back-off may have to end before. */
async function untilAccepted(call: Scene['call']): Promise<void> {
  while ((await call({})).status !== 200) await new Promise((resolve) => setTimeout(resolve, 100))
}

/** Without the reference, which differs for each request. */
function valueOf({ headers }: TestAnswer, name: string): string | null {
  const value = headers.get(name)
  return value === null ? null : withoutReference(value)
}

const HTTP_CASES = CASES.filter(({ layer }) => layer !== 'gateway')

describe.each(RUNTIMES)('%s', (runtime) => {
  describe.each(ENTRIES)('%s', (entry) => {
    let shared: Scene

    beforeAll(async () => {
      shared = await startScene(runtime, entry)
    })
    afterAll(() => shared.stop())

    for (const each of HTTP_CASES) {
      verifies(each.verifies, each.name, async () => {
        const { expected } = each
        const token = await shared.idp.token(each.token)
        const fill = (text: string) => text.replaceAll('TOKEN', token)
        const answer = await shared.send({
          method: each.method ?? 'GET',
          path: fill(each.path ?? '/mcp'),
          headers: (each.headers ?? []).map(([name, value]) => [name, fill(value)] as const),
        })
        expect(answer.status).toBe(expected.status)
        const fields = Object.entries(expected.headers ?? {})
        const answered = fields.map(([name]) => [name, valueOf(answer, name)])
        expect(answered).toEqual(fields)
        const body = expected.body?.replaceAll(ISSUER, shared.idp.issuer)
        expect([body, '']).toContain(body === undefined ? '' : withoutReference(answer.body))
        const isKnown = answer.caller?.subject === 'user-1' && answer.caller.token === token
        expect(isKnown).toBe(expected.reached === 'with auth')
      })
    }

    verifies('FLD-22', 'RS256: a good token, and one whose signature is wrong', async () => {
      const { idp, call } = await scene(runtime, entry, 'RS256')
      expect((await call({})).status).toBe(200)
      const [head = '', payload = '', signature = ''] = (await idp.token()).split('.')
      const wrong = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`
      expect((await call(`${head}.${payload}.${wrong}`)).status).toBe(401)
      expect((await call({ key: await fakeKey('key-1', 'RS256', 'key-2') })).status).toBe(401)
    })

    verifies('FLD-22', 'twelve cold requests at once: each is answered, good and bad', async () => {
      const { idp, call } = await scene(runtime, entry)
      const other = { claims: { aud: 'https://other.example.com' } }
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, i) => call(i % 4 === 3 ? other : {})),
      )
      expect(answers.map(({ status }) => status)).toEqual(
        answers.map((_, i) => (i % 4 === 3 ? 401 : 200)),
      )
      // Where requests share nothing that is under way, each may fetch once.
      expect(idp.jwksFetches).toBeLessThanOrEqual(runtime.startsWith('workerd') ? 12 : 1)
      const { length } = idp.requests
      expect((await call({})).status).toBe(200)
      expect(idp.requests).toHaveLength(length)
    })

    verifies('FLD-22', 'a new key is taken, and the withdrawn one is refused', async () => {
      const { idp, call } = await scene(runtime, entry)
      const old = await idp.token()
      expect((await call(old)).status).toBe(200)
      idp.keys = [await fakeKey('key-9')]
      await untilAccepted(call)
      expect((await call(old)).status).toBe(401)
    })

    verifies('FLD-22', 'an outage is 503 without a challenge, and ends', async () => {
      const { idp, call } = await scene(runtime, entry)
      idp.fault = () => new Response('down', { status: 500 })
      const answer = await call({})
      expect(answer.status).toBe(503)
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
      expect(answer.headers.get('www-authenticate')).toBeNull()
      idp.fault = undefined
      await untilAccepted(call)
      idp.fault = () => new Response('down', { status: 500 })
      expect((await call({})).status).toBe(200)
    })

    verifies('FLD-22', 'an event stream flows, and ends with its token', async () => {
      const { idp, call, send } = await scene(runtime, entry)
      const exp = Math.floor(Date.now() / 1000) + 3
      expect((await call({})).status).toBe(200)
      const token = await idp.token({ claims: { exp } })
      const headers = [['Authorization', `Bearer ${token}`]] as const
      const answer = await send({ method: 'GET', path: '/mcp?stream', headers })
      expect(answer).toMatchObject({ status: 200, body: 'data: first\n\n' })
      expect((await call(token)).status).toBe(401)
    })

    verifies('FLD-22', 'a session is its caller’s alone', async () => {
      const { send, call, idp } = await scene(runtime, entry)
      const visible = (await call({}, '?open')).headers.get('mcp-session-id') ?? ''
      expect(visible).toMatch(/.{20,}own-id$/)
      const visit = async (spec: TokenSpec, session: string) =>
        send({
          method: 'POST',
          path: '/mcp',
          headers: [
            ['Authorization', `Bearer ${await idp.token(spec)}`],
            ['Mcp-Session-Id', session],
          ],
        })
      const own = await visit({}, visible)
      expect([own.status, own.headers.get('x-seen-session')]).toEqual([200, 'own-id'])
      expect((await visit({ claims: { sub: 'user-2' } }, visible)).status).toBe(404)
      expect((await visit({}, 'own-id')).status).toBe(404)
    })
  })
})
