/**
 * The introspectors of a gateway. They are made when the gateway is made, so that a problem stops the start.
 *
 * @module
 */
import { ConfigurationError, tellOnce } from '../errors.js'
import { createIntrospectors, type IntrospectorRuntime } from '../rs/introspectors.js'
import type { SiteSettings } from './site-settings.js'

/** Replaces functions that make introspectors with their results. */
function putIntrospectors(site: SiteSettings, runtime: IntrospectorRuntime) {
  const { guardOptions, trust, words } = site
  if (trust === undefined) return { site, problems: [] }
  const { introspectors, problems } = createIntrospectors(trust, runtime, words)
  const { authorizationServers: servers } = guardOptions
  const list = Array.isArray(servers) ? servers : [servers]
  const authorizationServers = list.map((each: (typeof list)[number], index) => {
    const introspector = introspectors[index]
    return typeof each === 'string' || introspector === undefined ? each : { ...each, introspector }
  })
  return { site: { ...site, guardOptions: { ...guardOptions, authorizationServers } }, problems }
}

/**
 * Calls every function that makes an introspector, once, and puts the introspector in its place.
 *
 * @throws {ConfigurationError} with the problems of all functions that throw one
 */
export function withIntrospectors(
  sites: readonly SiteSettings[],
  runtimeOf: (site: SiteSettings) => IntrospectorRuntime,
): readonly SiteSettings[] {
  const put = sites.map((site) => putIntrospectors(site, runtimeOf(site)))
  const problems = put.flatMap((each) => each.problems)
  if (problems.length > 0) throw new ConfigurationError(tellOnce(problems))
  return put.map(({ site }) => site)
}
