/**
 * Checks of single options of the resource server.
 *
 * @module
 */
import { parseHttpUrl, isLoopbackHost } from '../base/http.js'
import { deepFreeze, isJsonObject, isPlainObject, reasonNotJson } from '../base/json.js'
import type { OptionChecker, OptionPath } from '../base/option-checker.js'
import { isReachableUrl } from '../discovery/authorization-server.js'
import { quoted } from '../errors.js'
import { reasonToSkip, SIGNATURE_ALGORITHMS } from '../discovery/signing-key.js'
import { checkPolicy, type CheckedPolicy } from '../policy/document.js'
import type { AuthorizeOperation } from '../policy/policy.js'
import type { AskedScopes } from '../token/asked-scopes.js'
import type { RequiredClaims } from '../token/required-claims.js'
import { parseScopes } from '../token/scopes.js'
import type { TokenValidator } from './token-validators.js'

/** Members that follow from other settings and must not contradict them. */
const OWN_METADATA = new Set([
  'resource',
  'authorization_servers',
  'scopes_supported',
  'bearer_methods_supported',
  'resource_name',
  'resource_documentation',
  'jwks_uri',
  'signed_metadata',
  'dpop_bound_access_tokens_required',
  'dpop_signing_alg_values_supported',
  'tls_client_certificate_bound_access_tokens',
])

const HOST = /^(?:[a-z\d._-]+|\[[a-f\d:.]+\])$/

/** RFC 9728 §3.2: members without a value are left out. */
function isWithoutValue(member: unknown): boolean {
  return (
    member === undefined ||
    member === null ||
    member === '' ||
    (Array.isArray(member) && member.length === 0)
  )
}

/** A URL may be a resource only in its canonical form, without query, fragment and user. */
function checkResourceUrl(checker: OptionChecker, path: OptionPath, value: string, url: URL): void {
  if (url.hash !== '' || value.includes('#')) {
    checker.problem(path, 'must not have a fragment', 'cut it off at the # (RFC 8707 §2)')
  }
  if (url.search !== '' || /^[^#]*\?/.test(value)) {
    const hint = 'cut it off at the ?: a token for one query would be accepted for every other'
    checker.problem(path, 'must not have a query', hint)
  }
  if (url.username !== '' || url.password !== '') {
    checker.problem(path, 'must not have a user name or password', 'it is published to everyone')
    // Reported here, so that no hint below repeats them.
    url.username = url.password = ''
  }
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
    checker.problem(path, 'must be https', 'plain http is for loopback hosts only (RFC 9728 §7.1)')
  }
  // Only the lone slash of an origin may differ. For any other difference, some client uses the
  // other spelling.
  if (url.href !== value && url.href !== `${value}/` && url.hash + url.search === '') {
    checker.problem(path, 'is not in its canonical form', `write it as ${url.href}`)
  }
}

export function checkResource(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
): string | undefined {
  if (value === undefined && checker.mayBeMissing('resource')) return undefined
  const url = parseHttpUrl(value)
  if (typeof value !== 'string' || url === undefined) {
    const hint = 'the URL that users type: https://mcp.example.com/mcp'
    checker.problem(path, 'must be an absolute http(s) URL', hint)
    return undefined
  }
  checkResourceUrl(checker, path, value, url)
  return value
}

/** A URL that we send requests to: an issuer, its keys, its metadata. */
export function checkEndpoint(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
  allowHttp: readonly string[],
): value is string {
  const url = parseHttpUrl(value)
  if (url === undefined) {
    const hint = 'for example https://sso.example.com/realms/mcp'
    checker.problem(path, 'must be an absolute https URL', hint)
    return false
  }
  checkReachable(checker, path, url, allowHttp)
  if (url.username !== '' || url.password !== '') {
    checker.problem(path, 'must not have a user name or password', 'leave them out')
  }
  return true
}

export function checkReachable(
  checker: OptionChecker,
  path: OptionPath,
  url: URL,
  allowHttp: readonly string[],
): void {
  if (isReachableUrl(url, allowHttp)) return
  const allow = checker.nameOf('allowHttp')
  const hint = `or name ${url.hostname} in ${allow} if its network is private`
  checker.problem(path, 'must be https', hint)
}

/** Hosts must be spelled as in URLs, because they are compared with URLs. */
export function checkHosts(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
): readonly string[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) {
    checker.problem(path, 'must be a list of host names', "for example ['keycloak']")
    return []
  }
  for (const [index, host] of (value as unknown[]).entries()) {
    if (typeof host === 'string' && HOST.test(host)) {
      if (parseHttpUrl(`http://${host}`)?.hostname === host) continue
    }
    const hint = 'without scheme, port and path, in lower case: keycloak'
    checker.problem([...path, index], 'must be a host name', hint)
  }
  return value as string[]
}

export function checkScopes(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
): readonly string[] {
  if (value === undefined) return []
  const scopes = parseScopes(value)
  if (scopes === undefined) {
    const hint = 'printable ASCII without quote and backslash (RFC 6749 §3.3)'
    checker.problem(path, 'must be scopes', hint)
    return []
  }
  if (scopes.includes('offline_access')) {
    const hint =
      'it requests a refresh token, which concerns only the client and the authorization server'
    checker.problem(path, 'must not contain offline_access', hint)
  }
  return [...new Set(scopes)]
}

/** If a client asks for two scopes in the same words, nobody can tell which one it asks for. */
export function checkTwins(
  checker: OptionChecker,
  path: OptionPath,
  askedScopes: AskedScopes,
  policy: CheckedPolicy | AuthorizeOperation | undefined,
): void {
  const { asks = {}, rules = [] } = typeof policy === 'object' ? policy : {}
  const required = [...askedScopes.base, ...rules.flatMap(({ scopes }) => scopes)]
  const twins = askedScopes.with(asks).findTwins(required)
  if (twins === undefined) return
  const [one, other] = twins
  const message = `${quoted(one)} and ${quoted(other)} are asked for in the same words`
  checker.problem(path, message, 'give each its own ask')
}

/** Returns checked rules, or the function that decides; `undefined` with problems. */
export function checkOperationPolicy(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
): CheckedPolicy | AuthorizeOperation | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'function') return value as AuthorizeOperation
  const { policy, problems } = checkPolicy(value)
  for (const each of problems) checker.problem([...path, ...each.path], each.message, each.hint)
  return problems.length > 0 ? undefined : policy
}

/** The URL of a page that clients open. */
export function checkPage(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
): string | undefined {
  const text = checker.text(path, value)
  if (text !== undefined && parseHttpUrl(text) === undefined) {
    checker.problem(path, 'must be an http(s) URL', 'clients open it')
  }
  return text
}

export function checkMetadata(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
): Readonly<Record<string, unknown>> {
  if (value === undefined) return {}
  if (!isPlainObject(value)) {
    checker.problem(path, 'must be an object', 'members of RFC 9728 §2')
    return {}
  }
  for (const [name, member] of Object.entries(value)) {
    const place = [...path, name]
    if (OWN_METADATA.has(name)) checker.problem(place, 'is set by other options', 'leave it out')
    if (isWithoutValue(member)) {
      checker.problem(place, 'has no value', 'leave it out (RFC 9728 §3.2)')
    }
    const reason = isWithoutValue(member) ? undefined : reasonNotJson(member)
    if (reason !== undefined) {
      checker.problem(place, `is not JSON: ${reason}`, 'it is published as JSON')
    }
    if (/_uri(?:#|$)/.test(name) && parseHttpUrl(member) === undefined) {
      checker.problem(place, 'must be an http(s) URL', 'clients open it')
    }
  }
  return value
}

/** A count. */
export function checkCount(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
  range: { readonly fallback: number; readonly max: number; readonly unit: string },
): number {
  if (value === undefined || Number.isInteger(value)) return checker.number(path, value, range)
  const hint = `in ${range.unit}; the default is ${range.fallback}`
  checker.problem(path, 'must be a whole number', hint)
  return range.fallback
}

export function checkAlgorithms(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
): readonly string[] | undefined {
  const names = checker.texts(path, value)
  for (const name of names ?? []) {
    if (SIGNATURE_ALGORITHMS.includes(name)) continue
    const hint = `choose from ${SIGNATURE_ALGORITHMS.join(', ')}`
    checker.problem(path, `${name} is not supported`, hint)
  }
  // The same algorithm under two names (RFC 9864).
  if (names?.includes('EdDSA') === true || names?.includes('Ed25519') === true) {
    return [...new Set([...names, 'EdDSA', 'Ed25519'])]
  }
  return names
}

/** A given JWK Set. A function is called when the first token comes. */
export function checkKeys(
  checker: OptionChecker,
  path: OptionPath,
  jwks: unknown,
  algorithms: readonly string[],
): void {
  if (typeof jwks === 'function') return
  const keys: unknown = isJsonObject(jwks) ? jwks['keys'] : undefined
  if (!Array.isArray(keys) || keys.length === 0) {
    const hint = '{ keys: […] } (RFC 7517 §5)'
    checker.problem(path, 'must be a JWK Set with at least one key', hint)
    return
  }
  const reasons = keys.map((key) => reasonToSkip(key, algorithms))
  if (!reasons.includes(undefined)) {
    checker.problem(path, 'has no usable key', reasons.slice(0, 5).join('; '))
  }
}

/** Each value of a claim rule must be one that a claim can have. */
function isClaimRule(rule: unknown): boolean {
  if (rule === true) return true
  const isValue = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value)
  return Array.isArray(rule) && rule.length > 0 && rule.every(isValue)
}

export function checkRequiredClaims(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
): RequiredClaims | undefined {
  if (value === undefined) return undefined
  const hint = "{ tid: ['contoso'], email: true }"
  // A Map has no members: its claims would be required of nobody.
  if (!isPlainObject(value)) {
    checker.problem(path, 'must be an object of claims', hint)
    return undefined
  }
  for (const [name, rule] of Object.entries(value)) {
    if (isClaimRule(rule)) continue
    checker.problem([...path, name], 'must be true or a list of values, and not empty', hint)
  }
  return deepFreeze(structuredClone(value)) as RequiredClaims
}

export function checkValidators(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
): readonly TokenValidator[] {
  if (value === undefined) return []
  const hint = '{ name, validate }'
  if (!Array.isArray(value)) {
    checker.problem(path, 'must be a list of validators', hint)
    return []
  }
  for (const [index, each] of (value as unknown[]).entries()) {
    const { name, validate } = (isJsonObject(each) ? each : {}) as Partial<TokenValidator>
    if (typeof name === 'string' && name !== '' && typeof validate === 'function') continue
    checker.problem([...path, index], 'must have a name and a method validate', hint)
  }
  return [...(value as readonly TokenValidator[])]
}
