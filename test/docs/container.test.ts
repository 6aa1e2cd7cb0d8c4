/** The images of the examples. No container engine is at hand: their shape, and their commands in an empty directory. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { pack } from '../support/checkout.js'
import { freePort, startProcess } from '../support/cli.js'
import { readDockerfile } from './dockerfile.js'

const run = promisify(execFile)

describe.each(['container', 'linkedin'])('examples/%s/Dockerfile', (example) => {
  const { stages, image, gatewayCommand, text } = readDockerfile(example)

  test('every image has a version, and the last one runs as a user without rights', () => {
    for (const { from } of stages) expect(from).toMatch(/^[\w./-]+:(?!latest)[\w.-]+$/)
    expect(image.user).toMatch(/^(?!root$|0$)[a-z]\w+$/)
  })

  test('it is started without a shell, below an init, and asks for tokens', () => {
    expect(image.entrypoint[0]).toBe('tini')
    expect(gatewayCommand.slice(0, 5)).toEqual([
      ...['mcp-gatehouse', '--auth', 'oauth'],
      ...['--host', '0.0.0.0'],
    ])
    expect(image.cmd[0]).toBe('--')
  })

  test('no secret is in it, and nothing comes from elsewhere', () => {
    expect(text).not.toMatch(/^ADD /m)
    expect(text).not.toMatch(/SECRET|PASSWORD|TOKEN=|curl|wget/)
  })
})

test('examples/container: what it installs and starts is closed without a token, and a server with one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-container-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { stages, image, gatewayCommand } = readDockerfile('container')
  const [build] = stages
  // What `RUN` says, with folders of this test in place of those of the image.
  const [, packed = ''] =
    /npm pack --pack-destination (\S+)/.exec(build?.run.join('\n') ?? '') ?? []
  expect(packed).toBe('/packed')
  await pack(folder)
  const installs = image.run
    .flatMap((line) => line.split(' && '))
    .filter((each) => each.startsWith('npm install'))
  expect(installs?.length).toBe(2)
  for (const install of installs ?? []) {
    const args = install.replaceAll('/packed/', `${folder}/`).split(/\s+/).slice(1)
    await run('npm', [...args, '--prefix', folder, '--prefer-offline'])
  }
  const env = { PATH: `${folder}/bin:${process.env['PATH'] ?? ''}` }
  const [file = '', ...args] = gatewayCommand
  const unnamed = startProcess(join(folder, 'bin', file), args, env)
  expect(await unnamed.exited).toBe(2)
  expect(unnamed.stderr()).toMatch(/resource[\s\S]*issuer|issuer[\s\S]*resource/)
  const port = await freePort()
  const cli = startProcess(join(folder, 'bin', file), args, {
    ...env,
    PORT: String(port),
    MCP_GATEHOUSE_RESOURCE: 'https://mcp.example.com/mcp',
    MCP_GATEHOUSE_OAUTH_ISSUER: 'https://sso.example.com/realms/mcp',
  })
  await cli.listening()
  const answer = await fetch(`http://127.0.0.1:${port}/mcp`, { method: 'POST', body: '{}' })
  expect(answer.status).toBe(401)
}, 240_000)
