/** A real Authelia that is away and comes back, or that has lost its storage. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, expect } from 'vitest'
import { startLoad } from '../support/load.js'
import { startFixture, type Fixture } from '../support/fixture.js'
import { verifies } from '../support/verifies.js'
import { introspection } from './introspection.js'
import { Session } from './mint.js'
import { Server } from './server.js'

let server: Server
let session: Session
let fixture: Fixture

beforeAll(async () => {
  server = await Server.start()
  session = await Session.open(server)
  return () => server.remove()
})
afterEach(() => fixture.stop())

async function stand(cache: number): Promise<() => number> {
  const { options, calls } = introspection(server, { cache })
  fixture = await startFixture(server, options)
  return calls
}

verifies(
  ['INT-02', 'CASE-19', 'CASE-24'],
  'stopped and started again: known tokens are served, new ones wait or get 503 and never 401, and tokens live on',
  async () => {
    await stand(300)
    const { access_token: known } = await session.mint()
    const { access_token: fresh } = await session.mint()
    expect(await fixture.send(known)).toEqual({ status: 200 })
    const load = startLoad(fixture, () => known)
    await server.stop()
    const answer = await fixture.post(fresh)
    expect(answer.status).toBe(503)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(answer.headers.has('www-authenticate')).toBe(false)
    expect(await fixture.send(fresh)).toMatchObject({
      code: 'ERR_INTROSPECTION_UNAVAILABLE',
      reason: expect.stringContaining('ECONNREFUSED'),
    })
    expect(await fixture.gateway.readiness()).toMatchObject({ ready: false })

    const began = performance.now()
    await server.start()
    const startedAt = performance.now()
    await expect
      .poll(() => fixture.send(fresh), { timeout: 10_000, interval: 50 })
      .toEqual({ status: 200 })
    const recovered = performance.now() - startedAt
    process.stderr.write(
      `started in ${((startedAt - began) / 1000).toFixed(1)} s, recovery ${(recovered / 1000).toFixed(1)} s later\n`,
    )
    expect(recovered).toBeLessThan(6_000)
    expect(await fixture.gateway.readiness()).toMatchObject({ ready: true })
    expect(Object.keys(await load.stop())).toEqual(['200'])
    expect(fixture.events.filter(({ type }) => type === 'request.denied')).toEqual([])
    session = await Session.open(server)
  },
)

verifies(
  ['INT-05', 'CASE-25'],
  'without its storage it calls a good token inactive (a limit, as nothing tells): 401 for seconds, then let in again',
  async () => {
    await stand(300)
    const { access_token: known } = await session.mint()
    const { access_token: fresh } = await session.mint()
    expect(await fixture.send(known)).toEqual({ status: 200 })
    const database = join(server.folder, 'db.sqlite3')
    const content = readFileSync(database)
    writeFileSync(database, '')
    expect(await fixture.send(fresh)).toMatchObject({ status: 401, code: 'ERR_TOKEN_INACTIVE' })
    // What was found active before is served on.
    expect(await fixture.send(known)).toEqual({ status: 200 })

    // SQLite looks at these counters: of the file, of its tables, and the first one again.
    for (const at of [24, 40, 92]) content.writeUInt32BE(content.readUInt32BE(at) + 9, at)
    writeFileSync(database, content)
    const restoredAt = performance.now()
    // Refused for as long as a refusal is believed.
    await sleep(1_000)
    expect((await fixture.send(fresh)).status).toBe(401)
    await expect
      .poll(() => fixture.send(fresh), { timeout: 10_000, interval: 50 })
      .toEqual({ status: 200 })
    const recovered = performance.now() - restoredAt
    process.stderr.write(`storage back: let in after ${(recovered / 1000).toFixed(1)} s\n`)
    expect(recovered).toBeLessThan(6_000)
  },
)
