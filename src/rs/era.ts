/**
 * The two eras of the protocol: with `initialize` and sessions, and without both.
 *
 * @module
 */

/** The first revision without state. */
export const STATELESS_SINCE = '2026-07-28'

/** Those with `initialize`, newest first. */
export const STATEFUL_VERSIONS: readonly string[] = [
  '2025-11-25',
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
]

/** Whether `MCP-Protocol-Version` names a revision without state: versions are dates, and later ones are greater. */
export function isStateless(version: string | undefined): boolean {
  return version !== undefined && /^\d{4}-\d\d-\d\d$/.test(version) && version >= STATELESS_SINCE
}
