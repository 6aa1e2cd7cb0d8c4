/**
 * The documents of an authorization server: where they are, and which issuer they name.
 *
 * @module
 */
import { quoted } from '../../../errors.js'
import { hasPlaceholder, isLoopbackHost } from '../../../base/http.js'
import { isAnswer, isPage, type Exchange } from '../exchange.js'
import { EVERY, HOSTED, where, type Findings, type Rule } from '../finding.js'
import { isPrivateHost } from '../private-host.js'
import { documentOf, type ServerView } from '../server-view.js'
import { shownUrl } from '../shown.js'

/** What stops the SDK stops the clients that are built on it. For other clients, it is not known. */
const LIKE_SDK: Rule = where((client) => client.usesSdk, Boolean)
const UNLIKE_SDK: Rule = where(
  (client) => client.usesSdk,
  () => false,
)

function statusOf(form: Exchange): string {
  return isAnswer(form) ? String(form.status) : form.reason
}

function table(forms: readonly Exchange[]): string {
  return forms.map((form) => `${shownUrl(form.url)}: ${statusOf(form)}`).join('; ')
}

/** Faults before the form that has the document stop some clients. Clients do not ask for later forms. */
function checkForms({ issuer, forms }: ServerView, findings: Findings): void {
  const found = forms.findIndex((form) => documentOf(form) !== undefined)
  for (const form of found < 0 ? forms : forms.slice(0, found)) {
    if (!isAnswer(form)) continue
    const seen = `${shownUrl(form.url)} answered ${form.status}`
    if (form.status >= 500 && form.status !== 502) {
      findings.add('server-document-fault', issuer, `${seen}.`, LIKE_SDK)
    } else if (form.status === 200) {
      const what = isPage(form) ? 'a web page' : 'no JSON object'
      findings.add('server-document-page', issuer, `${seen} with ${what}.`, () => undefined)
    }
  }
}

function checkMissing({ issuer, forms, appended }: ServerView, findings: Findings): void {
  const all = [...forms, appended]
  const silent = forms.every((form) => !isAnswer(form))
  const id = silent ? 'issuer-unreachable' : 'server-document-missing'
  findings.add(id, issuer, `${table(silent ? forms : all)}.`, EVERY)
}

function checkPlace({ issuer, forms, appended }: ServerView, findings: Findings): void {
  const [inserted] = forms
  if (inserted === undefined || documentOf(inserted) !== undefined) return
  const found = forms.find((form) => documentOf(form) !== undefined)
  const seen = `${shownUrl(inserted.url)}: ${statusOf(inserted)}. The document is at ${shownUrl((found ?? appended).url)}.`
  // The SDK asks for three forms. The form of RFC 8414 below the issuer is not among them.
  const fails = found === undefined ? LIKE_SDK : undefined
  findings.add('server-document-not-inserted', issuer, seen, fails)
}

function checkIssuer({ issuer, document }: ServerView, findings: Findings): void {
  const named = document?.['issuer']
  if (named === issuer) return
  const seen = `The document names ${quoted(named)}; the resource names ${quoted(issuer)}.`
  const text = typeof named === 'string' ? named : ''
  const differsIn = (pattern: RegExp) => text.replace(pattern, '') === issuer.replace(pattern, '')
  if (hasPlaceholder(text)) findings.add('issuer-placeholder', issuer, seen, EVERY)
  // The SDK tolerates a slash that only the resource has.
  else if (`${text}/` === issuer) findings.add('issuer-slash', issuer, seen, UNLIKE_SDK)
  else if (differsIn(/\/$/)) findings.add('issuer-slash', issuer, seen, LIKE_SDK)
  else if (differsIn(/^https?:/)) findings.add('issuer-scheme', issuer, seen, LIKE_SDK)
  else findings.add('issuer-differs', issuer, seen, LIKE_SDK)
}

/** @returns whether there is a document to read */
export function checkDocuments(view: ServerView, findings: Findings): boolean {
  const { hostname } = new URL(view.issuer)
  if (isLoopbackHost(hostname) || isPrivateHost(hostname)) {
    findings.add('issuer-not-public', view.issuer, `${hostname} is not a public address.`, HOSTED)
  }
  checkForms(view, findings)
  if (view.document === undefined) {
    checkMissing(view, findings)
    return false
  }
  checkPlace(view, findings)
  checkIssuer(view, findings)
  return true
}
