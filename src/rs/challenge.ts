/**
 * The `WWW-Authenticate` field: RFC 6750 §3, RFC 9728 §5.1. The one place where it is written.
 *
 * @module
 */

/** Parameters of a Bearer challenge. At least one must be there (RFC 6750 §3). */
export interface Challenge {
  readonly error?: 'invalid_request' | 'invalid_token' | 'insufficient_scope'
  readonly errorDescription?: string
  readonly resourceMetadata?: string
  readonly scope?: readonly string[]
}

/**
 * All characters except those that end or escape a quoted string, and line ends: RFC 6750 §3, RFC
 * 9110 §5.6.4.
 */
const FORBIDDEN = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/g

function parameter(name: string, value: string): string {
  return `${name}="${value.replace(FORBIDDEN, '?')}"`
}

/**
 * Writes one Bearer challenge. The scheme stands first and no value needs an escape, because clients
 * read this field with less than a full parser.
 *
 * @example
 * ```ts
 * import { formatChallenge } from 'mcp-gatehouse'
 *
 * formatChallenge({ error: 'insufficient_scope', scope: ['mcp:write'] })
 * // Bearer error="insufficient_scope", scope="mcp:write"
 * ```
 *
 * @throws {TypeError} without any parameter: a bare `Bearer` is not a challenge
 */
export function formatChallenge(challenge: Challenge): string {
  const { error, errorDescription, resourceMetadata, scope } = challenge
  const parameters: string[] = []
  if (error !== undefined) parameters.push(parameter('error', error))
  if (errorDescription !== undefined) {
    parameters.push(parameter('error_description', errorDescription))
  }
  if (resourceMetadata !== undefined) {
    parameters.push(parameter('resource_metadata', resourceMetadata))
  }
  if (scope !== undefined && scope.length > 0) parameters.push(parameter('scope', scope.join(' ')))
  if (parameters.length === 0) throw new TypeError('a challenge needs at least one parameter')
  return `Bearer ${parameters.join(', ')}`
}
