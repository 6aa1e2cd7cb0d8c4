/**
 * The introspectors of a gateway. They are made when the gateway is made, so that a problem stops the start.
 *
 * @module
 */
import { ConfigurationError, withoutRepeats } from '../errors.js'
import { createIntrospectors, type IntrospectorRuntime } from '../rs/introspectors.js'
import type { RouteSettings } from './route-settings.js'

/** Replaces functions that make introspectors with their results. */
function putIntrospectors(route: RouteSettings, runtime: IntrospectorRuntime) {
  const { guardOptions, trust, words } = route
  if (trust === undefined) return { route, problems: [] }
  const { introspectors, problems } = createIntrospectors(trust, runtime, words)
  const { authorizationServers: servers } = guardOptions
  const list = Array.isArray(servers) ? servers : [servers]
  const authorizationServers = list.map((each: (typeof list)[number], index) => {
    const introspector =
      introspectors[trust.issuers.findIndex(({ position }) => position === index)]
    return typeof each === 'string' || introspector === undefined ? each : { ...each, introspector }
  })
  return { route: { ...route, guardOptions: { ...guardOptions, authorizationServers } }, problems }
}

/**
 * Calls every function that makes an introspector, once, and puts the introspector in its place.
 *
 * @throws {ConfigurationError} with the problems of all functions that throw one
 */
export function withIntrospectors(
  routes: readonly RouteSettings[],
  runtimeOf: (route: RouteSettings) => IntrospectorRuntime,
): readonly RouteSettings[] {
  const put = routes.map((route) => putIntrospectors(route, runtimeOf(route)))
  const problems = put.flatMap((each) => each.problems)
  if (problems.length > 0) throw new ConfigurationError(withoutRepeats(problems))
  return put.map(({ route }) => route)
}
