/**
 * Selects the resource of a request: by its path, and by `Host` if the path is not enough.
 *
 * @module
 */
import { metadataPaths } from '../web/endpoint.js'
import { otherSlash } from '../web/paths.js'
import { parseHost, type HostAndPort } from './hosts.js'

/** A resource with its own paths. */
export interface RouteAddress {
  readonly resource: string
  /** The path at which requests arrive; its last slash may be there or not. */
  readonly endpoint: string
  /** Paths of its metadata. */
  readonly metadataPaths: ReadonlySet<string>
}

/** `undefined`: no resource has this path. */
export type FindRoute<Route> = (path: string, host: string) => Route | undefined

/**
 * Whether a `Host` value names the resource. Ports are compared only if the resource's URL has one.
 */
function isNamed({ hostname, port }: URL, given: HostAndPort): boolean {
  return hostname === given.host && (port === '' || port === given.port)
}

function endpointForms(endpoint: string): readonly string[] {
  const other = otherSlash(endpoint)
  return other === undefined ? [endpoint] : [endpoint, other]
}

function pathsOf({ endpoint, metadataPaths }: RouteAddress): readonly string[] {
  return [...endpointForms(endpoint), ...metadataPaths]
}

export function createFindRoute<Route extends RouteAddress>(
  routes: readonly Route[],
): FindRoute<Route> {
  const [first] = routes
  if (first !== undefined && routes.length === 1) {
    const { endpoint } = first
    const others = new Set(pathsOf(first))
    return (path) => (path === endpoint || others.has(path) ? first : undefined)
  }
  const located = routes.map((route) => ({ route, url: new URL(route.resource) }))
  const hasOneHost = new Set(located.map(({ url }) => url.host)).size === 1
  const byPath = new Map<string, typeof located>()
  // If a host names two resources, the one with a port is the more exact match.
  for (const each of located.sort(
    (a, b) => Number(b.url.port !== '') - Number(a.url.port !== ''),
  )) {
    for (const path of pathsOf(each.route)) {
      byPath.set(path, [...(byPath.get(path) ?? []), each])
    }
  }

  return function find(path, host) {
    const there = byPath.get(path)
    if (there === undefined) return undefined
    const [only] = there
    if (hasOneHost) return only?.route
    const given = parseHost(host)
    if (given === undefined) return undefined
    const named = there.find(({ url }) => isNamed(url, given))
    if (named !== undefined) return named.route
    // Proxies may use their own names for us. But a resource's host has only that resource's paths.
    const isAnother = located.some(({ url }) => isNamed(url, given))
    return there.length === 1 && !isAnother ? only?.route : undefined
  }
}

/** A conflict between two resources. */
export interface RouteConflict {
  /** The later one in the list. */
  readonly index: number
  readonly message: string
  readonly hint: string
}

/** The parts of the options that say where a resource is served. */
export interface ServedAt {
  readonly resource?: string | undefined
  readonly path?: string | undefined
}

function claimsOf(resource: string, served: string | undefined): readonly string[] {
  const { host, pathname } = new URL(resource)
  const paths = [...endpointForms(served ?? pathname), ...metadataPaths(resource, false)]
  return paths.map((path) => host + path)
}

/**
 * Resources that no request could distinguish.
 *
 * @param resources an invalid URL has its own problem and is skipped here
 */
export function routeConflicts(resources: readonly ServedAt[]): readonly RouteConflict[] {
  const taken = new Map<string, number>()
  return resources.flatMap(({ resource, path }, index) => {
    if (resource === undefined || !URL.canParse(resource)) return []
    const claims = claimsOf(resource, path)
    const [before] = claims.flatMap((claim) => taken.get(claim) ?? [])
    if (before === undefined) {
      for (const claim of claims) taken.set(claim, index)
      return []
    }
    const isSame = resources[before]?.resource === resource
    const what = isSame ? 'is the same as' : 'has the host and path of'
    const message = `${what} resources[${before}]`
    return [{ index, message, hint: 'each needs a host or a path of its own' }]
  })
}
