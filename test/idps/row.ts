/** What a row of the table says: a token as one identity provider writes it, the settings that fit, and near misses. */
import { RESOURCE } from '../support/idp.js'

export type Members = Readonly<Record<string, unknown>>

/** As options are called; the flags follow mechanically. */
export interface Settings {
  readonly audience?: string | undefined
  readonly scopes?: string | undefined
  readonly scopeClaims?: readonly string[] | undefined
  readonly audienceClaim?: 'client_id' | 'azp' | undefined
  readonly requireType?: true | undefined
  readonly acceptIdTokenClaims?: true | undefined
  readonly validation?: 'introspection' | undefined
  readonly tokenPrefix?: string | undefined
  /** Our client there: the provider is asked about tokens. */
  readonly clientId?: string | undefined
  readonly introspectionUrl?: string | undefined
}

/** What differs from the row. */
export interface Change {
  /** The configured issuer. */
  readonly issuer?: string
  /** Merged over those of the row; `undefined` takes one away. */
  readonly settings?: Settings
  readonly header?: Members
  readonly claims?: Members
  /** Instead of a JWT. */
  readonly token?: string | undefined
  /** What the provider answers about it. */
  readonly answer?: Members
}

interface NearMiss extends Change {
  readonly name: string
  readonly code: string
  /** What the hint must say; `undefined`: there is none. */
  readonly hint: string | undefined
}

export interface Row extends Change {
  readonly name: string
  /** Where this shape comes from. */
  readonly source: string
  /** In `iss` and in the metadata, byte for byte. */
  readonly issuer: string
  /** Members of the metadata beside `issuer` and `jwks_uri`. */
  readonly metadata?: Members
  /** The place of its metadata. Default: OpenID Connect's, appended to the issuer. */
  readonly metadataUrl?: string
  readonly jwksUri?: string
  readonly header: Members
  /** Beside `iss`, `iat` and `exp`. */
  readonly claims: Members
  /** What is read out of it; `never`: no settings let such a token in. */
  readonly accepted:
    | {
        readonly scopes: readonly string[]
        readonly clientId: string | undefined
        readonly subject: string | undefined
      }
    | 'never'
  readonly refused: readonly NearMiss[]
}

/** Claims of the token alone, away. */
export function without(...names: readonly string[]): Members {
  return Object.fromEntries(names.map((name) => [name, undefined]))
}

export const JWT_HEADER: Members = { alg: 'RS256', typ: 'JWT' }
export const AT_JWT_HEADER: Members = { alg: 'RS256', typ: 'at+jwt' }
/** Opaque: nothing is read out of it here. */
export const OPAQUE = { header: {}, claims: {} } as const

/** The resource with another path: right in everything but that. */
export const SIBLING = `${RESOURCE}2`

/** Five segments; the provider alone can open it. */
export function jwe(issuer: string): string {
  const segment = (value: object | string) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
  const header = segment({ alg: 'dir', enc: 'A256GCM', iss: issuer })
  return `${header}..${segment('iv-of-12-byt')}.${segment('ciphertext')}.${segment('sixteen-byte-tag')}`
}
