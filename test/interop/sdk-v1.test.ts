/** The client of the SDK's first generation, unchanged, against servers behind both entries. */
import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { connect, MemoryProvider } from '../../examples/demo/client.js'
import { startIdp, type Idp } from '../../examples/demo/idp.js'
import { Recorder, rpc } from '../../examples/demo/recorder.js'
import { obtainTokens } from '../../examples/demo/tokens.js'
import { verifies } from '../support/verifies.js'
import {
  SCOPE,
  startExpress,
  startHono,
  startNode,
  whoami,
  type GuardOptions,
  type Running,
} from './support.js'

let idp: Idp
const running: Running[] = []

beforeAll(async () => {
  idp = await startIdp([SCOPE])
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()))
})
afterAll(() => idp.stop())

type Start = (options: GuardOptions) => Promise<Running>

async function guarded(start: Start, options: Partial<GuardOptions> = {}): Promise<string> {
  const server = await start({ authorizationServers: idp.issuer, scopes: SCOPE, ...options })
  running.push(server)
  idp.resources.set(server.url, { scope: SCOPE })
  return server.url
}

describe.each([
  ['Hono', startHono],
  ['Express', startExpress],
  ['node:http', startNode],
] satisfies [string, Start][])('behind %s', (_, start) => {
  verifies(
    ['CHL-01', 'CHL-03', 'CHL-04', 'CHL-05', 'PRM-01', 'PRM-05', 'PRM-07', 'TOK-04', 'CASE-37'],
    'a client that knows only the URL logs in and calls a tool, which knows who it is',
    async () => {
      const url = await guarded(start)
      const recorder = new Recorder()
      const provider = new MemoryProvider('alice')
      const client = await connect(url, provider, recorder)
      const who = await whoami(client)

      const registered = await provider.clientInformation()
      expect(who).toEqual({
        subject: 'alice',
        clientId: registered?.client_id,
        scopes: [SCOPE],
        issuer: idp.issuer,
      })

      const [knock] = recorder.exchanges
      expect(knock).toMatchObject({ method: 'POST', status: 401 })
      expect(knock?.headers.get('www-authenticate')).not.toContain('error')
      const metadataUrl = url.replace('/mcp', '/.well-known/oauth-protected-resource/mcp')
      const metadata = recorder.find((exchange) => exchange.url.href === metadataUrl)
      expect(metadata?.requestHeaders.has('authorization')).toBe(false)
      expect(JSON.parse(metadata?.body ?? '')).toMatchObject({
        resource: url,
        authorization_servers: [idp.issuer],
        scopes_supported: [SCOPE],
      })
      expect(provider.logins).toHaveLength(1)
      expect(provider.logins[0]?.authorizationUrl.searchParams.get('resource')).toBe(url)
      expect(provider.logins[0]?.authorizationUrl.searchParams.get('scope')).toBe(SCOPE)
      expect(decodeJwt(provider.tokens()?.access_token ?? '')).toMatchObject({ aud: url })

      const later = recorder.exchanges.filter((exchange) => exchange.url.href === url).slice(1)
      expect(later.length).toBeGreaterThanOrEqual(3)
      expect(later.filter(({ status }) => status === 401)).toEqual([])
      await client.close()
    },
  )

  verifies(
    ['CHL-06', 'JWT-07'],
    'a client whose token has expired refreshes it and goes on, without a login',
    async () => {
      // The server's clock is moved instead of waiting.
      let skew = 0
      const url = await guarded(start, { clockTolerance: 0, now: () => Date.now() + skew })
      idp.resources.set(url, { scope: SCOPE, accessTokenTTL: 60 })
      const recorder = new Recorder()
      const provider = new MemoryProvider('alice')
      const client = await connect(url, provider, recorder)
      const before = await whoami(client)
      const first = provider.tokens()?.access_token

      idp.resources.set(url, { scope: SCOPE, accessTokenTTL: 3600 })
      skew = 61_000
      expect(await whoami(client)).toEqual(before)

      const refused = recorder.exchanges.filter(({ status }) => status === 401)
      expect(refused).toHaveLength(2)
      expect(refused[1]?.headers.get('www-authenticate')).toContain('error="invalid_token"')
      expect(JSON.parse(refused[1]?.body ?? '')).toEqual({
        error: 'invalid_token',
        error_description: expect.stringMatching(
          /^The access token has expired \(ref [\da-f]{8}\)$/,
        ),
      })
      const refresh = recorder.find(({ requestBody }) =>
        requestBody.includes('grant_type=refresh_token'),
      )
      expect(refresh?.status).toBe(200)
      expect(provider.tokens()?.access_token).not.toBe(first)
      expect(provider.logins).toHaveLength(1)
      await client.close()
    },
  )

  verifies(
    ['KEY-04', 'KEY-06', 'CASE-24'],
    'while the identity provider is down a client gets 503 and does not start a login',
    async () => {
      const mortal = await startIdp([SCOPE])
      const url = await guarded(start, { authorizationServers: mortal.issuer, wait: 0 })
      mortal.resources.set(url, { scope: SCOPE })
      const recorder = new Recorder()
      const provider = new MemoryProvider('alice')
      provider.saveTokens(await obtainTokens(mortal.issuer, { resource: url, scope: SCOPE }))
      await mortal.stop()

      const failure: unknown = await connect(url, provider, recorder).catch((error) => error)

      expect(failure).toBeInstanceOf(StreamableHTTPError)
      expect(failure).toMatchObject({ code: 503 })
      expect(provider.logins).toEqual([])
      expect(provider.tokens()).toBeDefined()
      expect(recorder.exchanges).toHaveLength(1)
      const [answer] = recorder.exchanges
      expect(answer?.headers.get('www-authenticate')).toBeNull()
      expect(Number(answer?.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(JSON.parse(answer?.body ?? '')).toMatchObject({ error: 'temporarily_unavailable' })
    },
  )
})

verifies(
  ['TOK-04', 'STA-01', 'CASE-46'],
  'in a session every request carries the token: the GET stream, calls, and the DELETE that ends it',
  async () => {
    const url = await guarded(startNode)
    const recorder = new Recorder()
    const provider = new MemoryProvider('alice')
    const client = await connect(url, provider, recorder)
    await whoami(client)
    const transport = client.transport as StreamableHTTPClientTransport
    const { sessionId } = transport
    expect(sessionId).toBeDefined()

    // Possession of the session id is not authentication.
    const thief = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-session-id': sessionId ?? '',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/list' }),
    })
    expect(thief.status).toBe(401)

    await transport.terminateSession()
    await client.close()
    const bearing = recorder.exchanges
      .filter((exchange) => exchange.url.href === url)
      .filter(({ requestHeaders }) => requestHeaders.has('authorization'))
    expect(bearing.find(({ method }) => method === 'GET')?.status).toBe(200)
    expect(bearing.find(({ method }) => method === 'DELETE')?.status).toBe(200)
    expect(bearing.find(rpc('tools/call'))?.status).toBe(200)
  },
)

verifies(
  ['JWT-13'],
  'two users of one server at the same time are never mistaken for each other',
  async () => {
    const url = await guarded(startHono)
    const users = ['alice', 'bob']
    const clients = await Promise.all(
      users.map((user) => connect(url, new MemoryProvider(user), new Recorder())),
    )
    const rounds = Array.from({ length: 5 }, () => Promise.all(clients.map(whoami)))
    for (const round of await Promise.all(rounds)) {
      expect(round.map(({ subject }) => subject)).toEqual(users)
    }
    await Promise.all(clients.map((client) => client.close()))
  },
)
