/**
 * Replaces the policies of several resources: all of them or none.
 *
 * @module
 */
import { isPlainObject } from '../base/json.js'
import { OptionChecker, settingsOf } from '../base/option-checker.js'
import type { Route } from './route.js'

/** What to write instead of an unknown resource. */
export function hintFor(routes: readonly Route[]): string {
  if (routes.length === 0) return 'there are none before the gateway listens'
  return `known are ${routes.map(({ resource }) => resource).join(', ')}`
}

/**
 * @param policies by resource
 * @throws {ConfigurationError} with every problem of all of them; then nothing was replaced
 */
export function replacePolicies(routes: readonly Route[], policies: unknown): void {
  const checker = new OptionChecker()
  if (!isPlainObject(policies)) {
    checker.problem(['policies'], 'must be an object', '{ [resource]: policy }')
  }
  const given = isPlainObject(policies) ? Object.entries(policies) : []
  const replacements = given.flatMap(([resource, value]) => {
    const path = ['policies', resource]
    const route = routes.find((each) => each.resource === resource)
    if (route === undefined) {
      checker.problem(path, 'is not a resource of this gateway', hintFor(routes))
      return []
    }
    const authority = route.guard?.authority
    if (authority === undefined) {
      checker.problem(path, 'replaces no policy', 'with auth none nothing is authorized')
      return []
    }
    const policy = authority.checkReplacement(checker, path, value)
    return policy === undefined ? [] : [{ authority, policy }]
  })
  for (const { authority, policy } of settingsOf(checker.finish(replacements))) {
    authority.replacePolicy(policy)
  }
}
