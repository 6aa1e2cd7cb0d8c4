/** The guide, from its first command to its last, in a folder of its own; Authelia is 4.37.5, as it says. */
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../support/cli.js'
import { guideBlock } from '../support/guides.js'
import { Workspace } from '../support/workspace.js'
import { CLIENT } from './configuration.js'
import { AUTHELIA } from './distribution.js'
import { Server } from './server.js'

let workspace: Workspace
let server: Server
let resource: string

/** Its output, once it ended well. */
async function output(commands: string): Promise<string> {
  const { code, stdout, stderr } = await workspace.run(commands)
  expect(code, stdout + stderr).toBe(0)
  return stdout
}

beforeAll(async () => {
  const ports = { 9091: await freePort(), 8931: await freePort() }
  resource = `http://127.0.0.1:${ports[8931]}/mcp`
  // The reader puts the name into /etc/hosts.
  workspace = new Workspace({ ...ports, 'auth.example.com': '127.0.0.1' })
  workspace.install('authelia', AUTHELIA)
  await output(guideBlock('authelia', 'secrets'))
  const secrets = join(workspace.folder, 'secrets')
  server = await Server.start({ port: ports[9091], resource, secrets })
})
afterAll(async () => {
  await workspace.remove()
  await server.remove()
})

test('secrets: one line each, and a certificate that its CA made', async () => {
  const read = (name: string) => readFileSync(join(workspace.folder, 'secrets', name), 'utf8')
  const names = ['session', 'storage', 'reset', 'hmac', 'gateway']
  for (const name of names) expect(read(name), name).toMatch(/^\w{64}\n$/)
  expect(new Set(names.map(read)).size).toBe(names.length)
  expect(read('gateway.digest')).toMatch(/^\$pbkdf2-sha512\$100000\$\S+\n$/)
  const ca = new X509Certificate(read('ca/ca.public.crt'))
  const certificate = new X509Certificate(read('tls/public.crt'))
  expect(certificate.verify(ca.publicKey)).toBe(true)
  for (const file of ['configuration.yml', 'compose.yaml']) {
    const paths = readFileSync(join(workspace.folder, file), 'utf8').match(/\bsecrets\/[\w./]+/g)
    expect(paths?.length, file).toBeGreaterThan(1)
    for (const path of paths ?? [])
      expect(existsSync(join(workspace.folder, path)), path).toBe(true)
  }
  expect(await output('ls')).toBe('compose.yaml\nconfiguration.yml\nsecrets\nusers.yml\n')
})

test('the sample server is the version that is tested here', () => {
  const { version } = createRequire(import.meta.url)(
    '@modelcontextprotocol/server-everything/package.json',
  ) as { readonly version: string }
  for (const name of ['gateway', 'gateway-old'] as const) {
    expect(guideBlock('authelia', name)).toContain(`server-everything@${version} stdio`)
  }
})

test('gateway, knock: what a client sees first', async () => {
  const gateway = guideBlock('authelia', 'gateway')
  await workspace.start(gateway, resource)
  const shown = await output(guideBlock('authelia', 'knock'))
  expect(shown).toMatch(/^HTTP\/1\.1 401 /)
  expect(shown).toMatch(/^www-authenticate: Bearer .*resource_metadata="/im)
  expect(shown).toContain('"scopes_supported":["mcp:tools"]')
  expect(shown).toContain(`"authorization_servers":["${server.issuer}"]`)
  expect(shown).toContain(`"issuer":"${server.issuer}"`)
  await workspace.stop(gateway)
})

test('gateway-old, client: from the URL to the answer of a tool', async () => {
  await workspace.start(guideBlock('authelia', 'gateway-old'), resource)
  const command = guideBlock('authelia', 'client').trimEnd()
  const shown = await output(`${command} --as alice`)
  expect(shown).toContain('5 steps, all as they should be')
  expect(shown).not.toContain('✗')

  const stranger = await workspace.run(`${command} --as mallory`)
  expect(stranger.code).toBe(1)
  expect(stranger.stdout).toContain('Not as it should be')
  expect((await workspace.run(command.replace(/--client-id \S+/, ''))).code).toBe(2)
})

test('introspect, token, revoke: Authelia’s own opinion of it, and what the gateway makes of it', async () => {
  const introspect = guideBlock('authelia', 'introspect')
  expect(JSON.parse(await output(introspect))).toMatchObject({
    active: true,
    aud: [CLIENT],
    client_id: CLIENT,
    scope: 'groups',
  })
  const token = guideBlock('authelia', 'token')
  const shown = await output(token)
  expect(shown).toContain('HTTP/1.1 200 ')
  expect(shown).toContain('"protocolVersion"')

  expect(await output(guideBlock('authelia', 'revoke'))).toContain('HTTP/1.1 200 ')
  const revokedAt = performance.now()
  expect(JSON.parse(await output(introspect))).toEqual({ active: false })
  await expect
    .poll(() => output(token), { timeout: 40_000, interval: 200 })
    .toContain('HTTP/1.1 401 ')
  const seconds = (performance.now() - revokedAt) / 1000
  process.stderr.write(`guide: refused ${seconds.toFixed(1)} s after it was revoked\n`)
  expect(seconds).toBeLessThan(31)
})
