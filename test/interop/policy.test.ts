/** Servers of both generations of the SDK with a policy before them, in the same process. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { PolicyDocument } from 'mcp-gatehouse'
import { connect, MemoryProvider } from '../../examples/demo/client.js'
import { startIdp, type Idp } from '../../examples/demo/idp.js'
import { Recorder } from '../../examples/demo/recorder.js'
import { verifies } from '../support/verifies.js'
import { connect as connectV2, MODERN, Provider } from './client-v2.js'
import {
  SCOPE,
  startExpress,
  startHono,
  startHonoV2,
  startNode,
  whoami,
  type GuardOptions,
  type Running,
} from './support.js'

const POLICY: PolicyDocument = {
  rules: [
    { tools: 'add', scopes: SCOPE },
    { tools: 'whoami', claims: { role: 'staff' } },
  ],
  unmatched: 'deny',
}

let idp: Idp
const running: Running[] = []

beforeAll(async () => {
  idp = await startIdp([SCOPE])
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()))
})
afterAll(() => idp.stop())

async function guarded(
  start: (options: GuardOptions) => Promise<Running>,
  policy = POLICY,
): Promise<string> {
  const server = await start({
    authorizationServers: idp.issuer,
    scopes: SCOPE,
    policy,
  })
  running.push(server)
  idp.resources.set(server.url, { scope: SCOPE })
  return server.url
}

interface ListsTools {
  listTools(): Promise<{ tools: { name: string }[] }>
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<unknown>
}

/** What a client finds that may use one of two tools. */
async function expectOneTool(client: ListsTools): Promise<void> {
  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name)).toEqual(['add'])
  expect(await client.callTool({ name: 'add', arguments: { a: 2, b: 40 } })).toMatchObject({
    content: [{ text: '42' }],
  })
  await expect(client.callTool({ name: 'whoami', arguments: {} })).rejects.toThrow(/403|denied/)
}

describe.each([
  ['Hono', startHono],
  ['Express', startExpress],
  ['node:http', startNode],
] as const)('a server of the first generation behind %s', (_, start) => {
  verifies(
    ['SCP-07', 'STA-07', 'CASE-52'],
    'shows and answers what may be used, and a denial makes nobody log in again',
    async () => {
      const provider = new MemoryProvider('alice')
      const client = await connect(await guarded(start), provider, new Recorder())
      await expectOneTool(client)
      expect(provider.logins).toHaveLength(1)
      await client.close()
    },
  )
})

describe.each(['legacy', { pin: MODERN }] as const)(
  'a server of the second generation, mode %o',
  (mode) => {
    verifies(['SCP-07', 'STA-07'], 'shows and answers what may be used', async () => {
      const recorder = new Recorder()
      const open = { ...POLICY, rules: [{ tools: 'who*', scopes: SCOPE }] }
      const allowed = new Provider('bob')
      const url = await guarded(startHonoV2, open)
      const client = await connectV2({ url, provider: allowed, recorder, mode })
      const shown = await client.listTools()
      expect(shown.tools.map(({ name }) => name)).toEqual(['whoami'])
      expect(await whoami(client)).toMatchObject({ subject: 'bob' })
      await client.close()

      const provider = new Provider('carol')
      const guardedUrl = await guarded(startHonoV2)
      const denied = await connectV2({ url: guardedUrl, provider, recorder, mode })
      expect((await denied.listTools()).tools).toEqual([])
      await expect(denied.callTool({ name: 'whoami' })).rejects.toThrow(/403|denied/)
      expect(provider.logins).toHaveLength(1)
      await denied.close()
    })
  },
)

test('a policy that is wrong stops the start, with every problem', async () => {
  const start = startHono({
    authorizationServers: idp.issuer,
    policy: { rules: [{ tools: [] }, {}], unmatched: 'allow' } as never,
  })
  await expect(start).rejects.toThrow(/policy\.rules\[0\]\.tools/)
  await expect(start).rejects.toThrow(/policy\.rules\[1\]/)
  await expect(start).rejects.toThrow(/policy\.unmatched/)
})
