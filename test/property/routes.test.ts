/** Which of several resources a request is for, whatever is configured and whatever is sent. */
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { createFindRoute, routeConflicts, type RouteAddress } from '../../src/gateway/find-route.js'
import { verifies } from '../support/verifies.js'

const HOSTS = ['a.example', 'a.example:8443', 'b.example', 'b.example:8443', 'c.example']
const PATHS = ['/mcp', '/a/mcp', '/']
const resource = fc
  .tuple(fc.constantFrom(...HOSTS), fc.constantFrom(...PATHS))
  .map(([host, path]) => `https://${host}${path}`)
const resources = fc.uniqueArray(resource, { minLength: 1, maxLength: 8 })
const sent = fc.oneof(
  fc.constantFrom(
    ...HOSTS,
    ...HOSTS.map((host) => host.toUpperCase()),
    'd.example:1',
    'a.example:1',
  ),
  fc.string(),
)

function toRoutes(all: readonly string[]): readonly RouteAddress[] {
  return all.map((each) => {
    const endpoint = new URL(each).pathname
    return { resource: each, endpoint, metadataPaths: new Set([`/.well-known/x${endpoint}`]) }
  })
}

/** As the contract has it, written the slow way. */
function isNamedBy({ resource }: RouteAddress, host: string): boolean {
  const { hostname, port } = new URL(resource)
  const [name = '', given = ''] = host.toLowerCase().split(':')
  return name === hostname && (port === '' || port === given)
}

describe('routes', () => {
  verifies('AUD-06', 'never lead to a path that is not the resource’s', () => {
    fc.assert(
      fc.property(resources, fc.constantFrom(...PATHS, '/x'), sent, (all, path, host) => {
        const found = createFindRoute(toRoutes(all))(path, host)
        expect(found?.endpoint ?? path).toBe(path)
      }),
    )
  })

  verifies('AUD-06', 'never lead from the host of one to another', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(resource, { minLength: 2, maxLength: 8 }),
        fc.constantFrom(...PATHS),
        fc.constantFrom(...HOSTS),
        (all, path, host) => {
          const sites = toRoutes(all)
          const isThere = sites.some((site) => isNamedBy(site, host) && site.endpoint === path)
          const isAnybodys = sites.some((site) => isNamedBy(site, host))
          const found = createFindRoute(sites)(path, host)
          const hasOneHost = new Set(all.map((each) => new URL(each).host)).size === 1
          const mayLead = isThere ? found !== undefined : !isAnybodys || hasOneHost
          expect(mayLead || found === undefined).toBe(true)
          expect(isThere && (found === undefined || !isNamedBy(found, host))).toBe(false)
        },
      ),
    )
  })

  verifies('AUD-06', 'lead to each resource by its own host and path', () => {
    fc.assert(
      fc.property(resources, (all) => {
        expect(routeConflicts(all.map((each) => ({ resource: each })))).toEqual([])
        const sites = toRoutes(all)
        const find = createFindRoute(sites)
        for (const site of sites) {
          for (const path of [site.endpoint, ...site.metadataPaths]) {
            expect(find(path, new URL(site.resource).host)).toBe(site)
          }
        }
      }),
    )
  })
})
