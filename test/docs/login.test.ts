/** The pages that log in: their commands as their reader types them, with a browser that fills in the forms by itself. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startIdp, type Idp } from '../../examples/demo/idp.js'
import { freePort } from '../support/cli.js'
import { startFixture, SCOPE, type Fixture } from '../support/fixture.js'
import { guideBlock } from '../support/guides.js'
import { writeOpener } from '../support/opener.js'
import { Workspace } from '../support/workspace.js'

let idp: Idp
let fixture: Fixture
let workspace: Workspace

beforeAll(async () => {
  idp = await startIdp([SCOPE])
  const resource = `http://127.0.0.1:${await freePort()}/mcp`
  idp.resources.set(resource, { scope: SCOPE })
  fixture = await startFixture({ issuer: idp.issuer, resource })
  workspace = new Workspace({ 'https://mcp.example.com/mcp': fixture.url })
  for (const name of ['xdg-open', 'open']) workspace.install(name, writeOpener())
  const settings = `auth: oauth
resource: ${fixture.url}
upstream: http://127.0.0.1:9/mcp
oauth: { issuer: '${idp.issuer}', scopes: '${SCOPE}' }
`
  writeFileSync(join(workspace.folder, 'gatehouse.yaml'), settings)
})
afterAll(async () => {
  await workspace.remove()
  await fixture.stop()
  await idp.stop()
})

test('docs/troubleshooting: login lists the tools', async () => {
  const { code, stdout } = await workspace.run(guideBlock('docs/troubleshooting', 'login'))
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^whoami /) })
}, 60_000)

test('docs/tokens: a call with a token, which no output has and no file keeps', async () => {
  const block = guideBlock('docs/tokens', 'call')
  const { code, stdout, stderr } = await workspace.run(block)
  expect(code, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/^accepted at /)
  expect(stdout).toContain('HTTP/1.1 200 ')
  expect(stdout).toContain('"protocolVersion"')
  expect(stdout + stderr).not.toMatch(/eyJ[\w-]+\.[\w-]+\./)
  expect(readdirSync(workspace.folder)).toEqual(['gatehouse.yaml'])
}, 60_000)
