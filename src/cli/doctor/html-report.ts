/**
 * The report as one page that needs nothing else: no script, no picture, no request.
 *
 * @module
 */
import { clientNamed } from '../../advice/clients.js'
import { SEVERITIES } from './severities.js'
import type { Changes } from './changes.js'
import type { Diagnosis } from './diagnosis.js'
import type { Finding } from './finding.js'
import type { Results } from './json-report.js'
import { escapeHtml, escapeWithFlags } from '../../base/html.js'
import { PAGE_STYLE, TABLE_STYLE } from '../../base/page-style.js'
import { reasonOf } from './reason.js'
import type { Verdict } from './verdict.js'

const STYLE = `${PAGE_STYLE}${TABLE_STYLE}
:root { --error: #b3261e; --warning: #7a4f01; --note: #0a5c8a; --good: #1a6b34; --link: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --error: #ff8f85; --warning: #e8b04a; --note: #6cb6e8; --good: #6fcf8e; --link: #8ab8ff; } }
a { color: var(--link); }
body { max-width: 56rem; } h3 { font-size: 1rem; margin: 0; } code { color: var(--soft); }
.yes { color: var(--good); } .no { color: var(--error); } .unknown { color: var(--warning); } .soft { color: var(--soft); }
article { border-left: .3rem solid var(--line); padding: .1rem 0 .1rem .8rem; margin: 1.2rem 0; } article p { margin: .3rem 0; }
article.error { border-color: var(--error); } article.warning { border-color: var(--warning); } article.note { border-color: var(--note); }
.error b { color: var(--error); } .warning b { color: var(--warning); } .note b { color: var(--note); }
`

function titles(names: readonly string[]): string {
  return names.map((name) => escapeHtml(clientNamed(name)?.title ?? name)).join(', ')
}

function referenceOf({ reference }: Finding): string {
  const text = escapeHtml(reference)
  return reference.startsWith('https:') ? `<a href="${text}">${text}</a>` : text
}

function findingHtml(finding: Finding): string {
  const { severity, title, id, about, seen, breaks, mayBreak, change } = finding
  return [
    `<article class="${severity}">`,
    `<h3><b>${severity}</b>: ${escapeHtml(title)}</h3>`,
    `<p class="soft">${escapeHtml(about)} <code>${id}</code></p>`,
    `<p>${escapeHtml(seen)}</p>`,
    ...(breaks.length > 0 ? [`<p>Stops ${titles(breaks)}.</p>`] : []),
    ...(mayBreak.length > 0 && severity !== 'note'
      ? [`<p>May stop ${titles(mayBreak)}: it is not known.</p>`]
      : []),
    `<p><strong>Change:</strong> ${escapeWithFlags(change)}</p>`,
    `<p class="soft">${referenceOf(finding)}</p>`,
    '</article>',
  ].join('\n')
}

const CLASSES = { yes: 'yes', 'with a client id': 'yes', unknown: 'unknown', no: 'no' } as const

function rowHtml(verdict: Verdict): string {
  const { title, connects } = verdict
  const answer = `<td class="word ${CLASSES[connects]}" data-label="Connects">${connects}</td>`
  return `<tr><th scope="row">${escapeHtml(title)}</th>${answer}<td>${escapeHtml(reasonOf(verdict))}</td></tr>`
}

function tableHtml(verdicts: readonly Verdict[]): readonly string[] {
  if (verdicts.length === 0) return []
  return [
    '<table>',
    '<caption>Who connects</caption>',
    '<thead><tr><th scope="col">Client</th><th scope="col">Connects</th><th scope="col">Why</th></tr></thead>',
    `<tbody>${verdicts.map(rowHtml).join('\n')}</tbody>`,
    '</table>',
  ]
}

function diagnosisHtml({ url, view, issuers, findings, verdicts }: Diagnosis): string {
  const ordered = SEVERITIES.flatMap((each) => findings.filter(({ severity }) => severity === each))
  const place = view === 'inside' ? ', from inside' : ''
  return [
    '<section>',
    `<h2>${escapeHtml(url)}${place}</h2>`,
    ...(issuers.length > 0 ? [`<p>Tokens of ${issuers.map(escapeHtml).join(' and ')}</p>`] : []),
    ...tableHtml(verdicts),
    ...ordered.map(findingHtml),
    ...(findings.length === 0 ? ['<p>Nothing is wrong.</p>'] : []),
    '</section>',
  ].join('\n')
}

function changesHtml({ since, appeared, gone, verdicts }: Changes): string {
  const items = [
    ...appeared.map(
      ({ finding }) => `<li>New: ${escapeHtml(finding.title)}, ${escapeHtml(finding.about)}</li>`,
    ),
    ...gone.map(
      ({ finding }) => `<li>Gone: ${escapeHtml(finding.title)}, ${escapeHtml(finding.about)}</li>`,
    ),
    ...verdicts.map(
      ({ title, before, now }) =>
        `<li>${escapeHtml(title)}: ${escapeHtml(before)}, now ${now}</li>`,
    ),
  ]
  const list = items.length === 0 ? '<p>Nothing changed.</p>' : `<ul>${items.join('\n')}</ul>`
  return `<section>\n<h2>Since ${escapeHtml(since)}</h2>\n${list}\n</section>`
}

/** Ends with a line break. */
export function htmlReport({ diagnoses, changes, at }: Results): string {
  const when = new Date(at).toISOString()
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Who connects, and why not</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Who connects, and why not</h1>
<p class="soft">mcp-gatehouse doctor, <time datetime="${when}">${when}</time></p>
${[...(changes === undefined ? [] : [changesHtml(changes)]), ...diagnoses.map(diagnosisHtml)].join('\n')}
</main>
</body>
</html>
`
}
