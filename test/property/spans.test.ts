/** Reading messages without decoding them sees what a parser sees. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LineSplitter } from '../../src/gateway/stdio/lines.js'
import { findSpan, readRawMessage } from '../../src/gateway/stdio/raw-message.js'
import { readPost } from '../../src/gateway/stdio/post.js'
import {
  isAtEnd,
  readElements,
  readMembers,
  replaceSpans,
  textAt,
  valueAt,
} from '../../src/base/json-spans.js'

const every = (_name: string): _name is string => true
/** Written with blanks between tokens, or without. */
const written = (value: unknown, indent: number) =>
  Buffer.from(JSON.stringify(value, undefined, indent))
const indents = fc.integer({ min: 0, max: 3 })
const names = fc.oneof(
  fc.string(),
  fc.constantFrom('id', 'method', '__proto__', '"', '\\', 'ä', '\u2028'),
)
const objects = fc.dictionary(names, fc.jsonValue())

const INVALID = Symbol('not JSON')

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return INVALID
  }
}

describe('members', () => {
  test('stand where a parser finds them, with the same values', () => {
    fc.assert(
      fc.property(objects, indents, (object, indent) => {
        const bytes = written(object, indent)
        const read = readMembers(bytes, 0, every)
        const parsed = JSON.parse(bytes.toString()) as Record<string, unknown>
        expect(read?.end).toBe(bytes.length)
        expect([...(read?.members.keys() ?? [])].sort()).toEqual(Object.keys(parsed).sort())
        for (const [name, span] of read?.members ?? []) {
          expect(valueAt(bytes, span)).toEqual(parsed[name])
        }
      }),
    )
  })

  test('that are named twice are none, however they are spelled', () => {
    expect(readMembers(Buffer.from('{"a":1,"\\u0061":2}'), 0, every)).toBeUndefined()
    expect(readMembers(Buffer.from('{"a":1,"b":{"a":2}}'), 0, every)?.members.size).toBe(2)
  })

  test('arbitrary bytes never throw, and what is read of JSON is what it says', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[{}[\]",:\\ ait10.e-]{0,30}$/),
      fc.json().map((json) => json.slice(0, -1)),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const bytes = Buffer.from(text)
        const read = readMembers(bytes, 0, every)
        readRawMessage(bytes)
        readPost(bytes)
        const parsed = parse(text)
        const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
        const isWhole = parsed !== INVALID && read !== undefined && isAtEnd(bytes, read.end)
        const names = isObject && isWhole ? Object.keys(parsed) : []
        expect(isWhole ? read.members.size : 0).toBe(names.length)
        expect(isWhole && !isObject).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })
})

test('elements stand where a parser finds them', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), indents, (array, indent) => {
      const bytes = written(array, indent)
      const elements = readElements(bytes)?.map((span) => valueAt(bytes, span))
      expect(elements).toEqual(JSON.parse(bytes.toString()))
    }),
  )
})

test('other text in some places leaves the rest', () => {
  fc.assert(
    fc.property(objects, fc.jsonValue(), indents, (object, other, indent) => {
      const bytes = written({ ...object, id: 1, params: { _meta: { token: 2 } } }, indent)
      const message = readMembers(bytes, 0, every)?.members
      const id = message?.get('id')
      const token = findSpan(bytes, message?.get('params'), '_meta', 'token')
      if (id === undefined || token === undefined) throw new Error('they are there')
      const text = JSON.stringify(other)
      const places = [id, token].sort((a, b) => a.start - b.start).map((span) => ({ span, text }))
      const expected = { ...object, id: other, params: { _meta: { token: other } } }
      expect(JSON.parse(Buffer.concat(replaceSpans(bytes, places)).toString())).toEqual(
        JSON.parse(JSON.stringify(expected)),
      )
      expect(textAt(bytes, id)).toBe('1')
    }),
  )
})

test('lines are the same however the bytes come in', () => {
  const pieces = fc.array(fc.constantFrom('a', 'bc', '\n', '\r\n', '\r', 'long line', ''))
  fc.assert(
    fc.property(pieces, (parts) => {
      const split = (chunks: readonly string[]) => {
        const lines: string[] = []
        const splitter = new LineSplitter(8, {
          onLine: (line) => lines.push(line.toString()),
          onTooLong: () => lines.push('too long'),
        })
        for (const chunk of chunks) splitter.push(Buffer.from(chunk))
        return lines
      }
      const whole = parts.join('')
      expect(split(parts)).toEqual(split([whole]))
      const expected = whole
        .split('\n')
        .slice(0, -1)
        .map((line) => (line.length > 8 ? 'too long' : line.replace(/\r$/, '')))
        .filter((line) => line !== '')
      const rest = whole.split('\n').at(-1) ?? ''
      expect(split([whole])).toEqual(rest.length > 8 ? [...expected, 'too long'] : expected)
    }),
  )
})

test.each([
  ['"a b"', 'a b'],
  ['"a\\\\b"', 'a\\b'],
  ['"\\u0061"', 'a'],
  ['"a\nb"', undefined],
  ['"a\u0000"', undefined],
  ['"a"b"', undefined],
  ['"ä"', 'ä'],
  ['""', ''],
  ['12', 12],
  ['-1', -1],
  ['0', 0],
  ['01', undefined],
  ['1e3', 1000],
  ['9007199254740993', 9007199254740992],
  ['null', null],
])('%s is read as a parser reads it', (text, value) => {
  const bytes = Buffer.from(text)
  expect(valueAt(bytes, { start: 0, end: bytes.length })).toBe(value)
})
