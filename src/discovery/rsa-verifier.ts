/**
 * RSA signatures where the runtime has `node:crypto`, whose thread pool costs this thread less than
 * WebCrypto does.
 *
 * @module
 */
import { builtinModule } from '../base/digest.js'

interface NodeCrypto {
  createPublicKey(input: { key: object; format: 'jwk' }): object
  verify(
    digest: string,
    data: Uint8Array,
    key: { key: object; padding?: number; saltLength?: number },
    signature: BufferSource,
    callback: (error: Error | null | undefined, valid: unknown) => void,
  ): unknown
}

/** RSA_PKCS1_PSS_PADDING. */
const PSS = 6

/**
 * Whether the key made this signature over the data.
 *
 * @throws what the runtime throws when it cannot check the signature
 */
export type RsaVerifier = (
  algorithm: string,
  data: Uint8Array,
  signature: BufferSource,
) => Promise<boolean>

/**
 * @param jwk the public members of an RSA key that WebCrypto accepted
 * @returns `undefined` if the runtime has no `node:crypto` or refuses the key
 */
export function createRsaVerifier(jwk: object): RsaVerifier | undefined {
  const nodeCrypto = builtinModule<NodeCrypto>('node:crypto')
  if (nodeCrypto === undefined) return undefined
  const { createPublicKey, verify } = nodeCrypto
  let key: object
  try {
    key = createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    return undefined
  }
  return function verifyRsa(algorithm, data, signature) {
    const bits = algorithm.slice(2)
    // RFC 7518 §3.5: the salt is as long as the digest.
    const options = algorithm.startsWith('PS')
      ? { key, padding: PSS, saltLength: Number(bits) / 8 }
      : { key }
    return new Promise((resolve, reject) => {
      const settle = (error: Error | null | undefined, valid: unknown) => {
        if (error) reject(error)
        else resolve(valid === true)
      }
      // If it throws, the promise rejects.
      const answer = verify(`sha${bits}`, data, options, signature, settle)
      // A runtime without support for the callback answers synchronously.
      if (typeof answer === 'boolean') resolve(answer)
    })
  }
}
