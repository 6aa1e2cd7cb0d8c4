/**
 * The metadata of the resource (RFC 9728): where they are, and whether they can be read.
 *
 * @module
 */
import { isAnswer, isPage, isRedirect, jsonOf, type Exchange } from '../exchange.js'
import { EVERY, where, type Findings, type Rule } from '../finding.js'
import { metadataOf, type ResourceView } from '../resource-view.js'
import { timeInWords } from '../../time-in-words.js'
import { shownUrl } from '../shown.js'

/** Clients that do not read the URL of the challenge, if the document is nowhere else. */
const NOT_BY_CHALLENGE: Rule = where(
  (client) => client.metadata,
  (places) => !places.includes('challenge'),
)

/** Finds what is wrong with an answer that is not a document. */
function checkForm(exchange: Exchange, findings: Findings): void {
  const { url } = exchange
  const name = shownUrl(url)
  if (!isAnswer(exchange)) {
    findings.add('metadata-fault', url, `${name} ${exchange.reason}.`)
    return
  }
  const { status } = exchange
  const seen = `${name} answered ${status}`
  if (isRedirect(exchange)) findings.add('metadata-redirect', url, `${seen}.`)
  else if (status === 401 || status === 403) findings.add('metadata-guarded', url, `${seen}.`)
  else if (status >= 500) findings.add('metadata-fault', url, `${seen}.`)
  else if (status === 200 && jsonOf(exchange) === undefined) {
    const id = isPage(exchange) ? 'metadata-page' : 'metadata-not-json'
    findings.add(id, url, `${seen} with ${isPage(exchange) ? 'a web page' : 'no JSON object'}.`)
  }
}

/** Seconds. A setting that changed is seen within an hour. */
const LONGEST_AGE = 3_600

function checkAge(exchange: Exchange, findings: Findings): void {
  if (!isAnswer(exchange)) return
  const field = exchange.headers.get('cache-control') ?? ''
  const age = Number(/\bmax-age=(\d+)/i.exec(field)?.[1] ?? 0)
  if (age <= LONGEST_AGE || /\bno-(?:store|cache)\b/i.test(field)) return
  const seen = `${shownUrl(exchange.url)} has max-age=${age}: ${timeInWords(age)}.`
  findings.add('metadata-cached', exchange.url, seen)
}

function isDocument(exchange: Exchange | undefined): boolean {
  return isAnswer(exchange) && exchange.status === 200 && jsonOf(exchange) !== undefined
}

function checkAgreement({ url, metadata }: ResourceView, findings: Findings): void {
  const [atPath, atRoot] = [metadata.path, metadata.root]
  if (atPath.url === atRoot.url || !isDocument(atPath) || !isDocument(atRoot)) return
  const differing = ['resource', 'authorization_servers', 'scopes_supported'].filter(
    (name) => JSON.stringify(jsonOf(atPath)?.[name]) !== JSON.stringify(jsonOf(atRoot)?.[name]),
  )
  // A host with several resources has one of them, or another document, at its root.
  if (differing.length === 0 || differing.includes('resource')) return
  findings.add('metadata-differ', url, `Path and root differ in ${differing.join(' and ')}.`)
}

/** A document at the root counts only if it is about this resource. */
function isAboutThis({ metadata }: ResourceView): boolean {
  const [atPath, atRoot] = [jsonOf(metadata.path), jsonOf(metadata.root)]
  return atPath === undefined || atRoot?.['resource'] === atPath['resource']
}

export function checkMetadata(view: ResourceView, findings: Findings): void {
  const { url, metadata } = view
  const isOneUrl = metadata.path.url === metadata.root.url
  checkForm(metadata.path, findings)
  if (!isOneUrl) checkForm(metadata.root, findings)
  const { challenge } = metadata
  if (challenge !== undefined && challenge !== metadata.path && challenge !== metadata.root) {
    checkForm(challenge, findings)
  }
  if (metadataOf(view) === undefined) {
    const below = isDocument(metadata.below)
    const seen = `Neither ${shownUrl(metadata.path.url)} nor ${shownUrl(metadata.root.url)} has the document.`
    findings.add('metadata-missing', url, seen, EVERY)
    if (below) findings.add('metadata-appended', url, `It is at ${shownUrl(metadata.below.url)}.`)
    return
  }
  if (!isDocument(metadata.path)) {
    const seen = `${shownUrl(metadata.path.url)} has no document.`
    const fails = isDocument(metadata.root) ? undefined : NOT_BY_CHALLENGE
    findings.add('metadata-not-at-path', url, seen, fails)
  }
  if (!isOneUrl && !(isDocument(metadata.root) && isAboutThis(view))) {
    const seen = isDocument(metadata.root)
      ? `The document at ${shownUrl(metadata.root.url)} is about another resource.`
      : `${shownUrl(metadata.root.url)} has no document.`
    findings.add('metadata-not-at-root', url, seen)
  }
  checkAgreement(view, findings)
  checkAge(isDocument(metadata.path) ? metadata.path : metadata.root, findings)
}
