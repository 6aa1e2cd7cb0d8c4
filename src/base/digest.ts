/**
 * SHA-256 for cache keys: synchronous where the runtime has `node:crypto`, by WebCrypto elsewhere.
 * We keep nothing of a token but its digest.
 *
 * @module
 */

type Encoding = 'latin1' | 'base64url'

interface NodeCrypto {
  hash?(algorithm: string, data: string, encoding: Encoding): string
  createHash(algorithm: string): { update(data: string): { digest(encoding: Encoding): string } }
  createHmac(
    algorithm: string,
    key: string,
  ): { update(data: string): { digest(encoding: Encoding): string } }
  timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean
}

interface BuiltinModules {
  process?: { getBuiltinModule?(id: string): unknown }
}

/**
 * Loads a built-in module of Node, Bun or Deno without an import that other runtimes cannot
 * resolve.
 */
export function builtinModule<T>(id: string): T | undefined {
  return (globalThis as BuiltinModules).process?.getBuiltinModule?.(id) as T | undefined
}

function synchronousSha256(crypto: NodeCrypto | undefined): ((text: string) => string) | undefined {
  if (crypto === undefined) return undefined
  // The one-shot form costs half as much as createHash. Not every Bun and Deno has it.
  const { hash } = crypto
  if (hash !== undefined) return (text) => hash('sha256', text, 'latin1')
  return (text) => crypto.createHash('sha256').update(text).digest('latin1')
}

const nodeCrypto = builtinModule<NodeCrypto>('node:crypto')

/**
 * 32 characters, one per byte: the smallest key that JavaScript can hold. `undefined` on runtimes
 * without it.
 */
export const sha256Sync: ((text: string) => string) | undefined = synchronousSha256(nodeCrypto)

/** The same digest on every runtime. */
export async function sha256(text: string): Promise<string> {
  if (sha256Sync !== undefined) return sha256Sync(text)
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return String.fromCharCode(...new Uint8Array(bytes))
}

/** HMAC-SHA-256 in base64url: 43 characters. */
export type Mac = (text: string) => string

/** `undefined` on runtimes without `node:crypto`. */
export function createMac(key: string): Mac | undefined {
  if (nodeCrypto === undefined) return undefined
  const { createHmac } = nodeCrypto
  return (text) => createHmac('sha256', key).update(text).digest('base64url')
}

const encoder = new TextEncoder()

/** Compares two strings in constant time. */
export function equalInConstantTime(a: string, b: string): boolean {
  const [left, right] = [encoder.encode(a), encoder.encode(b)]
  return left.length === right.length && nodeCrypto?.timingSafeEqual(left, right) === true
}

/** Eight hexadecimal digits, for the log: enough to tell secrets apart, too little to find one. */
export function shortDigest(text: string): string {
  const start = sha256Sync?.(text).slice(0, 4) ?? ''
  return Array.from(start, (c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('')
}
