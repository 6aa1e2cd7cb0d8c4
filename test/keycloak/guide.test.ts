/** The guide, from its first command to its last, in a folder of its own. */
import { symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../clients/child.js'
import { guideBlock } from '../support/guides.js'
import { timed } from '../support/prepare.js'
import { verifies } from '../support/verifies.js'
import type { Workspace } from '../support/workspace.js'
import { writeOpener } from '../support/opener.js'
import { tarball } from './distribution.js'
import { Keycloak } from './keycloak.js'
import { loginByCode } from './mint.js'
import { createWorkspace } from './workspace.js'

let workspace: Workspace
let resource: string
let issuer: string

beforeAll(async () => {
  await Keycloak.leave()
  const ports = { 8180: await freePort(), 8931: await freePort() }
  resource = `http://127.0.0.1:${ports[8931]}/mcp`
  const origin = `http://127.0.0.1:${ports[8180]}`
  issuer = `${origin}/realms/mcp`
  workspace = createWorkspace(ports)
  // What the reader downloads; other releases have other names for one archive.
  symlinkSync(tarball, join(workspace.folder, 'keycloak-26.7.3.tar.gz'))
  const install = guideBlock('keycloak', 'install')
  await timed('guide: installing', async () => {
    expect(await workspace.run(install)).toMatchObject({ code: 0 })
  })
  const start = guideBlock('keycloak', 'start')
  await timed('guide: the first start', () =>
    workspace.start(start, `${issuer}/.well-known/openid-configuration`),
  )
  await workspace.start(guideBlock('keycloak', 'gateway'), resource)
})
afterAll(() => workspace.remove())

/** Its output, once it ended well. */
async function output(commands: string): Promise<string> {
  const { code, stdout, stderr } = await workspace.run(commands)
  expect(code, stdout + stderr).toBe(0)
  return stdout
}

test('the sample server is the version that is tested here', () => {
  const { version } = createRequire(import.meta.url)(
    '@modelcontextprotocol/server-everything/package.json',
  ) as { readonly version: string }
  for (const name of ['gateway', 'introspection'] as const) {
    expect(guideBlock('keycloak', name)).toContain(`server-everything@${version} stdio`)
  }
})

verifies('FLD-62', 'login: a person without any setting, and no tool is called', async () => {
  for (const name of ['xdg-open', 'open']) workspace.install(name, writeOpener())
  expect(await output(guideBlock('keycloak', 'login'))).toMatch(/^echo /m)
})

verifies('FLD-62', 'client: no tool is called that was not named', async () => {
  const command = guideBlock('keycloak', 'client').replace(/ --call \S+/, '')
  expect(await output(command)).toContain('none was named: none is called')
})

test('client: from the URL to the answer of a tool', async () => {
  const shown = await output(guideBlock('keycloak', 'client'))
  expect(shown).toContain('called get-tiny-image')
  expect(shown).toContain('7 steps, all as they should be')
  expect(shown).not.toContain('✗')
})

test('client: a login that fails is an exit code of 1, no URL one of 2', async () => {
  const command = guideBlock('keycloak', 'client').trimEnd()
  const stranger = await workspace.run(`${command} mallory`)
  expect(stranger.code).toBe(1)
  expect(stranger.stdout).toContain('Not as it should be')
  expect((await workspace.run(command.replace(/ http:\S+/, ''))).code).toBe(2)
})

test('knock: what a client sees first', async () => {
  const shown = await output(guideBlock('keycloak', 'knock'))
  expect(shown).toMatch(/^HTTP\/1\.1 401 /)
  expect(shown).toMatch(/^www-authenticate: Bearer .*resource_metadata="/im)
  expect(shown).toContain(`"authorization_servers":["${issuer}"]`)
  expect(shown).toContain(`"issuer":"${issuer}"`)
})

test('register: a probe may', async () => {
  const answer = JSON.parse(await output(guideBlock('keycloak', 'register'))) as object
  expect(answer).toMatchObject({
    client_id: expect.any(String),
    redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
  })
})

test('tool-scopes: a scope that a client gets when it asks for it, and a role', async () => {
  await output(guideBlock('keycloak', 'tool-scopes'))
  for (const [username, scope, role] of [
    ['alice', 'mcp:tools', true],
    ['bob', 'mcp:tools mcp:write', false],
  ] as const) {
    const login = { clientId: 'mcp-client', scope, username }
    const { access_token: token } = await loginByCode({ issuer }, login)
    const { scope: given, realm_access: access } = decodeJwt(token)
    expect(String(given).split(' ').sort()).toEqual(scope.split(' '))
    expect((access as { roles: string[] }).roles.includes('ops')).toBe(role)
  }
})

test('token, introspect: without a browser, and Keycloak’s own opinion of it', async () => {
  const shown = await output(guideBlock('keycloak', 'token'))
  expect(shown).toContain(`"aud":"${resource}"`)
  expect(shown).toMatch(/"scope":"[^"]*mcp:tools/)
  expect(shown).toContain('HTTP/1.1 200 ')
  expect(shown).toContain('"protocolVersion"')

  const answer = JSON.parse(await output(guideBlock('keycloak', 'introspect'))) as object
  expect(answer).toMatchObject({ active: true, iss: issuer, aud: resource, client_id: 'probe' })
  const token = await output('cat token')
  expect(decodeJwt(token.trim())).toMatchObject({ iss: issuer, aud: resource })
})

test('introspection, revoke: the token serves until its client is gone, and half a minute at most', async () => {
  await workspace.stop(guideBlock('keycloak', 'gateway'))
  await workspace.start(guideBlock('keycloak', 'introspection'), resource)
  const token = (await output('cat token')).trim()
  const knock = async () => {
    const answer = await fetch(resource, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
    })
    await answer.body?.cancel()
    return answer.status
  }
  // The server wants a session first: it was reached.
  expect(await knock()).toBe(400)
  await output(guideBlock('keycloak', 'revoke'))
  const revokedAt = performance.now()
  await expect.poll(knock, { timeout: 35_000, interval: 100 }).toBe(401)
  const seconds = (performance.now() - revokedAt) / 1000
  process.stderr.write(`guide: refused ${seconds.toFixed(1)} s after its client was deleted\n`)
  expect(seconds).toBeLessThan(30)
})
