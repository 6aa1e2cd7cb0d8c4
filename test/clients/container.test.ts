/** `examples/container` and the image of `examples/linkedin`, as far as it goes without an engine. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { startIdp } from '../../examples/demo/idp.js'
import { runCheck } from '../../src/cli/check.js'
import { freePort, startProcess } from '../support/cli.js'
import { guideBlock } from '../support/guides.js'
import { verifies } from '../support/verifies.js'
import { CLIENTS } from './clients.js'
import { EXAMPLES, gatewayCommand, readDockerfile, valuesOf } from './dockerfile.js'
import { SCOPE } from './stage.js'

const run = promisify(execFile)
const ROOT = resolve(import.meta.dirname, '../..')
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly version: string
}
const KNOWN = /^(?:FROM|RUN|COPY|USER|ENV|EXPOSE|ENTRYPOINT|CMD)$/

describe.each(['container', 'linkedin'])('examples/%s/Dockerfile', (guide) => {
  const instructions = readDockerfile(guide)
  const of = (name: string) => valuesOf(instructions, name)

  test('has instructions that are known, and begins with an image', () => {
    expect(instructions.filter(({ name }) => !KNOWN.test(name))).toEqual([])
    expect(instructions[0]?.name).toBe('FROM')
  })

  test('names each base by an exact version', () => {
    for (const base of of('FROM'))
      expect(base).toMatch(/^[\w./-]+:\d+\.\d+\.\d+[\w.-]*(?: AS \w+)?$/)
  })

  test('installs exact versions, the gateway in that of this checkout', () => {
    const installed = of('RUN')
      .filter((command) => command.startsWith('npm '))
      .flatMap((command) => command.split(' ').slice(2))
      .filter((word) => !word.startsWith('-'))
    expect(installed).toContain(`mcp-gatehouse@${version}`)
    for (const name of installed) expect(name).toMatch(/.@\d+\.\d+\.\d+$/)
  })

  test('runs as somebody who is not root, from the last USER on', () => {
    const last = instructions.map(({ name }) => name).lastIndexOf('USER')
    expect(instructions[last]?.value).toMatch(/^(?:node|pwuser)$/)
    const after = instructions.slice(last).map(({ name }) => name)
    expect(after).not.toContain('RUN')
    expect(after).not.toContain('COPY')
  })

  test('starts without a shell, with an init before the gateway', () => {
    for (const value of [...of('ENTRYPOINT'), ...of('CMD')]) {
      expect(JSON.parse(value)).toEqual(expect.arrayContaining([expect.any(String)]))
    }
    expect(of('ENTRYPOINT')).toHaveLength(1)
    expect((JSON.parse(of('ENTRYPOINT')[0] ?? '') as string[])[0]).toBe('tini')
  })

  test('has no secret in it, and copies nothing that it does not name', () => {
    for (const value of of('ENV')) expect(value).not.toMatch(/secret|token|password|_KEY/i)
    for (const value of of('COPY')) expect(value).not.toMatch(/(?:^| )\.(?: |\/?$)/)
    expect(instructions.map(({ name }) => name)).not.toContain('ARG')
  })
})

verifies('CASE-61', 'the settings of the guide are right', async () => {
  const [name, command, ...argv] = guideBlock('container', 'check')
    .replaceAll('\\\n', ' ')
    .replace('mcp-server-filesystem', process.execPath)
    .trim()
    .split(/\s+/)
  expect([name, command]).toEqual(['mcp-gatehouse', 'check'])
  let stderr = ''
  const io = { stdout: () => undefined, stderr: (text: string) => (stderr += text) }
  expect(await runCheck(argv, { PATH: process.env['PATH'] }, io), stderr).toBe(0)
})

verifies(
  ['CASE-61', 'CASE-62'],
  'what the image installs and starts, in an empty folder: a client logs in and uses the server',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-container-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    await run('npm', ['pack', '--pack-destination', folder], { cwd: ROOT })
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''
    const instructions = readDockerfile('container')
    for (const command of valuesOf(instructions, 'RUN')) {
      if (!command.startsWith('npm ')) continue
      const [file = '', ...args] = command
        .replace(`mcp-gatehouse@${version}`, join(folder, tarball))
        .split(' ')
      await run(file, [...args, '--prefix', folder, '--prefer-offline'], { cwd: folder })
    }
    const files = join(folder, 'srv/files')
    mkdirSync(files, { recursive: true })

    const idp = await startIdp([SCOPE])
    onTestFinished(() => idp.stop())
    const port = await freePort()
    const resource = `http://127.0.0.1:${port}/mcp`
    const [, ...args] = gatewayCommand(instructions)
    const gateway = startProcess(
      join(folder, 'bin/mcp-gatehouse'),
      args.map((each) => (each === '/srv/files' ? files : each)),
      {
        PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
        PORT: String(port),
        MCP_GATEHOUSE_RESOURCE: resource,
        MCP_GATEHOUSE_OAUTH_ISSUER: idp.issuer,
        MCP_GATEHOUSE_OAUTH_SCOPES: SCOPE,
        MCP_GATEHOUSE_LOG_FORMAT: 'json',
      },
    )
    await gateway.listening()
    idp.resources.set(resource, { scope: SCOPE })
    const [client] = CLIENTS
    const call = { name: 'list_allowed_directories', arguments: {} }
    const outcome = await client?.run(inject('python'), resource, call)
    expect(outcome).toMatchObject({ tools: 14, result: `Allowed directories:\n${files}` })
    gateway.process.kill('SIGTERM')
    expect(await gateway.exited, gateway.stderr()).toBe(0)
  },
)

test('the guide names the files that are there', () => {
  const readme = readFileSync(join(EXAMPLES, 'linkedin/README.md'), 'utf8')
  const files = readdirSync(join(EXAMPLES, 'linkedin')).filter((name) => name !== 'README.md')
  for (const name of files) expect(readme).toContain(`| \`${name}\``)
})
