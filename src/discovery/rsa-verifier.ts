/**
 * RSA signatures where the runtime has `node:crypto`: checked back to back on this thread, a few in every turn of
 * the event loop. One takes 20 to 30 µs so; to hand it to the thread pool, as WebCrypto does, costs as much again,
 * and in the midst of other work it takes three times as long.
 *
 * @module
 */
import { builtinModule } from '../digest.js'

interface NodeCrypto {
  createPublicKey(input: { key: object; format: 'jwk' }): object
  verify(
    digest: string,
    data: Uint8Array,
    key: { key: object; padding?: number; saltLength?: number },
    signature: BufferSource,
  ): boolean
}

/** How many are checked before others get their turn: less than a millisecond. */
const BATCH = 16
/** RSA_PKCS1_PSS_PADDING. */
const PSS = 6

const nodeCrypto = builtinModule<NodeCrypto>('node:crypto')
const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown }

interface Job {
  readonly check: () => boolean
  readonly settle: (valid: boolean) => void
}

const waiting: Job[] = []
let isScheduled = false

function schedule(): void {
  isScheduled = true
  setImmediate?.(runBatch)
}

function runBatch(): void {
  for (const { check, settle } of waiting.splice(0, BATCH)) {
    try {
      settle(check())
    } catch {
      // RFC 8725 §3.3: an operation that fails is a signature that is not valid.
      settle(false)
    }
  }
  isScheduled = false
  if (waiting.length > 0) schedule()
}

/** Whether the signature over the data is the key's. */
export type RsaVerifier = (
  algorithm: string,
  data: Uint8Array,
  signature: BufferSource,
) => Promise<boolean>

/**
 * @param jwk the public members of an RSA key that WebCrypto took
 * @returns `undefined` where the runtime has no `node:crypto`, or does not take the key
 */
export function createRsaVerifier(jwk: object): RsaVerifier | undefined {
  if (nodeCrypto === undefined || setImmediate === undefined) return undefined
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
    return new Promise((settle) => {
      waiting.push({ check: () => verify(`sha${bits}`, data, options, signature), settle })
      if (!isScheduled) schedule()
    })
  }
}
