/**
 * One public key of an issuer: what it may verify, and how.
 *
 * @module
 */
import type { JWK } from 'jose'
// Loading all of jose takes three times as long.
import { importJWK } from 'jose/key/import'
import { decodeBase64url } from '../base/base64url.js'
import { isJsonObject, withoutNulls, type JsonObject } from '../base/json.js'
import { createRsaVerifier } from './rsa-verifier.js'
import { chooseCheck, wrongSignature, type SignatureCheck } from './signature-check.js'

interface Algorithm {
  readonly kty: 'RSA' | 'EC' | 'OKP'
  readonly curve?: string
  readonly verify: AlgorithmIdentifier | RsaPssParams | EcdsaParams
}

const rsa = (): Algorithm => ({ kty: 'RSA', verify: { name: 'RSASSA-PKCS1-v1_5' } })
const pss = (saltLength: number): Algorithm => ({
  kty: 'RSA',
  verify: { name: 'RSA-PSS', saltLength },
})
const ecdsa = (curve: string, hash: string): Algorithm => ({
  kty: 'EC',
  curve,
  verify: { name: 'ECDSA', hash },
})
const ed25519: Algorithm = { kty: 'OKP', curve: 'Ed25519', verify: { name: 'Ed25519' } }

/**
 * The algorithms that we know, by their names in JOSE. All are asymmetric: with public keys, `none`
 * and HMAC prove nothing (RFC 8725 §3.1). `EdDSA` and `Ed25519` are the same (RFC 9864).
 */
const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map([
  ['RS256', rsa()],
  ['PS256', pss(32)],
  ['ES256', ecdsa('P-256', 'SHA-256')],
  ['Ed25519', ed25519],
  ['EdDSA', ed25519],
  ['RS384', rsa()],
  ['RS512', rsa()],
  ['PS384', pss(48)],
  ['PS512', pss(64)],
  ['ES384', ecdsa('P-384', 'SHA-384')],
  ['ES512', ecdsa('P-521', 'SHA-512')],
])

/** Every algorithm that can be allowed. */
export const SIGNATURE_ALGORITHMS: readonly string[] = [...ALGORITHMS.keys()]

const MIN_RSA_BITS = 2048
/** With larger keys an attacker could make one verification cost too much CPU time. */
const MAX_RSA_BITS = 8192

export interface SigningKey {
  readonly kid: string | undefined
  /** Identifies the key material, `kid` and `alg`; equal for the same key in two fetches. */
  readonly identity: string
  /** True once a successful fetch did not contain the key. A retired key verifies nothing. */
  retired: boolean
  /**
   * Whether this key may and can verify that algorithm: by its type, curve and `alg`, if it has
   * one.
   */
  fits(algorithm: string): boolean
  /**
   * Whether this key made the signature over the ASCII text.
   *
   * @throws what the runtime throws when it cannot check the signature
   */
  verify(algorithm: string, signedText: string, signature: BufferSource): Promise<boolean>
}

const encoder = new TextEncoder()

function text(jwk: JsonObject, name: string): string | undefined {
  const value = jwk[name]
  return typeof value === 'string' ? value : undefined
}

/** The length of an unsigned integer in big-endian order. */
function bitsOf(bytes: Uint8Array | undefined): number {
  const start = bytes?.findIndex((byte) => byte !== 0) ?? -1
  if (bytes === undefined || start < 0) return 0
  return (bytes.length - start) * 8 - Math.clz32(bytes[start] ?? 0) + 24
}

/** RFC 8017 §3.1. With exponent 1 every message is its own signature. */
function isRsaExponent(bytes: Uint8Array | undefined): boolean {
  return bitsOf(bytes) >= 2 && ((bytes?.at(-1) ?? 0) & 1) === 1
}

/** The allowed algorithms that the key may verify, by its type, its curve and its `alg`. */
function algorithmsOf(jwk: JsonObject, allowed: readonly string[]): readonly string[] {
  const kty = text(jwk, 'kty')
  const curve = text(jwk, 'crv')
  const alg = text(jwk, 'alg')
  return allowed.filter((name) => {
    const known = ALGORITHMS.get(name)
    if (known === undefined || known.kty !== kty) return false
    if (known.curve !== undefined && known.curve !== curve) return false
    return jwk['alg'] === undefined || (alg !== undefined && ALGORITHMS.get(alg) === known)
  })
}

/**
 * Why a member of a key set must not be used to check signatures, or `undefined` if no reason is
 * visible.
 */
export function reasonToSkip(member: unknown, allowed: readonly string[]): string | undefined {
  if (!isJsonObject(member)) return 'not an object'
  const jwk = withoutNulls(member)
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return 'not for signatures (use)'
  const operations = jwk['key_ops']
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return 'not for verification (key_ops)'
  }
  if (algorithmsOf(jwk, allowed).length === 0) return 'no allowed algorithm fits it'
  if (text(jwk, 'kty') === 'RSA') {
    const bits = bitsOf(decodeBase64url(text(jwk, 'n') ?? ''))
    if (bits < MIN_RSA_BITS) return `RSA key of ${bits} bits, fewer than ${MIN_RSA_BITS}`
    if (bits > MAX_RSA_BITS) return `RSA key of ${bits} bits, more than ${MAX_RSA_BITS}`
    if (!isRsaExponent(decodeBase64url(text(jwk, 'e') ?? ''))) {
      return 'RSA key whose exponent is not odd or less than 3'
    }
  }
  return undefined
}

/** The length of the modulus, or of a coordinate. */
function bytesOf(jwk: JsonObject): number {
  const bytes = decodeBase64url(text(jwk, 'n') ?? text(jwk, 'x') ?? '')
  return text(jwk, 'kty') === 'RSA' ? Math.ceil(bitsOf(bytes) / 8) : (bytes?.length ?? 0)
}

/** Only the public members: we must not import private members that a key set leaks. */
function publicMembers(jwk: JsonObject): JWK {
  const members: Record<string, string> = {}
  for (const name of ['kty', 'crv', 'n', 'e', 'x', 'y']) {
    const value = text(jwk, name)
    if (value !== undefined) members[name] = value
  }
  return members
}

/** The implementation for each algorithm, if this runtime has one. */
async function createChecks(
  members: JsonObject,
  material: JWK,
  algorithms: readonly string[],
  importFor: (algorithm: string) => Promise<CryptoKey>,
): Promise<ReadonlyMap<string, SignatureCheck>> {
  const kty = text(members, 'kty') ?? ''
  const wrong = wrongSignature(kty, bytesOf(members))
  const verifyRsa = kty === 'RSA' ? createRsaVerifier(material) : undefined
  const checks = new Map<string, SignatureCheck>()
  for (const algorithm of algorithms) {
    const candidates: SignatureCheck[] = []
    if (verifyRsa !== undefined) {
      candidates.push((data, signature) => verifyRsa(algorithm, data, signature))
    }
    candidates.push(createWebCheck(algorithm, importFor))
    const check = await chooseCheck(candidates, wrong)
    if (check !== undefined) checks.set(algorithm, check)
  }
  return checks
}

function createWebCheck(
  algorithm: string,
  importFor: (algorithm: string) => Promise<CryptoKey>,
): SignatureCheck {
  return async function check(data, signature) {
    const known = ALGORITHMS.get(algorithm)
    if (known === undefined) return false
    const key = await importFor(algorithm)
    return crypto.subtle.verify(known.verify, key, signature, data as BufferSource)
  }
}

/**
 * Makes a key from one member of a key set.
 *
 * A key with an `alg` verifies only that; one without (Entra) verifies the allowed algorithms of
 * its type.
 *
 * @returns the key, or the reason to skip it: one odd key must not spoil the others
 */
export async function createSigningKey(
  jwk: unknown,
  allowed: readonly string[],
): Promise<SigningKey | string> {
  const reason = reasonToSkip(jwk, allowed)
  if (reason !== undefined) return reason
  const members = withoutNulls(jwk as JsonObject)
  const algorithms = algorithmsOf(members, allowed)

  const material = publicMembers(members)
  const imported = new Map<string, CryptoKey>()
  async function importFor(algorithm: string): Promise<CryptoKey> {
    const key = imported.get(algorithm) ?? ((await importJWK(material, algorithm)) as CryptoKey)
    imported.set(algorithm, key)
    return key
  }
  try {
    // The import checks the material: it refuses points off their curve and empty moduli.
    await importFor(algorithms[0] ?? '')
  } catch {
    return 'its material is not valid'
  }
  const checks = await createChecks(members, material, algorithms, importFor)
  if (checks.size === 0) return 'nothing here can check its signatures'
  const kid = text(members, 'kid')
  return {
    kid,
    identity: JSON.stringify([kid, members['alg'], material]),
    retired: false,
    fits: (algorithm) => checks.has(algorithm),
    async verify(algorithm, signedText, signature) {
      const check = checks.get(algorithm)
      return check !== undefined && check(encoder.encode(signedText), signature)
    },
  }
}
