/** Real clients before real servers, through the gateway: each knows only the URL. */
import { afterAll, beforeAll, describe, expect, inject } from 'vitest'
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { MODERN } from '../interop/client-v2.js'
import { verifies } from '../support/verifies.js'
import { CLIENTS, type Outcome, type RealClient } from './clients.js'
import { SCOPE, startFixtureOf, type Fixture } from './fixture.js'
import type { Head } from './tap.js'
import { UPSTREAMS, type HttpUpstream, type Upstream } from './upstreams.js'

const python = inject('python')

/** Milliseconds to connect with the login, to list, to call: a row a client, a column a server. */
const figures: Record<string, Record<string, string>> = {}

function note({ name }: Upstream, client: RealClient, outcome: Outcome): void {
  const { connectMs, listMs, callMs = '–' } = outcome
  figures[client.name] = { ...figures[client.name], [name]: `${connectMs} ${listMs} ${callMs}` }
}

afterAll(() => console.table(figures))

function namesOf(heads: readonly Head[]): string[] {
  return [...new Set(heads.flatMap(({ fields }) => [...fields.keys()]))]
}

/** Which versions the requests said they are of. */
function versionsOf(heads: readonly Head[]): string[] {
  const versions = heads.map(({ fields }) => fields.get('mcp-protocol-version'))
  return [...new Set(versions.filter((version) => version !== undefined))]
}

/** That it was sent to the metadata once, came back with a token, and nothing went wrong. */
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
  const ofChildren = ['child.started', 'child.remarked', 'child.ended', 'session.ended']
  const others = events.filter(({ type }) => ![...expected, ...ofChildren].includes(type))
  // Node's `fetch` sometimes opens a connection that it then does not use. A client that speaks several
  // revisions asks a command for the newest first.
  const harmless = ['ERR_REQUEST_TIMEOUT', 'ERR_VERSION_UNSUPPORTED']
  expect(others.filter((event) => !('code' in event) || !harmless.includes(event.code))).toEqual([])
}

function expectIdentity(heads: readonly Head[], { issuer, upstreamHost }: Fixture): void {
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

/** In the newest revision there is no session and no GET; in the older ones both pass. */
function expectRevision(
  heads: readonly Head[],
  { mode }: RealClient,
  upstream: HttpUpstream,
): void {
  const versions = versionsOf(heads)
  if (mode !== 'legacy' && upstream.isModern) {
    expect(versions).toEqual([MODERN])
    expect(new Set(heads.map(({ method }) => method))).toEqual(new Set(['POST']))
    expect(namesOf(heads)).not.toContain('mcp-session-id')
    return
  }
  expect(versions).toContain('2025-11-25')
  if (mode === 'legacy') expect(versions).not.toContain(MODERN)
  if (upstream.hasSessions) expect(namesOf(heads)).toContain('mcp-session-id')
}

/** One child for a session, and one for a client without one; but one more has to be asked which it is. */
function expectChildren(events: readonly GatewayEvent[], { mode }: RealClient, isModern: boolean) {
  const children = events.filter(({ type }) => type === 'child.started').length
  const isAsking = mode === 'auto' && !isModern
  expect(children).toBeGreaterThanOrEqual(1)
  expect(children).toBeLessThanOrEqual(isAsking ? 2 : 1)
  const methods = events.flatMap((event) =>
    event.type === 'request.completed' && event.from === 'upstream' ? [event.method] : [],
  )
  if (mode !== 'legacy' && isModern) expect(new Set(methods)).toEqual(new Set(['POST']))
  const unexpected = events.filter(
    (event) => event.type === 'child.remarked' && event.from === 'stdout',
  )
  expect(unexpected).toEqual([])
}

function fits(client: RealClient, upstream: Upstream): boolean {
  if (client.mode === 'modern' && !upstream.isModern) return false
  return upstream.isForAll || client.knowsBothRevisions
}

describe.each(UPSTREAMS)('$name', (upstream) => {
  let fixture: Fixture

  beforeAll(async () => {
    fixture = await startFixtureOf(upstream, python)
  })
  afterAll(() => fixture.stop())

  describe.each(CLIENTS.filter((client) => fits(client, upstream)))('$name', (client) => {
    verifies(
      ['CHL-01', 'CHL-03', 'PRM-05', 'TOK-04', 'GW-01', 'TRN-06', 'CASE-37', 'CASE-55'],
      'logs in, lists the tools and calls one; the upstream learns who it is, and gets no token',
      async () => {
        await fixture.settled()
        fixture.takeEvents()
        fixture.takeHeads()
        const outcome = await client.run(python, fixture.url, upstream.call)
        expect(outcome).toMatchObject({ tools: upstream.tools })
        const { result } = upstream
        expect(outcome.result).toEqual(
          typeof result === 'object' ? expect.stringMatching(result) : result,
        )

        const events = fixture.takeEvents()
        expectLogin(events)
        if ('start' in upstream) {
          const heads = fixture.takeHeads()
          expectIdentity(heads, fixture)
          expectRevision(heads, client, upstream)
        } else expectChildren(events, client, upstream.isModern)
        note(upstream, client, outcome)
      },
    )
  })
})
