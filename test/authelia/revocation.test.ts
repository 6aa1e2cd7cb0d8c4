/** How soon a real Authelia's change of mind is seen. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect } from 'vitest'
import { startFixture, type Fixture } from '../support/fixture.js'
import { verifies } from '../support/verifies.js'
import { introspection } from './introspection.js'
import { refresh, revoke, Session, type Tokens } from './mint.js'
import { Server } from './server.js'

/** Seconds; the default is 30. */
const CACHE = 3

let server: Server
let session: Session
let fixture: Fixture

beforeAll(async () => {
  server = await Server.start()
  session = await Session.open(server)
  const { options } = introspection(server, { cache: CACHE })
  fixture = await startFixture(server, options)
  return async () => {
    await fixture.stop()
    await server.remove()
  }
})

/** Milliseconds until this token is refused, and that it is for being inactive. */
async function untilRefused(token: string): Promise<number> {
  const began = performance.now()
  for (;;) {
    const verdict = await fixture.send(token)
    if (verdict.status !== 200) {
      expect(verdict).toMatchObject({ status: 401, code: 'ERR_TOKEN_INACTIVE' })
      return performance.now() - began
    }
    if (performance.now() - began > 2 * CACHE * 1000) throw new Error('still let in')
    await sleep(20)
  }
}

verifies(
  ['REV-01', 'INT-05', 'CASE-28'],
  'revoked by its client, by way of its refresh token, or replaced by a refresh: refused within the cache time',
  async () => {
    const ends: Readonly<Record<string, (tokens: Tokens) => Promise<unknown>>> = {
      'access token revoked': ({ access_token: token }) => revoke(server, token),
      'refresh token revoked': ({ refresh_token: token = '' }) => revoke(server, token),
      refreshed: async (tokens) => {
        const { access_token: next } = await refresh(server, tokens)
        expect(await fixture.send(next)).toEqual({ status: 200 })
      },
    }
    const bystander = await session.mint()
    for (const [how, end] of Object.entries(ends)) {
      const tokens = await session.mint()
      const { access_token: token } = tokens
      // Just asked about: the longest that it can take.
      expect(await fixture.send(token), how).toEqual({ status: 200 })
      await end(tokens)
      const took = await untilRefused(token)
      process.stderr.write(`${how}: refused after ${(took / 1000).toFixed(1)} s\n`)
      expect(took, how).toBeLessThan(CACHE * 1000 + 250)
      // Otherwise the answer was never at hand.
      expect(took, how).toBeGreaterThan(CACHE * 500)
    }
    expect(await fixture.send(bystander.access_token)).toEqual({ status: 200 })
  },
)

verifies('REV-01', 'without a cache at once', async () => {
  const { access_token: token } = await session.mint()
  await fixture.stop()
  const { options } = introspection(server, { cache: 0 })
  fixture = await startFixture(server, options)
  expect(await fixture.send(token)).toEqual({ status: 200 })
  await revoke(server, token)
  expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_INACTIVE' })
})

verifies(
  'REV-01',
  'a logout at the portal revokes nothing, nor does striking the user',
  async () => {
    await fixture.stop()
    const { options } = introspection(server, { cache: 0 })
    fixture = await startFixture(server, options)
    const { access_token: token } = await session.mint()
    await session.logOut()
    await expect(session.mint()).rejects.toThrow(/not back at the client/)
    expect(await fixture.send(token)).toEqual({ status: 200 })

    const file = join(server.folder, 'users.yml')
    writeFileSync(file, readFileSync(file, 'utf8').replace('alice:', 'bob:'))
    await server.stop()
    await server.start()
    await expect(Session.open(server)).rejects.toThrow(/lets alice not in/)
    expect(await fixture.send(token)).toEqual({ status: 200 })
  },
)
