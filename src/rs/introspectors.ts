/**
 * Makes the introspectors of a resource server.
 *
 * @module
 */
import { OPTION_WORDS, type OptionPath, type OptionWords } from '../base/option-checker.js'
import { ConfigurationError, type ConfigurationProblem } from '../errors.js'
import type { IntrospectorContext, TokenIntrospector } from '../types.js'
import type { ResourceServerSettings } from './settings.js'

/** What an introspector needs from the resource server besides its settings. */
export type IntrospectorRuntime = Pick<IntrospectorContext, 'now' | 'fetch' | 'onEvent'>

/** The settings of the resource server that introspectors depend on. */
export type IntrospectorTrust = Pick<
  ResourceServerSettings,
  'resource' | 'scopes' | 'issuers' | 'allowHttp' | 'wait'
>

const ANY_TOKEN = 'any token of this client would open this resource'

/**
 * What is missing for an issuer whose tokens also open its own APIs.
 *
 * @param index its place in the list
 */
export function missingForProvider(
  { resource, scopes, issuers }: Pick<IntrospectorTrust, 'resource' | 'scopes' | 'issuers'>,
  index: number,
): readonly { readonly path: OptionPath; readonly message: string; readonly hint: string }[] {
  const hasNoAudience = issuers[index]?.requirements.audience.has(resource) !== false
  const audience = {
    path: ['authorizationServers', issuers[index]?.position ?? index, 'audience'],
    message: 'must be the client id at the provider, and nothing else',
    hint: ANY_TOKEN,
  }
  const scope = { path: ['scopes'], message: 'must not be empty', hint: ANY_TOKEN }
  return [...(hasNoAudience ? [audience] : []), ...(scopes.length === 0 ? [scope] : [])]
}

/**
 * Returns the introspector of each issuer, in the configured order. A function that makes one is called here, once. When
 * it throws a {@link ConfigurationError}, its problems are reported at its issuer.
 */
export function createIntrospectors(
  trust: IntrospectorTrust,
  runtime: IntrospectorRuntime,
  words: OptionWords = OPTION_WORDS,
): {
  readonly introspectors: readonly (TokenIntrospector | undefined)[]
  readonly problems: readonly ConfigurationProblem[]
} {
  const { issuers, allowHttp, wait } = trust
  const problems: ConfigurationProblem[] = []
  const problem = (path: OptionPath, message: string, hint: string) => {
    problems.push({ ...words.locate(path, message), hint })
  }

  function create({
    introspector,
    discoveryUrl,
    position,
    reach,
    requirements: { issuer },
  }: IntrospectorTrust['issuers'][number]): TokenIntrospector | undefined {
    if (typeof introspector !== 'function') return introspector
    try {
      return introspector({
        issuer,
        ...(discoveryUrl !== undefined && { discoveryUrl }),
        allowHttp,
        wait: wait / 1000,
        ...runtime,
        ...(reach !== undefined && { fetch: reach(runtime.fetch) }),
      })
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error
      for (const { path, message, hint } of error.problems) {
        problem(['authorizationServers', position, path], message, hint)
      }
      return undefined
    }
  }

  const introspectors = issuers.map((each, index) => {
    const introspector = create(each)
    if (introspector?.opensProvider !== true) return introspector
    for (const { path, message, hint } of missingForProvider(trust, index)) {
      problem(path, message, hint)
    }
    return introspector
  })
  return { introspectors, problems }
}
