/** Requests of one turn are judged together, and stay apart in everything else. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { protectedResource } from 'mcp-gatehouse/hono'
import { endOfTurn } from '../../src/base/loop-turn.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'

test('all who ask in one turn wait for the same end, and the next turn has another', async () => {
  const first = endOfTurn?.()
  expect(endOfTurn?.()).toBe(first)
  await first
  expect(endOfTurn?.()).not.toBe(first)
})

test('each request keeps the context that it came in', async () => {
  const idp = await FakeIdp.start()
  const storage = new AsyncLocalStorage<number>()
  const app = new Hono()
  app.use(protectedResource({ resource: RESOURCE, authorizationServers: ISSUER, fetch: idp.fetch }))
  app.all('/mcp', (c) => c.json({ seen: storage.getStore() }))
  const headers = { authorization: `Bearer ${await idp.token()}` }
  const ask = (n: number) =>
    storage.run(n, async () => {
      const answer = await app.request('https://mcp.example.com/mcp', { headers })
      return ((await answer.json()) as { seen: number }).seen
    })
  const numbers = Array.from({ length: 20 }, (_, n) => n)
  // Once for the first sight of the token, once for a token seen before.
  expect(await Promise.all(numbers.map(ask))).toEqual(numbers)
  expect(await Promise.all(numbers.map(ask))).toEqual(numbers)
})
