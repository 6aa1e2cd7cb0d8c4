/**
 * Checks the options of the resource server: all problems at once, before anything is made.
 *
 * @module
 */
import { isJsonObject } from '../base/json.js'
import {
  OPTION_WORDS,
  OptionChecker,
  type Checked,
  type OptionChecks,
  type OptionWords,
} from '../base/option-checker.js'
import type { CheckedPolicy } from '../policy/document.js'
import type { AuthorizeOperation } from '../policy/policy.js'
import {
  checkCount,
  checkHosts,
  checkMetadata,
  checkOperationPolicy,
  checkPage,
  checkResource,
  checkScopes,
  checkTwins,
  checkValidators,
} from './option-checks.js'
import { checkApiKeys, type CheckedApiKeys } from './api-keys.js'
import { checkIssuers, TOKEN_OPTION_NAMES, type IssuerSettings } from './issuer-settings.js'
import type { ResourceServerOptions, TokenOptions } from './options.js'
import { AskedScopes, type AskedScopesOptions } from '../token/asked-scopes.js'
import type { TokenValidator } from './token-validators.js'

export interface ResourceServerSettings {
  readonly resource: string
  readonly scopes: readonly string[]
  readonly askedScopes: AskedScopesOptions
  readonly issuers: readonly IssuerSettings[]
  readonly metadata: Readonly<Record<string, unknown>>
  readonly mirrorMetadata: boolean
  readonly allowHttp: readonly string[]
  /** Milliseconds. */
  readonly jwksMaxAge: number
  readonly jwksStaleFor: number
  readonly wait: number
  readonly rememberedTokens: number
  readonly policy: CheckedPolicy | AuthorizeOperation | undefined
  readonly validators: readonly TokenValidator[]
  readonly apiKeys: CheckedApiKeys | undefined
}

/** The check and the default of each option at the top. */
const SERVER_CHECKS = {
  resource: checkResource,
  // Checked below, with the options that hold for all of them.
  authorizationServers: (_checker, _path, value) => value,
  scopes: checkScopes,
  advertiseScopes: (checker, path, value) =>
    value === undefined ? undefined : checkScopes(checker, path, value),
  policy: checkOperationPolicy,
  validators: checkValidators,
  apiKeys: checkApiKeys,
  resourceName: (checker, path, value) => checker.text(path, value),
  resourceDocumentation: checkPage,
  additionalMetadata: checkMetadata,
  mirrorMetadata: (checker, path, value) => checker.flag(path, value, false),
  clockTolerance: (checker, path, value) => checker.number(path, value, { fallback: 30, max: 300 }),
  jwksMaxAge: (checker, path, value) => checker.number(path, value, { fallback: 600, max: 86_400 }),
  jwksStaleFor: (checker, path, value) =>
    checker.number(path, value, { fallback: 86_400, max: 30 * 86_400 }),
  wait: (checker, path, value) => checker.number(path, value, { fallback: 3, max: 60 }),
  allowHttp: checkHosts,
  rememberedTokens: (checker, path, value) =>
    checkCount(checker, path, value, { fallback: 10_000, max: 1e7, unit: 'tokens' }),
  onEvent: (checker, path, value) => checker.callableOrOff(path, value),
  now: (checker, path, value) => checker.callable(path, value),
  fetch: (checker, path, value) => checker.callable(path, value),
  randomUUID: (checker, path, value) => checker.callable(path, value),
} satisfies OptionChecks<Omit<ResourceServerOptions, keyof TokenOptions>>

/** The names that {@link createResourceServer} takes. */
export const OPTION_NAMES: readonly string[] = [
  ...TOKEN_OPTION_NAMES,
  ...Object.keys(SERVER_CHECKS),
]

/** What the provider shows only with a token is not for everybody. */
function checkMirror(checker: OptionChecker, servers: unknown): void {
  const isBehindToken = (each: unknown) =>
    isJsonObject(each) && each['discoveryToken'] !== undefined && each['published'] !== false
  if (![servers].flat().some(isBehindToken)) return
  const hint = 'leave one of them out'
  const message = 'would show everybody a document that needs the discovery token'
  checker.problem(['mirrorMetadata'], message, hint)
}

/** As {@link checkResourceServer}, for a checker that also checks other options. */
export function readResourceServer(
  checker: OptionChecker,
  options: unknown,
): ResourceServerSettings | undefined {
  if (!isJsonObject(options)) {
    checker.problem(['options'], 'must be an object', '{ resource, authorizationServers }')
    return undefined
  }
  checker.unknownNames([], options, OPTION_NAMES)
  const own = checker.each(SERVER_CHECKS, [], options)
  const { resource, scopes, resourceName, resourceDocumentation, allowHttp } = own
  const issuers = checkIssuers(checker, ['authorizationServers'], own.authorizationServers, {
    ...own,
    options,
  })
  if (own.mirrorMetadata === true) checkMirror(checker, own.authorizationServers)
  if (resource === undefined || issuers === undefined) return undefined
  const published = issuers.filter(({ isPublished }) => isPublished)
  const prefix = published[0]?.scopePrefix
  const askedScopes = { base: scopes, advertised: own.advertiseScopes, prefix }
  checkTwins(checker, ['policy'], new AskedScopes(askedScopes), own.policy)
  const asks = typeof own.policy === 'object' ? own.policy.asks : {}
  const advertised = new AskedScopes(askedScopes).with(asks).ofBase
  return {
    resource,
    scopes: Object.freeze(scopes),
    askedScopes,
    issuers,
    metadata: {
      resource,
      authorization_servers: [
        ...new Set(
          published.map(
            ({ authorizationServer, requirements }) => authorizationServer ?? requirements.issuer,
          ),
        ),
      ],
      ...(advertised.length > 0 && { scopes_supported: advertised }),
      bearer_methods_supported: ['header'],
      ...(resourceName !== undefined && { resource_name: resourceName }),
      ...(resourceDocumentation !== undefined && { resource_documentation: resourceDocumentation }),
      ...own.additionalMetadata,
    },
    mirrorMetadata: own.mirrorMetadata === true,
    allowHttp,
    jwksMaxAge: own.jwksMaxAge * 1000,
    jwksStaleFor: own.jwksStaleFor * 1000,
    wait: own.wait * 1000,
    rememberedTokens: own.rememberedTokens,
    policy: own.policy,
    validators: own.validators,
    apiKeys: own.apiKeys,
  }
}

/** Checks options and fills in the defaults. It has no side effects. */
export function checkResourceServer(
  options: unknown,
  words: OptionWords = OPTION_WORDS,
): Checked<ResourceServerSettings> {
  const checker = new OptionChecker(words)
  return checker.finish(readResourceServer(checker, options))
}
