/**
 * Replaces secrets while requests are served: all of them or none.
 *
 * @module
 */
import { isPlainObject } from '../base/json.js'
import { OptionChecker, settingsOf } from '../base/option-checker.js'
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

function checkUpstreamHeaders(
  checker: OptionChecker,
  routes: readonly Route[],
  given: unknown,
): readonly Replacement[] {
  if (!isPlainObject(given)) {
    checker.problem(['upstreamHeaders'], 'must be an object', '{ [resource]: headers }')
    return []
  }
  return Object.entries(given).flatMap(([resource, values]: [string, unknown]) => {
    const path = ['upstreamHeaders', resource]
    const route = routes.find((each) => each.resource === resource)
    if (route === undefined) {
      checker.problem(path, 'is not a resource of this gateway', hintFor(routes))
      return []
    }
    checkHeaders(checker, path, values ?? null)
    const names = (each: object) => Object.keys(each).sort().join('\n')
    const known = route.backend.headers?.names ?? []
    if (!isPlainObject(values) || names(values) !== [...known].sort().join('\n')) {
      const hint = 'only values can be replaced: start again with the other names'
      checker.problem(path, 'must have the same names as before', hint)
    }
    return [() => route.backend.headers?.replace(values as Readonly<Record<string, string>>)]
  })
}

function checkKeysOfResources(
  checker: OptionChecker,
  routes: readonly Route[],
  given: unknown,
): readonly Replacement[] {
  if (!isPlainObject(given)) {
    checker.problem(['apiKeys'], 'must be an object', '{ [resource]: { keys } }')
    return []
  }
  return Object.entries(given).flatMap(([resource, value]: [string, unknown]) => {
    const path = ['apiKeys', resource]
    const route = routes.find((each) => each.resource === resource)
    const server = route?.guard?.resourceServer
    if (server === undefined) {
      checker.problem(path, 'is not a resource that checks tokens', hintFor(routes))
      return []
    }
    checkApiKeys(checker, path, value ?? null)
    return [() => server.replaceApiKeys(value as ApiKeysDocument)]
  })
}

/** @throws {ConfigurationError} with every problem; then nothing was replaced */
export function replaceSecrets({ routes, sessionIds }: Replaceable, secrets: GatewaySecrets): void {
  const checker = new OptionChecker()
  const { upstreamHeaders = {}, apiKeys = {}, sessionKeys } = secrets
  const replacements = [
    ...checkUpstreamHeaders(checker, routes, upstreamHeaders),
    ...checkKeysOfResources(checker, routes, apiKeys),
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
