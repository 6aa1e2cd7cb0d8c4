/**
 * What the metadata says: whether the resource is the URL that people type, and who issues tokens.
 *
 * @module
 */
import { quoted } from '../../../errors.js'
import { parseHttpUrl } from '../../../base/http.js'
import type { FindingId } from '../../../advice/findings.js'
import type { Client } from '../../../advice/clients.js'
import { EVERY, type Findings, type Rule } from '../finding.js'
import { metadataOf, type ResourceView } from '../resource-view.js'
import { shownUrl } from '../shown.js'

interface Difference {
  readonly id: FindingId
  /** Whether the resource is at the same origin, and its path a prefix of the URL's. */
  readonly isPrefix: boolean
}

function isPathPrefix(path: string, of: string): boolean {
  const begin = path.endsWith('/') ? path : `${path}/`
  return of === path || of.startsWith(begin)
}

function differenceOf(resource: string, url: string): Difference | undefined {
  if (resource === url) return undefined
  const named = parseHttpUrl(resource)
  const here = new URL(url)
  if (named === undefined) return { id: 'resource-path', isPrefix: false }
  if (named.host !== here.host) return { id: 'resource-host', isPrefix: false }
  if (named.protocol !== here.protocol) return { id: 'resource-scheme', isPrefix: false }
  const isPrefix = isPathPrefix(named.pathname, here.pathname)
  if (named.pathname.replace(/\/$/, '') === here.pathname.replace(/\/$/, '')) {
    return { id: 'resource-slash', isPrefix }
  }
  return { id: isPrefix ? 'resource-origin-only' : 'resource-path', isPrefix }
}

/** By how a client compares. */
function failsOf(isPrefix: boolean): Rule {
  return ({ resourceRule: { value } }: Client) => {
    if (value === 'equal') return true
    if (value === 'prefix') return !isPrefix
    return undefined
  }
}

function checkIssuers(url: string, issuers: unknown, findings: Findings): void {
  if (Array.isArray(issuers) && issuers.length > 0) return
  findings.add('no-authorization-server', url, 'authorization_servers is absent or empty.', EVERY)
}

export function checkResource(view: ResourceView, findings: Findings): void {
  const document = metadataOf(view)
  if (document === undefined) return
  const { url } = view
  const { resource, authorization_servers: issuers } = document
  checkIssuers(url, issuers, findings)
  if (typeof resource !== 'string') {
    findings.add('resource-missing', url, 'resource is absent, or not a text.', EVERY)
    return
  }
  const difference = differenceOf(resource, url)
  if (difference !== undefined) {
    const seen = `resource is ${quoted(shownUrl(resource))}; the URL is ${quoted(shownUrl(url))}.`
    findings.add(difference.id, url, seen, failsOf(difference.isPrefix))
  }
  if (parseHttpUrl(resource)?.pathname === '/') {
    findings.add('resource-without-path', url, `resource is ${quoted(shownUrl(resource))}.`)
  }
}
