/**
 * What real clients do on 403: each calls tools with too little, and one journal tells what went over the wire to the
 * gateway and to the identity provider. It is compared as a whole, so that one request or login too many is seen.
 */
import { auth } from '@modelcontextprotocol/sdk/client/auth.js'
import type { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { UnauthorizedError as UnauthorizedErrorV2 } from '@modelcontextprotocol/client'
import type { Configuration } from 'oidc-provider'
import { describe, expect, inject, onTestFinished } from 'vitest'
import { connect, MemoryProvider } from '../../examples/demo/client.js'
import { Recorder } from '../../examples/demo/recorder.js'
import * as v2 from '../interop/client-v2.js'
import { withoutReference } from '../support/references.js'
import { verifies } from '../support/verifies.js'
import {
  browserOf,
  callOnce,
  describeError,
  knowsClient,
  STEP_UP_CLIENTS,
  type Outcomes,
  type StepUpClient,
  type StepUpTask,
} from './step-up-clients.js'
import {
  ALL,
  startStepUpFixture,
  USE,
  WRITE,
  type StepUpOptions,
  type StepUpFixture,
} from './step-up-fixture.js'

const DENIED = '{"error":"access_denied","error_description":"This caller may not do this"}'
/** Of a login that gave everything it was asked for. */
const USE_READ = 'mcp:read mcp:use'
const ALL_ORDERED = 'mcp:read mcp:use mcp:write'

/** An identity provider that registers every client for all scopes, whatever it asks for. */
const REGISTERS_ALL: Configuration = {
  extraClientMetadata: {
    properties: ['policy'],
    validator: (_ctx, _key, _value, metadata) => {
      metadata['scope'] = `${ALL} offline_access`
    },
  },
}

async function startFixture(options: StepUpOptions = {}): Promise<StepUpFixture> {
  const fixture = await startStepUpFixture(options)
  onTestFinished(() => fixture.stop())
  return fixture
}

async function run(
  client: StepUpClient,
  fixture: StepUpFixture,
  task: Omit<StepUpTask, 'url' | 'issuer'>,
): Promise<{ outcomes: Outcomes; journal: string[]; requests: number }> {
  const { url, issuer } = fixture
  const outcomes = await client.run(inject('python'), { url, issuer, ...task })
  const told = outcomes.map(withoutReference)
  return { outcomes: told, journal: fixture.takeJournal(), requests: fixture.takeRequests() }
}

/** How each begins, up to the answer to its first request. */
function opening({ revision }: StepUpClient, registered?: string): string[] {
  const first = revision === 'modern' ? 'server/discover' : 'initialize'
  return [
    `${first}: 401, needs ${USE}`,
    ...(registered === undefined ? [] : [`registered for ${registered}`]),
    `login for ${USE}`,
    `token for ${USE}`,
    `${first}: 200`,
  ]
}

const READ_STEP = [
  `tools/call read_note: 403, needs ${USE_READ}`,
  `login for ${USE_READ}`,
  `token for ${USE_READ}`,
  'tools/call read_note: 200',
]

/** Clients of older revisions get what they have named again, and would lose it otherwise (SCP-03). */
function needsForWriting({ revision }: StepUpClient): string {
  return revision === 'legacy' ? ALL_ORDERED : `${USE} ${WRITE}`
}

function writeStep(client: StepUpClient): string[] {
  return [
    `tools/call write_note: 403, needs ${needsForWriting(client)}`,
    `login for ${ALL_ORDERED}`,
    `token for ${ALL_ORDERED}`,
    'tools/call write_note: 200',
  ]
}

const isV1 = ({ sdk }: StepUpClient) => sdk === 'v1'
/** Those that log in for more by themselves. */
const STEPPING = STEP_UP_CLIENTS.filter((client) => !isV1(client))
const isPython = ({ sdk }: StepUpClient) => sdk.startsWith('mcp')

describe.each(STEPPING)('$name', (client) => {
  verifies(
    ['SCP-01', 'SCP-02', 'SCP-03', 'SCP-05', 'CASE-52'],
    'registered by its owner: logs in for what each tool needs, once, and keeps what it had',
    async () => {
      const fixture = await startFixture()
      const clientId = await fixture.register()
      const calls = ['read_note', 'write_note', 'read_note']
      const { outcomes, journal, requests } = await run(client, fixture, { clientId, calls })
      expect(outcomes).toEqual(['read_note done', 'write_note done', 'read_note done'])
      expect(journal).toEqual([
        ...opening(client),
        ...READ_STEP,
        ...writeStep(client),
        'tools/call read_note: 200',
      ])
      expect(requests).toBeLessThanOrEqual(12)
    },
  )

  verifies(
    ['SCP-02', 'CASE-52'],
    'registered by itself: for the scopes of the first challenge, and oidc-provider gives no others',
    async () => {
      const fixture = await startFixture()
      const calls = ['read_note', 'read_note']
      const { outcomes, journal } = await run(client, fixture, { calls })
      const refused = [
        `tools/call read_note: 403, needs ${USE_READ}`,
        `login for ${USE_READ}: invalid_scope`,
      ]
      // SDK v2 lives and begins a login for each call; Python's connection ends with the first.
      expect(outcomes).toEqual(
        isPython(client)
          ? ['died of RuntimeError: login refused: invalid_scope']
          : calls.map(() => 'OAuthError: requested scope is not allowed'),
      )
      expect(journal).toEqual([
        ...opening(client, USE),
        ...refused,
        ...(isPython(client) ? [] : refused),
      ])
    },
  )

  verifies(
    ['SCP-02', 'CASE-52'],
    'registered by itself where the identity provider registers for all scopes: as the former',
    async () => {
      const fixture = await startFixture({ identityProvider: REGISTERS_ALL })
      const calls = ['read_note', 'write_note', 'read_note']
      const { outcomes, journal } = await run(client, fixture, { calls })
      expect(outcomes).toEqual(['read_note done', 'write_note done', 'read_note done'])
      expect(journal).toEqual([
        ...opening(client, ALL_ORDERED),
        ...READ_STEP,
        ...writeStep(client),
        'tools/call read_note: 200',
      ])
    },
  )

  verifies('CASE-52', 'stops when its user refuses', async () => {
    const fixture = await startFixture()
    const clientId = await fixture.register()
    const calls = ['read_note', 'write_note', 'read_note']
    const { outcomes, journal } = await run(client, fixture, { clientId, calls, refuses: WRITE })
    expect(outcomes).toEqual([
      'read_note done',
      // The application's own error, thrown where the SDK waits for the login, ends the connection.
      ...(isPython(client)
        ? ['died of RuntimeError: login refused: access_denied']
        : ['OAuthError: The user refused it', 'read_note done']),
    ])
    expect(journal).toEqual([
      ...opening(client),
      ...READ_STEP,
      `tools/call write_note: 403, needs ${needsForWriting(client)}`,
      `login for ${ALL_ORDERED}: access_denied`,
      ...(isPython(client) ? [] : ['tools/call read_note: 200']),
    ])
  })

  verifies(
    'CASE-52',
    'stops when the identity provider gives less than was asked for',
    async () => {
      const fixture = await startFixture()
      const clientId = await fixture.register()
      fixture.grantAtMost(USE_READ)
      const calls = ['read_note', 'write_note', 'read_note']
      const { outcomes, journal } = await run(client, fixture, { clientId, calls })
      const refused = `tools/call write_note: 403, needs ${needsForWriting(client)}`
      expect(outcomes).toEqual([
        'read_note done',
        ...{
          // It has begun one more login, which nobody ended.
          v2: ['UnauthorizedError: Unauthorized', 'read_note done'],
          'mcp 1': [
            expect.stringMatching(/^died of HTTPStatusError: Client error '403 Forbidden'/),
          ],
          'mcp 2': ['MCPError: Server returned an error response', 'read_note done'],
          v1: [],
        }[client.sdk],
      ])
      expect(journal).toEqual([
        ...opening(client),
        ...READ_STEP,
        refused,
        `login for ${ALL_ORDERED}`,
        `token for ${USE_READ}`,
        refused,
        ...(client.sdk === 'v2' ? [`login for ${ALL_ORDERED}`] : []),
        ...(client.sdk === 'mcp 1' ? [] : ['tools/call read_note: 200']),
      ])
    },
  )

  verifies(
    ['SCP-06', 'SCP-07'],
    'logs in for nothing where no scope would help, and says that it may not',
    async () => {
      const fixture = await startFixture()
      const clientId = await fixture.register()
      const calls = ['burn_note', 'burn_note', 'read_note']
      const { outcomes, journal } = await run(client, fixture, { clientId, calls })
      const refused = {
        v2: `SdkHttpError: Error POSTing to endpoint: ${DENIED}`,
        'mcp 1': expect.stringMatching(/^died of HTTPStatusError: Client error '403 Forbidden'/),
        'mcp 2': 'MCPError: Server returned an error response',
        v1: '',
      }[client.sdk]
      const isOver = client.sdk === 'mcp 1'
      expect(outcomes).toEqual(isOver ? [refused] : [refused, refused, 'read_note done'])
      expect(journal).toEqual([
        ...opening(client),
        'tools/call burn_note: 403',
        ...(isOver ? [] : ['tools/call burn_note: 403', ...READ_STEP]),
      ])
    },
  )
})

describe('SDK v1', () => {
  const client = STEP_UP_CLIENTS.find(isV1) as StepUpClient

  verifies(
    'CASE-52',
    'refreshes once, which gives nothing new, tries once more, and tells its user of the 403',
    async () => {
      const fixture = await startFixture()
      for (const [task, registered] of [
        [{ clientId: await fixture.register() }, undefined],
        [{}, USE],
      ] as const) {
        const calls = ['read_note', 'read_note']
        const { outcomes, journal } = await run(client, fixture, { ...task, calls })
        expect(outcomes).toEqual(
          calls.map(
            () =>
              'StreamableHTTPError: Streamable HTTP error: Server returned 403 after trying upscoping',
          ),
        )
        const refused = `tools/call read_note: 403, needs ${USE_READ}`
        expect(journal).toEqual([
          ...opening(client, registered),
          refused,
          `refreshed for ${USE}`,
          refused,
          // It remembers the challenge, and does not even refresh.
          refused,
        ])
      }
    },
  )

  verifies(
    ['SCP-06', 'SCP-07'],
    'neither refreshes nor logs in where no scope would help',
    async () => {
      const fixture = await startFixture()
      const clientId = await fixture.register()
      const { outcomes, journal } = await run(client, fixture, { clientId, calls: ['burn_note'] })
      expect(outcomes).toEqual([
        `StreamableHTTPError: Streamable HTTP error: Error POSTing to endpoint: ${DENIED}`,
      ])
      expect(journal).toEqual([...opening(client), 'tools/call burn_note: 403'])
    },
  )

  /** What an application must do by itself: a new login with the scopes of the challenge, by the SDK's own `auth`. */
  async function widen(
    provider: MemoryProvider,
    recorder: Recorder,
    url: string,
    transport: StreamableHTTPClientTransport,
  ): Promise<void> {
    const refused = recorder.exchanges.filter(({ status }) => status === 403).at(-1)
    const challenge = refused?.headers.get('www-authenticate') ?? ''
    const scope = /scope="([^"]*)"/.exec(challenge)?.[1] ?? ''
    // With a refresh token at hand `auth` would refresh again.
    const { refresh_token: _, ...tokens } = provider.tokens() ?? {
      access_token: '',
      token_type: '',
    }
    provider.saveTokens(tokens)
    expect(await auth(provider, { serverUrl: url, scope })).toBe('REDIRECT')
    await transport.finishAuth(provider.callback().get('code') ?? '')
  }

  async function open(fixture: StepUpFixture, provider: MemoryProvider, clientId?: string) {
    knowsClient(provider, { clientId, issuer: fixture.issuer })
    const recorder = new Recorder()
    const opened = await connect(fixture.url, provider, recorder)
    return {
      opened,
      recorder,
      transport: opened.transport as StreamableHTTPClientTransport,
    }
  }

  verifies(
    ['SCP-01', 'SCP-02', 'SCP-03'],
    'registered by its owner: a login that the application starts gives what is needed',
    async () => {
      const fixture = await startFixture()
      const provider = new MemoryProvider(browserOf())
      const { opened, recorder, transport } = await open(
        fixture,
        provider,
        await fixture.register(),
      )
      for (const name of ['read_note', 'write_note']) {
        await expect(callOnce(opened, name)).rejects.toThrow('403 after trying upscoping')
        await widen(provider, recorder, fixture.url, transport)
        expect(await callOnce(opened, name)).toBe(`${name} done`)
      }
      // Nothing that it had is lost.
      expect(await callOnce(opened, 'read_note')).toBe('read_note done')
      const refusedTwice = (name: string, needs: string, had: string) => [
        `tools/call ${name}: 403, needs ${needs}`,
        `refreshed for ${had}`,
        `tools/call ${name}: 403, needs ${needs}`,
        `login for ${needs}`,
        `token for ${needs}`,
        `tools/call ${name}: 200`,
      ]
      expect(fixture.takeJournal()).toEqual([
        ...opening(client),
        ...refusedTwice('read_note', USE_READ, USE),
        ...refusedTwice('write_note', ALL_ORDERED, USE_READ),
        'tools/call read_note: 200',
      ])
      await opened.close()
    },
  )

  verifies(
    ['SCP-02'],
    'registered by itself: the same login is refused, until it forgets its registration',
    async () => {
      const fixture = await startFixture()
      const provider = new MemoryProvider(browserOf())
      const { opened, recorder, transport } = await open(fixture, provider)
      await expect(callOnce(opened, 'read_note')).rejects.toThrow('403 after trying upscoping')
      await expect(widen(provider, recorder, fixture.url, transport)).rejects.toThrow()
      provider.saveClientInformation(undefined)
      await widen(provider, recorder, fixture.url, transport)
      expect(await callOnce(opened, 'read_note')).toBe('read_note done')
      expect(fixture.takeJournal().slice(-5)).toEqual([
        `login for ${USE_READ}: invalid_scope`,
        `registered for ${USE_READ}`,
        `login for ${USE_READ}`,
        `token for ${USE_READ}`,
        'tools/call read_note: 200',
      ])
      await opened.close()
    },
  )

  verifies(
    ['SCP-01', 'SCP-02', 'CASE-52'],
    'without refresh tokens it logs in for more by itself, as the others do',
    async () => {
      const fixture = await startFixture()
      const clientId = await fixture.register({ grant_types: ['authorization_code'] })
      const calls = ['read_note', 'write_note', 'read_note']
      const { outcomes, journal } = await run(client, fixture, { clientId, calls })
      expect(outcomes).toEqual(['read_note done', 'write_note done', 'read_note done'])
      expect(journal).toEqual([
        ...opening(client),
        ...READ_STEP,
        ...writeStep(client),
        'tools/call read_note: 200',
      ])
    },
  )
})

describe('four calls at once', () => {
  const BOTH_TWICE = ['read_note', 'write_note', 'read_note', 'write_note']

  async function runAtOnce(
    client: StepUpClient,
    calls: readonly string[],
    options?: StepUpOptions,
  ) {
    const fixture = await startFixture(options)
    const clientId = await fixture.register()
    const { outcomes, journal } = await run(client, fixture, { clientId, calls, atOnce: true })
    const count = (start: string) => journal.filter((line) => line.startsWith(start)).length
    return { outcomes, count }
  }

  for (const client of STEPPING.filter(isPython)) {
    verifies(
      'CASE-52',
      `${client.name}: one login for each scope, and all are answered`,
      async () => {
        const { outcomes, count } = await runAtOnce(client, BOTH_TWICE)
        expect(outcomes).toEqual(BOTH_TWICE.map((name) => `${name} done`))
        // It has one request under way at a time until the headers of its answer are there.
        expect(count('login')).toBe(3)
        expect(count('token')).toBe(3)
      },
    )
  }

  for (const client of STEPPING.filter(({ sdk }) => sdk === 'v2')) {
    verifies(
      'CASE-52',
      `${client.name}: a login for each call, and one of them counts`,
      async () => {
        const { outcomes, count } = await runAtOnce(client, BOTH_TWICE)
        // What an application keeps of a login is overwritten by the next one: it must take them in turn.
        const done = outcomes.filter((outcome) => outcome.endsWith(' done'))
        const lost = outcomes.filter((outcome) => outcome === 'Error: this is not our login')
        expect([done.length, lost.length]).toEqual([1, 3])
        expect(count('login')).toBe(5)
        expect(count('token')).toBe(2)
      },
    )
  }

  const v1 = STEP_UP_CLIENTS.find(isV1) as StepUpClient

  /** Now and then two calls of one tool follow each other: then the client stops by itself. */
  async function triesUntilItLoops() {
    const tries: { outcomes: readonly string[]; refused: number; refreshed: number }[] = []
    while (tries.length < 10) {
      const { outcomes, count } = await runAtOnce(v1, BOTH_TWICE, {
        // As in Keycloak, where a refresh token may be used again. Otherwise the second use ends it: invalid_grant.
        identityProvider: { rotateRefreshToken: false },
      })
      const refused = count('tools/call read_note: 403') + count('tools/call write_note: 403')
      tries.push({ outcomes, refused, refreshed: count('refreshed') })
      if (outcomes.some((outcome) => outcome.includes('too_many_requests'))) break
    }
    return tries
  }

  verifies('CASE-52', 'SDK v1, of one tool: one refresh', async () => {
    const { outcomes, count } = await runAtOnce(
      v1,
      BOTH_TWICE.map(() => 'read_note'),
    )
    for (const outcome of outcomes) expect(outcome).toContain('403 after trying upscoping')
    expect(count('refreshed')).toBe(1)
    expect(count('tools/call read_note: 403')).toBe(5)
  })

  verifies(
    'CASE-52',
    'SDK v1, of two tools: refreshes without end, because it remembers only the last challenge; 429 ends it',
    async () => {
      const tries = await triesUntilItLoops()
      for (const { outcomes, refused, refreshed } of tries) {
        for (const outcome of outcomes) {
          expect(outcome).toMatch(/too_many_requests|403 after trying upscoping/)
        }
        expect(refused).toBeLessThan(40)
        expect(refreshed).toBeLessThan(40)
      }
      expect(tries.at(-1)?.refused).toBeGreaterThanOrEqual(30)
    },
  )
})

verifies(
  'CASE-52',
  'an application of SDK v2 that never tires is told 429 in the end, and stops',
  async () => {
    const fixture = await startFixture()
    fixture.grantAtMost(USE)
    const provider = new v2.Provider(browserOf())
    knowsClient(provider, { clientId: await fixture.register(), issuer: fixture.issuer })
    const recorder = new Recorder()
    const client = await v2.connect({ url: fixture.url, provider, recorder, mode: 'legacy' })
    const transport = client.transport as v2.Transport
    let error: unknown
    for (let attempt = 0; attempt < 100; attempt++) {
      error = await callOnce(client, 'read_note').catch((thrown: unknown) => thrown)
      if (!(error instanceof UnauthorizedErrorV2)) break
      await transport.finishAuth(provider.callback())
    }
    expect(describeError(error)).toMatch(/^SdkHttpError: .*"too_many_requests"/)
    // Thirty at once, and one more every two seconds.
    const refused = fixture
      .takeJournal()
      .filter((line) => line.startsWith('tools/call read_note: 403'))
    expect(refused.length).toBeGreaterThanOrEqual(30)
    expect(refused.length).toBeLessThan(60)
    await client.close()
  },
)

verifies(
  'CASE-52',
  'mcp 2.x, pinned to the newest revision: a 403 right after the first login is its user’s, who calls again',
  async () => {
    const client = STEPPING.find(({ sdk, revision }) => sdk === 'mcp 2' && revision === 'modern')
    const fixture = await startFixture()
    const clientId = await fixture.register()
    const calls = ['read_note', 'read_note']
    const task = { clientId, calls, mode: v2.MODERN }
    const { outcomes, journal } = await run(client as StepUpClient, fixture, task)
    // Of one request it answers one challenge, and this one has no other request before it.
    expect(outcomes).toEqual(['MCPError: Server returned an error response', 'read_note done'])
    expect(journal).toEqual([
      `tools/call read_note: 401, needs ${USE}`,
      `login for ${USE}`,
      `token for ${USE}`,
      `tools/call read_note: 403, needs ${USE_READ}`,
      ...READ_STEP,
    ])
  },
)

describe('without base scopes', () => {
  verifies(
    'CASE-53',
    'Python’s clients ask for every scope that the identity provider names, those of the SDK for none',
    async () => {
      const fixture = await startFixture({ baseScopes: '' })
      const clients = STEP_UP_CLIENTS.filter(({ revision }) => revision === 'legacy')
      for (const client of clients.filter(isPython)) {
        const { outcomes, journal } = await run(client, fixture, { calls: ['write_note'] })
        expect(outcomes).toEqual(['write_note done'])
        expect(journal).toContain(`registered for ${ALL_ORDERED} openid`)
        expect(journal).toContain(`login for ${ALL_ORDERED} openid`)
      }
      for (const client of clients.filter((each) => !isPython(each))) {
        // oidc-provider lets nobody in for nothing.
        await expect(run(client, fixture, { calls: ['write_note'] })).rejects.toThrow()
        expect(fixture.takeJournal()).toEqual([
          'initialize: 401',
          'registered for nothing',
          'login for nothing: access_denied',
        ])
      }
    },
  )
})
