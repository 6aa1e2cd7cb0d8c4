/** Many requests at once, and Keycloak away while they come, where it is asked about every token. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, expect } from 'vitest'
import { tally } from '../../support/server.js'
import { verifies } from '../../support/verifies.js'
import type { Client } from '../admin.js'
import { introspection } from '../introspection.js'
import { Keycloak } from '../keycloak.js'
import { startLoad } from '../../support/load.js'
import { clientCredentials, loginByPassword } from '../mint.js'
import { startFixture, type Fixture } from '../../support/fixture.js'

let keycloak: Keycloak
let service: Client
let fixture: Fixture

beforeAll(async () => {
  keycloak = await Keycloak.get()
  service = await keycloak.admin.createClient({
    publicClient: false,
    serviceAccountsEnabled: true,
    attributes: { 'access.token.lifespan': '600' },
  })
})
afterEach(() => fixture.stop())

/** Tokens of their own, not one twice. */
async function mint(count: number): Promise<string[]> {
  const tokens: string[] = []
  while (tokens.length < count) {
    const batch = Array.from({ length: 10 }, () => clientCredentials(keycloak, service))
    tokens.push(...(await Promise.all(batch)).map(({ access_token: token }) => token))
  }
  return tokens
}

verifies(
  ['INT-05', 'CASE-28'],
  '1000 requests at once with one token: one call, and none more within the cache time',
  async () => {
    const { options, calls } = await introspection(keycloak)
    fixture = await startFixture(keycloak, options)
    const client = await keycloak.admin.createClient()
    const { access_token: token } = await loginByPassword(keycloak, client)
    for (let burst = 0; burst < 2; burst++) {
      const verdicts = await Promise.all(Array.from({ length: 1000 }, () => fixture.send(token)))
      expect(tally(verdicts.map(({ status }) => String(status)))).toEqual({ 200: 1000 })
      expect(calls()).toBe(1)
    }
    process.stderr.write(`2000 requests, ${calls()} call\n`)
  },
)

verifies(
  ['INT-02', 'CASE-19', 'CASE-24'],
  'stopped and started again: 503 for tokens it was not asked about before, only while it is away, and never 401',
  async () => {
    const { options, calls } = await introspection(keycloak, { cache: 300 })
    fixture = await startFixture(keycloak, options)
    const [known = '', ...fresh] = await mint(500)
    expect(await fixture.send(known)).toEqual({ status: 200 })
    const load = startLoad(fixture, () => known)

    /** When each answer to a token that is new came. */
    const answers: { readonly status: number; readonly at: number }[] = []
    const over = new AbortController()
    /** Takes a new token each time it was let in, and tries again as long as it was not. */
    async function useNewTokens(): Promise<void> {
      while (!over.signal.aborted) {
        const token = fresh.pop()
        if (token === undefined) throw new Error('too few tokens')
        let status = 503
        while (status === 503) {
          ;({ status } = await fixture.send(token))
          answers.push({ status, at: performance.now() })
          await sleep(50)
        }
      }
    }
    const workers = Promise.all(Array.from({ length: 4 }, useNewTokens))
    await sleep(1_000)

    const stoppedAt = performance.now()
    await keycloak.stop()
    await expect.poll(() => answers.at(-1)?.status, { timeout: 10_000 }).toBe(503)
    expect(await fixture.gateway.readiness()).toMatchObject({ ready: false })
    await keycloak.start()
    const startedAt = performance.now()
    await expect.poll(() => answers.at(-1)?.status, { timeout: 40_000, interval: 20 }).toBe(200)
    const recoveredAt = performance.now()
    await sleep(1_000)
    over.abort()
    await workers
    const served = await load.stop()

    const counts = tally(answers.map(({ status }) => String(status)))
    process.stderr.write(
      `away ${((startedAt - stoppedAt) / 1000).toFixed(1)} s, recovery ${((recoveredAt - startedAt) / 1000).toFixed(1)} s; ` +
        `known token ${JSON.stringify(served)}, new tokens ${JSON.stringify(counts)}, ${calls()} calls\n`,
    )
    expect(Object.keys(served)).toEqual(['200'])
    expect(Object.keys(counts)).toEqual(['200', '503'])
    const faults = answers.filter(({ status }) => status === 503).map(({ at }) => at)
    expect(Math.min(...faults)).toBeGreaterThan(stoppedAt)
    expect(Math.max(...faults)).toBeLessThan(recoveredAt)
    expect(recoveredAt - startedAt).toBeLessThan(6_000)
    expect(await fixture.gateway.readiness()).toMatchObject({ ready: true })
  },
)
