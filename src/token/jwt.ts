/**
 * Parses a JWT (RFC 7519, JWS compact serialisation of RFC 7515) and trusts nothing in it.
 *
 * @module
 */
import { decodeBase64url, decodeBase64urlText } from '../base/base64url.js'
import { quoted, Refusal } from '../errors.js'
import { parseJsonObject, withoutNulls, type JsonObject } from '../base/json.js'

/** The contents of the three segments. Nothing is verified yet. */
export interface ParsedJwt {
  readonly algorithm: string
  readonly kid: string | undefined
  /** The `typ` header in lower case, `undefined` when absent. */
  readonly type: string | undefined
  readonly claims: JsonObject
  /** The bytes that the signature covers; they are ASCII. */
  readonly signedText: string
  readonly signature: Uint8Array<ArrayBuffer>
}

function malformed(reason: string): Refusal {
  return new Refusal('ERR_TOKEN_MALFORMED', reason)
}

/** A claim that is `null` is absent, except for `exp`: a JWT must say when it ends. */
function parseClaims(payload: string): JsonObject | undefined {
  const claims = parseJsonObject(payload)
  return claims && withoutNulls(claims, 'exp')
}

/** Parses the payload of a verified token. */
export function decodeClaims(token: string): JsonObject {
  const payload = decodeBase64urlText(token.slice(token.indexOf('.') + 1, token.lastIndexOf('.')))
  const claims = payload === undefined ? undefined : parseClaims(payload)
  if (claims === undefined) throw new TypeError('not the payload of a verified token')
  return claims
}

/**
 * Parses a token. Refuses everything but a signed JWT (RFC 8725 §3.11): opaque and encrypted
 * tokens, non-canonical base64url, text that is not UTF-8, duplicate members, and critical
 * extensions, of which we understand none (RFC 7515 §4.1.11). `jku`, `jwk`, `x5u` and `x5c` are not
 * even read.
 */
export function parseJwt(token: string): ParsedJwt | Refusal {
  const segments = token.split('.')
  const [headerSegment, payloadSegment, signatureSegment] = segments
  if (segments.length === 5) {
    return new Refusal('ERR_TOKEN_ENCRYPTED', 'five segments: an encrypted token (JWE)')
  }
  if (
    segments.length !== 3 ||
    headerSegment === undefined ||
    payloadSegment === undefined ||
    signatureSegment === undefined
  ) {
    return new Refusal('ERR_TOKEN_OPAQUE', 'not a JWT')
  }

  const headerText = decodeBase64urlText(headerSegment)
  if (headerText === undefined) return malformed('the header is not base64url of UTF-8')
  const header = parseJsonObject(headerText)
  if (header === undefined)
    return malformed('the header is not one JSON object with distinct names')
  const { alg, kid, typ, crit } = header
  if (typeof alg !== 'string') return malformed('the header names no algorithm')
  if (kid !== undefined && typeof kid !== 'string') return malformed('kid is not a string')
  if (typ !== undefined && typeof typ !== 'string') return malformed('typ is not a string')
  if (crit !== undefined) return malformed(`critical header members ${quoted(crit)}`)

  const signature = decodeBase64url(signatureSegment)
  if (signature === undefined) return malformed('the signature is not base64url')
  const payloadText = decodeBase64urlText(payloadSegment)
  if (payloadText === undefined) return malformed('the payload is not base64url of UTF-8')
  const claims = parseClaims(payloadText)
  if (claims === undefined)
    return malformed('the payload is not one JSON object with distinct names')

  return {
    algorithm: alg,
    kid,
    type: typ?.toLowerCase(),
    claims,
    signedText: token.slice(0, headerSegment.length + 1 + payloadSegment.length),
    signature,
  }
}
