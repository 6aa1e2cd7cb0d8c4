/** The client of the SDK's second generation, in all its modes, against a server of the stateless revision and older ones. */
import type { VersionNegotiationMode } from '@modelcontextprotocol/client'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { startIdp, type Idp } from '../../examples/demo/idp.js'
import { Recorder, rpc } from '../../examples/demo/recorder.js'
import { obtainTokens } from '../../examples/demo/tokens.js'
import { verifies } from '../support/verifies.js'
import { connect, MODERN, Provider } from './client-v2.js'
import {
  SCOPE,
  startHono,
  startHonoV2,
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
  ['legacy', 'initialize', '2025-11-25'],
  ['auto', 'server/discover', MODERN],
  [{ pin: MODERN }, 'server/discover', MODERN],
] satisfies [VersionNegotiationMode, string, string][])('mode %o', (mode, opening, version) => {
  verifies(
    ['CHL-01', 'CHL-03', 'CHL-13', 'PRM-05', 'TOK-04', 'TOK-05', 'CASE-37'],
    'a client that knows only the URL logs in and calls a tool, which knows who it is',
    async () => {
      const url = await guarded(startHonoV2)
      const recorder = new Recorder()
      const provider = new Provider('bob')
      const client = await connect({ url, provider, recorder, mode })

      const registered = await provider.clientInformation()
      expect(await whoami(client)).toEqual({
        subject: 'bob',
        clientId: registered?.client_id,
        scopes: [SCOPE],
        issuer: idp.issuer,
      })
      expect(client.getNegotiatedProtocolVersion()).toBe(version)
      expect(provider.logins).toHaveLength(1)
      expect(provider.logins[0]?.authorizationUrl.searchParams.get('resource')).toBe(url)
      const opened = recorder.exchanges.filter(rpc(opening))
      expect(opened.map(({ status }) => status)).toEqual([401, 200])
      await client.close()
    },
  )

  verifies(
    ['CHL-06', 'JWT-07'],
    'a client whose token has expired refreshes it and goes on, without a login',
    async () => {
      let skew = 0
      const url = await guarded(startHonoV2, { clockTolerance: 0, now: () => Date.now() + skew })
      idp.resources.set(url, { scope: SCOPE, accessTokenTTL: 60 })
      const recorder = new Recorder()
      const provider = new Provider('bob')
      const client = await connect({ url, provider, recorder, mode })
      const before = await whoami(client)
      const first = provider.tokens()?.access_token

      idp.resources.set(url, { scope: SCOPE, accessTokenTTL: 3600 })
      skew = 61_000
      expect(await whoami(client)).toEqual(before)
      expect(provider.tokens()?.access_token).not.toBe(first)
      expect(provider.logins).toHaveLength(1)
      await client.close()
    },
  )

  verifies(
    ['KEY-04', 'KEY-06', 'CASE-24'],
    'while the identity provider is down a client fails and does not start a login',
    async () => {
      const mortal = await startIdp([SCOPE])
      const url = await guarded(startHonoV2, { authorizationServers: mortal.issuer, wait: 0 })
      mortal.resources.set(url, { scope: SCOPE })
      const recorder = new Recorder()
      const provider = new Provider('bob')
      provider.saveTokens(await obtainTokens(mortal.issuer, { resource: url, scope: SCOPE }))
      await mortal.stop()

      await expect(connect({ url, provider, recorder, mode })).rejects.toThrow()
      expect(recorder.exchanges.map(({ status }) => status)).toEqual([503])
      expect(recorder.exchanges[0]?.headers.get('www-authenticate')).toBeNull()
      expect(provider.logins).toEqual([])
    },
  )
})

verifies(
  ['CHL-13'],
  'against a server of the first generation, a client in auto mode logs in once and falls back',
  async () => {
    const url = await guarded(startHono)
    const recorder = new Recorder()
    const provider = new Provider('bob')
    const client = await connect({ url, provider, recorder, mode: 'auto' })
    expect((await whoami(client)).subject).toBe('bob')
    expect(client.getNegotiatedProtocolVersion()).toBe('2025-11-25')
    expect(provider.logins).toHaveLength(1)
    await client.close()
  },
)
