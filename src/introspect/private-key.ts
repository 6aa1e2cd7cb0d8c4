/**
 * Reads the private keys that people have: PEM in its three forms, or a JWK. WebCrypto imports only
 * PKCS #8, so the others are wrapped in it.
 *
 * @module
 */
import { isJsonObject, withoutNulls, type JsonObject } from '../base/json.js'

/** A private key that can be imported. */
export type PrivateKeyText =
  /** PEM (PKCS #8), with the `kid` that its file names. */
  | { readonly type: 'pem'; readonly pem: string; readonly kid?: string }
  | { readonly type: 'jwk'; readonly jwk: JsonObject }
  /** It cannot be used: `fault` says why, and shows nothing of it. */
  | { readonly type: 'none'; readonly fault: string }

/** What people may give. */
export const KEY_FORMS = 'PEM (PKCS #8, PKCS #1, SEC 1), a JWK, or the key file of Zitadel'

const PEM = /-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----([\s\S]*?)-----END \1-----/

/** DER tags (X.690 §8). */
const INTEGER = 0x02
const OCTET_STRING = 0x04
const OBJECT_IDENTIFIER = 0x06
const SEQUENCE = 0x30
/** The curve of an EC key (RFC 5915 §3). */
const PARAMETERS = 0xa0

/** Version 0 (RFC 5208 §5). */
const VERSION = Uint8Array.of(INTEGER, 1, 0)
/** rsaEncryption, whose parameters are NULL (RFC 8017 §A.1). */
const RSA_NAME = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]
const RSA = Uint8Array.of(SEQUENCE, 13, OBJECT_IDENTIFIER, 9, ...RSA_NAME, 5, 0)
/** ecPublicKey (RFC 5480 §2.1.1). */
const EC = Uint8Array.of(OBJECT_IDENTIFIER, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1)

function none(fault: string): PrivateKeyText {
  return { type: 'none', fault }
}

function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const size = length < 128 ? [length] : [0x82, length >> 8, length & 0xff]
  return Uint8Array.from([tag, ...size, ...parts.flatMap((part) => [...part])])
}

/** Where the content of the element at `start` lies; `undefined` if it is not whole. */
function contentAt(
  der: Uint8Array,
  start: number,
): readonly [from: number, to: number] | undefined {
  const size = der[start + 1] ?? 0
  // 0x81 and 0x82: the length follows in one or two bytes. A key needs no longer ones.
  const extra = size < 0x80 ? 0 : size - 0x80
  if (extra > 2) return undefined
  const digits = der.subarray(start + 2, start + 2 + extra)
  const length = extra === 0 ? size : digits.reduce((sum, digit) => sum * 256 + digit, 0)
  const from = start + 2 + extra
  return from + length > der.length ? undefined : [from, from + length]
}

/** The object identifier of an EC key's curve, as an element. */
function curveOf(der: Uint8Array): Uint8Array | undefined {
  const [start, end] = contentAt(der, 0) ?? [0, 0]
  let at = start
  while (at < end) {
    const content = contentAt(der, at)
    if (content === undefined) return undefined
    if (der[at] === PARAMETERS && der[content[0]] === OBJECT_IDENTIFIER) {
      return der.subarray(...content)
    }
    at = content[1]
  }
  return undefined
}

/** As PKCS #8 (RFC 5208 §5). */
function wrap(algorithm: Uint8Array, der: Uint8Array): PrivateKeyText {
  const bytes = element(SEQUENCE, VERSION, algorithm, element(OCTET_STRING, der))
  const body = btoa(String.fromCharCode(...bytes))
  return { type: 'pem', pem: `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----` }
}

function decode(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(base64.replace(/\s/g, '')), (char) => char.charCodeAt(0))
  } catch {
    return undefined
  }
}

function readPem(text: string): PrivateKeyText {
  const [whole, label, body = ''] = PEM.exec(text) ?? []
  if (whole === undefined) return none('holds no private key')
  if (label === 'ENCRYPTED PRIVATE KEY' || body.includes('ENCRYPTED')) {
    return none('holds an encrypted private key: remove its passphrase')
  }
  const der = decode(body)
  if (der === undefined) return none('holds a broken private key')
  if (label === 'PRIVATE KEY') return { type: 'pem', pem: whole }
  if (label === 'RSA PRIVATE KEY') return wrap(RSA, der)
  const curve = curveOf(der)
  if (curve === undefined) return none('holds an EC private key that does not name its curve')
  return wrap(element(SEQUENCE, EC, curve), der)
}

/** The key file that Zitadel makes for an application: a PEM in JSON, with its `kid`. */
function readKeyFile({ key, keyId }: JsonObject): PrivateKeyText {
  const text = typeof key === 'string' ? readPem(key) : none('holds no private key')
  return text.type === 'pem' && typeof keyId === 'string' ? { ...text, kid: keyId } : text
}

/**
 * The private key in a text: PEM (PKCS #8, PKCS #1 of RFC 8017, SEC 1 of RFC 5915) or a JWK (RFC
 * 7517), or Zitadel's key file. Other text around a PEM is ignored: `openssl ecparam` writes parameters before the key.
 *
 * @param given text, or a JWK as an object
 */
export function readPrivateKey(given: unknown): PrivateKeyText {
  const text = typeof given === 'string' ? given : ''
  if (text.includes('-----BEGIN') && !text.trimStart().startsWith('{')) return readPem(text)
  let jwk = given
  try {
    if (typeof given === 'string') jwk = JSON.parse(given)
  } catch {
    return none('holds no private key')
  }
  const members = isJsonObject(jwk) ? withoutNulls(jwk) : {}
  if (members['keyId'] !== undefined) return readKeyFile(members)
  if (members['d'] === undefined) return none('holds no private key')
  return { type: 'jwk', jwk: members }
}
