/**
 * Checks the options of an introspector.
 *
 * @module
 */
import type { JWK } from 'jose'
import type { AnswerStore } from '../base/answer-store.js'
import { parseHttpUrl } from '../base/http.js'
import {
  OPTION_WORDS,
  OptionChecker,
  type Checked,
  type OptionPath,
  type OptionWords,
} from '../base/option-checker.js'
import type { EventListener } from '../events.js'
import {
  INTROSPECTION_AUTHENTICATIONS,
  type IntrospectionAuthentication,
} from '../introspect/authentication-methods.js'
import {
  authenticationFor,
  INTROSPECTION_DIALECTS,
  type IntrospectionDialect,
} from '../introspect/dialects.js'
import type { RuntimeHooks } from '../types.js'
import { checkReachable } from './option-checks.js'

export interface TokenIntrospectorOptions extends Pick<RuntimeHooks, 'now' | 'fetch'> {
  /** The issuer, as in the options of the resource server. */
  readonly issuer: string
  /** Our own client at the authorization server. */
  readonly clientId: string
  /**
   * How it authenticates. Default `client_secret_basic`. `bearer` sends `clientSecret` as a bearer token: an API key of
   * yours (RFC 7662 §2.1).
   */
  readonly authentication?: IntrospectionAuthentication
  readonly clientSecret?: string
  /** For `private_key_jwt`: PEM (PKCS #8, PKCS #1, SEC 1), a JWK, or the key file of Zitadel. */
  readonly clientKey?: string | JWK
  /** The `kid` of a key in PEM. Default: that of its JWK or of its file, or none. */
  readonly clientKeyId?: string
  /** The endpoint, if it differs from the metadata. */
  readonly introspectionUrl?: string
  /**
   * How the provider answers. `google` asks `tokeninfo`, `github` asks `POST /applications/ID/token` with the secret of
   * your OAuth app. A token that opens this resource then also opens the provider's own APIs, so both need `audience`
   * (the client id at the provider) and `scopes`. Default `rfc7662`.
   */
  readonly dialect?: IntrospectionDialect
  /** The URL of the metadata, if it is not at the issuer's well-known URLs. */
  readonly discoveryUrl?: string
  /** Seconds for which an answer is cached. Default 30; 0 asks on every request. */
  readonly cache?: number
  /**
   * A store in which several processes share answers, so that one of them asks for all. If the
   * store fails, the server is asked. Default: each process keeps its own answers.
   */
  readonly store?: AnswerStore
  /** Concurrent calls; at most half of them for tokens that were never found active. Default 20. */
  readonly concurrency?: number
  /**
   * Seconds that a request waits for a momentary fault to pass, or for an answer, but then at least
   * 1. Default 3.
   */
  readonly wait?: number
  /** Host names that may be reached without TLS. Loopback hosts always may. */
  readonly allowHttp?: readonly string[]
  /** Receives every event, without tokens. Default: `logEvents()`; `false`: nothing. */
  readonly onEvent?: EventListener | false
}

export interface TokenIntrospectorSettings extends Pick<
  TokenIntrospectorOptions,
  | 'issuer'
  | 'clientId'
  | 'clientSecret'
  | 'clientKey'
  | 'clientKeyId'
  | 'introspectionUrl'
  | 'discoveryUrl'
  | 'store'
> {
  readonly authentication: IntrospectionAuthentication
  readonly dialect: IntrospectionDialect
  readonly allowHttp: readonly string[]
  /** Milliseconds. */
  readonly cacheFor: number
  readonly wait: number
  readonly concurrency: number
}

function checkUrl(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
  allowHttp: readonly string[],
): void {
  const url = parseHttpUrl(value)
  if (url !== undefined) checkReachable(checker, path, url, allowHttp)
  else checker.problem(path, 'must be an absolute https URL', 'copy it from the provider')
}

/** A URL that says who somebody is, and not whether a token is for us. */
function checkIntrospectionUrl(checker: OptionChecker, path: OptionPath, value: unknown): void {
  if (!/\/userinfo\/?$/i.test(parseHttpUrl(value)?.pathname ?? '')) return
  const message = 'is a UserInfo endpoint, which does not say for whom a token is'
  const hint = 'any token of the provider would open this resource: use introspection (RFC 7662)'
  checker.problem(path, message, hint)
}

function checkDialect(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
): IntrospectionDialect {
  const known = INTROSPECTION_DIALECTS.find((each) => each === value)
  if (known !== undefined || value === undefined) return known ?? 'rfc7662'
  const hint = `choose from ${INTROSPECTION_DIALECTS.join(', ')}`
  checker.problem(path, 'is not a supported dialect', hint)
  return 'rfc7662'
}

/** Our client at the authorization server, and its credentials. */
function checkClient(
  checker: OptionChecker,
  path: OptionPath,
  { clientId, clientSecret = '', clientKey }: Partial<TokenIntrospectorOptions>,
  method: unknown,
): void {
  if (typeof clientId !== 'string' || clientId === '') {
    const hint = 'the client of this resource server at the provider'
    checker.problem([...path, 'clientId'], 'is missing', hint)
  }
  if (!INTROSPECTION_AUTHENTICATIONS.some((each) => each === method)) {
    const hint = `choose from ${INTROSPECTION_AUTHENTICATIONS.join(', ')}`
    checker.problem([...path, 'authentication'], 'is not a supported method', hint)
  }
  const needsSecret =
    method === 'bearer' || (typeof method === 'string' && method.startsWith('client_secret'))
  if (needsSecret && clientSecret === '') {
    checker.problem([...path, 'clientSecret'], 'is missing', `${method} needs it`)
  }
  if (method === 'private_key_jwt' && clientKey === undefined) {
    checker.problem([...path, 'clientKey'], 'is missing', `${method} needs it`)
  }
}

function checkNumber(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
  [fallback, min, max]: readonly [fallback: number, min: number, max: number],
): number {
  if (value === undefined) return fallback
  if (typeof value === 'number' && value >= min && value <= max) return value
  const message = `must be a number from ${min} to ${max}`
  checker.problem(path, message, `the default is ${fallback}`)
  return fallback
}

function checkStore(checker: OptionChecker, path: OptionPath, store: unknown, cache: number): void {
  if (store === undefined) return
  const methods = ['get', 'set', 'delete', 'setIfAbsent']
  const members = store as Readonly<Record<string, unknown>> | null
  if (!methods.every((name) => typeof members?.[name] === 'function')) {
    checker.problem(
      path,
      `must have the methods ${methods.join(', ')}`,
      'createMemoryAnswerStore()',
    )
  }
  if (cache === 0) checker.problem(path, 'needs cache', 'seconds for which an answer is used again')
}

/**
 * As {@link checkTokenIntrospector}, for a checker that also checks other options.
 *
 * @param path the path of these options
 */
export function readTokenIntrospector(
  checker: OptionChecker,
  path: OptionPath,
  options: Partial<TokenIntrospectorOptions>,
): TokenIntrospectorSettings | undefined {
  const { allowHttp = [], issuer, clientId } = options
  const dialect = checkDialect(checker, [...path, 'dialect'], options.dialect)
  const authentication = options.authentication ?? authenticationFor(dialect)
  const isLater = issuer === undefined && checker.mayBeMissing('issuer')
  if (!isLater) checkUrl(checker, [...path, 'issuer'], issuer, allowHttp)
  for (const name of ['introspectionUrl', 'discoveryUrl'] as const) {
    const url = options[name]
    if (url !== undefined) checkUrl(checker, [...path, name], url, allowHttp)
  }
  checkIntrospectionUrl(checker, [...path, 'introspectionUrl'], options.introspectionUrl)
  checkClient(checker, path, options, authentication)
  if (dialect !== 'rfc7662' && authentication !== authenticationFor(dialect)) {
    const message = `must be ${authenticationFor(dialect)} for the dialect ${dialect}`
    checker.problem([...path, 'authentication'], message, 'leave it out')
  }
  const number = (
    name: 'cache' | 'concurrency' | 'wait',
    ...range: readonly [fallback: number, min: number, max: number]
  ) => checkNumber(checker, [...path, name], options[name], range)
  const [cache, concurrency, wait] = [
    number('cache', 30, 0, 300),
    number('concurrency', 20, 1, 1000),
    number('wait', 3, 0, 60),
  ]
  checkStore(checker, [...path, 'store'], options.store, cache)
  if (issuer === undefined || clientId === undefined) return undefined
  const { store, clientSecret, clientKey, clientKeyId, introspectionUrl, discoveryUrl } = options
  return {
    issuer,
    clientId,
    authentication,
    dialect,
    ...(clientSecret !== undefined && { clientSecret }),
    ...(clientKey !== undefined && { clientKey }),
    ...(clientKeyId !== undefined && { clientKeyId }),
    ...(introspectionUrl !== undefined && { introspectionUrl }),
    ...(discoveryUrl !== undefined && { discoveryUrl }),
    ...(store !== undefined && { store }),
    allowHttp,
    cacheFor: cache * 1000,
    wait: wait * 1000,
    concurrency,
  }
}

/** Checks options and fills in the defaults. It has no side effects. */
export function checkTokenIntrospector(
  options: Partial<TokenIntrospectorOptions>,
  words: OptionWords = OPTION_WORDS,
): Checked<TokenIntrospectorSettings> {
  const checker = new OptionChecker(words)
  return checker.finish(readTokenIntrospector(checker, [], options))
}
