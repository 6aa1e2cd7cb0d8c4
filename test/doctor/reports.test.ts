/** The forms of the report, and what changed since an earlier one. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect } from 'vitest'
import { parse } from 'yaml'
import { changesSince } from '../../src/cli/doctor/changes.js'
import type { Diagnosis } from '../../src/cli/doctor/diagnosis.js'
import { htmlReport } from '../../src/cli/doctor/html-report.js'
import { jsonReport, readBaseline, type JsonReport } from '../../src/cli/doctor/json-report.js'
import { junitReport } from '../../src/cli/doctor/junit-report.js'
import { createPaint } from '../../src/cli/doctor/paint.js'
import { sarifReport } from '../../src/cli/doctor/sarif-report.js'
import { textReport } from '../../src/cli/doctor/text-report.js'
import { bundledCli, freePort, writeTemporary } from '../support/cli.js'
import { look, openToBrowsers, startProvider, startResource } from '../support/doctor.js'
import { runHere, startListeningProvider } from '../support/doctor-command.js'
import { startGateway, startUpstream } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

const AT = Date.UTC(2026, 11, 1)

async function diagnosisOf(metadata: Readonly<Record<string, unknown>>): Promise<Diagnosis> {
  const { origin } = await startResource()
  const idp = await startProvider(metadata)
  const hosts = {
    'https://mcp.example.com': origin,
    'https://sso.example.com': openToBrowsers(idp),
  }
  return look({ hosts, url: 'https://mcp.example.com/mcp' })
}

const right = () => diagnosisOf({})
/** Claude and ChatGPT fail, Inspector does not, and of VS Code it is not known. */
const withoutPkce = () => diagnosisOf({ code_challenge_methods_supported: undefined })

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'gatehouse-doctor-'))
}

/** Whether each element ends, and in order. */
function unbalanced(markup: string): readonly string[] {
  const open: string[] = []
  const odd: string[] = []
  for (const [, close, name = '', self] of markup.matchAll(/<(\/?)([a-z][a-z\d]*)[^>]*?(\/?)>/g)) {
    if (self === '/' || name === 'meta') continue
    if (close === '') open.push(name)
    else if (open.pop() !== name) odd.push(name)
  }
  return [...odd, ...open]
}

describe('JUnit', () => {
  verifies(
    'DOC-09',
    'has a case for each client: failed, skipped where it is not known, passed',
    async () => {
      const xml = junitReport([await withoutPkce()])
      expect(unbalanced(xml)).toEqual([])
      expect(xml).toMatch(
        /<testsuite name="https:\S+" tests="12" failures="4" errors="0" skipped="5">/,
      )
      expect(xml).toMatch(/name="claude.ai">\n +<failure message="[^"]*PKCE[^"]*">/)
      expect(xml).toMatch(/name="VS Code">\n +<skipped message="not known: [^"]+"\/>/)
      expect(xml).toMatch(/name="MCP Inspector"\/>/)
    },
  )

  verifies('DOC-09', 'an error that stops no client fails a case of its own', async () => {
    const { findings, ...rest } = await right()
    const [finding] = findings
    const wrong = {
      ...rest,
      findings: [{ ...finding!, severity: 'error' as const, seen: 'a < "b" & c' }],
    }
    const xml = junitReport([wrong])
    expect(xml).toMatch(/failures="1"/)
    expect(xml).toContain('a &lt; &quot;b&quot; &amp; c')
  })
})

describe('SARIF', () => {
  interface Log {
    readonly version: string
    readonly runs: readonly [
      {
        readonly tool: {
          readonly driver: {
            readonly rules: readonly { readonly id: string; readonly helpUri?: string }[]
          }
        }
        readonly results: readonly {
          readonly ruleId: string
          readonly ruleIndex: number
          readonly level: string
          readonly baselineState?: string
          readonly partialFingerprints: object
          readonly locations: readonly unknown[]
        }[]
      },
    ]
  }

  verifies('DOC-09', 'has a rule for each kind, and a result for each finding', async () => {
    const diagnosis = await withoutPkce()
    const log = JSON.parse(
      sarifReport({ diagnoses: [diagnosis], changes: undefined, at: AT }),
    ) as Log
    const [{ tool, results }] = log.runs
    expect(log.version).toBe('2.1.0')
    expect(results.map(({ ruleId }) => ruleId)).toEqual(diagnosis.findings.map(({ id }) => id))
    expect(results.map(({ ruleIndex }) => tool.driver.rules[ruleIndex]?.id)).toEqual(
      results.map(({ ruleId }) => ruleId),
    )
    expect(results.find(({ ruleId }) => ruleId === 'pkce-absent')?.level).toBe('error')
    expect(results.every(({ locations }) => locations.length === 1)).toBe(true)
    const uris = tool.driver.rules.flatMap(({ helpUri }) => helpUri ?? [])
    expect(uris.filter((uri) => !uri.startsWith('https://'))).toEqual([])
    expect(results[0]).not.toHaveProperty('baselineState')
  })

  verifies('DOC-09', 'says with a baseline what is new', async () => {
    const baseline = jsonReport({ diagnoses: [await right()], changes: undefined, at: AT })
    const diagnoses = [await withoutPkce()]
    const changes = changesSince(baseline, diagnoses)
    const log = JSON.parse(sarifReport({ diagnoses, changes, at: AT })) as Log
    const states = log.runs[0].results.map(({ ruleId, baselineState }) => [ruleId, baselineState])
    expect(Object.fromEntries(states)).toEqual({
      'pkce-absent': 'new',
      'audience-advice': 'unchanged',
    })
  })
})

/** WCAG 2, relative luminance. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

describe('the page', () => {
  const page = async () =>
    htmlReport({ diagnoses: [await withoutPkce()], changes: undefined, at: AT })

  verifies('DOC-09', 'needs nothing else, and runs nothing', async () => {
    const html = await page()
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
    expect(html).not.toMatch(
      /<(?:script|link|img|iframe|object|form)\b|\bsrc=|url\(|@import|\son\w+=/,
    )
    expect(unbalanced(html.replace('<!doctype html>', ''))).toEqual([])
  })

  verifies(
    'DOC-09',
    'is for everyone: language, title, headings in order, a table with its heads',
    async () => {
      const html = await page()
      expect(html).toMatch(/<html lang="en">/)
      expect(html).toMatch(/<title>[^<]+<\/title>/)
      expect(html).toMatch(/name="viewport" content="width=device-width, initial-scale=1"/)
      const levels = [...html.matchAll(/<h(\d)>/g)].map(([, level]) => Number(level))
      expect(levels.filter((level) => level === 1)).toHaveLength(1)
      const jumps = levels.filter((level, at) => level > (levels[at - 1] ?? 0) + 1)
      expect(jumps).toEqual([])
      expect(html).toMatch(/<caption>Who connects<\/caption>/)
      expect(html.match(/<th(?! scope="(?:row|col)")(?=[ >])/g)).toBeNull()
      expect(html).toMatch(/<b>error<\/b>: /)
    },
  )

  verifies('DOC-09', 'can be read in light and in dark', async () => {
    const html = await page()
    const blocks = [...html.matchAll(/:root \{([^}]*)\}/g)].map(([, body = '']) =>
      Object.fromEntries(
        [...body.matchAll(/--(\w+): (#[\da-f]{6})/g)].map(([, name, colour]) => [name, colour]),
      ),
    )
    expect(blocks).toHaveLength(4)
    const [light, dark, lightMarks, darkMarks] = blocks
    const schemes = [
      { ...light, ...lightMarks },
      { ...dark, ...darkMarks },
    ]
    for (const { ground = '', line: _, ...texts } of schemes as Record<string, string>[]) {
      const faint = Object.entries(texts).filter(([, colour]) => contrast(colour, ground) < 4.5)
      expect(faint).toEqual([])
      expect(Object.keys(texts).length).toBeGreaterThan(5)
    }
  })

  verifies(['DOC-09', 'DOC-05'], 'shows what others chose as text', async () => {
    const { findings, ...rest } = await right()
    const [finding] = findings
    const odd = {
      ...rest,
      url: 'https://a.example/<script>',
      findings: [{ ...finding!, seen: `<img src=x onerror="a">` }],
    }
    const html = htmlReport({ diagnoses: [odd], changes: undefined, at: AT })
    expect(html).not.toMatch(/<script|<img/)
    expect(html).toContain('&lt;img src=x onerror=&quot;a&quot;&gt;')
  })
})

describe('a baseline', () => {
  const reportOf = (diagnosis: Diagnosis) =>
    jsonReport({ diagnoses: [diagnosis], changes: undefined, at: AT })

  verifies('DOC-10', 'what got worse is told, and what is better', async () => {
    const [good, bad] = [await right(), await withoutPkce()]
    const worse = changesSince(reportOf(good), [bad])
    expect(worse.appeared.map(({ finding }) => finding.id)).toEqual(['pkce-absent'])
    expect(worse.verdicts.find(({ title }) => title === 'claude.ai')).toMatchObject({
      before: 'yes',
      now: 'no',
    })
    const better = changesSince(reportOf(bad), [good])
    expect(better.gone.map(({ finding }) => finding.id)).toEqual(['pkce-absent'])
    expect([worse.isWorse, better.isWorse, changesSince(reportOf(bad), [bad]).isWorse]).toEqual([
      true,
      false,
      false,
    ])
    const text = textReport({ diagnoses: [good], changes: better, at: AT }, createPaint(false))
    expect(text).toMatch(/^Since 2026-12-01T00:00:00\.000Z$/m)
    expect(text).toMatch(
      /^ {2}gone {2}The authorization server does not say that it supports PKCE/m,
    )
    expect(text).toMatch(/^ {2}claude\.ai: no, now yes$/m)
    const html = htmlReport({ diagnoses: [good], changes: better, at: AT })
    expect(html).toMatch(/<li>Gone: The authorization server does not say/)
  })

  verifies('DOC-10', 'numbers that always differ are no change', async () => {
    const before = await withoutPkce()
    const findings = before.findings.map((finding) => ({
      ...finding,
      seen: 'Its clock is 61 s behind ours.',
    }))
    const { appeared, gone } = changesSince(reportOf(before), [{ ...before, findings }])
    expect([appeared, gone]).toEqual([[], []])
  })

  for (const [name, text, fault] of [
    ['no JSON', 'x', 'is not JSON'],
    ['another version', '{"version":2}', 'is not a report of this version'],
    ['no list', '{"version":1,"at":"2026"}', 'is not a report of the doctor'],
    [
      'an answer that is not a text',
      '{"version":1,"at":"","diagnoses":[{"url":"","verdicts":[{"client":"claude","connects":7}],"findings":[]}]}',
      'is not a report of the doctor',
    ],
    [
      'a finding without a title',
      '{"version":1,"at":"","diagnoses":[{"url":"","verdicts":[],"findings":[{"id":"a","about":""}]}]}',
      'is not a report of the doctor',
    ],
  ] as const) {
    verifies('DOC-10', `${name}: ${fault}`, () => {
      expect(readBaseline(text)).toBe(fault)
    })
  }
})

/** A gateway that listens where its resource says, without PKCE at its provider. */
async function startServer(): Promise<string> {
  const port = await freePort()
  const idp = await startListeningProvider()
  idp.metadata = { ...idp.metadata, code_challenge_methods_supported: ['plain'] }
  await startGateway(await startUpstream((_request, response) => response.end('{}')), {
    port,
    resource: `http://127.0.0.1:${port}/mcp`,
    authorizationServers: idp.issuer,
    fetch: globalThis.fetch,
  })
  return `http://127.0.0.1:${port}/mcp`
}

describe('the command', () => {
  verifies(
    ['DOC-09', 'DOC-10', 'DOC-05'],
    'writes all forms, and a known error is exit code 0 with a baseline',
    async () => {
      const url = `${await startServer()}?key=canary`
      const own = folder()
      const first = await runHere([url, '--client=inspector', '--json'])
      expect(first.code).toBe(1)
      const baseline = writeTemporary('baseline.json', first.stdout)
      const files = ['html', 'sarif', 'junit'].map((form) => join(own, form))
      const flags = files.map((file, at) => `--${['html', 'sarif', 'junit'][at]}=${file}`)
      const second = await runHere([
        url,
        '--client=inspector',
        `--baseline=${baseline}`,
        '--json',
        ...flags,
      ])
      expect(second.stderr).toBe('')
      expect((JSON.parse(second.stdout) as JsonReport).changes).toMatchObject({
        appeared: [],
        gone: [],
        isWorse: false,
      })
      expect(second.code).toBe(0)
      const [html = '', sarif = '', junit = ''] = files.map((file) => readFileSync(file, 'utf8'))
      expect([html.slice(0, 15), sarif.slice(0, 1), junit.slice(0, 5)]).toEqual([
        '<!doctype html>',
        '{',
        '<?xml',
      ])
      expect(`${html}${sarif}${junit}${second.stdout}`).not.toContain('canary')
    },
  )

  verifies(
    'DOC-07',
    'a baseline that cannot be read is a problem before anything is asked',
    async () => {
      const missing = await runHere([
        'https://a.example',
        '--baseline',
        join(folder(), 'none.json'),
      ])
      expect(missing.stderr).toMatch(/^--baseline: .*cannot be read|ENOENT|there is no file/)
      expect([missing.code, missing.steps]).toEqual([2, []])
      const other = await runHere([
        'https://a.example',
        '--baseline',
        writeTemporary('x.json', '{}'),
      ])
      expect(other.stderr).toMatch(/^--baseline: is not a report of this version/)
    },
  )

  verifies('DOC-07', 'a file that cannot be written is told of', async () => {
    const file = join(folder(), 'none', 'page.html')
    const { code, stderr, stdout } = await runHere([await startServer(), '--html', file])
    expect(stderr).toMatch(/^--html: cannot be written \(ENOENT\)/)
    expect(stdout).toContain('Who connects')
    expect(code).toBe(2)
  })
})

describe('the action', () => {
  const ROOT = resolve(import.meta.dirname, '../..')
  interface Action {
    readonly inputs: Record<string, { readonly description: string }>
    readonly outputs: Record<string, unknown>
    readonly runs: {
      readonly steps: readonly { readonly run: string; readonly env?: Record<string, string> }[]
    }
  }
  const action = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8')) as Action

  async function runAction(inputs: Readonly<Record<string, string>>) {
    const own = folder()
    const output = writeTemporary('output', '')
    const step = action.runs.steps.at(-1)
    const child = spawn('bash', ['-eo', 'pipefail', '-c', step?.run ?? 'exit 9'], {
      cwd: own,
      env: {
        PATH: process.env['PATH'],
        GITHUB_ACTION_PATH: resolve(bundledCli(), '../../..'),
        GITHUB_OUTPUT: output,
        RUNNER_TEMP: own,
        ...Object.fromEntries(
          Object.keys(action.inputs).map((name) => [
            `DOCTOR_${name.toUpperCase()}`,
            inputs[name] ?? '',
          ]),
        ),
      },
    })
    let stdout = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += String(chunk)))
    const code = await new Promise((settle) => child.once('close', settle))
    return { code, stdout, own, outputs: readFileSync(output, 'utf8') }
  }

  verifies('DOC-09', 'runs the doctor, and names the files that it wrote', async () => {
    const { code, stdout, own, outputs } = await runAction({
      url: await startServer(),
      clients: 'inspector mcp-remote',
    })
    expect(stdout).toMatch(/^ {2}MCP Inspector +no/m)
    expect(stdout).not.toContain('claude.ai')
    expect(code).toBe(1)
    expect(Object.keys(action.outputs).map((form) => `${form}=${own}/doctor.${form}`)).toEqual(
      outputs.trim().split('\n'),
    )
    expect(readFileSync(join(own, 'doctor.html'), 'utf8')).toContain('MCP Inspector')
  })

  verifies('DOC-05', 'no input is a command', async () => {
    const { code, own } = await runAction({
      url: 'https://a.example/$(touch made)',
      clients: '`touch made` * ;',
    })
    expect(code).toBe(2)
    expect(() => readFileSync(join(own, 'made'))).toThrow('ENOENT')
    // The runner writes expressions into the text of a script before a shell reads it.
    expect(action.runs.steps.filter(({ run }) => run.includes('${{'))).toEqual([])
  })
})
