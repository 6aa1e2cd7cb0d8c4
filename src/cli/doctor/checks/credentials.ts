/**
 * What a server answers to a token that nobody issued: whether it looks at tokens, and whether they
 * reach it.
 *
 * @module
 */
import { isAnswer, type Answer } from '../exchange.js'
import type { Findings } from '../finding.js'
import { readChallengeOf, type ResourceView } from '../resource-view.js'

const SENT = 'POST with a token that nobody issued'

function isNamedIn({ text }: Answer): boolean {
  return /\binvalid_token\b/.test(text)
}

export function checkCredentials(
  { url, initialize, wrongToken }: ResourceView,
  findings: Findings,
): void {
  if (!isAnswer(initialize) || !isAnswer(wrongToken)) return
  const { status, headers } = wrongToken
  const answered = `${SENT} answered ${status}`
  if (status < 300) findings.add('any-token-accepted', url, `${answered}.`)
  else if (status >= 500) findings.add('token-unchecked', url, `${answered}.`)
  else if (status === 401 && readChallengeOf(wrongToken)?.error === undefined) {
    const field = 'www-authenticate'
    if (headers.get(field) !== initialize.headers.get(field)) return
    // Some servers name the error only in the body.
    if (isNamedIn(wrongToken) && !isNamedIn(initialize)) return
    const seen = `${answered}, as without a token, and names no error.`
    findings.add('token-not-seen', url, seen)
  }
}
