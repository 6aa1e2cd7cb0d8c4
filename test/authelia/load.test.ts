/** Many requests at once, where a real Authelia is asked, also with a secret that costs it much to compare. */
import { afterEach, beforeAll, describe, expect } from 'vitest'
import { tally } from '../support/server.js'
import { startFixture, type Fixture } from '../support/fixture.js'
import { verifies } from '../support/verifies.js'
import { introspection } from './introspection.js'
import { Session } from './mint.js'
import { Server } from './server.js'

let fixture: Fixture
afterEach(() => fixture.stop())

async function sendAll(tokens: readonly string[]): Promise<Readonly<Record<string, number>>> {
  const verdicts = await Promise.all(tokens.map((token) => fixture.send(token)))
  return tally(verdicts.map(({ status, code }) => (code === undefined ? `${status}` : code)))
}

describe.each(['plaintext', 'pbkdf2'] as const)('a secret that is kept as %s', (keeps) => {
  let server: Server
  let session: Session

  beforeAll(async () => {
    server = await Server.start({ keeps })
    session = await Session.open(server)
    return () => server.remove()
  })

  verifies(
    ['INT-05', 'CASE-28'],
    '1000 requests at once with one token: one call, and none more within the cache time',
    async () => {
      const { options, calls } = introspection(server)
      fixture = await startFixture(server, options)
      const { access_token: token } = await session.mint()
      for (let burst = 0; burst < 2; burst++) {
        expect(await sendAll(Array.from({ length: 1000 }, () => token))).toEqual({ 200: 1000 })
        expect(calls()).toBe(1)
      }
    },
  )

  verifies(
    ['INT-05', 'INT-02', 'CASE-24'],
    'a stranger’s garbage beside the tokens of users: a bounded number of calls, and users get in',
    async () => {
      // Few at once: a secret kept as pbkdf2 costs a third of a second of CPU time for each call on a slow machine, and then
      // twenty of them would keep a user's own call from its answer for longer than a request waits.
      const { options, calls, peak } = introspection(server, { cache: 0.001, concurrency: 6 })
      fixture = await startFixture(server, options)
      const tokens: string[] = []
      for (let count = 0; count < 5; count++) tokens.push((await session.mint()).access_token)
      // Seen active once: they need not queue behind the stranger.
      expect(await sendAll(tokens)).toEqual({ 200: 5 })
      const before = calls()
      const garbage = Array.from({ length: 300 }, (_, index) => `authelia_at_garbage-${index}`)
      const began = performance.now()
      const flood = sendAll(garbage)
      const waits: number[] = []
      for (const token of tokens) {
        const asked = performance.now()
        expect(await fixture.send(token)).toEqual({ status: 200 })
        waits.push(performance.now() - asked)
      }
      const answers = await flood
      const took = performance.now() - began
      process.stderr.write(
        `${keeps}: 300 garbage tokens ${JSON.stringify(answers)}, ${calls() - before - 5} calls, ${peak()} at once, in ` +
          `${(took / 1000).toFixed(1)} s; a user waits ${Math.max(...waits).toFixed(0)} ms at most\n`,
      )
      // Callers who wait too long are told so. Nobody's token is called bad for it.
      const { ERR_TOKEN_INACTIVE: refused = 0, ERR_INTROSPECTION_UNAVAILABLE: busy = 0 } = answers
      expect(refused + busy).toBe(300)
      // A request waits for `wait` at most, and its call goes on.
      const asked = calls() - before - 5
      expect(asked).toBeGreaterThanOrEqual(refused)
      // One for each token, and the control.
      expect(asked).toBeLessThanOrEqual(310)
      expect(busy).toBeGreaterThanOrEqual(keeps === 'pbkdf2' ? 1 : 0)
      // Half of 6 for strangers, as many for those of their calls that take long, the users, and one control.
      expect(peak()).toBeLessThanOrEqual(12)
      expect(took).toBeLessThan(15_000)
      expect(Math.max(...waits)).toBeLessThan(5_000)
    },
  )
})
