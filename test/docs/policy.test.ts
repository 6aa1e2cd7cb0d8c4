/** `examples/policy` and the commands of docs/policy.md, as their reader types them. */
import { copyFileSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { runCheck } from '../../src/cli/check.js'
import { parsePolicy } from '../../src/config/policy-file.js'
import { freePort, startProcess } from '../support/cli.js'
import { eventually } from '../support/gateway.js'
import { guideBlock, readGuide } from '../support/guides.js'
import { Workspace } from '../support/workspace.js'

const ROOT = resolve(import.meta.dirname, '../..')
const FOLDER = join(ROOT, 'examples/policy')
const NAME = 'everything.policy.yaml'
const POLICY = readFileSync(join(FOLDER, NAME), 'utf8')
const GUIDE = readFileSync(join(FOLDER, 'README.md'), 'utf8')
const EVERYTHING = fileURLToPath(
  import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'),
)
const PATIENCE = 150_000

function openWorkspace(names: Readonly<Record<string, string | number>> = {}): Workspace {
  const workspace = new Workspace(names)
  onTestFinished(() => workspace.remove())
  copyFileSync(join(FOLDER, NAME), join(workspace.folder, NAME))
  return workspace
}

test('the policy of the guide is that of the file, is right, and names a version that is here', () => {
  expect(parsePolicy(NAME, POLICY).problems).toEqual([])
  expect(/```yaml\n([\s\S]*?)```/.exec(GUIDE)?.[1]).toBe(POLICY)
  const { version } = createRequire(import.meta.url)(
    '@modelcontextprotocol/server-everything/package.json',
  ) as { readonly version: string }
  const named = [...GUIDE.matchAll(/server-everything@([\d.]+)/g)].map(([, each]) => each)
  expect(new Set(named)).toEqual(new Set([version]))
})

test('the policy of docs/policy.md is right', () => {
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(readGuide('docs/policy')) ?? []
  expect(parsePolicy('policy.md', yaml).problems).toEqual([])
  expect(yaml.trim().split('\n').length).toBeLessThanOrEqual(12)
})

test(
  'the guide: a starter, and what the policy does',
  async () => {
    const workspace = openWorkspace()
    const init = await workspace.run(guideBlock('policy', 'init'))
    expect(init).toMatchObject({ code: 0, stdout: expect.stringMatching(/: 4 rules, no problems/) })
    const starter = readFileSync(join(workspace.folder, 'starter.policy.yaml'), 'utf8')
    expect(starter).toMatch(/^ +- get-env # readOnlyHint; /m)
    const look = await workspace.run(guideBlock('policy', 'look'))
    expect(look.code).toBe(0)
    expect(look.stdout).toContain(`${NAME}: 6 rules, no problems\n`)
    expect(look.stdout).toMatch(/^tool +get-env +mcp:admin, claim realm_access\.roles has ops /m)
    expect(look.stdout).toMatch(/^A rule names each of the \d\d\.$/m)
    expect(look.stdout).toMatch(/^allowed$/m)
    const denied = await workspace.run(guideBlock('policy', 'denied'))
    expect(denied.code).toBe(1)
    expect(denied.stdout).toBe(/```text\n([\s\S]*?)```/.exec(GUIDE)?.[1])
  },
  PATIENCE,
)

test('the guide: the gateway’s command line is right', async () => {
  const [npx, name, ...argv] = guideBlock('policy', 'gateway')
    .replaceAll('\\\n', ' ')
    .trim()
    .split(/\s+/)
  expect([npx, name]).toEqual(['npx', 'mcp-gatehouse'])
  let output = ''
  const code = await runCheck(
    argv,
    {},
    {
      stdout: (text) => (output += text),
      stderr: (text) => (output += text),
      readFile: (path) => readFileSync(join(FOLDER, basename(path)), 'utf8'),
    },
  )
  expect(output).toContain(`/${NAME} # --oauth-policy\n`)
  expect(code).toBe(0)
})

test(
  'docs/policy.md: four commands for a server by HTTP',
  async () => {
    const port = await freePort()
    const server = startProcess(process.execPath, [EVERYTHING, 'streamableHttp'], {
      PORT: String(port),
    })
    await eventually(() => server.stderr().includes('listening on port'), 20_000)
    const { code, stdout } = await openWorkspace({ '127.0.0.1:8000': `127.0.0.1:${port}` }).run(
      guideBlock('docs/policy', 'policy'),
    )
    expect(code).toBe(0)
    expect(stdout).toMatch(/rules, no problems\n[\s\S]*A rule names each of[\s\S]*\nallowed\n$/)
  },
  PATIENCE,
)
