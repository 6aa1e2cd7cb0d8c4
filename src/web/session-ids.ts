/**
 * Ids of sessions of an HTTP server behind us, bound to who was given them. What a client sees carries a keyed MAC
 * over resource, caller and the server's own id: restarts and several replicas need no table, only the same keys.
 *
 * @module
 */
import { Cache } from '../base/cache.js'
import { createMac, equalInConstantTime, type Mac } from '../base/digest.js'

/** Whose a session is. */
interface SessionOwner {
  /** The resource, because one key may serve several. */
  readonly resource: string
  /** One text for (issuer, subject, client). */
  readonly key: string
}

export interface SessionIds {
  /** What the client sees of the server's id; `undefined` for one that is none. */
  seal(owner: SessionOwner, id: string): string | undefined
  /** The server's id; `undefined` for what is not ours, or not this owner's. */
  open(owner: SessionOwner, visible: string): string | undefined
}

/** Visible ASCII (MCP 2025-11-25, "Session Management"). Servers that put their state into it need some room. */
const LEGAL = /^[\x21-\x7e]{1,4096}$/
/** Of the MAC, and what stands behind it. */
const MAC_LENGTH = 43
const SEPARATOR = '.'

/** Sessions that need no MAC: those in use. Long ids are not worth their memory. */
const MAX_KNOWN = 10_000
const LONGEST_KNOWN = 512

interface Known extends SessionOwner {
  readonly id: string
}

function macOf(mac: Mac, { resource, key }: SessionOwner, id: string): string {
  // JSON keeps the fields apart, and tells half surrogate pairs from one another, which UTF-8 does not.
  return mac(JSON.stringify(['mcp-gatehouse session', resource, key, id]))
}

/** @param keys at least one: the first signs, all verify */
export function createSessionIds(keys: readonly string[]): SessionIds {
  const macs = keys.flatMap((key) => createMac(key) ?? [])
  const [signing] = macs
  if (signing === undefined) throw new TypeError('no key to sign with')
  const known = new Cache<Known>(MAX_KNOWN)

  function remember(visible: string, { resource, key }: SessionOwner, id: string): void {
    if (visible.length <= LONGEST_KNOWN) known.set(visible, { resource, key, id })
  }

  return {
    seal(owner, id) {
      if (!LEGAL.test(id)) return undefined
      const visible = macOf(signing, owner, id) + SEPARATOR + id
      remember(visible, owner, id)
      return visible
    },
    open(owner, visible) {
      const before = known.get(visible)
      if (before !== undefined) {
        return before.key === owner.key && before.resource === owner.resource
          ? before.id
          : undefined
      }
      const id = visible.slice(MAC_LENGTH + SEPARATOR.length)
      if (visible[MAC_LENGTH] !== SEPARATOR || !LEGAL.test(id)) return undefined
      const given = visible.slice(0, MAC_LENGTH)
      if (!macs.some((mac) => equalInConstantTime(macOf(mac, owner, id), given))) return undefined
      // Only what was ours: guesses push nothing out.
      remember(visible, owner, id)
      return id
    },
  }
}
