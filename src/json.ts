/**
 * JSON objects without duplicate names (RFC 8725 §3.7 by way of RFC 7519 §4): two parsers must not
 * be able to read two different claims out of one token.
 *
 * @module
 */

export type JsonObject = Readonly<Record<string, unknown>>

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Members written in a valid JSON text: the colons outside of strings. */
function membersWritten(text: string): number {
  let count = 0
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (char === 0x3a) count++
    else if (char === 0x22) {
      // Skip the string: a quote ends it unless an odd number of backslashes stands before it.
      for (;;) {
        i = text.indexOf('"', i + 1)
        let backslashes = 0
        while (text.charCodeAt(i - 1 - backslashes) === 0x5c) backslashes++
        if (backslashes % 2 === 0) break
      }
    }
  }
  return count
}

/** Members that survived parsing. A stack of our own: nesting must not overflow the engine's. */
function membersKept(root: unknown): number {
  let count = 0
  const pending: unknown[] = [root]
  while (pending.length > 0) {
    const value = pending.pop()
    if (typeof value !== 'object' || value === null) continue
    const children = Object.values(value)
    if (!Array.isArray(value)) count += children.length
    for (const child of children) if (typeof child === 'object') pending.push(child)
  }
  return count
}

/** Whether it is written just so, and therefore with each name once: the common case, at half the cost of counting. */
function isAsWritten(value: object, text: string): boolean {
  try {
    return JSON.stringify(value) === text
  } catch {
    // Nested too deeply for the engine to write it; not for counting.
    return false
  }
}

/** The object or list, or `undefined` when the text is no JSON, neither of them, or names a member twice at any depth. */
export function parseJsonStructure(text: string): JsonObject | readonly unknown[] | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isJsonObject(value) && !Array.isArray(value)) return undefined
  if (isAsWritten(value, text)) return value
  // JSON.parse keeps the last of two equal names, so fewer members are kept than were written.
  return membersKept(value) === membersWritten(text) ? value : undefined
}

/** The same, for an object only. */
export function parseJsonObject(text: string): JsonObject | undefined {
  const value = parseJsonStructure(text)
  return isJsonObject(value) ? value : undefined
}

/** An object that was written as one, and is of no class. */
export function isPlainObject(value: unknown): value is JsonObject {
  if (!isJsonObject(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * Why a value that a program made would not survive being written as JSON and read again, or `undefined` when
 * it would. `null` counts as nothing: RFC 9728 §3.2 wants members without a value left out.
 */
export function reasonNotJson(value: unknown, above: readonly object[] = []): string | undefined {
  if (typeof value === 'string' || typeof value === 'boolean') return undefined
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'a number that is none'
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value
  if (above.includes(value)) return 'it contains itself'
  if (!Array.isArray(value) && !isPlainObject(value)) return 'an object of a class'
  // What has holes in it shows them as undefined here.
  const members: unknown[] = Array.isArray(value) ? Array.from(value) : Object.values(value)
  for (const member of members) {
    const reason = reasonNotJson(member, [...above, value])
    if (reason !== undefined) return reason
  }
  return undefined
}

/** Freezes a value and everything in it. A stack of our own: what is nested deeply must not overflow the engine's. */
export function deepFreeze<T>(value: T): T {
  const pending: unknown[] = [value]
  while (pending.length > 0) {
    const next = pending.pop()
    if (typeof next !== 'object' || next === null) continue
    Object.freeze(next)
    pending.push(...Object.values(next))
  }
  return value
}
