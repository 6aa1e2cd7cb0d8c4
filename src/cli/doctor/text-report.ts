/**
 * The report for people.
 *
 * @module
 */
import { clientNamed } from '../../advice/clients.js'
import type { Severity } from '../../advice/finding-kind.js'
import { wrap } from '../../config/help.js'
import type { Changes } from './changes.js'
import type { Diagnosis } from './diagnosis.js'
import type { Finding } from './finding.js'
import type { Results } from './json-report.js'
import type { Colour, Paint } from './paint.js'
import { printable } from './shown.js'
import { reasonOf } from './reason.js'
import { SEVERITIES } from './severities.js'
import type { Connects, Verdict } from './verdict.js'

const COLUMNS = 100
const INDENT = 10

const COLOURS: Readonly<Record<Severity, Colour>> = {
  error: 'red',
  warning: 'yellow',
  note: 'cyan',
}

const COLOURS_OF_VERDICTS: Readonly<Record<Connects, Colour>> = {
  yes: 'green',
  'with a client id': 'green',
  unknown: 'yellow',
  no: 'red',
}

function block(text: string, first = ''): readonly string[] {
  const margin = ' '.repeat(INDENT)
  return wrap(text, COLUMNS - INDENT).map((line, index) =>
    index === 0 ? `${first.padEnd(INDENT)}${line}` : `${margin}${line}`,
  )
}

function titles(names: readonly string[]): string {
  return names.map((name) => clientNamed(name)?.title ?? name).join(', ')
}

function linesOf(finding: Finding, all: number, paint: Paint): readonly string[] {
  const { severity, title, id, about, seen, breaks, mayBreak, change, reference } = finding
  const mark = paint(COLOURS[severity], severity.padEnd(INDENT))
  // There are no verdicts if the server was not reached.
  const everyone = all === 0 || breaks.length === all ? 'every client' : titles(breaks)
  return [
    `${mark}${paint('bold', title)}  ${paint('dim', id)}`,
    ...block(about),
    ...block(seen),
    ...(breaks.length > 0 ? block(`Stops ${everyone}.`) : []),
    ...(mayBreak.length > 0 && severity !== 'note'
      ? block(`May stop ${titles(mayBreak)}: it is not known.`)
      : []),
    ...block(change, '        →'),
    ...block(reference).map((line) => paint('dim', line)),
    '',
  ]
}

function rowsOf(verdicts: readonly Verdict[], paint: Paint): readonly string[] {
  const name = Math.max(0, ...verdicts.map(({ title }) => title.length)) + 4
  const answer = Math.max(0, ...verdicts.map(({ connects }) => connects.length)) + 2
  return verdicts.flatMap((verdict) => {
    const { title, connects } = verdict
    const mark = paint(COLOURS_OF_VERDICTS[connects], connects.padEnd(answer))
    const [first = '', ...rest] = wrap(reasonOf(verdict), COLUMNS - name - answer)
    const start = `  ${title}`.padEnd(name)
    return [
      `${start}${mark}${first}`.trimEnd(),
      ...rest.map((line) => ' '.repeat(name + answer) + line),
    ]
  })
}

function countOf(findings: readonly Finding[], severity: Severity): string {
  const { length } = findings.filter((finding) => finding.severity === severity)
  return `${length} ${severity}${length === 1 ? '' : 's'}`
}

function oneReport({ view, url, issuers, findings, verdicts }: Diagnosis, paint: Paint): string {
  const ordered = SEVERITIES.flatMap((each) => findings.filter(({ severity }) => severity === each))
  const servers = issuers.length === 0 ? [] : [`  tokens of ${issuers.join(' and ')}`]
  const table =
    verdicts.length === 0 ? [] : [paint('bold', 'Who connects'), ...rowsOf(verdicts, paint), '']
  return [
    `${paint('bold', url)}${view === 'inside' ? ', from inside' : ''}`,
    ...servers,
    '',
    ...ordered.flatMap((finding) => linesOf(finding, verdicts.length, paint)),
    ...table,
    `${SEVERITIES.map((severity) => countOf(findings, severity)).join(', ')}.`,
    '',
  ].join('\n')
}

function changesLines(
  { since, appeared, gone, verdicts }: Changes,
  paint: Paint,
): readonly string[] {
  const lines = [
    ...appeared.map(({ finding }) => paint('red', `  new   ${finding.title}  ${finding.about}`)),
    ...gone.map(({ finding }) =>
      paint('green', `  gone  ${printable(finding.title)}  ${printable(finding.about)}`),
    ),
    ...verdicts.map(({ title, before, now }) => `  ${title}: ${printable(before)}, now ${now}`),
  ]
  return [
    paint('bold', `Since ${since}`),
    ...(lines.length === 0 ? ['  Nothing changed.'] : lines),
    '',
  ]
}

/** Ends with a line break. */
export function textReport({ diagnoses, changes }: Results, paint: Paint): string {
  return [
    ...diagnoses.map((each) => oneReport(each, paint)),
    ...(changes === undefined ? [] : [changesLines(changes, paint).join('\n')]),
  ].join('\n')
}
