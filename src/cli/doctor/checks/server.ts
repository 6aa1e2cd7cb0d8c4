/**
 * All checks of one authorization server.
 *
 * @module
 */
import { isAnswer, type Exchange } from '../exchange.js'
import { EVERY, type Findings } from '../finding.js'
import { listIn } from '../../list-in.js'
import type { ResourceView } from '../resource-view.js'
import type { ServerView } from '../server-view.js'
import { allowsOrigin, isPreflightPassed } from './browser.js'
import { checkClock } from './clock.js'
import { checkDocuments } from './documents.js'
import { checkKeys } from './keys.js'
import { checkLogin } from './login.js'
import { checkRegistration } from './registration.js'
import { checkScopes } from './scopes.js'

const GOOGLE = /^https:\/\/accounts\.google\.com\/?$/

function checkBrowser({ issuer, browser, document }: ServerView, findings: Findings): void {
  if (browser === undefined) return
  const isBlocked = (preflight: Exchange | undefined) =>
    preflight !== undefined && !isPreflightPassed(preflight)
  const blocked = [
    ...(isAnswer(browser.document) && !allowsOrigin(browser.document) ? ['its document'] : []),
    ...(isBlocked(browser.token) ? ['its token endpoint'] : []),
    ...(isBlocked(browser.registration) ? ['its registration endpoint'] : []),
  ]
  if (blocked.length === 0) return
  const seen = `CORS does not allow ${blocked.join(', ')}.`
  findings.add('cors-provider', issuer, seen, undefined, document?.['token_endpoint'])
}

/** RFC 9728 §4. */
function checkListed({ issuer, document }: ServerView, url: string, findings: Findings): void {
  const listed = listIn(document, 'protected_resources')
  if (listed === undefined || listed.includes(url)) return
  const seen = `protected_resources has ${listed.length} others, and not this resource.`
  findings.add('resource-not-listed', issuer, seen)
}

export function checkServer(view: ServerView, resource: ResourceView, findings: Findings): void {
  const { issuer, document, forms } = view
  if (GOOGLE.test(issuer)) {
    findings.add('provider-unfit', issuer, 'The authorization server is Google itself.', EVERY)
    return
  }
  checkClock(issuer, forms.find(isAnswer), findings)
  if (!checkDocuments(view, findings)) return
  checkLogin(view, findings)
  checkRegistration(view, findings)
  checkScopes(resource, view, findings)
  checkKeys(view, findings)
  checkBrowser(view, findings)
  checkListed(view, resource.url, findings)
  const seen = 'The doctor has no token.'
  findings.add('audience-advice', issuer, seen, undefined, document?.['token_endpoint'])
}
