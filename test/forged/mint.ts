/**
 * Tokens of any shape, signed by anything. The fake IdP makes only tokens that a JOSE library would
 * make; forgers are not bound to that.
 */
import {
  constants,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  sign as signBytes,
  type KeyObject,
} from 'node:crypto'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'

/** Tokens live and die by this clock, so that edges are exact. */
export const NOW = 1_790_000_000_000
export const AT: number = NOW / 1000

export const OTHER_ISSUER = 'https://login.example.net/tenant-2'
export const ATTACKER = 'https://attacker.example.org'

/** Stands in every token; no answer and no event may show it. */
export const CANARY = 'canary-3f9c1d'

export type Members = Readonly<Record<string, unknown>>
export type Sign = (signedText: string) => Uint8Array

/** What differs from a token that is right in everything. */
export interface Spec {
  /** Merged over {@link HEADER}; `undefined` takes a member away. */
  readonly header?: Members
  /** Merged over {@link CLAIMS}; `undefined` takes one away. */
  readonly claims?: Members
  /** Instead of the JSON of these. */
  readonly headerText?: string | Uint8Array
  readonly payloadText?: string | Uint8Array
  /** Default: ES256 by the key `key-1`. */
  readonly sign?: Sign
}

export const HEADER: Members = { alg: 'ES256', kid: 'key-1', typ: 'at+jwt' }
export const CLAIMS: Members = {
  iss: ISSUER,
  sub: `${CANARY}-subject`,
  aud: RESOURCE,
  client_id: `${CANARY}-client`,
  scope: 'mcp:tools',
  email: `${CANARY}@example.com`,
  iat: AT,
  exp: AT + 300,
  jti: CANARY,
}

export function encode(data: string | Uint8Array): string {
  return Buffer.from(data).toString('base64url')
}

/** As JWS writes it: r and s side by side. */
export function ecdsa(
  key: KeyObject,
  hash = 'sha256',
  dsaEncoding: 'ieee-p1363' | 'der' = 'ieee-p1363',
): Sign {
  return (text) => signBytes(hash, Buffer.from(text), { key, dsaEncoding })
}

export function rsa(key: KeyObject, hash = 'sha256'): Sign {
  return (text) => signBytes(hash, Buffer.from(text), key)
}

export function pss(key: KeyObject, saltLength = 32): Sign {
  const padding = constants.RSA_PKCS1_PSS_PADDING
  return (text) => signBytes('sha256', Buffer.from(text), { key, padding, saltLength })
}

export function eddsa(key: KeyObject): Sign {
  return (text) => signBytes(null, Buffer.from(text), key)
}

export function hmac(secret: string | Uint8Array, hash = 'sha256'): Sign {
  return (text) => createHmac(hash, secret).update(text).digest()
}

export function fixed(signature: Uint8Array): Sign {
  return () => signature
}

export function publicJwk(key: KeyObject): Members {
  return createPublicKey(key).export({ format: 'jwk' })
}

/** A public key in the forms that people have made HMAC secrets of. */
export function spki(key: KeyObject): { readonly pem: string; readonly der: Buffer } {
  const object = createPublicKey(key)
  return {
    pem: object.export({ type: 'spki', format: 'pem' }).toString(),
    der: object.export({ type: 'spki', format: 'der' }),
  }
}

const rsaKey = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey
const ecKey = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey

/** The published keys, and those that nobody published. */
export const keys = {
  es: ecKey('P-256'),
  es2: ecKey('P-256'),
  es384: ecKey('P-384'),
  es512: ecKey('P-521'),
  ed: generateKeyPairSync('ed25519').privateKey,
  rsa: rsaKey(2048),
  rsa512: rsaKey(2048),
  pss: rsaKey(2048),
  weak: rsaKey(1024),
  encryption: ecKey('P-256'),
  agreement: ecKey('P-256'),
  offCurve: ecKey('P-256'),
  otherIssuer: ecKey('P-256'),
  attacker: ecKey('P-256'),
  attackerRsa: rsaKey(2048),
} as const

export const SECRET = 'a symmetric key that somebody published by mistake'

const named = (kid: string, key: KeyObject, members: Members): Members => ({
  ...publicJwk(key),
  kid,
  use: 'sig',
  ...members,
})

/** One RSA key fits RS256, two EC keys fit ES256. */
const PUBLISHED: readonly Members[] = [
  named('key-1', keys.es, { alg: 'ES256' }),
  named('key-2', keys.es2, { alg: 'ES256' }),
  named('rsa-1', keys.rsa, { alg: 'RS256' }),
  named('rsa-512', keys.rsa512, { alg: 'RS512' }),
  named('pss-1', keys.pss, { alg: 'PS256' }),
  named('es-384', keys.es384, { alg: 'ES384' }),
  named('es-512', keys.es512, { alg: 'ES512' }),
  named('ed-1', keys.ed, { alg: 'EdDSA' }),
  named('weak', keys.weak, { alg: 'RS256' }),
  named('encryption', keys.encryption, { alg: 'ES256', use: 'enc' }),
  named('agreement', keys.agreement, { alg: 'ES256', use: undefined, key_ops: ['deriveBits'] }),
  named('off-curve', keys.offCurve, { alg: 'ES256', y: publicJwk(keys.es)['y'] }),
  named('secret', keys.es, { kty: 'oct', k: encode(SECRET), alg: 'HS256' }),
]

export interface World {
  readonly idp: FakeIdp
  readonly other: FakeIdp
  readonly fetch: typeof fetch
}

/** Two trusted issuers; both have a key that they call `key-1`. */
export function createWorld(): World {
  const idp = new FakeIdp(ISSUER)
  idp.publishedKeys = [...PUBLISHED]
  const other = new FakeIdp(OTHER_ISSUER)
  other.publishedKeys = [
    named('key-1', keys.otherIssuer, { alg: 'ES256' }),
    named('other-1', keys.otherIssuer, { alg: 'ES256' }),
  ]
  return {
    idp,
    other,
    fetch: (input, init) => {
      const url = input instanceof Request ? input.url : String(input)
      return url.startsWith('https://login.example.net/')
        ? other.fetch(input, init)
        : idp.fetch(input, init)
    },
  }
}

/** Header and payload, as they would be signed. */
export function signedText({ header, claims, headerText, payloadText }: Spec): string {
  const head = headerText ?? JSON.stringify({ ...HEADER, ...header })
  const payload = payloadText ?? JSON.stringify({ ...CLAIMS, ...claims })
  return `${encode(head)}.${encode(payload)}`
}

export function mint(spec: Spec = {}): string {
  const text = signedText(spec)
  return `${text}.${encode((spec.sign ?? ecdsa(keys.es))(text))}`
}
