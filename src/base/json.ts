/**
 * JSON objects without duplicate names (RFC 8725 §3.7 by way of RFC 7519 §4): two parsers must
 * never read different claims from one token.
 *
 * @module
 */

export type JsonObject = Readonly<Record<string, unknown>>

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * The object without members that are `null`, which most serialisers write for an absent member:
 * the object itself, or a frozen copy. Members of members stay.
 *
 * @param kept the member that stays although it is `null`
 */
export function withoutNulls(object: JsonObject, kept?: string): JsonObject {
  if (!Object.values(object).includes(null)) return object
  const members = Object.entries(object)
  return Object.freeze(
    Object.fromEntries(members.filter(([name, value]) => value !== null || name === kept)),
  )
}

const QUOTE = 0x22
const COLON = 0x3a
const BACKSLASH = 0x5c

/** Counts the members in a valid JSON text: the colons outside of strings. */
function membersWritten(text: string): number {
  let count = 0
  for (let i = 0; i < text.length; i++) {
    let unit = text.charCodeAt(i)
    if (unit === COLON) count++
    else if (unit === QUOTE) {
      // Skip the string; an escaped quote does not end it.
      for (unit = text.charCodeAt(++i); unit !== QUOTE; unit = text.charCodeAt(++i)) {
        if (unit === BACKSLASH) i++
      }
    }
  }
  return count
}

/**
 * Counts the members that survived parsing. An explicit stack: nesting must not overflow the
 * engine's.
 */
function membersKept(root: object): number {
  let count = 0
  const pending: object[] = [root]
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (Array.isArray(value)) {
      for (const child of value as unknown[]) {
        if (typeof child === 'object' && child !== null) pending.push(child)
      }
      continue
    }
    // Quicker than listing keys. Members that somebody added to `Object.prototype` only cause a
    // refusal.
    for (const name in value) {
      count++
      const child = (value as JsonObject)[name]
      if (typeof child === 'object' && child !== null) pending.push(child)
    }
  }
  return count
}

/**
 * The object or list, or `undefined` when the text is not JSON, is neither of them, or names a
 * member twice at any depth.
 *
 * @param written how many members it contains, if known
 */
export function parseJsonStructure(
  text: string,
  written?: number,
): JsonObject | readonly unknown[] | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isJsonObject(value) && !Array.isArray(value)) return undefined
  // JSON.parse keeps the last of two equal names, so fewer members are kept than were written.
  return membersKept(value) === (written ?? membersWritten(text)) ? value : undefined
}

/** The same, for objects only. */
export function parseJsonObject(text: string): JsonObject | undefined {
  const value = parseJsonStructure(text)
  return isJsonObject(value) ? value : undefined
}

/** Names that every parser reads alike, except those that ignore case. */
const PLAIN_NAME = /^[\x21-\x7e]*$/

/**
 * The name of a member as the most lenient parser reads it: without case (Go ignores it, also for
 * the long s and the kelvin sign), cut at NUL (C), without surrounding whitespace, control
 * characters and lone surrogates.
 */
export function foldName(name: string): string {
  const isPlain = PLAIN_NAME.test(name)
  const plain = isPlain ? name : name.replace(/^\0+|\0[^]*|[\p{Cc}\p{Cs}]/gu, '').trim()
  return plain.toUpperCase().toLowerCase()
}

/** A plain object, not an instance of a class. */
export function isPlainObject(value: unknown): value is JsonObject {
  if (!isJsonObject(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * Why a value would not survive a round trip through JSON, or `undefined` when it would. `null`
 * does not survive: RFC 9728 §3.2 omits members without a value.
 */
export function reasonNotJson(value: unknown, above: readonly object[] = []): string | undefined {
  if (typeof value === 'string' || typeof value === 'boolean') return undefined
  if (typeof value === 'number')
    return Number.isFinite(value) ? undefined : 'a number that is not finite'
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value
  if (above.includes(value)) return 'it contains itself'
  if (!Array.isArray(value) && !isPlainObject(value)) return 'an instance of a class'
  // Sparse arrays show their holes as undefined here.
  const members: unknown[] = Array.isArray(value) ? Array.from(value) : Object.values(value)
  for (const member of members) {
    const reason = reasonNotJson(member, [...above, value])
    if (reason !== undefined) return reason
  }
  return undefined
}

/**
 * Freezes a value and everything in it. An explicit stack: deep nesting must not overflow the
 * engine's.
 */
export function deepFreeze<T>(value: T): T {
  const pending: unknown[] = [value]
  while (pending.length > 0) {
    const next = pending.pop()
    if (typeof next !== 'object' || next === null) continue
    Object.freeze(next)
    // One by one: too many arguments of one call overflow the stack.
    for (const member of Object.values(next) as unknown[]) pending.push(member)
  }
  return value
}

/** Whether a text is JSON, of any kind. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
