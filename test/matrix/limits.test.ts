/** Limits of a policy, through every host. */
import { describe, expect } from 'vitest'
import type { PolicyDocument } from 'mcp-gatehouse'
import { verifies } from '../support/verifies.js'
import { POLICY_HOSTS, startPolicyHost } from './policy-hosts.js'

const POLICY: PolicyDocument = {
  rules: [
    { tools: ['search'], scopes: [], limit: { rate: '2/h' } },
    { tools: ['each_*'], scopes: [], limit: { rate: '1/h', per: 'tool' } },
    { tools: ['shared'], scopes: [], limit: { rate: '2/h', per: 'client' } },
    { tools: ['burst'], scopes: [], limit: { rate: '3600/h', burst: 2 } },
    { tools: ['both'], scopes: [], limit: [{ rate: '9/h' }, { rate: '1/h', per: 'client' }] },
    { tools: ['secret'], scopes: ['admin'], limit: { rate: '1/h' } },
    { tools: ['free'], scopes: [] },
  ],
  unmatched: 'deny',
}

const message = (name: string, id = 1) =>
  JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } })

describe.each(POLICY_HOSTS)('%s', (host) => {
  async function start() {
    const body = '{"jsonrpc":"2.0","id":1,"result":{}}'
    const served = await startPolicyHost(
      host,
      { policy: POLICY },
      { body, type: 'application/json' },
    )
    const { idp, arrived, events, call } = served
    async function send(text: string, claims: Record<string, unknown> = {}) {
      const token = await idp.token({ claims })
      const answer = await call({
        method: 'POST',
        body: text,
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
      })
      const shown = await answer.text()
      return { status: answer.status, text: shown, wait: answer.headers.get('retry-after') }
    }
    const statuses = async (...calls: readonly (readonly [string, object?])[]) => {
      const all: number[] = []
      for (const [text, claims] of calls) {
        all.push((await send(text, claims as Record<string, unknown>)).status)
      }
      return all
    }
    return {
      send,
      statuses,
      arrived,
      limited: () => events.filter((event) => event.type === 'operation.limited'),
    }
  }

  verifies(
    'IDN-06',
    'one use too many is 429 with the time to wait, and reaches nobody',
    async () => {
      const { send, statuses, arrived, limited } = await start()
      expect(await statuses([message('search')], [message('search')])).toEqual([200, 200])
      const { status, text, wait } = await send(message('search'))
      expect({ status, text: JSON.parse(text) as unknown }).toEqual({
        status: 429,
        text: { error: 'too_many_requests', error_description: 'The limit is 2/h per subject' },
      })
      expect(Number(wait)).toBeGreaterThan(1790)
      expect(Number(wait)).toBeLessThanOrEqual(1800)
      expect(arrived).toHaveLength(2)
      await send(message('search'))
      expect(limited()).toMatchObject([
        { limit: '2/h per subject', subject: 'user-1', isFirst: true },
        { isFirst: false },
      ])
      expect(await statuses([message('free')])).toEqual([200])
    },
  )

  verifies(
    'IDN-06',
    'a person is one with all clients and tokens, and another has their own',
    async () => {
      const { statuses } = await start()
      const clients = ['a', 'b', 'c'].map((id) => [message('search'), { client_id: id }] as const)
      expect(await statuses(...clients)).toEqual([200, 200, 429])
      expect(await statuses([message('search'), { sub: 'user-2', client_id: 'a' }])).toEqual([200])
      expect(await statuses([message('search'), { sub: 'user-1', client_id: 'z' }])).toEqual([429])
    },
  )

  verifies('IDN-06', 'per client, per tool, in bursts, and by several limits', async () => {
    const { statuses } = await start()
    const of = (sub: string, client: string) => ({ sub, client_id: client })
    expect(
      await statuses(
        [message('shared'), of('a', 'x')],
        [message('shared'), of('b', 'x')],
        [message('shared'), of('c', 'x')],
        [message('shared'), of('c', 'y')],
      ),
    ).toEqual([200, 200, 429, 200])
    expect(await statuses([message('each_1')], [message('each_1')], [message('each_2')])).toEqual([
      200, 429, 200,
    ])
    expect(await statuses([message('burst')], [message('burst')], [message('burst')])).toEqual([
      200, 200, 429,
    ])
    expect(await statuses([message('both')], [message('both')])).toEqual([200, 429])
  })

  verifies(
    'IDN-06',
    'each message of a batch counts, and a batch beyond it is refused whole',
    async () => {
      const { send, statuses, arrived } = await start()
      const batch = `[${[1, 2, 3].map((id) => message('search', id)).join(',')}]`
      expect((await send(batch)).status).toBe(429)
      expect(arrived).toEqual([])
      // Nothing of it was counted.
      expect(await statuses([message('search')], [message('search')])).toEqual([200, 200])
    },
  )

  verifies('IDN-06', 'what is refused for another reason is not counted', async () => {
    const { statuses } = await start()
    expect(await statuses([message('secret')], [message('secret')])).toEqual([403, 403])
    expect(await statuses([message('secret'), { scope: 'admin' }])).toEqual([200])
  })
})
