/**
 * What a server answers to a token that nobody issued: whether it looks at tokens, and whether they
 * reach it.
 *
 * @module
 */
import { quoted } from '../../../errors.js'
import { isAnswer } from '../exchange.js'
import type { Findings } from '../finding.js'
import { readChallengeOf, type ResourceView } from '../resource-view.js'

const SENT = 'POST with a token that nobody issued'

export function checkCredentials(
  { url, initialize, wrongToken }: ResourceView,
  findings: Findings,
): void {
  if (!isAnswer(initialize) || !isAnswer(wrongToken)) return
  const { status, headers, text } = wrongToken
  const answered = `${SENT} answered ${status}`
  if (status < 300) findings.add('any-token-accepted', url, `${answered}.`)
  else if (status >= 500) findings.add('token-unchecked', url, `${answered}.`)
  else if (status === 401 && readChallengeOf(wrongToken)?.error === undefined) {
    // Some servers name the error in the body alone.
    const field = 'www-authenticate'
    const isSame = text === initialize.text && headers.get(field) === initialize.headers.get(field)
    if (!isSame) return
    const seen = `${answered} and ${quoted(headers.get(field) ?? 'no challenge', 200)}, as it did without a token.`
    findings.add('token-not-seen', url, seen)
  }
}
