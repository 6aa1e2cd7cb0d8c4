/** What two users see of one server whose policy gives them different tools: all revisions, both kinds of servers and answers. */
import { getRequestListener } from '@hono/node-server'
import {
  Client as ClientV2,
  InMemoryResponseCacheStore,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  ListRootsRequestSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import type { PolicyDocument } from 'mcp-gatehouse'
import { describe, expect, inject, onTestFinished, vi } from 'vitest'
import { startIdp, type Idp } from '../../examples/demo/idp.js'
import { Recorder, rpc, type Exchange } from '../../examples/demo/recorder.js'
import { obtainTokens } from '../../examples/demo/tokens.js'
import { MODERN } from '../interop/client-v2.js'
import { listen, type Running } from '../interop/support.js'
import { verifies } from '../support/verifies.js'
import { SCOPE, startFixture, startFixtureOf, type Fixture } from './fixture.js'
import {
  EVERYTHING,
  EVERYTHING_STDIO,
  FASTMCP_4,
  FASTMCP_4_STDIO,
  type Upstream,
} from './upstreams.js'

const MATH = 'mcp:math'
/** Alice has a scope more, and Bob a role. */
const USERS = { alice: `${SCOPE} ${MATH}`, bob: SCOPE } as const
type User = keyof typeof USERS
const BOTH = Object.keys(USERS) as User[]

const ROLES: Readonly<Record<string, readonly string[]>> = { bob: ['ops'] }

function startIdpWithRoles(): Promise<Idp> {
  return startIdp([SCOPE, MATH], {
    extraTokenClaims: (_ctx, token) => {
      const roles = 'accountId' in token ? ROLES[token.accountId ?? ''] : undefined
      return roles === undefined ? undefined : { realm_access: { roles } }
    },
  })
}

/** Names of the tools that both, only Alice, and only Bob may use. */
function policyOf(forBoth: readonly string[], alices: string, bobs: string): PolicyDocument {
  return {
    rules: [
      { tools: forBoth, scopes: [] },
      { tools: alices, scopes: MATH },
      { tools: bobs, claims: { 'realm_access.roles': 'ops' } },
      { prompts: 'simple-prompt', scopes: [] },
      { prompts: 'args-*', scopes: MATH },
      { resources: 'demo://resource/dynamic/text/*', scopes: MATH },
      { resources: 'demo://resource/static/**', claims: { 'realm_access.roles': 'ops' } },
    ],
    unmatched: 'deny',
  }
}

/** The requests of a client that has a token, and no way to get another one. */
async function logIn(idp: Idp, { url }: Fixture, user: User) {
  const tokens = await obtainTokens(idp.issuer, { resource: url, scope: USERS[user], user })
  const recorder = new Recorder()
  const requestInit = { headers: { authorization: `Bearer ${tokens.access_token}` } }
  return { recorder, options: { requestInit, fetch: recorder.fetch } }
}

async function startFixtureWith(
  upstream: Upstream,
  policy: PolicyDocument,
): Promise<{ fixture: Fixture; idp: Idp }> {
  const idp = await startIdpWithRoles()
  const fixture = await startFixtureOf(upstream, inject('python'), { policy }, idp)
  onTestFinished(() => fixture.stop())
  idp.resources.set(fixture.url, { scope: USERS.alice })
  return { fixture, idp }
}

const namesOf = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name)

function expectPrivate(exchanges: readonly Exchange[], type: RegExp): void {
  expect(exchanges.length).toBeGreaterThan(0)
  for (const { status, headers } of exchanges) {
    expect(status).toBe(200)
    expect(headers.get('content-type')).toMatch(type)
    expect(headers.get('cache-control')).toMatch(/no-store/)
  }
}

async function openLegacy(idp: Idp, fixture: Fixture, user: User) {
  const { recorder, options } = await logIn(idp, fixture, user)
  const client = new Client({ name: user, version: '1' }, { capabilities: { roots: {} } })
  const seen = { changes: 0 }
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [] }))
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void seen.changes++)
  await client.connect(new StreamableHTTPClientTransport(new URL(fixture.url), options))
  const list = async () => namesOf((await client.listTools()).tools)
  return { client, recorder, seen, list }
}

describe.each([
  [EVERYTHING, /^text\/event-stream/],
  [EVERYTHING_STDIO, /^application\/json/],
] as const)('$0.name', (upstream, type) => {
  const policy = policyOf(['echo', 'get-roots-list'], 'get-sum', 'get-env')

  verifies(
    ['STA-06', 'STA-07', 'SCP-06', 'CASE-60'],
    'each user sees what they may use, in the order of the server',
    async () => {
      const { fixture, idp } = await startFixtureWith(upstream, policy)
      for (const [user, tools, prompts, resources] of [
        ['alice', ['echo', 'get-sum', 'get-roots-list'], ['simple-prompt', 'args-prompt'], /^$/],
        [
          'bob',
          ['echo', 'get-env', 'get-roots-list'],
          ['simple-prompt'],
          /^demo:\/\/resource\/static/,
        ],
      ] as const) {
        const { client, recorder, seen, list } = await openLegacy(idp, fixture, user)
        // The server registers the last one when it has seen what the client can do, and says so: by HTTP too early
        // for any client, which has no stream yet.
        await vi.waitFor(async () => expect(await list()).toEqual(tools), 5_000)
        const changes = upstream === EVERYTHING_STDIO ? 1 : 0
        await vi.waitFor(() => expect(seen.changes).toBeGreaterThanOrEqual(changes), 5_000)
        expect(namesOf((await client.listPrompts()).prompts)).toEqual(prompts)
        const listed = (await client.listResources()).resources
        expect(listed.length > 0).toBe(user === 'bob')
        for (const { uri } of listed) expect(uri).toMatch(resources)
        const { resourceTemplates: templates } = await client.listResourceTemplates()
        expect(templates.map(({ uriTemplate }) => uriTemplate)).toEqual(
          user === 'alice' ? ['demo://resource/dynamic/text/{resourceId}'] : [],
        )
        expectPrivate(recorder.exchanges.filter(rpc('tools/list')), type)
        await client.close()
      }
    },
  )

  verifies(
    ['SCP-06', 'SCP-07', 'CASE-60'],
    'a hidden tool is refused to callers who know its name, and so are prompts and resources',
    async () => {
      const { fixture, idp } = await startFixtureWith(upstream, policy)
      const alice = await openLegacy(idp, fixture, 'alice')
      const bob = await openLegacy(idp, fixture, 'bob')
      const sum = { name: 'get-sum', arguments: { a: 2, b: 3 } }
      expect(await alice.client.callTool(sum)).toMatchObject({
        content: [{ text: expect.stringContaining('5') }],
      })
      await expect(bob.client.callTool(sum)).rejects.toThrow('insufficient_scope')
      expect(await bob.client.callTool({ name: 'get-env' })).toHaveProperty('content')
      await expect(alice.client.callTool({ name: 'get-env' })).rejects.toThrow('access_denied')
      await expect(alice.client.callTool({ name: 'get-tiny-image' })).rejects.toThrow('denied')
      const prompt = { name: 'args-prompt', arguments: { city: 'Bern' } }
      expect(await alice.client.getPrompt(prompt)).toHaveProperty('messages')
      await expect(bob.client.getPrompt(prompt)).rejects.toThrow('insufficient_scope')
      const text = { uri: 'demo://resource/dynamic/text/1' }
      expect(await alice.client.readResource(text)).toHaveProperty('contents')
      await expect(bob.client.readResource(text)).rejects.toThrow('insufficient_scope')
      await Promise.all([alice.client.close(), bob.client.close()])
    },
  )

  verifies(
    ['STA-01', 'STA-07', 'CASE-60'],
    'two users at once: neither ever sees what is the other’s',
    async () => {
      const { fixture, idp } = await startFixtureWith(upstream, policy)
      const lists = await Promise.all(
        BOTH.map(async (user) => {
          const { client, list } = await openLegacy(idp, fixture, user)
          await vi.waitFor(async () => expect(await list()).toContain('get-roots-list'), 5_000)
          const each = await Promise.all(Array.from({ length: 40 }, list))
          await client.close()
          return new Set(each.map((names) => names.join(' ')))
        }),
      )
      expect(lists).toEqual([
        new Set(['echo get-sum get-roots-list']),
        new Set(['echo get-env get-roots-list']),
      ])
    },
  )
})

/** A server of older revisions, with sessions, whose tool `grow` adds what is in the policy, and what is not. */
function startGrowing(): Promise<Running> {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  return listen(() => {
    async function open(): Promise<StreamableHTTPServerTransport> {
      const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => void sessions.set(id, transport),
      })
      const server = new McpServerV1({ name: 'growing', version: '1.0.0' })
      const answer = () => ({ content: [{ type: 'text' as const, text: 'done' }] })
      server.registerTool('grow', {}, () => {
        for (const name of ['get-sum', 'get-env', 'hidden']) server.registerTool(name, {}, answer)
        return answer()
      })
      await server.connect(transport)
      return transport
    }
    return (request, response) => {
      const known = sessions.get(String(request.headers['mcp-session-id']))
      const transport = known === undefined ? open() : Promise.resolve(known)
      void transport.then((each) => each.handleRequest(request, response))
    }
  })
}

verifies(
  ['STA-07', 'CASE-60'],
  'a stream tells that the list has changed, and the new one shows what may be used of it',
  async () => {
    const idp = await startIdpWithRoles()
    const policy = policyOf(['grow'], 'get-sum', 'get-env')
    const fixture = await startFixture(await startGrowing(), { policy }, idp)
    onTestFinished(() => fixture.stop())
    idp.resources.set(fixture.url, { scope: USERS.alice })
    for (const [user, grown] of [
      ['alice', 'get-sum'],
      ['bob', 'get-env'],
    ] as const) {
      const { client, recorder, seen, list } = await openLegacy(idp, fixture, user)
      const isStream = ({ method, status }: Exchange) => method === 'GET' && status === 200
      await vi.waitFor(() => expect(recorder.find(isStream)).toBeDefined(), 5_000)
      expect(await list()).toEqual(['grow'])
      await client.callTool({ name: 'grow' })
      await vi.waitFor(() => expect(seen.changes).toBe(3), 5_000)
      expect(await list()).toEqual(['grow', grown])
      await client.close()
    }
  },
)

/** A server of the newest revision that lets everybody keep its list for a minute. */
function startPublic(responseMode: 'json' | 'sse') {
  let notify: () => void = () => undefined
  const running = listen(() => {
    const handler = createMcpHandler(
      () => {
        const server = new McpServer(
          { name: 'public', version: '1.0.0' },
          {
            capabilities: { tools: { listChanged: true } },
            cacheHints: { 'tools/list': { ttlMs: 60_000, cacheScope: 'public' } },
          },
        )
        for (const name of ['echo', 'get-sum', 'get-env', 'hidden']) {
          server.registerTool(name, {}, () => ({ content: [{ type: 'text', text: name }] }))
        }
        return server
      },
      { responseMode },
    )
    notify = () => handler.notify.toolsChanged()
    return getRequestListener((request) => handler.fetch(request))
  })
  return running.then((upstream) => ({ upstream, notify: () => notify() }))
}

async function openModern(
  idp: Idp,
  fixture: Fixture,
  user: User,
  store = new InMemoryResponseCacheStore(),
) {
  const { recorder, options } = await logIn(idp, fixture, user)
  const client = new ClientV2(
    { name: user, version: '1' },
    {
      versionNegotiation: { mode: { pin: MODERN } },
      responseCacheStore: store,
      cachePartition: user,
    },
  )
  await client.connect(new TransportV2(new URL(fixture.url), options))
  return { client, recorder }
}

describe.each(['json', 'sse'] as const)('SDK v2, the newest revision, %s', (responseMode) => {
  const policy = policyOf(['echo'], 'get-sum', 'get-env')
  const SEEN = { alice: ['echo', 'get-sum'], bob: ['echo', 'get-env'] }

  async function start(lists: 'filter' | 'full') {
    const { upstream, notify } = await startPublic(responseMode)
    const idp = await startIdpWithRoles()
    const fixture = await startFixture(upstream, { policy: { ...policy, lists } }, idp)
    onTestFinished(() => fixture.stop())
    idp.resources.set(fixture.url, { scope: USERS.alice })
    return { fixture, idp, notify }
  }

  verifies(
    ['STA-06', 'STA-07', 'CASE-60'],
    'the list is private, so that a cache which two users share keeps one for each',
    async () => {
      const { fixture, idp } = await start('filter')
      const store = new InMemoryResponseCacheStore()
      for (const user of ['alice', 'bob', 'alice', 'bob'] as const) {
        const { client, recorder } = await openModern(idp, fixture, user, store)
        const listed = await client.listTools()
        expect(namesOf(listed.tools)).toEqual(SEEN[user])
        expect(listed).toMatchObject({ cacheScope: 'private', ttlMs: 60_000 })
        const asked = recorder.exchanges.filter(rpc('tools/list'))
        const type = responseMode === 'json' ? /^application\/json/ : /^text\/event-stream/
        if (asked.length > 0) expectPrivate(asked, type)
        await client.close()
      }
      // And where the lists stay as they are, the second user is given the first one’s: the cache is a cache.
      const full = await start('full')
      const shared = new InMemoryResponseCacheStore()
      const asked: number[] = []
      for (const user of BOTH) {
        const { client, recorder } = await openModern(full.idp, full.fixture, user, shared)
        const listed = await client.listTools()
        expect(listed.tools).toHaveLength(4)
        expect(listed).toMatchObject({ cacheScope: 'public' })
        asked.push(recorder.exchanges.filter(rpc('tools/list')).length)
        await client.close()
      }
      expect(asked).toEqual([1, 0])
    },
  )

  verifies(
    ['SCP-06', 'SCP-07', 'CASE-60'],
    'hidden tools are refused, and a change of the list is still told',
    async () => {
      const { fixture, idp, notify } = await start('filter')
      const { client } = await openModern(idp, fixture, 'alice')
      expect(await client.callTool({ name: 'get-sum' })).toMatchObject({
        content: [{ text: 'get-sum' }],
      })
      for (const name of ['get-env', 'hidden']) {
        await expect(client.callTool({ name })).rejects.toThrow('access_denied')
      }
      let changes = 0
      client.setNotificationHandler('notifications/tools/list_changed', () => void changes++)
      const subscription = await client.listen({ toolsListChanged: true })
      notify()
      await vi.waitFor(() => expect(changes).toBe(1), 5_000)
      expect(namesOf((await client.listTools()).tools)).toEqual(SEEN.alice)
      await subscription.close()
      await client.close()
    },
  )

  verifies(
    ['STA-07', 'CASE-60'],
    'two users at once: neither ever sees what is the other’s',
    async () => {
      const { fixture, idp } = await start('filter')
      const wrong = await Promise.all(
        BOTH.map(async (user) => {
          const { client } = await openModern(idp, fixture, user)
          const each = await Promise.all(
            Array.from({ length: 40 }, async () =>
              namesOf((await client.listTools(undefined, { cacheMode: 'bypass' })).tools).join(),
            ),
          )
          await client.close()
          return each.filter((names) => names !== SEEN[user].join())
        }),
      )
      expect(wrong.flat()).toEqual([])
    },
  )
})

describe.each([FASTMCP_4, FASTMCP_4_STDIO])('$name, the newest revision', (upstream) => {
  verifies(
    ['STA-06', 'STA-07', 'CASE-60'],
    'each user sees what they may use, and is refused the rest',
    async () => {
      const { fixture, idp } = await startFixtureWith(upstream, policyOf(['echo'], 'add', 'who'))
      const seen = { alice: ['echo', 'add'], bob: ['echo', 'who'] }
      for (const user of BOTH) {
        const { client, recorder } = await openModern(idp, fixture, user)
        const listed = await client.listTools()
        expect(namesOf(listed.tools)).toEqual(seen[user])
        expect(listed).toMatchObject({ cacheScope: 'private' })
        expectPrivate(recorder.exchanges.filter(rpc('tools/list')), /./)
        const call = client.callTool({ name: 'who', arguments: { message: 'hi' } })
        const said = await call.then((result) => JSON.stringify(result.content), String)
        expect(said).toContain(user === 'bob' ? '"text":"bob: hi"' : 'access_denied')
        await client.close()
      }
    },
  )
})
