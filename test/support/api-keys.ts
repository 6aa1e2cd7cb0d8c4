/** API keys as `key new` makes them, and their entries. */
import { createHash, randomBytes } from 'node:crypto'
import type { ApiKey, ApiKeysDocument } from 'mcp-gatehouse'
import { formatApiKey } from '../../src/token/api-key.js'
import { RESOURCE } from './idp.js'

export const KEY_ISSUER = 'urn:mcp-gatehouse:keys:main'

export function newKey(): string {
  return formatApiKey(randomBytes(32).toString('base64url'))
}

export function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

export function entryOf(key: string, more: Partial<ApiKey> = {}): ApiKey {
  return {
    id: 'key-1',
    digest: digestOf(key),
    subject: 'ci',
    scopes: 'mcp:tools',
    resources: [RESOURCE],
    expires: 'never',
    ...more,
  }
}

export function keysOf(...keys: readonly ApiKey[]): ApiKeysDocument {
  return { keys }
}
