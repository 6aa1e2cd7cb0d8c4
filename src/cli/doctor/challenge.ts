/**
 * Reads `WWW-Authenticate` as clients do.
 *
 * @module
 */

export interface Challenge {
  /** The first scheme, in lower case: clients look only at the first. */
  readonly scheme: string
  readonly resourceMetadata: string | undefined
  /** A URL is not a token (RFC 9110 §5.6.2), so it needs quotes. */
  readonly isMetadataQuoted: boolean
  readonly scope: string | undefined
  readonly error: string | undefined
}

/** As the TypeScript SDK does: the first such parameter anywhere in the field, with or without quotes. */
function parameter(field: string, name: string): string | undefined {
  const found = new RegExp(`(?:^|[\\s,])${name}=(?:"([^"]*)"|([^\\s,]+))`, 'i').exec(field)
  return found?.[1] ?? found?.[2]
}

export function readChallenge(field: string): Challenge {
  return {
    scheme: (field.trim().split(/[\s,]/, 1)[0] ?? '').toLowerCase(),
    resourceMetadata: parameter(field, 'resource_metadata'),
    isMetadataQuoted: /(?:^|[\s,])resource_metadata="/i.test(field),
    scope: parameter(field, 'scope'),
    error: parameter(field, 'error'),
  }
}
