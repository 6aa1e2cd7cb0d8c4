/**
 * The keys of an authorization server.
 *
 * @module
 */
import { quoted } from '../../../errors.js'
import { isAnswer } from '../exchange.js'
import type { Findings } from '../finding.js'
import type { ServerView } from '../server-view.js'
import { shownUrl } from '../shown.js'

export function checkKeys({ issuer, document, keys }: ServerView, findings: Findings): void {
  if (document === undefined) return
  const hint = document['token_endpoint']
  if (document['jwks_uri'] === undefined) {
    findings.add('keys-not-named', issuer, 'jwks_uri is absent.', undefined, hint)
    return
  }
  if (keys === undefined) {
    const seen = `jwks_uri is ${quoted(document['jwks_uri'])}, which is not a URL.`
    findings.add('keys-unreachable', issuer, seen, undefined, hint)
    return
  }
  const { exchange, usable } = keys
  if (typeof usable === 'string') {
    findings.add('keys-unusable', issuer, `${usable}.`, undefined, hint)
  } else if (usable === 0) {
    const what = isAnswer(exchange) ? `answered ${exchange.status}` : exchange.reason
    findings.add('keys-unreachable', issuer, `${shownUrl(exchange.url)} ${what}.`, undefined, hint)
  }
}
