/** Limits of a policy and API keys, through every host. */
import { describe, expect } from 'vitest'
import type { PolicyDocument } from 'mcp-gatehouse'
import { entryOf, keysOf, newKey } from '../support/api-keys.js'
import { verifies } from '../support/verifies.js'
import { POLICY_HOSTS, startPolicyHost } from './policy-hosts.js'

const POLICY: PolicyDocument = {
  rules: [
    { tools: ['person'], scopes: [], limit: { rate: '10/h' } },
    { tools: ['key'], scopes: [], limit: { rate: '1/h', per: 'key' } },
    { tools: ['write'], scopes: ['mcp:write'] },
  ],
  unmatched: 'deny',
}
/** All of one person. */
const KEYS = Array.from({ length: 10 }, newKey)
const OTHER = newKey()

const message = (name: string) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })

describe.each(POLICY_HOSTS)('%s', (host) => {
  async function start() {
    const apiKeys = keysOf(
      ...KEYS.map((key, at) => entryOf(key, { id: `key-${at}`, subject: 'alice' })),
      entryOf(OTHER, { id: 'other', subject: 'bob', scopes: 'mcp:tools mcp:write' }),
    )
    const answer = { body: '{"jsonrpc":"2.0","id":1,"result":{}}', type: 'application/json' }
    const { idp, call } = await startPolicyHost(host, { policy: POLICY, apiKeys }, answer)
    async function send(bearer: string, name: string): Promise<number> {
      const { status } = await call({
        method: 'POST',
        body: message(name),
        headers: {
          authorization: `Bearer ${bearer}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
      })
      return status
    }
    async function sendAll(bearers: readonly string[], name: string): Promise<readonly number[]> {
      const statuses: number[] = []
      for (const bearer of bearers) statuses.push(await send(bearer, name))
      return statuses
    }
    return { idp, send, sendAll }
  }
  const ten = (status: number) => Array.from({ length: 10 }, () => status)

  verifies('IDN-16', 'ten keys and ten clients of one person leave others alone', async () => {
    const { idp, send, sendAll } = await start()
    const clients = Array.from({ length: 10 }, (_, at) =>
      idp.token({ claims: { sub: 'alice', client_id: `client-${at}` } }),
    )
    // By her keys and by her logins she is two principals, each with one bucket.
    expect(await sendAll(KEYS, 'person')).toEqual(ten(200))
    expect(await sendAll(KEYS, 'person')).toEqual(ten(429))
    expect(await sendAll(await Promise.all(clients), 'person')).toEqual(ten(200))
    expect(await sendAll(await Promise.all(clients), 'person')).toEqual(ten(429))
    const bob = await idp.token({ claims: { sub: 'bob' } })
    expect([await send(OTHER, 'person'), await send(bob, 'person')]).toEqual([200, 200])
  })

  verifies('IDN-16', 'a limit per key counts each of them, and no token', async () => {
    const { idp, sendAll } = await start()
    expect(await sendAll(KEYS, 'key')).toEqual(ten(200))
    expect(await sendAll(KEYS, 'key')).toEqual(ten(429))
    const token = await idp.token()
    expect(await sendAll([token, token, token], 'key')).toEqual([200, 200, 200])
  })

  verifies('IDN-11', 'the policy judges a key as it judges a token', async () => {
    const { sendAll } = await start()
    expect(await sendAll([OTHER, KEYS[0] ?? ''], 'write')).toEqual([200, 403])
  })
})
