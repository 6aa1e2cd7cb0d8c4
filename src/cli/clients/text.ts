/**
 * Pages as text for people.
 *
 * @module
 */
import { isLoopbackHost } from '../../base/http.js'
import type { ClientPage } from './page.js'

const LABEL = 15

function row(label: string, values: readonly string[]): readonly string[] {
  return values.map((value, index) => (index === 0 ? label : '').padEnd(LABEL) + value)
}

function indented(text: string): readonly string[] {
  return text.split('\n').map((line) => `  ${line}`)
}

/** A vendor's servers cannot reach a machine that is not on the internet. */
function isOutOfReach({ isHosted, url }: ClientPage): boolean {
  const { protocol, hostname } = new URL(url)
  return isHosted && (protocol !== 'https:' || isLoopbackHost(hostname))
}

const CANNOT_REACH = "Its vendor's servers send the requests: they cannot reach this URL."

function reachWarning(page: ClientPage): readonly string[] {
  if (!page.isHosted) return []
  return isOutOfReach(page)
    ? [CANNOT_REACH]
    : ["Its vendor's servers send the requests: they must reach the URL from the internet."]
}

function headOf(page: ClientPage): readonly string[] {
  return [
    page.title,
    ...row('URL', [page.url]),
    ...row('client id', [page.clientId]),
    ...row('redirect URIs', page.redirectUris.length > 0 ? page.redirectUris : ['not known']),
  ]
}

/** Everything that is known about one client. Ends with a line break. */
export function longText(page: ClientPage): string {
  const { steps, paste, notes, sources } = page
  const lines = [
    ...headOf(page),
    '',
    ...reachWarning(page),
    ...steps.map((step, index) => `${index + 1}. ${step}`),
    ...(paste === undefined ? [] : ['', `For ${paste.into}:`, '', ...indented(paste.text)]),
    ...(notes.length === 0 ? [] : ['', 'Good to know:', ...notes.map((note) => `- ${note}`)]),
    '',
    'Sources:',
    ...sources.map((source) => `- ${source}`),
  ]
  return `${lines.join('\n')}\n`
}

/** What fits into a few lines. Ends with a line break. */
export function shortText(page: ClientPage): string {
  const { paste, steps } = page
  const how =
    paste === undefined
      ? row('do this', steps)
      : [...row('paste into', [paste.into]), ...indented(paste.text)]
  const warning = row('but', isOutOfReach(page) ? [CANNOT_REACH] : [])
  return `${[...headOf(page), ...warning, ...how].join('\n')}\n`
}
