/** Options of the gateway are checked before anything is made, and what is made is made once. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { ConfigurationError, type ConfigurationProblem } from 'mcp-gatehouse'
import { createGateway, type GatewayOptions, type GatewayResource } from 'mcp-gatehouse/gateway'
import { checkGateway } from '../../src/gateway/settings.js'
import { ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const UPSTREAM = 'http://127.0.0.1:8000/mcp'
const ODD: ConfigurationProblem = { path: 'cache', message: 'is odd', hint: 'leave it out' }

/** An authorization server whose introspector is made by a function. */
function asked(issuer: string = ISSUER, problem?: ConfigurationProblem) {
  const calls: string[] = []
  const server = {
    issuer,
    jwks: () => ({ keys: [] }),
    introspector: (world: { readonly issuer: string }) => {
      calls.push(world.issuer)
      if (problem !== undefined) throw new ConfigurationError([problem])
      return { introspect: () => Promise.reject(new Error('not in this test')) }
    },
  }
  return { calls, server }
}

function pathsOf(options: GatewayOptions): readonly string[] {
  try {
    createGateway(options)
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(({ path }) => path)
    throw error
  }
}

describe('an introspector that a function makes', () => {
  verifies('INT-01', 'is made once, before the gateway listens', async () => {
    const { calls, server } = asked()
    const options = { port: 0, upstream: UPSTREAM, authorizationServers: server }
    expect(checkGateway(options).problems).toEqual([])
    expect(calls).toEqual([])
    const gateway = createGateway(options)
    onTestFinished(() => gateway.close())
    expect(calls).toEqual([ISSUER])
    await gateway.listen()
    expect(calls).toEqual([ISSUER])
  })

  test('is made once for each resource', async () => {
    const { calls, server } = asked()
    const gateway = createGateway({
      port: 0,
      authorizationServers: ['https://other.example.com', server],
      resources: ['a', 'b'].map((name) => ({
        resource: `https://mcp.example.com/${name}`,
        upstream: UPSTREAM,
      })),
    })
    onTestFinished(() => gateway.close())
    await gateway.listen()
    expect(calls).toEqual([ISSUER, ISSUER])
  })

  test('stops the start when it cannot be made, in the words of its place', () => {
    const { server } = asked(ISSUER, ODD)
    const upstream = UPSTREAM
    expect(pathsOf({ upstream, authorizationServers: server })).toEqual([
      'authorizationServers[0].cache',
    ])
    const [a, b, c] = ['a', 'b', 'c'].map((name) => ({
      resource: `https://mcp.example.com/${name}`,
      upstream,
    })) as [GatewayResource, GatewayResource, GatewayResource]
    const resources = [a, { ...b, authorizationServers: [server] }, c]
    expect(pathsOf({ authorizationServers: [server], resources })).toEqual([
      'authorizationServers[0].cache',
      'resources[1].authorizationServers[0].cache',
    ])
  })

  test('is not made when anything else is wrong', () => {
    const { calls, server } = asked()
    expect(pathsOf({ upstream: '', authorizationServers: server })).toEqual(['upstream'])
    expect(calls).toEqual([])
  })
})

describe('checking', () => {
  const GOOD = { upstream: UPSTREAM, authorizationServers: ISSUER }

  test.each([
    ['ca', { ca: '' }],
    ['onAudit', { onAudit: 'file' }],
    ['auditArguments', { auditArguments: 'yes' }],
    ['children', { upstream: undefined, command: ['a'], children: [] }],
    ['childEnvironment', { upstream: undefined, command: ['a'], childEnvironment: 'A=1' }],
  ])('%s must be of its kind', (path, options) => {
    expect(pathsOf({ ...GOOD, ...options } as never)).toEqual([path])
  })

  test('fills in the defaults, and changes nothing', () => {
    const options = Object.freeze({ ...GOOD })
    const { settings, problems } = checkGateway(options)
    expect(problems).toEqual([])
    expect(settings).toMatchObject({
      auth: 'oauth',
      host: '127.0.0.1',
      port: 8080,
      sessionKeys: undefined,
      streamGrace: 300,
      routes: [{ resource: undefined, allowOrigins: undefined, forwardHeaders: [] }],
    })
    expect(checkGateway(options)).toEqual({
      settings: {
        ...settings,
        routes: settings?.routes.map((route) => ({ ...route, trust: expect.anything() })),
      },
      problems,
    })
  })
})
