import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { readAuthFlags } from 'mcp-gatehouse/flags'
import { protectedResource as honoMiddleware } from 'mcp-gatehouse/hono'
import { protectedResource, type AuthenticatedRequest } from 'mcp-gatehouse/node'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

/** Somebody's server: it knows `--greeting` and has nothing to do with tokens. */
async function serve(
  argv: readonly string[],
  idp: FakeIdp,
  body: (url: string) => Promise<void>,
): Promise<void> {
  const result = readAuthFlags({ argv, env: {} })
  if (result.auth === 'invalid') throw new Error(result.text)
  const greeting = result.rest[result.rest.indexOf('--greeting') + 1]
  const guard =
    result.auth === 'oauth' ? protectedResource({ ...result.options, fetch: idp.fetch }) : undefined
  const server = createServer((request: AuthenticatedRequest, response) => {
    const answer = () => response.end(`${greeting} ${request.auth?.clientId ?? 'stranger'}`)
    if (guard === undefined) answer()
    else guard(request, response, answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

const FLAGS = ['--greeting', 'hello', '--auth', 'oauth', '--oauth-issuer', ISSUER]

async function get(url: string, token?: string): Promise<string> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(url, { headers })
  return `${response.status} ${response.ok ? await response.text() : response.headers.get('www-authenticate')}`
}

verifies(
  'CASE-61',
  "a server of somebody else's asks for tokens by flags, and only then",
  async () => {
    const idp = await FakeIdp.start()
    const token = await idp.token()
    const foreign = await idp.token({ claims: { aud: 'https://other.example.com/mcp' } })

    await serve([...FLAGS, '--resource', RESOURCE], idp, async (url) => {
      expect(await get(`${url}/mcp`)).toMatch(/^401 Bearer .*resource_metadata=/)
      expect(await get(`${url}/mcp`, foreign)).toMatch(/^401 Bearer .*invalid_token/)
      expect(await get(`${url}/mcp`, token)).toBe('200 hello client-1')
      const metadata = await fetch(`${url}/.well-known/oauth-protected-resource/mcp`)
      expect(await metadata.json()).toMatchObject({
        resource: RESOURCE,
        authorization_servers: [ISSUER],
      })
    })

    await serve(['--greeting', 'hello'], idp, async (url) => {
      expect(await get(`${url}/mcp`)).toBe('200 hello stranger')
    })
  },
)

verifies('KEY-04', 'with a key file nobody is contacted', async () => {
  const idp = await FakeIdp.start()
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-flags-'))
  try {
    const file = join(folder, 'jwks.json')
    writeFileSync(file, JSON.stringify(idp.jwks))
    const argv = [...FLAGS, '--resource', RESOURCE, '--oauth-jwks-file', file]
    await serve(argv, idp, async (url) => {
      expect(await get(`${url}/mcp`)).toMatch(/^401 /)
      expect(await get(`${url}/mcp`, await idp.token())).toBe('200 hello client-1')
    })
    expect(idp.requests).toEqual([])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

verifies('PRM-01', 'the same options protect a Hono app', async () => {
  const idp = await FakeIdp.start()
  const result = readAuthFlags({ argv: [...FLAGS, `--resource=${RESOURCE}`], env: {} })
  if (result.auth !== 'oauth') throw new Error('not protected')
  const { Hono } = await import('hono')
  const app = new Hono()
  app.use(honoMiddleware({ ...result.options, fetch: idp.fetch }))
  app.get('/mcp', (c) => c.text('in'))
  expect((await app.request('/mcp')).status).toBe(401)
  const headers = { authorization: `Bearer ${await idp.token()}` }
  expect((await app.request('/mcp', { headers })).status).toBe(200)
})
