/**
 * Replaces secrets while requests are served: all of them or none.
 *
 * @module
 */
import { isPlainObject } from '../base/json.js'
import { OptionChecker, settingsOf, type OptionPath } from '../base/option-checker.js'
import { checkApiKeys, type ApiKeysDocument } from '../rs/api-keys.js'
import type { SessionIds } from '../web/session-ids.js'
import { hintFor } from './policies.js'
import { checkHeaders } from './route-settings.js'
import type { Route } from './route.js'
import { checkSessionKeys } from './settings.js'

/** Secrets of a gateway that can be replaced while it serves. What is left out stays. */
export interface GatewaySecrets {
  /**
   * All `upstreamHeaders` of a resource, by resource, spelled as in `Listening.resources`. Only
   * values can be replaced, not names.
   */
  readonly upstreamHeaders?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** All `apiKeys` of a resource, by resource. A key that is missing now opens nothing any more. */
  readonly apiKeys?: Readonly<Record<string, ApiKeysDocument>>
  /**
   * All `sessionKeys`. Sessions whose key is missing now have ended: their clients get 404 and
   * start anew.
   */
  readonly sessionKeys?: readonly string[]
}

interface Replaceable {
  readonly routes: readonly Route[]
  /** `undefined` without tokens, and before the gateway listens. */
  readonly sessionIds: SessionIds | undefined
}

type Replacement = () => void

/** Each with an example. */
const HEADERS = ['upstreamHeaders', '{ [resource]: headers }'] as const
const API_KEYS = ['apiKeys', '{ [resource]: { keys } }'] as const

/** What one value of a resource replaces. It reports what is wrong with the value. */
type ReplacementOf = (route: Route, path: OptionPath, value: unknown) => Replacement

/** The values of one kind, by resource. */
function checkByResource(
  checker: OptionChecker,
  routes: readonly Route[],
  [name, example]: readonly [name: string, example: string],
  given: unknown,
  replacementOf: ReplacementOf,
): readonly Replacement[] {
  if (!isPlainObject(given)) {
    checker.problem([name], 'must be an object', example)
    return []
  }
  return Object.entries(given).flatMap(([resource, value]: [string, unknown]) => {
    const path = [name, resource]
    const route = routes.find((each) => each.resource === resource)
    if (route !== undefined) return [replacementOf(route, path, value)]
    checker.problem(path, 'is not a resource of this gateway', hintFor(routes))
    return []
  })
}

function ofHeaders(checker: OptionChecker): ReplacementOf {
  return ({ backend: { headers } }, path, values) => {
    checkHeaders(checker, path, values ?? null)
    const names = (each: object) => Object.keys(each).sort().join('\n')
    const known = headers?.names ?? []
    if (!isPlainObject(values) || names(values) !== [...known].sort().join('\n')) {
      const hint = 'only values can be replaced: start again with the other names'
      checker.problem(path, 'must have the same names as before', hint)
    }
    return () => headers?.replace(values as Readonly<Record<string, string>>)
  }
}

function ofApiKeys(checker: OptionChecker): ReplacementOf {
  return ({ guard }, path, keys) => {
    checkApiKeys(checker, path, keys ?? null)
    if (guard === undefined) checker.problem(path, 'replaces no keys', 'auth none checks no token')
    return () => guard?.resourceServer.replaceApiKeys(keys as ApiKeysDocument)
  }
}

/** @throws {ConfigurationError} with every problem; then nothing was replaced */
export function replaceSecrets({ routes, sessionIds }: Replaceable, secrets: GatewaySecrets): void {
  const checker = new OptionChecker()
  const { upstreamHeaders = {}, apiKeys = {}, sessionKeys } = secrets
  const replacements = [
    ...checkByResource(checker, routes, HEADERS, upstreamHeaders, ofHeaders(checker)),
    ...checkByResource(checker, routes, API_KEYS, apiKeys, ofApiKeys(checker)),
  ]
  if (sessionKeys !== undefined) {
    checkSessionKeys(checker, ['sessionKeys'], sessionKeys)
    if (sessionIds === undefined) {
      const hint = 'sessions are bound only with tokens, while the gateway listens'
      checker.problem(['sessionKeys'], 'cannot be replaced', hint)
    }
    replacements.push(() => sessionIds?.replaceKeys(sessionKeys))
  }
  for (const replace of settingsOf(checker.finish(replacements))) replace()
}
