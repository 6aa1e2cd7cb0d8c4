/** Policies that are replaced while the gateway serves: of all resources, or of none. */
import { describe, expect } from 'vitest'
import { type PolicyDocument } from 'mcp-gatehouse'
import { createGateway, type GatewayOptions } from 'mcp-gatehouse/gateway'
import { eventually, startGateway, startUpstream, type GatewayFixture } from '../support/gateway.js'
import { RESOURCE } from '../support/idp.js'
import { problemsOf } from '../support/problems.js'
import { verifies } from '../support/verifies.js'

const GITHUB = 'https://mcp.example.com/github/mcp'
const FILES = 'https://mcp.example.com/files/mcp'
const OPEN = 'https://mcp.example.com/open/mcp'

const only = (...tools: readonly string[]): PolicyDocument => ({
  rules: [{ tools, scopes: [] }],
  unmatched: 'deny',
})
const event = (...names: readonly string[]) =>
  `data: {"jsonrpc":"2.0","id":1,"result":{"tools":${JSON.stringify(names.map((name) => ({ name })))}}}\n\n`

async function statusOf(fixture: GatewayFixture, name: string, path = '/mcp', resource = RESOURCE) {
  const token = await fixture.idp.token({ claims: { aud: resource } })
  const response = await fixture.call(
    {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } }),
    },
    path,
  )
  await response.arrayBuffer()
  return response.status
}

describe('one resource', () => {
  verifies('STA-07', 'an open stream filters by the new policy, and stays open', async () => {
    let write: ((text: string) => void) | undefined
    const upstream = await startUpstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      write = (text) => response.write(text)
    })
    const fixture = await startGateway(upstream, { policy: only('a'), sseKeepAlive: 0 })
    const response = await fixture.call({ headers: { accept: 'text/event-stream' } })
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    const next = async () => {
      write?.(event('a', 'b'))
      return Buffer.from((await reader.read()).value ?? []).toString()
    }
    expect(await next()).toBe(event('a'))
    fixture.gateway.replacePolicies({ [RESOURCE]: only('b') })
    expect(await next()).toBe(event('b'))
    expect(fixture.gateway.status().streams).toBe(1)
    await reader.cancel()
  })

  verifies('SCP-06', 'a call that is at the server goes on; the next one is refused', async () => {
    let answer: (() => void) | undefined
    const upstream = await startUpstream((_request, response) => {
      answer = () => response.end('{}')
    })
    const fixture = await startGateway(upstream, { policy: only('a') })
    const status = statusOf(fixture, 'a')
    await eventually(() => answer !== undefined)
    fixture.gateway.replacePolicies({ [RESOURCE]: only('b') })
    answer?.()
    expect(await status).toBe(200)
    expect(await statusOf(fixture, 'a')).toBe(403)
  })

  verifies('CASE-61', 'an unknown one is a problem, also before the gateway listens', () => {
    const gateway = createGateway({
      authorizationServers: 'https://sso.example.com',
      resource: RESOURCE,
      upstream: 'http://127.0.0.1:1/mcp',
      policy: only('a'),
    })
    const replace = () => gateway.replacePolicies({ [RESOURCE]: only('b') })
    expect(problemsOf(replace)).toEqual([`policies.${RESOURCE}`])
    // What has no properties of its own would replace nothing, in silence.
    const empty = [[only('b')], new Map([[RESOURCE, only('b')]]), Promise.resolve({})]
    for (const given of empty) {
      expect(problemsOf(() => gateway.replacePolicies(given as never))).toEqual(['policies'])
    }
  })

  verifies('CASE-61', 'without tokens there is no policy to replace', async () => {
    const fixture = await startGateway('http://127.0.0.1:1/mcp', { auth: 'none' })
    const replace = () => fixture.gateway.replacePolicies({ [RESOURCE]: only('b') })
    expect(problemsOf(replace)).toEqual([`policies.${RESOURCE}`])
  })
})

describe('several resources', () => {
  async function start() {
    const upstream = await startUpstream((_request, response) => response.end('{}'))
    const resources: GatewayOptions['resources'] = [
      { resource: GITHUB, upstream, policy: only('a') },
      { resource: FILES, upstream, policy: only('a') },
      { resource: OPEN, upstream },
    ]
    const fixture = await startGateway(upstream, {
      resource: undefined,
      upstream: undefined,
      resources,
    } as never)
    const allowed = async () =>
      Promise.all(
        ['a', 'b'].flatMap((name) => [
          statusOf(fixture, name, '/github/mcp', GITHUB),
          statusOf(fixture, name, '/files/mcp', FILES),
        ]),
      )
    return { fixture, allowed }
  }

  verifies('SCP-06', 'each gets its own; what is not named keeps its policy', async () => {
    const { fixture, allowed } = await start()
    expect(await allowed()).toEqual([200, 200, 403, 403])
    fixture.gateway.replacePolicies({ [GITHUB]: only('b') })
    expect(await allowed()).toEqual([403, 200, 200, 403])
    fixture.gateway.replacePolicies({ [GITHUB]: only('a'), [FILES]: only('b') })
    expect(await allowed()).toEqual([200, 403, 403, 200])
  })

  const broken = { rules: [], unmatched: 'maybe' } as never
  const WRONG: readonly (readonly [
    what: string,
    resource: string,
    policy: PolicyDocument,
    path: string,
  ])[] = [
    ['invalid', FILES, broken, `${FILES}.unmatched`],
    ['for no resource', `${FILES}/`, only('b'), `${FILES}/`],
    ['for one without a policy', OPEN, only('b'), OPEN],
    ['with other lists', FILES, { ...only('b'), lists: 'full' }, `${FILES}.lists`],
  ]
  for (const [what, resource, policy, path] of WRONG) {
    verifies(['SCP-06', 'CASE-61'], `one that is ${what}: none is replaced`, async () => {
      const { fixture, allowed } = await start()
      const replace = () =>
        fixture.gateway.replacePolicies({ [GITHUB]: only('b'), [resource]: policy })
      expect(problemsOf(replace)).toEqual([`policies.${path}`])
      expect(await allowed()).toEqual([200, 200, 403, 403])
    })
  }

  verifies('CASE-61', 'all problems of all of them are told', async () => {
    const { fixture } = await start()
    const replace = () => fixture.gateway.replacePolicies({ [GITHUB]: broken, [FILES]: broken })
    expect(problemsOf(replace)).toEqual([
      `policies.${GITHUB}.unmatched`,
      `policies.${FILES}.unmatched`,
    ])
  })
})
