/**
 * Compares the scopes of the resource with those of the authorization server.
 *
 * @module
 */
import { quoted } from '../../../errors.js'
import { EVERY, type Findings } from '../finding.js'
import { listIn } from '../../list-in.js'
import { metadataOf, type ResourceView } from '../resource-view.js'
import type { ServerView } from '../server-view.js'

/** What clients ask for: the scopes of the challenge, else those of the metadata. */
export function wantedScopes(view: ResourceView): readonly string[] {
  const named = view.challenge?.scope?.split(' ').filter((scope) => scope !== '')
  return named ?? listIn(metadataOf(view), 'scopes_supported') ?? []
}

export function checkScopesAgree(view: ResourceView, findings: Findings): void {
  const named = view.challenge?.scope
  const listed = listIn(metadataOf(view), 'scopes_supported')
  if (named === undefined || listed === undefined) return
  const strange = named.split(' ').filter((scope) => scope !== '' && !listed.includes(scope))
  if (strange.length === 0) return
  const seen = `The challenge names ${quoted(strange.join(' '))}, but scopes_supported does not.`
  findings.add('scopes-differ', view.url, seen)
}

/** @param hint an address that tells which provider it is */
export function checkListed(
  wanted: readonly string[],
  listed: readonly string[],
  { issuer, hint }: { readonly issuer: string; readonly hint: unknown },
  findings: Findings,
): void {
  const unknown = wanted.filter((scope) => !listed.includes(scope))
  if (unknown.length === 0) return
  const seen = `scopes_supported of the authorization server does not list ${quoted(unknown.join(' '))}.`
  findings.add('scope-unknown', issuer, seen, undefined, hint)
}

const ENTRA = /^https:\/\/login\.microsoftonline\.com\//

export function checkScopes(view: ResourceView, server: ServerView, findings: Findings): void {
  const { issuer, document } = server
  const wanted = wantedScopes(view)
  const hint = document?.['token_endpoint']
  const bare = wanted.filter((scope) => !scope.includes('/') && scope !== 'offline_access')
  if (ENTRA.test(issuer) && bare.length > 0) {
    const seen = `A request for ${quoted(bare.join(' '))} with resource fails (AADSTS9010010).`
    findings.add('scope-unqualified', issuer, seen, EVERY)
    return
  }
  const listed = listIn(document, 'scopes_supported')
  if (listed === undefined) return
  checkListed(wanted, listed, { issuer, hint }, findings)
  if (!listed.includes('offline_access')) {
    findings.add('offline-access-missing', issuer, 'scopes_supported does not list offline_access.')
  }
}
