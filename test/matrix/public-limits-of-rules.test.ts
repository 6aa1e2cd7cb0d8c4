/** What anonymous rules do not open, although it looks like what they name: through every host. */
import { describe, expect } from 'vitest'
import type { PolicyDocument } from 'mcp-gatehouse'
import { verifies } from '../support/verifies.js'
import { POLICY_HOSTS, startPolicyHost } from './policy-hosts.js'

const POLICY: PolicyDocument = {
  rules: [
    { tools: ['search'], anonymous: true },
    { tools: ['secret'], claims: { groups: 'admins' } },
    { tools: ['write'], scopes: ['write'] },
    { resources: ['docs://public/one', 'docs://h/guest/**'], anonymous: true },
  ],
  unmatched: 'base',
}
const TOOLS = ['search', 'secret', 'write'].map((name) => ({ name }))
const LIST = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools: TOOLS } })

const message = (method: string, params: object = {}, id = 1) =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })
const notification = (method: string, params: object = {}) =>
  JSON.stringify({ jsonrpc: '2.0', method, params })
const read = (uri: string) => message('resources/read', { uri })
const listen = (notifications: object) => message('subscriptions/listen', { notifications })

describe.each(POLICY_HOSTS)('%s', (host) => {
  async function start() {
    const options = { policy: POLICY, sessionKeys: ['0123456789abcdef0123456789abcdef'] }
    const served = await startPolicyHost(host, options, { body: LIST, type: 'application/json' })
    const post = (body: string) =>
      served.call({
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
      })
    const statuses = async (...bodies: readonly string[]) => {
      const all: number[] = []
      for (const body of bodies) all.push((await post(body)).status)
      return all
    }
    return { ...served, post, statuses }
  }

  verifies('IDN-20', 'a URI that a server may read as a public one is not public', async () => {
    const { statuses } = await start()
    expect(await statuses(read('docs://public/one'), read('docs://h/guest/a'))).toEqual([200, 200])
    expect(
      await statuses(
        read('docs://public/one/'),
        read('docs://public/one;v=2'),
        read('docs://h/guest;x/admin'),
        read('docs://h/guestbook/a'),
      ),
    ).toEqual([401, 401, 401, 401])
  })

  verifies('IDN-20', 'a stream about a public resource is about nothing else', async () => {
    const { statuses } = await start()
    const resourceSubscriptions = ['docs://public/one']
    expect(await statuses(listen({ resourceSubscriptions }))).toEqual([200])
    expect(
      await statuses(
        listen({ resourceSubscriptions, toolsListChanged: true }),
        listen({ resourceSubscriptions, taskIds: ['1'] }),
        listen({ toolsListChanged: true }),
      ),
    ).toEqual([401, 401, 401])
  })

  verifies('IDN-22', 'what concerns a session needs one', async () => {
    const { statuses, arrived } = await start()
    const answer = '{"jsonrpc":"2.0","id":7,"result":{}}'
    expect(
      await statuses(
        answer,
        `[${answer},${message('ping')}]`,
        notification('notifications/cancelled', { requestId: 1 }),
        notification('notifications/progress', { progressToken: 1, progress: 1 }),
        `[${message('ping')},${notification('notifications/cancelled', { requestId: 1 })}]`,
      ),
    ).toEqual([401, 401, 401, 401, 401])
    expect(arrived).toEqual([])
  })

  verifies('IDN-27', 'lists show no tool that a login alone does not open', async () => {
    const { post } = await start()
    const { result } = (await (await post(message('tools/list'))).json()) as {
      result: { tools: { name: string }[] }
    }
    expect(result.tools.map(({ name }) => name)).toEqual(['search', 'write'])
  })
})
