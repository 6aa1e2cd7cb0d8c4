/** Starts that take longer than clients wait, and commands that are run before the first client. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createGateway, type GatewayEvent, type GatewayOptions } from 'mcp-gatehouse/gateway'
import { REAL_TIME } from '../../../src/gateway/clock.js'
import { createManualClock } from '../../support/clocks.js'
import { eventually, type GatewayFixture } from '../../support/gateway.js'
import { FakeIdp, ISSUER } from '../../support/idp.js'
import { verifies } from '../../support/verifies.js'
import {
  Client,
  commandOf,
  isAlive,
  messagesOf,
  startServer,
  until,
  type ClientOptions,
} from './support.js'

/** Says who it is at once, and answers `initialize` at SIGUSR2. */
const SLOW = `
  if (method !== 'initialize') return answer(id, { pid: process.pid })
  process.on('SIGUSR2', () => answer(id, { protocolVersion: '2025-11-25' }))
  process.stderr.write('pid ' + process.pid + '\\n')`

/** Real time: the command must not take too long for it. */
function startSlow(options: Partial<GatewayOptions> = {}): Promise<GatewayFixture> {
  return startServer(SLOW, options, REAL_TIME)
}

const PARAMS = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c' } }

function bodyOf(params: object = PARAMS, id: number | string = 0): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method: 'initialize', params })
}

/** Process ids of the children, once there are so many. */
async function pidsOf(fixture: GatewayFixture, count: number): Promise<readonly number[]> {
  const pids = () =>
    fixture
      .reported('child.remarked')
      .flatMap(({ text }) => (/^pid (\d+)$/.exec(text) ?? []).slice(1))
  await eventually(() => pids().length === count)
  return pids().map(Number)
}

/** Begins a session, and leaves before the answer. */
async function abandon(fixture: GatewayFixture, body = bodyOf(), options: ClientOptions = {}) {
  const ends = () =>
    fixture.reported('request.completed').filter(({ end }) => end === 'client left')
  const children = fixture.reported('child.started').length
  const before = ends().length
  const leaving = new AbortController()
  const asked = new Client(fixture, options).send('POST', body, {}, leaving.signal)
  await eventually(() => fixture.reported('child.started').length === children + 1)
  leaving.abort()
  await expect(asked).rejects.toThrow('abort')
  await eventually(() => ends().length === before + 1)
}

describe('a start that its client abandons', () => {
  verifies(
    'FLD-11',
    'is taken over by a retry, which gets the answer under its own id',
    async () => {
      const fixture = await startSlow()
      await abandon(fixture)
      const [pid = 0] = await pidsOf(fixture, 1)
      const client = new Client(fixture)
      const asked = client.send('POST', bodyOf(PARAMS, 'again'))
      await eventually(() => fixture.reported('start.resumed').length === 1)
      process.kill(pid, 'SIGUSR2')
      const opened = await asked
      expect(await opened.text()).toBe(
        '{"jsonrpc":"2.0","id":"again","result":{"protocolVersion":"2025-11-25"}}',
      )
      client.session = opened.headers.get('mcp-session-id') ?? undefined
      const [message] = await messagesOf(await client.call('pid'))
      expect(message?.result).toEqual({ pid })
      expect(fixture.reported('child.started')).toHaveLength(1)
      expect(fixture.reported('start.abandoned')[0]?.hint).toContain('--child-warm')
    },
  )

  verifies('FLD-11', 'and the hint is not what is done already', async () => {
    const bench = await startSlow({ childWarm: true })
    await eventually(() => bench.reported('child.started').length === 1)
    await abandon(bench)
    expect(bench.reported('start.abandoned')).toHaveLength(1)
    expect(bench.reported('start.abandoned')[0]).not.toHaveProperty('hint')
  })

  verifies('FLD-11', 'again and again', async () => {
    const fixture = await startSlow()
    await abandon(fixture)
    const leaving = new AbortController()
    const second = new Client(fixture).send('POST', bodyOf(PARAMS, 2), {}, leaving.signal)
    await eventually(() => fixture.reported('start.resumed').length === 1)
    leaving.abort()
    await expect(second).rejects.toThrow('abort')
    await eventually(() => fixture.reported('start.abandoned').length === 2)
    const third = new Client(fixture).send('POST', bodyOf(PARAMS, 3))
    await eventually(() => fixture.reported('start.resumed').length === 2)
    const [pid = 0] = await pidsOf(fixture, 1)
    process.kill(pid, 'SIGUSR2')
    expect(await (await third).text()).toContain('"id":3,"result"')
    expect(fixture.reported('child.started')).toHaveLength(1)
  })

  verifies('FLD-11', 'ends after its first answer if nobody comes', async () => {
    const fixture = await startSlow()
    await abandon(fixture)
    const [pid = 0] = await pidsOf(fixture, 1)
    expect(isAlive(pid)).toBe(true)
    process.kill(pid, 'SIGUSR2')
    await until(() => fixture.reported('child.ended').length === 1)
    expect(fixture.reported('session.ended')[0]?.reason).toContain('its client left before')
    // What comes later begins anew.
    await abandon(fixture)
    expect(fixture.reported('child.started')).toHaveLength(2)
    expect(fixture.reported('start.resumed')).toEqual([])
    expect(fixture.reported('start.abandoned')).toHaveLength(2)
  })

  verifies('FLD-11', 'ends with its time', async () => {
    const clock = createManualClock()
    const fixture = await startServer('', {}, clock)
    await abandon(fixture)
    clock.pass(29_999)
    expect(fixture.reported('session.ended')).toEqual([])
    clock.pass(1)
    await until(() => fixture.reported('child.ended').length === 1)
    expect(fixture.reported('session.ended')[0]?.reason).toContain('did not answer within 30 s')
  })

  verifies('FLD-11', 'is the only one of its caller: the next one ends at once', async () => {
    const fixture = await startSlow()
    await abandon(fixture)
    const [first = 0] = await pidsOf(fixture, 1)
    await abandon(fixture, bodyOf({ ...PARAMS, capabilities: { roots: {} } }))
    await until(() => fixture.reported('child.ended').length === 1)
    expect(fixture.reported('session.ended')).toMatchObject([
      { reason: 'the client left before the session began' },
    ])
    expect(isAlive(first)).toBe(true)
    expect(fixture.reported('start.abandoned')).toHaveLength(1)
  })

  verifies('FLD-11', 'counts in the limits', async () => {
    const fixture = await startSlow({ children: { maxChildrenPerPrincipal: 1 } })
    await abandon(fixture)
    await abandon(fixture, bodyOf({ ...PARAMS, capabilities: { roots: {} } }))
    expect(fixture.reported('session.ended')[0]?.reason).toBe('its caller needs room for another')
  })

  describe('is not for', () => {
    const others: readonly (readonly [string, string, Record<string, unknown>])[] = [
      ['other params', bodyOf({ ...PARAMS, capabilities: { roots: {} } }), {}],
      ['params with another blank', bodyOf().replace('"capabilities":{', '"capabilities": {'), {}],
      ['another subject', bodyOf(), { sub: 'mallory' }],
      ['another client', bodyOf(), { client_id: 'another' }],
      ['a token without a client', bodyOf(), { client_id: undefined }],
      ['a token without a subject', bodyOf(), { sub: undefined }],
    ]
    for (const [who, body, claims] of others) {
      verifies('FLD-11', who, async () => {
        const fixture = await startSlow()
        await abandon(fixture)
        await abandon(fixture, body, { token: await fixture.idp.token({ claims }) })
        expect(fixture.reported('child.started')).toHaveLength(2)
        expect(fixture.reported('start.resumed')).toEqual([])
      })
    }

    const unnamed: readonly (readonly [string, Record<string, unknown>])[] = [
      ['a caller without a client', { client_id: undefined }],
      ['a caller without a subject', { sub: undefined }],
    ]
    for (const [who, claims] of unnamed) {
      verifies('FLD-11', `${who}, were it their own`, async () => {
        const fixture = await startSlow()
        const token = await fixture.idp.token({ claims })
        for (const _ of [1, 2]) await abandon(fixture, bodyOf(), { token })
        expect(fixture.reported('child.started')).toHaveLength(2)
        expect(fixture.reported('start.resumed')).toEqual([])
      })
    }

    verifies('FLD-11', 'callers without tokens', async () => {
      const fixture = await startSlow({ auth: 'none' })
      for (const _ of [1, 2]) await abandon(fixture)
      expect(fixture.reported('child.started')).toHaveLength(2)
      expect(fixture.reported('start.resumed')).toEqual([])
    })

    verifies('FLD-11', 'another resource', async () => {
      const idp = await FakeIdp.start()
      const events: GatewayEvent[] = []
      const server = {
        command: commandOf('silent'),
        childEnvironment: { PATH: process.env['PATH'] ?? '' },
      }
      const resources = ['one', 'two'].map((path) => `https://mcp.example.com/${path}`)
      const gateway = createGateway({
        port: 0,
        fetch: idp.fetch,
        authorizationServers: ISSUER,
        audience: resources,
        onEvent: (event) => events.push(event),
        resources: resources.map((resource) => ({ resource, ...server })),
      })
      onTestFinished(() => gateway.close())
      const { url } = await gateway.listen()
      const token = await idp.token({ claims: { aud: resources } })
      const reported = (type: string) => events.filter((event) => event.type === type)
      for (const path of ['one', 'two']) {
        const call = (init: RequestInit = {}) => fetch(`${url}/${path}`, init)
        await abandon({ call, reported } as unknown as GatewayFixture, bodyOf(), { token })
      }
      expect(reported('child.started')).toHaveLength(2)
      expect(reported('start.resumed')).toEqual([])
    })
  })
})

describe('a command that is warmed up', () => {
  const SAY = `process.stderr.write('env ' + Object.keys(process.env).sort() + '\\n');`

  verifies('FLD-11', 'is run once without identity, ends, and serves nobody', async () => {
    const fixture = await startServer(`${SAY} answer(id, {})`, { childWarm: true })
    await until(() => fixture.reported('child.ended').length === 1)
    const [warmed] = fixture.reported('command.warmed')
    expect(warmed).toEqual({
      type: 'command.warmed',
      child: 'warm-up',
      seconds: expect.any(Number) as number,
    })
    expect(fixture.reported('child.remarked').map(({ text }) => text)).toEqual([
      'env GATEHOUSE_PROCESS,PATH',
    ])
    expect((await new Client(fixture).open()).status).toBe(200)
    expect(fixture.reported('child.started')).toHaveLength(2)
    expect(fixture.reported('command.warmed')).toHaveLength(1)
  })

  verifies('FLD-11', 'counts for nobody', async () => {
    const children = { maxChildren: 1, startTimeout: 600 }
    const fixture = await startServer(
      `if (process.env.GATEHOUSE_SUBJECT !== undefined) answer(id, {})`,
      { childWarm: true, children },
    )
    await until(() => fixture.reported('child.started').length === 1)
    expect((await new Client(fixture).open()).status).toBe(200)
    expect(fixture.reported('command.warmed')).toEqual([])
    // And it does not outlive the gateway.
    await fixture.gateway.close()
    expect(fixture.reported('child.ended')).toHaveLength(2)
  })

  verifies('FLD-11', 'and fails says why', async () => {
    const failing: readonly (readonly [Partial<GatewayOptions>, string, string])[] = [
      [{ command: commandOf('broken') }, 'ended with exit code 3', 'stderr'],
      [{ command: ['/nowhere/server'] }, 'cannot be started (ENOENT)', 'stderr'],
      [
        { command: commandOf('silent'), children: { startTimeout: 1 } },
        'did not answer within 1 s',
        '--child-start-timeout',
      ],
    ]
    for (const [options, failure, hint] of failing) {
      const fixture = await startServer('', { childWarm: true, ...options })
      await until(() => fixture.reported('command.warmed').length === 1)
      expect(fixture.reported('command.warmed')[0]).toMatchObject({
        failure: `the command ${failure}`,
        hint: expect.stringContaining(hint) as string,
      })
    }
  })

  verifies(
    'FLD-14',
    'is not ready if that failed, and ready while it runs or has answered',
    async () => {
      const resource = 'http://127.0.0.1/mcp'
      const readiness = async (command: string, childWarm = true) => {
        const children = { startTimeout: 600 }
        const fixture = await startServer(command, { childWarm, children, auth: 'none', resource })
        const warmed = () => until(() => fixture.reported('command.warmed').length === 1)
        return { ...fixture, warmed, ask: () => fixture.gateway.readiness() }
      }
      const failed = await readiness('process.exit(3)')
      await failed.warmed()
      expect(await failed.ask()).toMatchObject({
        ready: false,
        checks: [{ ok: false, reason: '--child-warm failed: the command ended with exit code 3' }],
      })
      expect(failed.reported('upstream.probed')).toHaveLength(1)
      const good = await readiness('answer(id, {})')
      await good.warmed()
      expect((await good.ask()).ready).toBe(true)
      expect((await (await readiness('')).ask()).ready).toBe(true)
      expect((await (await readiness('process.exit(3)', false)).ask()).ready).toBe(true)
    },
  )

  verifies(
    'FLD-14',
    'is tried again a minute after it failed, and is ready when it works',
    async () => {
      const clock = createManualClock()
      const marker = join(mkdtempSync(join(tmpdir(), 'gatehouse-')), 'tried')
      const command = `
      const { existsSync, writeFileSync } = require('node:fs')
      if (!existsSync('${marker}')) { writeFileSync('${marker}', ''); process.exit(3) }
      setInterval(() => existsSync('${marker}.go') && answer(id, {}), 10)`
      const options = { childWarm: true, auth: 'none', resource: 'http://127.0.0.1/mcp' } as const
      const fixture = await startServer(command, options, clock)
      const warmed = (times: number) =>
        until(() => fixture.reported('command.warmed').length === times)
      const isReady = async () => (await fixture.gateway.readiness()).ready
      await warmed(1)
      expect(await isReady()).toBe(false)
      clock.pass(59_000)
      expect(await isReady()).toBe(false)
      expect(fixture.reported('child.started')).toHaveLength(1)
      clock.pass(11_000)
      // It stays so until the command has answered.
      expect(await isReady()).toBe(false)
      clock.pass(11_000)
      expect(await isReady()).toBe(false)
      writeFileSync(`${marker}.go`, '')
      await warmed(2)
      clock.pass(11_000)
      expect(await isReady()).toBe(true)
      clock.pass(120_000)
      expect(await isReady()).toBe(true)
      expect(fixture.reported('child.started')).toHaveLength(2)
    },
  )

  test('only where that is asked for', async () => {
    const fixture = await startServer('answer(id, {})')
    expect((await new Client(fixture).open()).status).toBe(200)
    expect(fixture.reported('child.started')).toHaveLength(1)
  })
})
