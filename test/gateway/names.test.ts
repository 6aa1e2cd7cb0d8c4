/** Where resources are served: at paths of their own, under second names, and never two at one place. */
import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createGateway } from 'mcp-gatehouse/gateway'
import { startGateway, startUpstream } from '../support/gateway.js'
import { ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const INSIDE = 'https://mcp.internal/mcp'
const PUBLIC = 'https://mcp.example.com/mcp'
const METADATA = '/.well-known/oauth-protected-resource/mcp'

function ask(port: number, host: string, path: string, token = '') {
  const authorization = token === '' ? {} : { authorization: `Bearer ${token}` }
  return new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path, headers: { host, ...authorization } },
      (response) => {
        let body = ''
        response.on('data', (chunk: Buffer) => (body += chunk.toString()))
        response.on('end', () => resolve({ status: response.statusCode, body }))
      },
    )
    sent.on('error', reject)
    sent.end()
  })
}

const make = (...resources: readonly object[]) => {
  const list = resources.map((each) => ({ upstream: 'http://127.0.0.1:8000/mcp', ...each }))
  return () => createGateway({ authorizationServers: ISSUER, resources: list as never })
}

describe('a second public name', () => {
  async function startBoth() {
    const upstream = await startUpstream((_request, response) => response.end('{}'))
    const fixture = await startGateway('', {
      upstream: undefined as never,
      resource: undefined as never,
      resources: [INSIDE, PUBLIC].map((resource) => ({ resource, upstream })),
    })
    return { ...fixture, tokenFor: (aud: string) => fixture.idp.token({ claims: { aud } }) }
  }

  verifies('IDN-09', 'has metadata of its own, by the host that is configured', async () => {
    const { port } = await startBoth()
    const resourceAt = async (host: string) => {
      const { body } = await ask(port, host, METADATA)
      return (JSON.parse(body) as { resource?: string }).resource
    }
    expect(await resourceAt('mcp.internal')).toBe(INSIDE)
    expect(await resourceAt('mcp.example.com')).toBe(PUBLIC)
    expect(await resourceAt('evil.example')).toBe(undefined)
  })

  verifies('IDN-09', 'takes no token for the first', async () => {
    const { port, tokenFor } = await startBoth()
    const [inside, outside] = [await tokenFor(INSIDE), await tokenFor(PUBLIC)]
    expect((await ask(port, 'mcp.internal', '/mcp', inside)).status).toBe(200)
    expect((await ask(port, 'mcp.example.com', '/mcp', outside)).status).toBe(200)
    expect((await ask(port, 'mcp.example.com', '/mcp', inside)).status).toBe(401)
    expect((await ask(port, 'evil.example', '/mcp', inside)).status).toBe(403)
  })
})

describe('two resources', () => {
  verifies('IDN-09', 'served at one place are a problem', () => {
    const a = { resource: 'https://mcp.example.com/a/mcp', path: '/mcp' }
    const b = { resource: 'https://mcp.example.com/b/mcp' }
    expect(make(a, b)).not.toThrow()
    expect(make(a, { ...b, path: '/served' })).not.toThrow()
    expect(make(a, { ...b, path: '/mcp' })).toThrow('has the host and path of resources[0]')
    expect(make(a, { ...b, path: '/mcp/' })).toThrow('has the host and path of resources[0]')
    expect(make(a, { resource: PUBLIC })).toThrow('has the host and path of resources[0]')
    expect(make(a, { resource: `${b.resource}/`, path: '/x' }, b)).toThrow('resources[1]')
  })

  verifies('IDN-09', 'with hosts of their own may be served at one path', () => {
    const a = { resource: 'https://a.example/a/mcp', path: '/mcp' }
    expect(make(a, { resource: 'https://b.example/b/mcp', path: '/mcp' })).not.toThrow()
  })
})

test.each(['served', '/served?a', '/a/../b', '/%6d'])('%s is not a path', (path) => {
  expect(make({ resource: PUBLIC, path })).toThrow('must be one path')
})

test('the health path is neither at nor below the path that is served', () => {
  const options = {
    authorizationServers: ISSUER,
    upstream: 'http://127.0.0.1:8000/mcp',
    resource: PUBLIC,
    path: '/served',
  }
  const withHealth = (healthPath: string) => () => createGateway({ ...options, healthPath })
  expect(withHealth('/served/health')).toThrow('is at or below')
  expect(withHealth('/mcp/health')).not.toThrow()
})
