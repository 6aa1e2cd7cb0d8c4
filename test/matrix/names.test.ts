/** The names of one resource, in every host: its last slash, and the path at which a proxy leaves it. */
import { describe, expect, onTestFinished } from 'vitest'
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { FakeIdp, ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { createHosts, HOSTS, type Host, type HostOptions, type TestAnswer } from './hosts.js'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'
/** A kernel has no paths. */
const WITH_PATHS = HOSTS.filter((name) => name !== 'kernel')

interface Scene {
  readonly events: readonly GatewayEvent[]
  readonly ask: (path: string) => Promise<TestAnswer>
  readonly askAsUser: (path: string) => Promise<TestAnswer>
}

async function startScene(
  name: string,
  resource: string,
  options: Partial<HostOptions> = {},
): Promise<Scene> {
  const idp = await FakeIdp.start()
  const events: GatewayEvent[] = []
  const hosts = await createHosts({
    resource,
    authorizationServers: ISSUER,
    fetch: idp.fetch,
    onEvent: (event) => events.push(event),
    ...options,
  })
  onTestFinished(async () => {
    await Promise.all(hosts.map((each) => each.close()))
  })
  const host = hosts.find((each) => each.name === name) as Host
  const ask = (path: string) => host.send({ method: 'GET', path, headers: [] })
  async function askAsUser(path: string) {
    const token = await idp.token({ claims: { aud: resource } })
    return host.send({ method: 'GET', path, headers: [['Authorization', `Bearer ${token}`]] })
  }
  return { events, ask, askAsUser }
}

const slashesIn = (events: readonly GatewayEvent[]) =>
  events.filter(({ type }) => type === 'path.slash')

const resourceIn = ({ body }: TestAnswer) => (JSON.parse(body) as { resource?: string }).resource

describe.each(WITH_PATHS)('%s', (name) => {
  describe.each([
    ['https://mcp.example.com/mcp', '/mcp', '/mcp/'],
    ['https://mcp.example.com/mcp/', '/mcp/', '/mcp'],
  ])('%s', (resource, own, other) => {
    verifies('IDN-08', 'both forms reach it, and the other is told once', async () => {
      const { events, ask, askAsUser } = await startScene(name, resource)
      expect((await ask(own)).status).toBe(401)
      expect((await askAsUser(own)).caller?.subject).toBe('user-1')
      expect(slashesIn(events)).toEqual([])
      expect((await ask(other)).status).toBe(401)
      expect((await askAsUser(other)).caller?.subject).toBe('user-1')
      expect(slashesIn(events)).toEqual([
        expect.objectContaining({ resource, hint: `give clients the URL ${resource}` }),
      ])
    })

    verifies('IDN-08', 'both find its metadata, which name what is published', async () => {
      const { ask } = await startScene(name, resource)
      expect(resourceIn(await ask(WELL_KNOWN + own))).toBe(resource)
      expect(resourceIn(await ask(WELL_KNOWN + other))).toBe(resource)
      expect((await ask(`${WELL_KNOWN}${own}x`)).body).not.toContain('authorization_servers')
    })
  })

  verifies('IDN-08', 'near misses are not told', async () => {
    const { events, ask } = await startScene(name, 'https://mcp.example.com/mcp')
    for (const path of ['/mcp', '/mcp//', '/mcp/x', '/MCP/', '/mc']) await ask(path)
    expect(slashesIn(events)).toEqual([])
  })

  verifies(
    'IDN-09',
    'is served where the proxy leaves it, and published as clients type it',
    async () => {
      const resource = 'https://mcp.example.com/tools/mcp'
      const { ask, askAsUser } = await startScene(name, resource, { path: '/served' })
      expect((await ask('/served')).status).toBe(401)
      expect((await ask('/served')).headers.get('www-authenticate')).toContain(
        `resource_metadata="https://mcp.example.com${WELL_KNOWN}/tools/mcp"`,
      )
      expect((await askAsUser('/served')).caller?.subject).toBe('user-1')
      expect(resourceIn(await ask(`${WELL_KNOWN}/tools/mcp`))).toBe(resource)
    },
  )
})
