/** Secrets that are replaced while requests are served. */
import type { ConfigurationError } from 'mcp-gatehouse'
import { createGateway, type GatewaySecrets } from 'mcp-gatehouse/gateway'
import { describe, expect } from 'vitest'
import { startGateway, startUpstream, type GatewayFixture } from '../support/gateway.js'
import { ISSUER, RESOURCE } from '../support/idp.js'
import { keysOf } from '../support/api-keys.js'
import { verifies } from '../support/verifies.js'

const [OLD, NEW] = ['o'.repeat(32), 'n'.repeat(32)]

/** A server that has one session, and says which headers came. */
async function startKeyed(options: Parameters<typeof startGateway>[1] = {}) {
  const seen: unknown[] = []
  const upstream = await startUpstream((request, response) => {
    const { 'x-key': key, 'x-other': other, 'mcp-session-id': session } = request.headers
    seen.push([key, other, session])
    response.setHeader('mcp-session-id', 'the-session').end('{}')
  })
  const upstreamHeaders = { 'X-Key': '1', 'x-other': '1' }
  const bench = await startGateway(upstream, { upstreamHeaders, sessionKeys: [OLD], ...options })
  return { ...bench, seen }
}

/** The places of the problems. */
function problemsOf({ gateway }: Pick<GatewayFixture, 'gateway'>, secrets: unknown): string[] {
  try {
    gateway.replaceSecrets(secrets as GatewaySecrets)
  } catch (error) {
    expect(JSON.stringify(error)).not.toContain('hunter2')
    return (error as ConfigurationError).problems.map(({ path }) => path)
  }
  return []
}

describe('secrets of a gateway', () => {
  verifies('FLD-16', 'headers for the upstream: the next request has the new ones', async () => {
    const { gateway, call, seen } = await startKeyed()
    await call()
    gateway.replaceSecrets({ upstreamHeaders: { [RESOURCE]: { 'X-Key': '2', 'x-other': '3' } } })
    // What a client sends under these names is still dropped.
    await call({ headers: { 'x-key': 'forged' } })
    expect(seen).toEqual([
      ['1', '1', undefined],
      ['2', '3', undefined],
    ])
  })

  verifies(
    'FLD-16',
    'keys of sessions: the first signs, all verify, one that is gone ends them',
    async () => {
      const { gateway, call, seen } = await startKeyed()
      const sessionOf = (response: Response) => response.headers.get('mcp-session-id') ?? ''
      const withSession = (id: string) => call({ headers: { 'mcp-session-id': id } })
      const old = sessionOf(await call())
      gateway.replaceSecrets({ sessionKeys: [NEW, OLD] })
      expect((await withSession(old)).status).toBe(200)
      expect(seen.at(-1)).toEqual(['1', '1', 'the-session'])
      const other = sessionOf(await call())
      expect(other).not.toBe(old)
      gateway.replaceSecrets({ sessionKeys: [NEW] })
      expect([(await withSession(old)).status, (await withSession(other)).status]).toEqual([
        404, 200,
      ])
    },
  )

  verifies('FLD-16', 'all or none, and only what there was', async () => {
    const bench = await startKeyed()
    const headers = (values: unknown) => ({ upstreamHeaders: { [RESOURCE]: values } })
    const good = { 'X-Key': '2', 'x-other': '2' }
    expect(problemsOf(bench, { ...headers(good), sessionKeys: ['hunter2'] })).toEqual([
      'sessionKeys',
    ])
    expect(problemsOf(bench, { ...headers({ 'X-Key': '2' }), sessionKeys: [NEW] })).toHaveLength(1)
    expect(problemsOf(bench, headers({ ...good, 'X-New': '1' }))).toHaveLength(1)
    expect(problemsOf(bench, headers({ ...good, 'X-Key': 'hunter2\n' }))).toHaveLength(1)
    expect(problemsOf(bench, headers(null)).length).toBeGreaterThan(0)
    expect(problemsOf(bench, { upstreamHeaders: 5 })).toEqual(['upstreamHeaders'])
    expect(
      problemsOf(bench, { upstreamHeaders: { 'https://other.example.com': good } }),
    ).toHaveLength(1)
    expect(problemsOf(bench, { sessionKeys: [] })).toEqual(['sessionKeys'])
    expect(problemsOf(bench, { apiKeys: { [RESOURCE]: { keys: 7 } } })).toHaveLength(1)
    expect(problemsOf(bench, { apiKeys: { 'https://other.example.com': keysOf() } })).toHaveLength(
      1,
    )
    expect(problemsOf(bench, { apiKeys: { [RESOURCE]: keysOf() } })).toEqual([])
    const session = (await bench.call()).headers.get('mcp-session-id') ?? ''
    expect((await bench.call({ headers: { 'mcp-session-id': session } })).status).toBe(200)
    expect(bench.seen).toEqual([
      ['1', '1', undefined],
      ['1', '1', 'the-session'],
    ])
    expect(problemsOf(bench, {})).toEqual([])
  })

  verifies(
    'FLD-16',
    'of a command, without tokens and before it listens there are none',
    async () => {
      const command = await startGateway([process.execPath, '-e', ''])
      expect(
        problemsOf(command, { upstreamHeaders: { [RESOURCE]: { 'X-Key': '1' } } }),
      ).toHaveLength(1)
      const upstream = 'http://127.0.0.1:9/mcp'
      const open = await startGateway(upstream, { auth: 'none', resource: 'http://127.0.0.1/mcp' })
      expect(problemsOf(open, { sessionKeys: [NEW] })).toEqual(['sessionKeys'])
      const keysAt = (resource: string) => ({ apiKeys: { [resource]: keysOf() } })
      expect(problemsOf(open, keysAt('http://127.0.0.1/mcp'))).toHaveLength(1)
      const gateway = createGateway({ authorizationServers: ISSUER, resource: RESOURCE, upstream })
      expect(problemsOf({ gateway }, { sessionKeys: [NEW] })).toEqual(['sessionKeys'])
    },
  )
})
