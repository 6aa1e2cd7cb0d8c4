/**
 * Finds the members of a JSON object in its bytes. Nothing is decoded, and nested values are
 * skipped: the parts of a message that we do not need cost little, however large they are.
 *
 * @module
 */

/** From `start` (inclusive) to `end` (exclusive). */
export interface Span {
  readonly start: number
  readonly end: number
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const LONGEST_PLAIN = 64
/** Returned only for invalid JSON. */
export const MALFORMED = -1

function skipBlanks(bytes: Uint8Array, start: number): number {
  let at = start
  for (;;) {
    const byte = bytes[at]
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return at
    at++
  }
}

/** @param start of the opening quote */
function skipString(bytes: Uint8Array, start: number): number {
  const { length } = bytes
  let at = start + 1
  while (at < length) {
    const byte = bytes[at]
    if (byte === QUOTE) return at + 1
    at += byte === BACKSLASH ? 2 : 1
  }
  return MALFORMED
}

/** @param start of the opening bracket or brace */
function skipNested(bytes: Uint8Array, start: number): number {
  const { length } = bytes
  let depth = 0
  let at = start
  while (at < length) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      at = skipString(bytes, at)
      if (at === MALFORMED) return MALFORMED
      continue
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--
      if (depth === 0) return at + 1
    }
    at++
  }
  return MALFORMED
}

/** A number, `true`, `false` or `null`: anything up to the next delimiter. */
function skipWord(bytes: Uint8Array, start: number): number {
  let at = start
  for (;;) {
    const byte = bytes[at]
    const isWord =
      byte !== undefined &&
      ((byte >= 0x30 && byte <= 0x39) ||
        (byte >= 0x61 && byte <= 0x7a) ||
        byte === 0x2d ||
        byte === 0x2b ||
        byte === 0x2e ||
        byte === 0x45)
    if (!isWord) return at === start ? MALFORMED : at
    at++
  }
}

/** @returns the end of the value that begins there, or {@link MALFORMED} */
export function skipValue(bytes: Uint8Array, start: number): number {
  const first = bytes[start]
  if (first === QUOTE) return skipString(bytes, start)
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipNested(bytes, start)
  return skipWord(bytes, start)
}

/**
 * Walks the contents between two brackets.
 *
 * @returns its end, or {@link MALFORMED}
 */
function eachEntry(
  bytes: Uint8Array,
  start: number,
  close: number,
  skipEntry: (at: number) => number,
): number {
  let at = skipBlanks(bytes, start + 1)
  if (bytes[at] === close) return at + 1
  for (;;) {
    at = skipEntry(at)
    if (at === MALFORMED) return MALFORMED
    at = skipBlanks(bytes, at)
    const byte = bytes[at]
    if (byte === close) return at + 1
    if (byte !== COMMA) return MALFORMED
    at = skipBlanks(bytes, at + 1)
  }
}

/**
 * Member names without escapes need no parser, and real ones have none. An invalid string is
 * `undefined`: a command may write anything and must not crash us.
 */
function readName(bytes: Uint8Array, start: number, end: number): string | undefined {
  const name = plainText(bytes, start + 1, end - 1)
  if (name !== undefined && !name.includes('\\')) return name
  return valueAt(bytes, { start, end }) as string | undefined
}

/**
 * A short ASCII string, built without a decoder, which costs more to call; `undefined` for any
 * other.
 */
function plainText(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start > LONGEST_PLAIN) return undefined
  let text = ''
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    if (byte >= 0x80) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}

/**
 * The members of the object that begins at `start`, after optional whitespace.
 *
 * @param isWanted which of them to keep
 * @param enter walks the value of a wanted member and returns its end; by default it is skipped
 * @returns `undefined` if there is no object, or it names a wanted member twice
 */
export function readMembers<Name extends string>(
  bytes: Uint8Array,
  start: number,
  isWanted: (name: string) => name is Name,
  enter: (name: Name, start: number) => number = (_name, at) => skipValue(bytes, at),
): { readonly members: ReadonlyMap<Name, Span>; readonly end: number } | undefined {
  const from = skipBlanks(bytes, start)
  if (bytes[from] !== OPEN_BRACE) return undefined
  const members = new Map<Name, Span>()
  let isTwice = false
  const end = eachEntry(bytes, from, CLOSE_BRACE, (at) => {
    if (bytes[at] !== QUOTE) return MALFORMED
    const nameEnd = skipString(bytes, at)
    if (nameEnd === MALFORMED) return MALFORMED
    const colon = skipBlanks(bytes, nameEnd)
    if (bytes[colon] !== COLON) return MALFORMED
    const valueStart = skipBlanks(bytes, colon + 1)
    const name = readName(bytes, at, nameEnd)
    if (name === undefined) return MALFORMED
    if (!isWanted(name)) return skipValue(bytes, valueStart)
    const valueEnd = enter(name, valueStart)
    isTwice ||= members.has(name)
    members.set(name, { start: valueStart, end: valueEnd })
    return valueEnd
  })
  return end === MALFORMED || isTwice ? undefined : { members, end }
}

/** Members at the beginning of an object. */
export interface FirstMembers<Name extends string> {
  /**
   * The wanted ones, by name; `undefined` for a value whose end is not there, and for one that
   * stands there twice and differently.
   */
  readonly members: ReadonlyMap<Name, Span | undefined>
  /** Others stand among them. */
  readonly hasOthers: boolean
}

/**
 * The members of an object whose rest is missing, or cannot be read. The last one counts only when
 * a comma or a brace follows: `1` could be the beginning of `12`.
 *
 * @returns `undefined` if there is no object
 */
export function readFirstMembers<Name extends string>(
  bytes: Uint8Array,
  isWanted: (name: string) => name is Name,
): FirstMembers<Name> | undefined {
  if (bytes[skipBlanks(bytes, 0)] !== OPEN_BRACE) return undefined
  const members = new Map<Name, Span | undefined>()
  let hasOthers = false
  const isNoted = (name: string): name is Name => {
    const wanted = isWanted(name)
    hasOthers ||= !wanted
    return wanted
  }
  readMembers(bytes, 0, isNoted, (name, start) => {
    const end = skipValue(bytes, start)
    const next = end === MALFORMED ? undefined : bytes[skipBlanks(bytes, end)]
    const span = next === COMMA || next === CLOSE_BRACE ? { start, end } : undefined
    const isOther = members.has(name) && !areAlike(bytes, members.get(name), span)
    members.set(name, isOther ? undefined : span)
    return end
  })
  return { members, hasOthers }
}

/** Whether the same text stands at both places. */
function areAlike(bytes: Uint8Array, one: Span | undefined, other: Span | undefined): boolean {
  if (one === undefined || other === undefined) return false
  return textAt(bytes, one) === textAt(bytes, other)
}

/**
 * Walks the elements of an array.
 *
 * @param enter walks the element that begins there and returns its end
 * @returns the end of the array; {@link MALFORMED} if there is none
 */
export function eachElement(
  bytes: Uint8Array,
  start: number,
  enter: (start: number) => number,
): number {
  return bytes[start] === OPEN_BRACKET ? eachEntry(bytes, start, CLOSE_BRACKET, enter) : MALFORMED
}

/** The elements of a text that is an array and nothing else; `undefined` for any other. */
export function readElements(bytes: Uint8Array): readonly Span[] | undefined {
  const elements: Span[] = []
  const end = eachElement(bytes, skipBlanks(bytes, 0), (at) => {
    const valueEnd = skipValue(bytes, at)
    if (valueEnd !== MALFORMED) elements.push({ start: at, end: valueEnd })
    return valueEnd
  })
  if (end === MALFORMED || skipBlanks(bytes, end) !== bytes.length) return undefined
  return elements
}

/** Whether only whitespace follows it. */
export function isAtEnd(bytes: Uint8Array, end: number): boolean {
  return skipBlanks(bytes, end) === bytes.length
}

/** The text there, as it was written. */
export function textAt(bytes: Uint8Array, { start, end }: Span): string {
  return plainText(bytes, start, end) ?? decoder.decode(bytes.subarray(start, end))
}

/** Ids and methods are mostly integers and plain strings, for which no parser is needed. */
const INTEGER = /^[1-9]\d{0,14}$/
const PLAIN_STRING = /^"[\x20-\x21\x23-\x5b\x5d-\x7e]*"$/

/** The value there, decoded; for small ones. */
export function valueAt(bytes: Uint8Array, span: Span): unknown {
  const text = textAt(bytes, span)
  if (PLAIN_STRING.test(text)) return text.slice(1, -1)
  if (INTEGER.test(text)) return Number(text)
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A replacement for a span of bytes. */
export interface Replacement {
  readonly span: Span
  readonly text: string | readonly Uint8Array[]
}

/**
 * The bytes with the replacements made, in pieces. Replacements must be in order and must not
 * overlap.
 */
export function replaceSpans(
  bytes: Uint8Array,
  replacements: readonly Replacement[],
): readonly Uint8Array[] {
  const pieces: Uint8Array[] = []
  let at = 0
  for (const { span, text } of replacements) {
    pieces.push(bytes.subarray(at, span.start))
    if (typeof text === 'string') pieces.push(encoder.encode(text))
    else for (const piece of text) pieces.push(piece)
    at = span.end
  }
  pieces.push(bytes.subarray(at))
  return pieces
}
