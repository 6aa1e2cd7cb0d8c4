/**
 * `mcp-gatehouse doctor`, as its users start it: it asks the gateway what clients ask, and says who connects.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { COMMAND_LINE } from './gateway.js'
import { members } from './recorder.js'
import type { Report } from './say.js'

interface Verdict {
  readonly title: string
  readonly connects: string
  readonly why: readonly string[]
}

interface Finding {
  readonly id: string
  readonly severity: string
}

interface Diagnosis {
  readonly verdicts: readonly Verdict[]
  readonly findings: readonly Finding[]
}

/** What is wrong with any address of this machine, for clients that run on the servers of their vendors. */
const LOOPBACK: ReadonlySet<string> = new Set(['not-public', 'issuer-not-public'])

/** @throws {Error} with what the doctor said, if there is no report */
async function diagnose(url: string): Promise<Diagnosis> {
  const child = spawn(process.execPath, [...COMMAND_LINE, 'doctor', url, '--json'])
  let report = ''
  let said = ''
  child.stdout.on('data', (chunk) => (report += String(chunk)))
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  await once(child, 'close')
  const [diagnosis] = (members(report)['diagnoses'] ?? []) as readonly Diagnosis[]
  if (diagnosis === undefined) throw new Error(`the doctor has no report:\n${said}`)
  return diagnosis
}

export async function examine(url: string, report: Report): Promise<void> {
  report.command(`mcp-gatehouse doctor ${url}`)
  const { verdicts, findings } = await diagnose(url)
  const [yes, no] = ['yes', 'no'].map((answer) =>
    verdicts.filter(({ connects }) => connects === answer),
  )
  const titles = (some: readonly Verdict[] = []) => some.map(({ title }) => title).join(', ')
  const reasons = [...new Set(no?.flatMap(({ why }) => why))]
  const errors = findings.filter(({ severity }) => severity === 'error')
  report.step({
    title: 'The doctor asks what clients ask, and says which of them connect',
    spec: 'docs/doctor.md',
    lines: [
      `← yes: ${titles(yes)}`,
      `← no: ${titles(no)}`,
      ...reasons.map((reason) => `       ${reason}`),
    ],
    expect: {
      'clients of this machine that connect': titles(yes).includes('Claude Code'),
      'no error except that this is loopback': errors.every(({ id }) => LOOPBACK.has(id)),
      'an answer for each client':
        yes?.length !== 0 && yes!.length + no!.length === verdicts.length,
    },
  })
}
