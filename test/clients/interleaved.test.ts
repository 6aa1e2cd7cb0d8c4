/** Two users at once, each with two connections: no answer goes to the wrong one. */
import { describe, expect, inject, onTestFinished } from 'vitest'
import type { Client } from '@modelcontextprotocol/client'
import { Recorder } from '../../examples/demo/recorder.js'
import { connect, MODERN, Provider } from '../interop/client-v2.js'
import { verifies } from '../support/verifies.js'
import { startFixtureOf } from './fixture.js'
import { EVERYTHING, EVERYTHING_STDIO, FASTMCP_4, FASTMCP_4_STDIO } from './upstreams.js'

const USERS = ['alice', 'bob'] as const
/** Of each connection. */
const CALLS = 100
const AT_ONCE = 5

type User = (typeof USERS)[number]
type Revision = 'legacy' | 'modern'

/** Calls as fast as the answers come, several under way. Returns what was not answered as it should be. */
async function callAll(client: Client, tool: string, user: User, number: number) {
  const wrong: string[] = []
  let next = 0
  const work = async () => {
    while (next < CALLS) {
      const message = `${user}-${number}-${next++}`
      const { content } = await client.callTool({ name: tool, arguments: { message } })
      const [first] = content as readonly { readonly text: string }[]
      const expected = tool === 'who' ? `${user}: ${message}` : `Echo: ${message}`
      if (first?.text !== expected) wrong.push(`${expected} was answered with ${first?.text}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return { wrong, calls: next }
}

describe.each([
  [EVERYTHING, 'legacy', 'echo'],
  [EVERYTHING_STDIO, 'legacy', 'echo'],
  [FASTMCP_4, 'legacy', 'who'],
  [FASTMCP_4, 'modern', 'who'],
  [FASTMCP_4_STDIO, 'legacy', 'who'],
  [FASTMCP_4_STDIO, 'modern', 'who'],
] as const)('$0.name, $1', (upstream, revision: Revision, tool) => {
  verifies(
    ['STA-01', 'GW-01'],
    'two users with 200 calls each: every answer carries the marker of who asked',
    async () => {
      const fixture = await startFixtureOf(upstream, inject('python'))
      onTestFinished(() => fixture.stop())
      const connections = await Promise.all(
        USERS.flatMap((user) => {
          const provider = new Provider(user)
          // The second one comes with the token of the first: the same user, the same client.
          const open = () =>
            connect({
              url: fixture.url,
              provider,
              recorder: new Recorder(),
              mode: revision === 'modern' ? { pin: MODERN } : 'legacy',
            })
          const first = open()
          return [first, first.then(open)].map(async (client) => ({ user, client: await client }))
        }),
      )
      fixture.takeEvents()
      const startedAt = performance.now()
      const results = await Promise.all(
        connections.map(({ user, client }, number) => callAll(client, tool, user, number)),
      )
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
      expect(results.flatMap(({ wrong }) => wrong)).toEqual([])
      const calls = results.reduce((sum, result) => sum + result.calls, 0)
      expect(calls).toBe(USERS.length * 2 * CALLS)
      console.info(`${upstream.name}, ${revision}: ${calls} calls in ${seconds} s`)
      const refused = fixture.takeEvents().filter(({ type }) => type === 'request.denied')
      expect(refused).toEqual([])
      for (const { client } of connections) await client.close()
    },
  )
})
