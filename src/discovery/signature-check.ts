/**
 * Which implementation checks the signatures of a key. Runtimes have several, and not each does what its name promises:
 * one that throws for a signature that is merely wrong would make every token a bad one.
 *
 * @module
 */

/**
 * Whether the signature over the data is the key's.
 *
 * @throws what the runtime throws where it cannot tell
 */
export type SignatureCheck = (data: Uint8Array, signature: BufferSource) => Promise<boolean>

const SAMPLE = new TextEncoder().encode('mcp-gatehouse')

/** A signature of the right form which is none: numbers of the right length, and small ones. */
export function wrongSignature(kty: string, keyBytes: number): Uint8Array<ArrayBuffer> {
  // RFC 7518 §3.3: as long as the modulus. §3.4 and RFC 8037 §3.1: two halves, each as long as a coordinate.
  const signature = new Uint8Array(kty === 'RSA' ? keyBytes : keyBytes * 2)
  if (kty === 'RSA') signature[keyBytes - 1] = 2
  // Ed25519 has its halves in little-endian order: a point, and the number 0.
  else if (kty === 'OKP') signature[0] = 1
  else signature[keyBytes - 1] = signature[keyBytes * 2 - 1] = 1
  return signature
}

/**
 * The first implementation that tells a wrong signature from what it cannot check.
 *
 * @param wrong from {@link wrongSignature}
 * @returns `undefined` where there is none, so that the key is of no use
 */
export async function chooseCheck(
  candidates: readonly SignatureCheck[],
  wrong: BufferSource,
): Promise<SignatureCheck | undefined> {
  for (const check of candidates) {
    try {
      // `true` for what nobody signed is no better.
      if (!(await check(SAMPLE, wrong))) return check
    } catch {
      // The next one.
    }
  }
  return undefined
}
