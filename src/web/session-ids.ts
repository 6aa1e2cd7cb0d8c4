/**
 * Binds the session ids of an HTTP server behind us to their caller. The id that a client sees
 * carries a MAC over resource, caller and the server's own id: restarts and replicas need no table,
 * only the same keys.
 *
 * @module
 */
import { Cache } from '../base/cache.js'
import { createMac, equalInConstantTime, type Mac } from '../base/digest.js'
import { sessionMark } from './anonymous-session.js'

/** The owner of a session. */
interface SessionOwner {
  /** The resource, because one key may serve several. */
  readonly resource: string
  /** One text for (issuer, subject, client). */
  readonly key: string
}

export interface SessionIds {
  /** The id that the client sees; `undefined` if the server's is invalid. */
  seal(owner: SessionOwner, id: string): string | undefined
  /** The server's id; `undefined` if we did not make it, or not for this owner. */
  open(owner: SessionOwner, visible: string): string | undefined
  /** Uses other keys from now on. At least one: the first signs, all verify. */
  replaceKeys(keys: readonly string[]): void
}

/** Visible ASCII (MCP 2025-11-25, "Session Management"). Servers that put their state into it need some room. */
const LEGAL = /^[\x21-\x7e]{1,4096}$/
/** The MAC, and the text after it. */
const MAC_LENGTH = 43
const SEPARATOR = '.'

/** Sessions in use need no new MAC. Long ids are not cached. */
const MAX_KNOWN = 10_000
const LONGEST_KNOWN = 512

interface Known extends SessionOwner {
  readonly id: string
}

function macOf(mac: Mac, { resource, key }: SessionOwner, id: string): string {
  // JSON keeps the fields apart and distinguishes lone surrogates, which UTF-8 does not.
  return mac(JSON.stringify(['mcp-gatehouse session', resource, key, id]))
}

function macsOf(keys: readonly string[]): readonly [Mac, ...Mac[]] {
  const [signing, ...others] = keys.flatMap((key) => createMac(key) ?? [])
  if (signing === undefined) throw new TypeError('no key to sign with')
  return [signing, ...others]
}

/** @param keys at least one: the first signs, all verify */
export function createSessionIds(keys: readonly string[]): SessionIds {
  let macs = macsOf(keys)
  const known = new Cache<Known>(MAX_KNOWN)

  function remember(visible: string, { resource, key }: SessionOwner, id: string): void {
    if (visible.length <= LONGEST_KNOWN) known.set(visible, { resource, key, id })
  }

  return {
    seal(owner, id) {
      if (!LEGAL.test(id)) return undefined
      const visible = sessionMark(owner.key) + macOf(macs[0], owner, id) + SEPARATOR + id
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
      const mark = sessionMark(owner.key)
      if (!visible.startsWith(mark)) return undefined
      const sealed = visible.slice(mark.length)
      const id = sealed.slice(MAC_LENGTH + SEPARATOR.length)
      if (sealed[MAC_LENGTH] !== SEPARATOR || !LEGAL.test(id)) return undefined
      const given = sealed.slice(0, MAC_LENGTH)
      if (!macs.some((mac) => equalInConstantTime(macOf(mac, owner, id), given))) return undefined
      // Only ids that we made: guesses evict nothing.
      remember(visible, owner, id)
      return id
    },
    replaceKeys(keys) {
      macs = macsOf(keys)
      // Ids of a key that is gone must not be found.
      known.clear()
    },
  }
}
