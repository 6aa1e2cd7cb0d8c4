/**
 * Whether a gateway accepts tokens that were made for other servers.
 *
 * @module
 */
import { parseHttpUrl } from '../../../base/http.js'
import { quoted } from '../../../errors.js'
import type { RouteSettings } from '../../../gateway/route-settings.js'
import type { Findings } from '../finding.js'

/** An audience, and why tokens with it are for other servers, too. */
type Width = readonly [audience: string, why: string]

function audiencesOf({ trust }: RouteSettings): readonly string[] {
  return (trust?.issuers ?? []).flatMap(({ requirements }) => [...requirements.audience])
}

function widthOf(audience: string, resource: string, others: ReadonlySet<string>): Width[] {
  if (audience === resource) return []
  if (audience === 'account') {
    return [[audience, 'Keycloak puts it into the tokens of every client']]
  }
  const [named, own] = [parseHttpUrl(audience), parseHttpUrl(resource)]
  const isWhole = named?.pathname === '/' && named.host === own?.host && own.pathname !== '/'
  if (isWhole) return [[audience, 'it is the whole host, not only the resource']]
  return others.has(audience) ? [[audience, 'another resource accepts it, too']] : []
}

/** @param all the routes of the gateway, with this one */
export function checkAudience(
  route: RouteSettings,
  all: readonly RouteSettings[],
  findings: Findings,
): void {
  const { resource } = route
  if (resource === undefined) return
  const others = new Set(all.filter((each) => each !== route).flatMap(audiencesOf))
  const wide = [...new Set(audiencesOf(route))].flatMap((each) => widthOf(each, resource, others))
  if (wide.length === 0) return
  const seen = wide.map(([audience, why]) => `${quoted(audience)}: ${why}`).join('; ')
  findings.add('audience-wide', resource, `${seen}.`)
}
