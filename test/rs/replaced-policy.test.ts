/** A policy that is replaced while requests are served: in the kernel, and behind a middleware. */
import { describe, expect } from 'vitest'
import {
  createResourceServer,
  type AuthorizeOperation,
  type PolicyDocument,
  type ResourceServerOptions,
} from 'mcp-gatehouse'
import { protect } from 'mcp-gatehouse/fetch'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { problemsOf } from '../support/problems.js'
import { verifies } from '../support/verifies.js'

type Policy = PolicyDocument | AuthorizeOperation

const only = (...tools: readonly string[]): PolicyDocument => ({
  rules: [{ tools, scopes: [] }],
  unmatched: 'deny',
})

/** Long enough to be remembered. */
const TOOLS = ['a', 'b', 'ops'].map((name) => ({ name, description: 'x'.repeat(1_000) }))
const LIST = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools: TOOLS } })

function namesIn(text: string): readonly string[] {
  const { result } = JSON.parse(text) as { result: { tools: { name: string }[] } }
  return result.tools.map(({ name }) => name)
}

describe('the kernel', () => {
  async function start(policy: Policy | undefined, options: Partial<ResourceServerOptions> = {}) {
    const idp = await FakeIdp.start()
    const server = createResourceServer({
      resource: RESOURCE,
      authorizationServers: ISSUER,
      fetch: idp.fetch,
      ...(policy !== undefined && { policy }),
      ...options,
    })
    const token = await server.verifyAccessToken(await idp.token())
    const mayCall = (name: string) =>
      server.authorizeOperations(token, [{ method: 'tools/call', target: 'tool', name }]) ===
      undefined
    return { server, mayCall, token }
  }

  verifies('SCP-06', 'judges by the new policy, which may be a function', async () => {
    const { server, mayCall } = await start(only('a'))
    expect([mayCall('a'), mayCall('b')]).toEqual([true, false])
    server.replacePolicy(only('b'))
    expect([mayCall('a'), mayCall('b')]).toEqual([false, true])
    server.replacePolicy(({ name }) => (name === 'c' ? { scopes: [] } : 'deny'))
    expect([mayCall('b'), mayCall('c')]).toEqual([false, true])
  })

  verifies('SCP-04', 'and by the scopes that it includes', async () => {
    const rules = [{ tools: 'a', scopes: 'mcp:read' }]
    const { server, mayCall } = await start({ rules, unmatched: 'deny' })
    expect(mayCall('a')).toBe(false)
    server.replacePolicy({ rules, unmatched: 'deny', implies: { 'mcp:tools': ['mcp:read'] } })
    expect(mayCall('a')).toBe(true)
  })

  const WRONG: readonly (readonly [what: string, policy: unknown, ...paths: string[]])[] = [
    [
      'one with two problems',
      { rules: [{}], unmatched: 'x' },
      'policy.rules[0]',
      'policy.unmatched',
    ],
    ['none', undefined, 'policy'],
    ['null', null, 'policy'],
    ['a text', 'deny', 'policy'],
    ['full lists', { ...only('b'), lists: 'full' }, 'policy.lists'],
  ]
  for (const [what, policy, ...paths] of WRONG) {
    verifies(['SCP-06', 'CASE-61'], `keeps the old one in place of ${what}`, async () => {
      const { server, mayCall } = await start(only('a'))
      const problems = problemsOf(() => server.replacePolicy(policy as Policy))
      expect([...new Set(problems)]).toEqual(paths)
      expect([mayCall('a'), mayCall('b')]).toEqual([true, false])
    })
  }

  verifies(['SCP-06', 'CASE-61'], 'replaces no policy where there was none', async () => {
    const { server, mayCall } = await start(undefined)
    expect(problemsOf(() => server.replacePolicy(only('a')))).toEqual(['policy'])
    expect(mayCall('b')).toBe(true)
  })

  verifies('CASE-61', 'filters lists as before: full ones stay full', async () => {
    const { server, mayCall } = await start({ ...only('a'), lists: 'full' })
    expect(problemsOf(() => server.replacePolicy(only('b')))).toEqual(['policy.lists'])
    expect(problemsOf(() => server.replacePolicy(() => 'deny'))).toEqual(['policy.lists'])
    // One fault has one problem.
    expect(problemsOf(() => server.replacePolicy({ ...only('b'), lists: 'x' } as never))).toEqual([
      'policy.lists',
    ])
    expect(problemsOf(() => server.replacePolicy(null as never))).toEqual(['policy'])
    expect(mayCall('a')).toBe(true)
    server.replacePolicy({ ...only('b'), lists: 'full' })
    expect(mayCall('b')).toBe(true)
  })
})

describe('behind a middleware', () => {
  async function start(policy: Policy) {
    const idp = await FakeIdp.start()
    const guard = protect({
      resource: RESOURCE,
      authorizationServers: ISSUER,
      fetch: idp.fetch,
      policy,
    })
    const tokenOf = (roles: readonly string[]) => idp.token({ claims: { roles } })
    async function send(
      method: string,
      token: string,
      next: () => Response | Promise<Response>,
      params?: object,
    ): Promise<Response> {
      const post = {
        method: 'POST',
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      }
      const request = new Request(RESOURCE, {
        ...(method !== 'GET' && post),
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      })
      return guard(request, next)
    }
    const list = async (token: string) =>
      namesIn(await (await send('tools/list', token, () => Response.json(JSON.parse(LIST)))).text())
    return { guard, tokenOf, send, list }
  }

  verifies('STA-07', 'a list that is remembered is selected again', async () => {
    const { guard, tokenOf, list } = await start(only('a'))
    const token = await tokenOf([])
    for (let i = 0; i < 2; i++) expect(await list(token)).toEqual(['a'])
    guard.resourceServer.replacePolicy(only('b'))
    for (let i = 0; i < 2; i++) expect(await list(token)).toEqual(['b'])
  })

  verifies('STA-07', 'tokens with the same scopes are told apart once claims decide', async () => {
    const { guard, tokenOf, list } = await start(only('a'))
    const [ops, dev] = [await tokenOf(['ops']), await tokenOf(['dev'])]
    for (const token of [ops, dev, ops, dev]) expect(await list(token)).toEqual(['a'])
    guard.resourceServer.replacePolicy({
      rules: [
        { tools: 'a', scopes: [] },
        { tools: 'ops', claims: { roles: 'ops' } },
      ],
      unmatched: 'deny',
    })
    for (let i = 0; i < 2; i++) {
      expect(await list(ops)).toEqual(['a', 'ops'])
      expect(await list(dev)).toEqual(['a'])
    }
  })

  verifies('STA-07', 'a stream that is open shows what the new one allows', async () => {
    const { guard, tokenOf, send } = await start(only('a'))
    const encoder = new TextEncoder()
    let write: ((text: string) => void) | undefined
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        write = (text) => controller.enqueue(encoder.encode(text))
      },
    })
    const headers = { 'content-type': 'text/event-stream' }
    const response = await send('GET', await tokenOf([]), () => new Response(body, { headers }))
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    async function next(): Promise<readonly string[]> {
      write?.(`data: ${LIST}\n\n`)
      let text = ''
      while (!text.endsWith('\n\n')) {
        text += new TextDecoder().decode((await reader.read()).value)
      }
      return namesIn(text.slice('data: '.length))
    }
    expect(await next()).toEqual(['a'])
    guard.resourceServer.replacePolicy(only('b', 'ops'))
    expect(await next()).toEqual(['b', 'ops'])
    expect(await next()).toEqual(['b', 'ops'])
    await reader.cancel()
  })

  verifies('SCP-06', 'a request that was authorized before goes on', async () => {
    const { guard, tokenOf, send } = await start(only('a'))
    const token = await tokenOf([])
    const answer = await send(
      'tools/call',
      token,
      () => {
        guard.resourceServer.replacePolicy(only('b'))
        return new Response('done')
      },
      { name: 'a' },
    )
    expect([answer.status, await answer.text()]).toEqual([200, 'done'])
    const refused = await send('tools/call', token, () => new Response('done'), { name: 'a' })
    expect(refused.status).toBe(403)
  })
})
