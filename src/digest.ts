/**
 * SHA-256 for cache keys: synchronous where the runtime has `node:crypto`, by WebCrypto elsewhere.
 * A digest is all that we keep of a token.
 *
 * @module
 */

interface NodeCrypto {
  hash?(algorithm: string, data: string, encoding: 'latin1'): string
  createHash(algorithm: string): { update(data: string): { digest(encoding: 'latin1'): string } }
}

interface BuiltinModules {
  process?: { getBuiltinModule?(id: string): unknown }
}

/** A built-in module of Node (Bun and Deno have them too) without an import that others cannot resolve. */
export function builtinModule<T>(id: string): T | undefined {
  return (globalThis as BuiltinModules).process?.getBuiltinModule?.(id) as T | undefined
}

function synchronousSha256(crypto: NodeCrypto | undefined): ((text: string) => string) | undefined {
  if (crypto === undefined) return undefined
  // The one-shot form costs half of createHash; Bun and Deno do not all have it.
  const { hash } = crypto
  if (hash !== undefined) return (text) => hash('sha256', text, 'latin1')
  return (text) => crypto.createHash('sha256').update(text).digest('latin1')
}

/** 32 characters, one a byte: the smallest key that JavaScript can hold. `undefined` on runtimes without it. */
export const sha256Sync: ((text: string) => string) | undefined = synchronousSha256(
  builtinModule<NodeCrypto>('node:crypto'),
)

/** The same digest on every runtime. */
export async function sha256(text: string): Promise<string> {
  if (sha256Sync !== undefined) return sha256Sync(text)
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return String.fromCharCode(...new Uint8Array(bytes))
}
