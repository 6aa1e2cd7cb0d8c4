/**
 * Makes the introspectors of a resource server.
 *
 * @module
 */
import { OPTION_WORDS, type OptionWords } from '../base/option-checker.js'
import { ConfigurationError, type ConfigurationProblem } from '../errors.js'
import type { IntrospectorContext, TokenIntrospector } from '../types.js'
import type { ResourceServerSettings } from './settings.js'

/** What an introspector needs from the resource server besides its settings. */
export type IntrospectorRuntime = Pick<IntrospectorContext, 'now' | 'fetch' | 'onEvent'>

/**
 * Returns the introspector of each issuer, in the configured order. A function that makes one is called here, once. When
 * it throws a {@link ConfigurationError}, its problems are reported at its issuer.
 */
export function createIntrospectors(
  { issuers, allowHttp, wait }: Pick<ResourceServerSettings, 'issuers' | 'allowHttp' | 'wait'>,
  runtime: IntrospectorRuntime,
  words: OptionWords = OPTION_WORDS,
): {
  readonly introspectors: readonly (TokenIntrospector | undefined)[]
  readonly problems: readonly ConfigurationProblem[]
} {
  const problems: ConfigurationProblem[] = []
  const introspectors = issuers.map(
    ({ introspector, discoveryUrl, position, reach, requirements: { issuer } }) => {
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
          problems.push({
            ...words.locate(['authorizationServers', position, path], message),
            hint,
          })
        }
        return undefined
      }
    },
  )
  return { introspectors, problems }
}
