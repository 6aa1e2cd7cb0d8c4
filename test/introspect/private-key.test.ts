/** The private keys that people have for `private_key_jwt`. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { importPKCS8 } from 'jose'
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { readPrivateKey } from '../../src/introspect/private-key.js'
import { verifies } from '../support/verifies.js'

const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const CURVES = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' } as const

function ecKey(namedCurve: string): KeyObject {
  return generateKeyPairSync('ec', { namedCurve }).privateKey
}

function pem(key: KeyObject, type: 'pkcs1' | 'pkcs8' | 'sec1'): string {
  return String(key.export({ type: type as 'pkcs8', format: 'pem' }))
}

/** The same key, as Node reads it. */
function expectSameKey(text: string, key: KeyObject): string {
  const read = readPrivateKey(text)
  expect(read).toMatchObject({ type: 'pem' })
  const { pem: converted } = read as { pem: string }
  expect(createPrivateKey(converted).equals(key)).toBe(true)
  return converted
}

describe('PEM', () => {
  verifies('FLD-07', 'RSA: PKCS #8 and PKCS #1', async () => {
    expectSameKey(pem(RSA, 'pkcs8'), RSA)
    await importPKCS8(expectSameKey(pem(RSA, 'pkcs1'), RSA), 'RS256')
    const large = generateKeyPairSync('rsa', { modulusLength: 4096 }).privateKey
    await importPKCS8(expectSameKey(pem(large, 'pkcs1'), large), 'RS256')
  })

  for (const [curve, algorithm] of Object.entries(CURVES)) {
    verifies('FLD-07', `${curve}: PKCS #8 and SEC 1`, async () => {
      const key = ecKey(curve)
      expectSameKey(pem(key, 'pkcs8'), key)
      await importPKCS8(expectSameKey(pem(key, 'sec1'), key), algorithm)
    })
  }

  verifies('FLD-07', 'parameters before the key, CRLF and text around are no fault', () => {
    const key = ecKey('P-256')
    const parameters =
      '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n'
    expectSameKey(`# ours\n${parameters}${pem(key, 'sec1')}\n`, key)
    expectSameKey(pem(key, 'sec1').replaceAll('\n', '\r\n'), key)
  })
})

describe('what cannot be used, with the reason', () => {
  const encrypted = String(
    RSA.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'canary' }),
  )
  const legacy = String(
    RSA.export({ type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'canary' }),
  )
  const publicKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  const withoutCurve = '-----BEGIN EC PRIVATE KEY-----\nMAcCAQEEAgEC\n-----END EC PRIVATE KEY-----'
  const rows: readonly (readonly [name: string, text: unknown, fault: string])[] = [
    ['nothing', '', 'holds no private key'],
    ['a secret', 'canary', 'holds no private key'],
    ['a public key', publicKey.export({ type: 'spki', format: 'pem' }), 'holds no private key'],
    ['a public JWK', publicKey.export({ format: 'jwk' }), 'holds no private key'],
    ['a JWK whose d is null', { kty: 'RSA', d: null }, 'holds no private key'],
    ['an encrypted key', encrypted, 'holds an encrypted private key: remove its passphrase'],
    [
      'an encrypted key of PKCS #1',
      legacy,
      'holds an encrypted private key: remove its passphrase',
    ],
    ['no end', pem(RSA, 'pkcs1').replace('-----END RSA', '-----END EC'), 'holds no private key'],
    [
      'no base64',
      pem(RSA, 'pkcs1').replace(/\n.{10}/, '\n!canary!!'),
      'holds a broken private key',
    ],
    [
      'an EC key without a curve',
      withoutCurve,
      'holds an EC private key that does not name its curve',
    ],
  ]
  for (const [name, text, fault] of rows) {
    verifies('FLD-07', `${name}: ${fault}`, () => {
      expect(readPrivateKey(text)).toEqual({ type: 'none', fault })
    })
  }
})

verifies('FLD-07', 'a JWK, as text and as an object', () => {
  const jwk = RSA.export({ format: 'jwk' })
  expect(readPrivateKey(jwk)).toEqual({ type: 'jwk', jwk })
  expect(readPrivateKey(JSON.stringify(jwk))).toEqual({ type: 'jwk', jwk })
})

verifies('FLD-07', 'any bytes in a PEM are read to their end, and shown nowhere', () => {
  const block = (label: string, bytes: Uint8Array) =>
    `-----BEGIN ${label}-----\n${Buffer.from(bytes).toString('base64')}\n-----END ${label}-----`
  fc.assert(
    fc.property(
      fc.constantFrom('RSA PRIVATE KEY', 'EC PRIVATE KEY'),
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 40 }).map((tail) => Uint8Array.of(0x30, 0x82, 0, 40, ...tail)),
      ),
      (label, bytes) => {
        const read = readPrivateKey(block(label, bytes))
        expect(['pem', 'none']).toContain(read.type)
      },
    ),
  )
})
