/** The commands of the guide, as its reader types them, before a replica from documentation: not the product. */
import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { visit } from '../../examples/demo/browser.js'
import { obtainTokens } from '../../examples/demo/tokens.js'
import { freePort, startCli, startProcess, type Cli } from '../support/cli.js'
import { eventually } from '../support/gateway.js'
import { guideBlock } from '../support/guides.js'
import { startTenant, STATIC_CLIENT } from './tenant-file.js'
import type { Tenant } from './tenant.js'

interface Scene {
  readonly tenant: Tenant
  readonly resource: string
  readonly gateway: Cli
  /** The commands of a block with the names that exist here. */
  local(commands: string): string
  words(commands: string): readonly string[]
}

async function setUp(): Promise<Scene> {
  const port = await freePort()
  const resource = `http://127.0.0.1:${port}/mcp`
  const tenant = await startTenant(resource)
  const local = (commands: string) =>
    commands
      .replaceAll('https://mcp.example.com', new URL(resource).origin)
      .replaceAll('https://TENANT.us.auth0.com/', tenant.issuer)
  const words = (commands: string) => local(commands).replaceAll('\\\n', ' ').trim().split(/\s+/)
  const everything = import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js')
  const { version } = createRequire(import.meta.url)(
    '@modelcontextprotocol/server-everything/package.json',
  ) as { readonly version: string }
  const sample = `npx -y @modelcontextprotocol/server-everything@${version} `
  expect(guideBlock('auth0', 'gateway')).toContain(` -- ${sample}`)
  const command = guideBlock('auth0', 'gateway').replace(
    `-- ${sample}`,
    `--port ${port} -- ${process.execPath} ${fileURLToPath(everything)} `,
  )
  const [npx, name, ...args] = words(command)
  expect([npx, name]).toEqual(['npx', 'mcp-gatehouse'])
  const gateway = startCli(args)
  await gateway.listening()
  return { tenant, resource, gateway, local, words }
}

/** Logs in where the client says. */
async function runClient(
  { words }: Scene,
  user: string,
  more: readonly string[] = [],
): Promise<{ readonly code: number; readonly stdout: string }> {
  const [node, ...args] = words(guideBlock('auth0', 'client'))
  expect(node).toBe('node')
  const port = more.includes('--client-id') ? [] : ['--callback-port', String(await freePort())]
  const client = startProcess(process.execPath, [...args, ...port, ...more])
  const printed = () => client.stdout().toString()
  let hasEnded = false
  void client.exited.then(() => (hasEnded = true))
  // A user who lacks a scope is asked to log in once more.
  for (let logins = 0; ; logins++) {
    const urls = () => [...printed().matchAll(/^Log in here:\n(\S+)$/gm)].map(([, url]) => url)
    await eventually(() => hasEnded || urls().length > logins, 20_000)
    const url = urls()[logins]
    if (url === undefined) break
    await fetch((await visit(new URL(url), user)).callback)
  }
  const code = await client.exited
  return { code, stdout: printed() + client.stderr() }
}

async function sh(commands: string, cwd = tmpdir()): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-e', '-c', commands], { cwd })
  return stdout
}

test('gateway, client: from the URL to the answer of a tool', { timeout: 60_000 }, async () => {
  const scene = await setUp()
  const { code, stdout } = await runClient(scene, 'alice')
  expect(stdout).toContain('6 steps, all as they should be')
  expect(stdout).toContain('client_id=tpc_')
  expect(code).toBe(0)

  // The static client, whose callbacks are in the file.
  const other = await runClient(scene, 'alice', ['--client-id', STATIC_CLIENT])
  expect(other.stdout).toContain('5 steps, all as they should be')
  expect(other.code).toBe(0)

  // A user without the role gets no scope.
  const stranger = await runClient(scene, 'mallory')
  expect(stranger.code).toBe(1)
  expect(stranger.stdout).toContain('Not as it should be')
  const denied = scene.gateway
    .log()
    .filter(({ code: reason }) => reason === 'ERR_SCOPE_INSUFFICIENT')
  expect(denied[0]?.['hint']).toContain('with RBAC, a user gets the permissions of their roles')
})

test('knock, register, token: by curl', { timeout: 60_000 }, async () => {
  const { tenant, resource, local } = await setUp()
  const shown = await sh(local(guideBlock('auth0', 'knock')))
  expect(shown).toMatch(/^HTTP\/1\.1 401 /)
  expect(shown).toMatch(/^www-authenticate: Bearer .*resource_metadata="/im)
  expect(shown).toContain(`"authorization_servers":["${tenant.issuer}"]`)
  expect(shown).toContain(`"issuer":"${tenant.issuer}"`)
  expect(shown).toContain('"registration_endpoint"')

  const registered = JSON.parse(await sh(local(guideBlock('auth0', 'register')))) as object
  expect(registered).toMatchObject({ client_id: expect.stringMatching(/^tpc_/) })

  const { access_token: token } = await obtainTokens(tenant.issuer, {
    resource,
    scope: 'mcp:tools',
  })
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-'))
  writeFileSync(join(folder, 'token'), token)
  const answered = await sh(local(guideBlock('auth0', 'token')), folder)
  expect(decodeJwt(token).aud).toBe(resource)
  expect(answered).toContain(`"aud":"${resource}"`)
  expect(answered).toContain('"scope":"mcp:tools"')
  expect(answered).toContain('HTTP/1.1 200 ')
  expect(answered).toContain('"protocolVersion"')
})
