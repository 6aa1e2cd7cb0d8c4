/** The command `key`: what it prints, what it writes, and what it leaves alone. */
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync, chmodSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runKey } from '../../src/cli/key/command.js'
import { isWholeApiKey } from '../../src/token/api-key.js'
import { digestOf } from '../support/api-keys.js'
import { guideBlock, wordsOf } from '../support/guides.js'
import { verifies } from '../support/verifies.js'

const RESOURCE = 'https://mcp.example.com/mcp'
const NOW = Date.parse('2026-12-01T10:00:00Z')

function start(content?: string) {
  const file = join(mkdtempSync(join(tmpdir(), 'gatehouse-')), 'keys.yaml')
  if (content !== undefined) writeFileSync(file, content, { mode: 0o640 })
  function run(command: string, ...more: readonly string[]) {
    let [stdout, stderr] = ['', '']
    const io = {
      stdout: (text: string) => void (stdout += text),
      stderr: (text: string) => void (stderr += text),
      now: () => NOW,
    }
    const code = runKey([command, file, ...more], io)
    return { code, stdout, stderr: stderr.replaceAll(file, 'FILE') }
  }
  const text = () => readFileSync(file, 'utf8')
  return { file, run, text }
}

const NEW = ['--subject', 'ci', '--resource', RESOURCE] as const

describe('new', () => {
  verifies('IDN-14', 'prints the key alone, and writes its digest alone', () => {
    const { file, run, text } = start()
    const { code, stdout, stderr } = run('new', ...NEW, '--scopes', 'a b', '--id', 'ci-1')
    const key = stdout.trim()
    expect([code, isWholeApiKey(key), stdout]).toEqual([0, true, `${key}\n`])
    expect(stderr).toContain('it is shown this once; FILE holds only its SHA-256')
    expect(stderr + text()).not.toContain(key.slice(4, 20))
    expect(text()).toContain(`digest: ${digestOf(key)}\n`)
    expect(text()).toContain('scopes: a b\n')
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  verifies('IDN-14', 'ends after 90 days, or as it was told; never is loud', () => {
    const { run, text } = start()
    run('new', ...NEW)
    run('new', ...NEW, '--days', '1')
    const { stderr } = run('new', ...NEW, '--no-expiry')
    expect(text().match(/expires: .*/g)).toEqual([
      'expires: 2027-03-01',
      'expires: 2026-12-02',
      'expires: never',
    ])
    expect(stderr).toContain('warning: it never ends')
  })

  verifies('IDN-14', 'leaves everything else of the file alone, and its mode', () => {
    const before = `# ours\nname: ops # the team\nkeys:\n  - id: old\n    digest: ${'a'.repeat(64)}\n    subject: bob # on leave\n    resources: [${RESOURCE}]\n    expires: never\n`
    const { file, run, text } = start(before)
    expect(run('new', ...NEW, '--id', 'next').code).toBe(0)
    expect(text().startsWith(before.replace(`[${RESOURCE}]`, `[ ${RESOURCE} ]`))).toBe(true)
    expect(statSync(file).mode & 0o777).toBe(0o640)
    expect(run('revoke', 'next').code).toBe(0)
    expect(text()).toContain('# on leave')
  })

  test.each([
    [['--resource', RESOURCE], '--subject: is missing'],
    [['--subject', 'ci'], '--resource: is missing'],
    [[...NEW, '--days', '0'], '--days: is not a number of days'],
    [[...NEW, '--days', '9999'], '--days: is not a number of days'],
    [[...NEW, '--days', '9', '--no-expiry'], '--no-expiry: is given together with --days'],
    [['--subject', 'ci', '--resource', 'mcp'], 'must be a list of URLs'],
    [[...NEW, '--id', 'a b'], 'must be letters, digits'],
    [[...NEW, '--expiry', '9'], '--expiry: no such flag'],
  ])('%j: a problem, and no file', (argv, problem) => {
    const { file, run } = start()
    const { code, stdout, stderr } = run('new', ...argv)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(problem)
    expect(existsSync(file)).toBe(false)
  })

  test('the same id twice is a problem, and prints no key', () => {
    const { run, text } = start()
    run('new', ...NEW, '--id', 'a')
    const before = text()
    expect(run('new', ...NEW, '--id', 'a')).toMatchObject({ code: 2, stdout: '' })
    expect(text()).toBe(before)
  })
})

describe('list and revoke', () => {
  verifies('IDN-14', 'show who has a key for what, and no digest', () => {
    const { run, text } = start()
    run('new', ...NEW, '--id', 'a', '--scopes', 'x')
    run('new', ...NEW, '--id', 'b', '--no-expiry')
    const { stdout } = run('list')
    expect(stdout.split('\n')).toEqual([
      `a for ci; opens "${RESOURCE}"; x; ends 2027-03-01`,
      `b for ci; opens "${RESOURCE}"; no scopes; ends never`,
      '',
    ])
    const listed = JSON.parse(run('list', '--json').stdout) as object[]
    expect(listed).toMatchObject([{ id: 'a', state: 'valid' }, { id: 'b' }])
    expect(JSON.stringify(listed)).not.toContain('digest')
    expect(run('revoke', 'a')).toMatchObject({ code: 0 })
    expect(text().match(/id: .*/g)).toEqual(['id: b'])
    expect(run('revoke', 'a')).toMatchObject({ code: 2 })
  })

  test('a file that is missing, broken, or for others to write', () => {
    expect(start().run('list')).toMatchObject({ code: 1 })
    expect(start('keys: 7').run('list').stderr).toContain('must have a list of keys')
    const { file, run } = start('keys: []')
    chmodSync(file, 0o666)
    expect(run('new', ...NEW)).toMatchObject({ code: 1, stdout: '' })
    expect(run('revoke', 'a').stderr).toContain('chmod go-w')
  })

  test('ended keys say so', () => {
    const { run } = start(
      `keys: [{ id: a, digest: ${'a'.repeat(64)}, subject: ci, resources: [${RESOURCE}], expires: 2026-11-30 }]`,
    )
    expect(run('list').stdout).toContain('ends 2026-11-30 (ended)')
  })
})

test('the block of docs/keys.md makes a key', () => {
  const words = wordsOf(guideBlock('docs/keys', 'new'))
  const argv = words.slice(words.indexOf('new') + 2, words.indexOf('>'))
  const { run, text } = start()
  const { code, stdout } = run('new', ...argv)
  expect([code, isWholeApiKey(stdout.trim())]).toEqual([0, true])
  expect(text()).toContain('scopes: mcp:read\n')
})

test.each([
  [[], 'key: needs a command'],
  [['make'], 'key make: no such command'],
  [['revoke', 'FILE'], 'ID: is missing'],
])('%j: what is wrong', (argv, problem) => {
  let stderr = ''
  const io = {
    stdout: () => undefined,
    stderr: (text: string) => void (stderr += text),
    now: () => 0,
  }
  expect(runKey(argv, io)).toBe(2)
  expect(stderr).toContain(problem)
})
