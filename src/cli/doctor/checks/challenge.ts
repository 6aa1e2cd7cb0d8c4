/**
 * The challenge of the 401: how clients learn where to log in.
 *
 * @module
 */
import { quoted } from '../../../errors.js'
import { parseHttpUrl } from '../../../base/http.js'
import { isAnswer } from '../exchange.js'
import { where, type Findings, type Rule } from '../finding.js'
import type { ResourceView } from '../resource-view.js'
import { shownUrl } from '../shown.js'

/** Clients that read nothing but the URL of the challenge. */
const ONLY_CHALLENGE: Rule = where(
  (client) => client.metadata,
  (places) => places.every((place) => place === 'challenge'),
)

/** Clients that follow the URL of the challenge, and then look nowhere else. */
const FOLLOWS: Rule = where(
  (client) => client.metadata,
  (places) => places.includes('challenge'),
)

function checkUrl(url: string, given: string, findings: Findings): void {
  const named = parseHttpUrl(given)
  const here = new URL(url)
  const seen = `resource_metadata is ${quoted(shownUrl(given))}`
  if (named === undefined) {
    findings.add('challenge-url', url, `${seen}, which is not an absolute URL.`, FOLLOWS)
  } else if (named.protocol !== here.protocol) {
    const fails = named.protocol === 'http:' ? FOLLOWS : undefined
    findings.add('challenge-url', url, `${seen}; the MCP URL is ${here.protocol}//.`, fails)
  } else if (named.host !== here.host) {
    findings.add('challenge-url', url, `${seen}; the MCP URL has the host ${here.host}.`)
  }
}

export function checkChallenge(view: ResourceView, findings: Findings): void {
  const { url, initialize: answer, challenge } = view
  if (!isAnswer(answer) || answer.status !== 401) return
  if (!/\bno-store\b/i.test(answer.headers.get('cache-control') ?? '')) {
    findings.add('answer-cached', url, 'The 401 has no Cache-Control: no-store.')
  }
  if (challenge === undefined) {
    const seen = 'POST without a token answered 401 without WWW-Authenticate.'
    findings.add('challenge-missing', url, seen, ONLY_CHALLENGE)
    return
  }
  const { scheme, resourceMetadata, isMetadataQuoted, error } = challenge
  if (scheme !== 'bearer') {
    findings.add(
      'challenge-order',
      url,
      `The first scheme is ${quoted(scheme, 30)}.`,
      ONLY_CHALLENGE,
    )
  } else if (resourceMetadata === undefined) {
    const seen = 'WWW-Authenticate has no resource_metadata.'
    findings.add('challenge-without-metadata', url, seen, ONLY_CHALLENGE)
  } else if (!isMetadataQuoted) {
    const seen = `resource_metadata=${resourceMetadata} is not in quotes.`
    // The SDK reads it anyway.
    findings.add('challenge-url', url, seen)
  } else checkUrl(url, resourceMetadata, findings)
  if (error !== undefined) {
    findings.add('challenge-error', url, `The challenge has error=${quoted(error, 40)}.`)
  }
}
