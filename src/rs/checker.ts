/**
 * What a single option must be, and what is said when it is not.
 *
 * @module
 */
import { isReachableUrl } from '../discovery/authorization-server.js'
import type { KeySource } from '../discovery/key-set.js'
import { reasonToSkip, SIGNATURE_ALGORITHMS } from '../discovery/signing-key.js'
import type { ConfigurationProblem } from '../errors.js'
import { isLoopbackHost, parseHttpUrl } from '../base/http.js'
import { isJsonObject, isPlainObject, reasonNotJson } from '../base/json.js'
import type { AuthorizationServerOptions } from './options.js'
import { parseScopes } from '../token/scopes.js'

/** Members that follow from other settings and must not contradict what we do. */
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

/** Looks at single options. Every method returns something to go on with, so that all problems are found. */
export class Checker {
  readonly problems: ConfigurationProblem[] = []

  problem(path: string, message: string, hint: string): void {
    // A rule for all issuers is looked at for each.
    const isKnown = this.problems.some((each) => each.path === path && each.message === message)
    if (!isKnown) this.problems.push({ path, message, hint })
  }

  unknownNames(path: string, value: object, known: ReadonlySet<string>): void {
    for (const name of Object.keys(value)) {
      if (!known.has(name)) {
        this.problem(`${path}${name}`, 'no such option', `known are ${[...known].join(', ')}`)
      }
    }
  }

  texts(path: string, value: unknown, fallback: readonly string[]): readonly string[] {
    if (value === undefined) return fallback
    const list: unknown = typeof value === 'string' ? [value] : value
    const valid =
      Array.isArray(list) &&
      list.length > 0 &&
      list.every((entry) => typeof entry === 'string' && entry !== '')
    if (valid) return list as string[]
    this.problem(
      path,
      'must be a text or a list of texts, none of them empty',
      'leave it out for the default',
    )
    return fallback
  }

  number(path: string, value: unknown, fallback: number, max: number, unit = 'seconds'): number {
    if (value === undefined) return fallback
    if (typeof value === 'number' && value >= 0 && value <= max) return value
    this.problem(
      path,
      `must be a number from 0 to ${max}`,
      `in ${unit}; the default is ${fallback}`,
    )
    return fallback
  }

  /** A number of things. */
  count(path: string, value: unknown, fallback: number, max: number, unit: string): number {
    if (value === undefined || Number.isInteger(value)) {
      return this.number(path, value, fallback, max, unit)
    }
    this.problem(path, 'must be a whole number', `in ${unit}; the default is ${fallback}`)
    return fallback
  }

  /** As a URL spells them, since URLs are compared with them. */
  hosts(path: string, value: unknown): readonly string[] {
    if (value === undefined) return []
    if (!Array.isArray(value)) {
      this.problem(path, 'must be a list of host names', "for example ['keycloak']")
      return []
    }
    for (const [index, host] of (value as unknown[]).entries()) {
      if (typeof host === 'string' && HOST.test(host)) {
        if (parseHttpUrl(`http://${host}`)?.hostname === host) continue
      }
      const hint = 'without scheme, port and path, in lower case: keycloak'
      this.problem(`${path}[${index}]`, 'must be a host name', hint)
    }
    return value as string[]
  }

  callable(path: string, value: unknown): void {
    if (value === undefined || typeof value === 'function') return
    this.problem(path, 'must be a function', 'leave it out for the default')
  }

  optionalText(path: string, value: unknown): value is string {
    if (value === undefined) return false
    if (typeof value === 'string' && value !== '') return true
    this.problem(path, 'must be a text that is not empty', 'leave it out')
    return false
  }

  choice<Value extends string>(
    path: string,
    value: unknown,
    choices: readonly Value[],
    fallback: Value,
  ): Value {
    if (value === undefined) return fallback
    const chosen = choices.find((each) => each === value)
    if (chosen !== undefined) return chosen
    this.problem(path, `must be ${choices.join(' or ')}`, `the default is ${fallback}`)
    return fallback
  }

  flag(path: string, value: unknown, fallback: boolean): boolean {
    if (value === undefined || typeof value === 'boolean') return value ?? fallback
    this.problem(path, 'must be true or false', `the default is ${fallback}`)
    return fallback
  }

  resource(value: unknown): string {
    const path = 'resource'
    const url = parseHttpUrl(value)
    if (typeof value !== 'string' || url === undefined) {
      this.problem(
        path,
        'must be an absolute http(s) URL',
        'the URL that users type: https://mcp.example.com/mcp',
      )
      return 'https://resource.invalid'
    }
    if (url.hash !== '' || value.includes('#')) {
      this.problem(path, 'must not have a fragment', 'cut it off at the # (RFC 8707 §2)')
    }
    if (url.search !== '' || /^[^#]*\?/.test(value)) {
      const hint =
        'cut it off at the ?: a token for one query would open every other, and all share one path'
      this.problem(path, 'must not have a query', hint)
    }
    if (url.username !== '' || url.password !== '') {
      this.problem(path, 'must not have a user name or password', 'it is published to everyone')
      // So that no hint below repeats them.
      url.username = url.password = ''
    }
    if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
      this.problem(path, 'must be https', 'plain http is for loopback hosts only (RFC 9728 §7.1)')
    }
    // Only the lone slash of an origin may differ; anything else some client spells the other way.
    if (url.href !== value && url.href !== `${value}/` && url.hash + url.search === '') {
      this.problem(path, 'is not in its canonical form', `write it as ${url.href}`)
    }
    return value
  }

  endpoint(path: string, value: unknown, allowHttp: readonly string[]): value is string {
    const url = parseHttpUrl(value)
    if (url === undefined) {
      this.problem(
        path,
        'must be an absolute https URL',
        'for example https://sso.example.com/realms/mcp',
      )
      return false
    }
    if (!isReachableUrl(url, allowHttp)) {
      this.problem(
        path,
        'must be https',
        `or name ${url.hostname} in allowHttp if its network is yours alone`,
      )
    }
    if (url.username !== '' || url.password !== '') {
      this.problem(path, 'must not have a user name or password', 'leave them out')
    }
    return true
  }

  scopes(value: unknown): readonly string[] {
    if (value === undefined) return []
    const scopes = parseScopes(value)
    if (scopes === undefined) {
      this.problem(
        'scopes',
        'must be scopes',
        'printable ASCII without quote and backslash (RFC 6749 §3.3)',
      )
      return []
    }
    if (scopes.includes('offline_access')) {
      this.problem(
        'scopes',
        'must not contain offline_access',
        'it asks for a refresh token, which is between client and authorization server',
      )
    }
    return [...new Set(scopes)]
  }

  metadata(value: unknown): Readonly<Record<string, unknown>> {
    if (value === undefined) return {}
    if (!isPlainObject(value)) {
      this.problem('additionalMetadata', 'must be an object', 'members of RFC 9728 §2')
      return {}
    }
    for (const [name, member] of Object.entries(value)) {
      const path = `additionalMetadata.${name}`
      if (OWN_METADATA.has(name)) this.problem(path, 'is set by other options', 'leave it out')
      if (isWithoutValue(member)) {
        this.problem(path, 'has no value', 'leave it out (RFC 9728 §3.2)')
      }
      const reason = isWithoutValue(member) ? undefined : reasonNotJson(member)
      if (reason !== undefined) {
        this.problem(path, `is not JSON: ${reason}`, 'it is published as JSON')
      }
      if (/_uri(?:#|$)/.test(name) && parseHttpUrl(member) === undefined) {
        this.problem(path, 'must be an http(s) URL', 'clients open it')
      }
    }
    return value
  }

  keySource(
    path: string,
    server: AuthorizationServerOptions,
    allowHttp: readonly string[],
    algorithms: readonly string[],
  ): KeySource {
    const { jwks, jwksUri, discoveryUrl } = server
    const given = [jwks, jwksUri, discoveryUrl].filter((value) => value !== undefined)
    if (given.length > 1) {
      this.problem(path, 'jwks, jwksUri and discoveryUrl exclude each other', 'keep one of them')
    }
    if (jwksUri !== undefined) this.endpoint(`${path}.jwksUri`, jwksUri, allowHttp)
    if (discoveryUrl !== undefined) this.endpoint(`${path}.discoveryUrl`, discoveryUrl, allowHttp)
    if (jwks === undefined) {
      return jwksUri === undefined
        ? { type: 'discovery', url: discoveryUrl }
        : { type: 'jwks_uri', url: jwksUri }
    }
    // What a function would return is known when the first token comes.
    if (typeof jwks === 'function') return { type: 'jwks', read: jwks }
    const keys: unknown = isJsonObject(jwks) ? jwks.keys : undefined
    if (!Array.isArray(keys) || keys.length === 0) {
      const hint = '{ keys: […] } (RFC 7517 §5)'
      this.problem(`${path}.jwks`, 'must be a JWK Set with at least one key', hint)
    } else {
      const reasons = keys.map((key) => reasonToSkip(key, algorithms))
      if (!reasons.includes(undefined)) {
        this.problem(`${path}.jwks`, 'has no usable key', reasons.slice(0, 5).join('; '))
      }
    }
    return { type: 'jwks', read: () => jwks }
  }

  algorithms(path: string, value: unknown, fallback: readonly string[]): readonly string[] {
    if (value === undefined) return fallback
    const names = this.texts(path, value, fallback)
    for (const name of names) {
      if (!SIGNATURE_ALGORITHMS.includes(name)) {
        this.problem(
          path,
          `${name} is not supported`,
          `choose from ${SIGNATURE_ALGORITHMS.join(', ')}`,
        )
      }
    }
    // One algorithm with two names (RFC 9864).
    if (names.includes('EdDSA') || names.includes('Ed25519')) {
      return [...new Set([...names, 'EdDSA', 'Ed25519'])]
    }
    return names
  }
}
