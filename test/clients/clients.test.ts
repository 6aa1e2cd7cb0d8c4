/** Real clients before real servers, through the gateway: each knows only the URL. */
import { afterAll, beforeAll, describe, expect, inject } from 'vitest'
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { MODERN } from '../interop/client-v2.js'
import { verifies } from '../support/verifies.js'
import { CLIENTS, MCP_1, SDK_V1, type RealClient } from './clients.js'
import { SCOPE, startStage, type Stage } from './stage.js'
import type { Head } from './tap.js'
import { LINKEDIN, UPSTREAMS, type Upstream } from './upstreams.js'

const python = inject('python')

function namesOf(heads: readonly Head[]): string[] {
  return [...new Set(heads.flatMap(({ fields }) => [...fields.keys()]))]
}

/** Which versions the requests said they are of. */
function versionsOf(heads: readonly Head[]): string[] {
  const versions = heads.map(({ fields }) => fields.get('mcp-protocol-version'))
  return [...new Set(versions.filter((version) => version !== undefined))]
}

/** That it was asked in, came in, and nothing went wrong; in the order of these events. */
function expectLogin(events: readonly GatewayEvent[]): void {
  const denials = events.filter((event) => event.type === 'request.denied')
  expect(denials.map(({ status, code }) => ({ status, code }))).toEqual([
    { status: 401, code: 'ERR_CREDENTIALS_MISSING' },
  ])
  expect(events).toContainEqual(
    expect.objectContaining({
      type: 'request.completed',
      method: 'GET',
      status: 200,
      from: 'gateway',
    }),
  )
  const expected = ['request.denied', 'request.authenticated', 'request.completed', 'keys.loaded']
  expect(events.filter(({ type }) => !expected.includes(type))).toEqual([])
}

function expectIdentity(heads: readonly Head[], { issuer, upstreamHost }: Stage): void {
  expect(heads.length).toBeGreaterThan(0)
  for (const { fields } of heads) {
    expect(fields.get('x-gatehouse-subject')).toBe('alice')
    expect(fields.get('x-gatehouse-issuer')).toBe(issuer)
    expect(fields.get('x-gatehouse-scope')).toContain(SCOPE)
    expect(fields.get('host')).toBe(upstreamHost)
  }
  // It registered itself.
  const clientIds = new Set(heads.map(({ fields }) => fields.get('x-gatehouse-client-id')))
  expect(clientIds.size).toBe(1)
  expect(clientIds).not.toContain(undefined)
  const names = namesOf(heads)
  for (const name of ['authorization', 'cookie', 'origin']) expect(names).not.toContain(name)
  expect(names.filter((name) => name.includes('forwarded'))).toEqual([])
}

function fits(client: RealClient, upstream: Upstream): boolean {
  if (upstream === LINKEDIN) return client === SDK_V1 || client === MCP_1
  return client.mode !== 'modern' || upstream.isModern
}

describe.each([...UPSTREAMS, LINKEDIN])('$name', (upstream) => {
  let stage: Stage

  beforeAll(async () => {
    stage = await startStage(await upstream.start(python))
  })
  afterAll(() => stage.stop())

  describe.each(CLIENTS.filter((client) => fits(client, upstream)))('$name', (client) => {
    verifies(
      ['CHL-01', 'CHL-03', 'PRM-05', 'TOK-04', 'CASE-37'],
      'logs in, lists the tools and calls one; the upstream learns who it is, and gets no token',
      async () => {
        stage.takeEvents()
        stage.takeHeads()
        const outcome = await client.run(python, stage.url, upstream.call)
        expect(outcome).toMatchObject({ tools: upstream.tools })
        expect(outcome.result).toBe(upstream.result)

        expectLogin(stage.takeEvents())
        const heads = stage.takeHeads()
        expectIdentity(heads, stage)
        const versions = versionsOf(heads)
        if (client.mode === 'legacy') expect(versions).not.toContain(MODERN)
        else if (upstream.isModern) expect(versions).toEqual([MODERN])
        else expect(versions).toContain('2025-11-25')
      },
    )
  })
})
