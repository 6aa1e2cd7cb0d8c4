/**
 * Chooses the implementation that checks a key's signatures. Runtimes have several, and some are
 * faulty: one that throws for a wrong signature would make every token look bad.
 *
 * @module
 */

/**
 * Whether the key made this signature over the data.
 *
 * @throws what the runtime throws when it cannot check the signature
 */
export type SignatureCheck = (data: Uint8Array, signature: BufferSource) => Promise<boolean>

const SAMPLE = new TextEncoder().encode('mcp-gatehouse')

/** A well-formed but wrong signature: numbers of the right length, and small. */
export function wrongSignature(kty: string, keyBytes: number): Uint8Array<ArrayBuffer> {
  // RFC 7518 §3.3: the length of the modulus. §3.4 and RFC 8037 §3.1: two halves, each the length
  // of a coordinate.
  const signature = new Uint8Array(kty === 'RSA' ? keyBytes : keyBytes * 2)
  if (kty === 'RSA') signature[keyBytes - 1] = 2
  // The halves of Ed25519 are little-endian: a point, and the number 0.
  else if (kty === 'OKP') signature[0] = 1
  else signature[keyBytes - 1] = signature[keyBytes * 2 - 1] = 1
  return signature
}

/**
 * The first implementation that reports a wrong signature as wrong and does not throw.
 *
 * @param wrong from {@link wrongSignature}
 * @returns `undefined` if there is none: the key cannot be used
 */
export async function chooseCheck(
  candidates: readonly SignatureCheck[],
  wrong: BufferSource,
): Promise<SignatureCheck | undefined> {
  for (const check of candidates) {
    try {
      // Accepting the wrong signature is no better.
      if (!(await check(SAMPLE, wrong))) return check
    } catch {
      // Try the next one.
    }
  }
  return undefined
}
