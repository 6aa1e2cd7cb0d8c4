/**
 * The limits of a gateway, for people.
 *
 * @module
 */
import { flagOf } from '../config/names.js'
import { SETTINGS } from '../config/setting-lists.js'
import { valueOf, type Settings } from '../config/setting-table.js'

const LIMITS: ReadonlySet<string> = new Set([
  'maxBody',
  'maxRequests',
  'maxRequestsPerCaller',
  'upstreamTimeout',
  'streamGrace',
  'maxChildren',
  'maxChildrenPerPrincipal',
  'childIdle',
  'childStartTimeout',
])

/** By flag. The values are spelled as in a config file. */
export function limitsOf(settings: Settings): readonly (readonly [flag: string, value: string])[] {
  return SETTINGS.filter(({ path }) => LIMITS.has(path)).map(({ path, write = String }) => [
    flagOf(path),
    write(valueOf(settings, path) as number),
  ])
}
