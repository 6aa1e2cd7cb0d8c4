/**
 * What an authorization server offers for the login: endpoints, grants, PKCE, `iss`.
 *
 * @module
 */
import { quoted } from '../../../errors.js'
import { parseHttpUrl, isLoopbackHost } from '../../../base/http.js'
import type { JsonObject } from '../../../base/json.js'
import { EVERY, where, type Findings, type Rule } from '../finding.js'
import { listIn } from '../../list-in.js'
import type { ServerView } from '../server-view.js'
import { shownUrl } from '../shown.js'

const NEEDS_S256: Rule = where(
  (client) => client.pkce,
  (rule) => rule === 'advertised',
)

const ENDPOINTS = ['authorization_endpoint', 'token_endpoint'] as const

function checkEndpoints(issuer: string, document: JsonObject, findings: Findings): void {
  const missing = ENDPOINTS.filter((name) => parseHttpUrl(document[name]) === undefined)
  if (missing.length > 0) {
    findings.add(
      'endpoint-missing',
      issuer,
      `${missing.join(' and ')}: absent, or not a URL.`,
      EVERY,
    )
  }
  for (const name of [...ENDPOINTS, 'registration_endpoint', 'jwks_uri']) {
    const url = parseHttpUrl(document[name])
    if (url?.protocol !== 'http:' || isLoopbackHost(url.hostname)) continue
    findings.add('endpoint-not-https', issuer, `${name} is ${quoted(shownUrl(url.href))}.`)
  }
}

function checkPkce(issuer: string, document: JsonObject, findings: Findings, hint: unknown): void {
  const methods = listIn(document, 'code_challenge_methods_supported')
  if (methods === undefined) {
    const seen = 'code_challenge_methods_supported is absent.'
    findings.add('pkce-absent', issuer, seen, NEEDS_S256, hint)
  } else if (!methods.includes('S256')) {
    const seen = `code_challenge_methods_supported is ${quoted(methods.join(' '))}.`
    const fails: Rule = ({ pkce }) => (pkce.value === undefined ? undefined : true)
    findings.add('pkce-without-s256', issuer, seen, fails, hint)
  }
}

function checkGrants(issuer: string, document: JsonObject, findings: Findings): void {
  const types = listIn(document, 'response_types_supported')
  // The default of RFC 8414 §2.
  const grants = listIn(document, 'grant_types_supported') ?? ['authorization_code', 'implicit']
  if (!grants.includes('authorization_code') || types?.includes('code') === false) {
    const seen = `grant_types_supported is ${quoted(grants.join(' '))}, response_types_supported ${quoted(types?.join(' ') ?? 'absent')}.`
    findings.add('code-not-offered', issuer, seen, EVERY)
  }
  const isListed = document['grant_types_supported'] !== undefined
  if (isListed && !grants.includes('refresh_token')) {
    const seen = 'grant_types_supported does not list refresh_token.'
    findings.add('refresh-not-offered', issuer, seen)
  }
}

export function checkLogin({ issuer, document }: ServerView, findings: Findings): void {
  if (document === undefined) return
  const hint = document['token_endpoint']
  checkEndpoints(issuer, document, findings)
  checkPkce(issuer, document, findings, hint)
  checkGrants(issuer, document, findings)
  if (document['authorization_response_iss_parameter_supported'] !== true) {
    const seen = 'authorization_response_iss_parameter_supported is not true.'
    findings.add('iss-not-sent', issuer, seen, undefined, hint)
  }
}
