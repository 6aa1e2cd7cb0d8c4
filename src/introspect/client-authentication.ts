/**
 * Client authentication at the introspection endpoint (RFC 7662 §2.1).
 *
 * @module
 */
import { importJWK, importPKCS8, type JWK } from 'jose'
import {
  ClientSecretBasic,
  ClientSecretPost,
  modifyAssertion,
  None,
  PrivateKeyJwt,
  type ClientAuth,
} from 'openid-client'
import type { IntrospectionAuthentication } from './authentication-methods.js'
import { KEY_FORMS, readPrivateKey } from './private-key.js'

export interface ClientCredentials {
  readonly authentication: IntrospectionAuthentication
  readonly clientSecret?: string | undefined
  /** A private key: PEM (PKCS #8, PKCS #1, SEC 1), or a JWK as an object or a string. */
  readonly clientKey?: string | JWK | undefined
  /** The `kid` of a PEM, which names none. */
  readonly clientKeyId?: string | undefined
}

/** For a PEM, which names no algorithm: the first algorithm that fits its key type. */
const PEM_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'ES384', 'ES512']

function algorithmOf({ alg, kty, crv }: JWK): string {
  if (alg !== undefined) return alg
  if (kty === 'RSA') return 'RS256'
  if (kty === 'OKP') return 'EdDSA'
  return { 'P-384': 'ES384', 'P-521': 'ES512' }[crv ?? ''] ?? 'ES256'
}

interface PrivateKey {
  readonly key: CryptoKey
  readonly kid?: string
  /** The key's own name for it: the same algorithm has two names (RFC 8037, RFC 9864). */
  readonly alg?: string
}

/** @throws {TypeError} when it is not a private key; the message does not show it */
async function importPrivateKey(
  given: string | JWK,
  keyId: string | undefined,
): Promise<PrivateKey> {
  const text = readPrivateKey(given)
  if (text.type === 'none') throw new TypeError(`${text.fault}: use ${KEY_FORMS}`)
  const key = await (text.type === 'pem' ? importPem(text.pem) : importOwnJwk(text.jwk))
  if (key === undefined) throw new TypeError(`holds a broken private key: use ${KEY_FORMS}`)
  const kid = keyId ?? key.kid ?? (text.type === 'pem' ? text.kid : undefined)
  return kid === undefined ? key : { ...key, kid }
}

async function importPem(pem: string): Promise<PrivateKey | undefined> {
  for (const algorithm of PEM_ALGORITHMS) {
    try {
      return { key: await importPKCS8(pem, algorithm) }
    } catch {
      // Another key type, or not a key.
    }
  }
  return undefined
}

async function importOwnJwk(jwk: JWK): Promise<PrivateKey | undefined> {
  try {
    const key = (await importJWK(jwk, algorithmOf(jwk))) as CryptoKey
    const { kid, alg } = jwk
    return { key, ...(kid !== undefined && { kid }), ...(alg !== undefined && { alg }) }
  } catch {
    return undefined
  }
}

/**
 * openid-client signs with the new name of Ed25519, which some servers do not know: Keycloak 26.7.3
 * refuses it and lists `EdDSA`.
 */
function signByKey({ alg, ...key }: PrivateKey): ClientAuth {
  return PrivateKeyJwt(key, {
    [modifyAssertion](header) {
      if (header['alg'] === 'Ed25519') header['alg'] = alg ?? 'EdDSA'
    },
  })
}

/** Sends our own bearer token (RFC 7662 §2.1). The client id is not sent. */
function byBearer(secret: string): ClientAuth {
  return (_server, _client, _body, headers) => headers.set('authorization', `Bearer ${secret}`)
}

/** Why these credentials cannot be used, without any part of them; `undefined`: they can. */
export async function credentialsFault(
  credentials: ClientCredentials,
): Promise<string | undefined> {
  try {
    await createClientAuthentication(credentials)
    return undefined
  } catch (error) {
    return error instanceof TypeError ? error.message : 'cannot be used'
  }
}

/**
 * Converts it for openid-client. Id and secret are form-encoded inside Basic (RFC 6749 §2.3.1),
 * which matters for client ids that are URLs.
 *
 * @throws {TypeError} when the credentials do not fit the method
 */
export async function createClientAuthentication({
  authentication,
  clientSecret,
  clientKey,
  clientKeyId,
}: ClientCredentials): Promise<ClientAuth> {
  switch (authentication) {
    case 'client_secret_basic':
      return ClientSecretBasic(clientSecret)
    case 'client_secret_post':
      return ClientSecretPost(clientSecret)
    case 'private_key_jwt':
      return signByKey(await importPrivateKey(clientKey ?? '', clientKeyId))
    case 'bearer':
      return byBearer(clientSecret ?? '')
    case 'none':
      return None()
  }
}
