/**
 * Reads the challenge of a 401 as clients do (RFC 6750 §3, RFC 9728 §5.1).
 *
 * @module
 */

export interface Challenge {
  /** Where the metadata of the resource is. */
  readonly resourceMetadata: string | undefined
  readonly scope: string | undefined
  readonly error: string | undefined
  readonly description: string | undefined
}

const PARAMETER = /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g

/** @returns `undefined` unless the first scheme is `Bearer`: clients read only the first */
export function readChallenge(field: string | null): Challenge | undefined {
  const match = /^\s*Bearer(?:\s+(.*))?$/is.exec(field ?? '')
  if (match === null) return undefined
  const values = new Map<string, string>()
  for (const [, name = '', text, word] of (match[1] ?? '').matchAll(PARAMETER)) {
    const value = text?.replace(/\\(.)/g, '$1') ?? word ?? ''
    // The first one counts: a second challenge may follow.
    if (!values.has(name.toLowerCase())) values.set(name.toLowerCase(), value)
  }
  return {
    resourceMetadata: values.get('resource_metadata'),
    scope: values.get('scope'),
    error: values.get('error'),
    description: values.get('error_description'),
  }
}
