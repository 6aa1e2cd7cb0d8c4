import fc from 'fast-check'
import { expect } from 'vitest'
import { parseJsonObject } from '../../src/base/json.js'
import { verifies } from '../support/verifies.js'

/** Names and texts that look like the syntax around them. */
const tricky = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(
    '',
    ':',
    '"',
    '\\',
    '\\"',
    '\\\\"',
    '":"',
    '{"a":1}',
    ',',
    '}',
    '__proto__',
    'constructor',
    'toString',
    'aud',
    '\u2028',
    '\ud800',
    '\u0000',
    '0',
    '1',
    '-1',
    'é',
    '😀',
  ),
)

/** Objects nested at random, made without the prototype so that `__proto__` is a name like others. */
const json: fc.Memo<unknown> = fc.memo((depth) =>
  depth <= 1
    ? fc.oneof(
        tricky,
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.boolean(),
        fc.constant(null),
      )
    : fc.oneof(
        json(1),
        fc.array(json(depth - 1), { maxLength: 4 }),
        fc.dictionary(tricky, json(depth - 1), { maxKeys: 4, noNullPrototype: false }),
      ),
)
const jsonObject = fc.dictionary(tricky, json(4), { maxKeys: 5, noNullPrototype: false })

/** Every character by its code: a spelling that only a parser recognises as the same name. */
function escaped(name: string, uppercase: boolean): string {
  const units = Array.from({ length: name.length }, (_, i) => {
    const hex = name.charCodeAt(i).toString(16).padStart(4, '0')
    return `\\u${uppercase ? hex.toUpperCase() : hex}`
  })
  return `"${units.join('')}"`
}

type Member = readonly [name: string, value: unknown]

/** Writes a JSON text, and one chosen object in it names one of its members twice. */
function withTwin(
  root: unknown,
  choice: number,
  spell: (name: string) => string,
): string | undefined {
  let objects = 0
  const count = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    if (!Array.isArray(value) && Object.keys(value).length > 0) objects++
    for (const child of Object.values(value)) count(child)
  }
  count(root)
  if (objects === 0) return undefined
  let remaining = choice % objects
  const write = (value: unknown): string => {
    if (typeof value !== 'object' || value === null) return JSON.stringify(value)
    if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
    const members: Member[] = Object.entries(value)
    const chosen =
      members.length > 0 && remaining-- === 0 ? members[choice % members.length] : undefined
    const texts = members.map(([name, child]) => `${JSON.stringify(name)}:${write(child)}`)
    if (chosen !== undefined) texts.splice(choice % (texts.length + 1), 0, `${spell(chosen[0])}:0`)
    return `{${texts.join(',')}}`
  }
  return write(root)
}

verifies('JWT-17', 'an object without duplicate names is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(jsonObject, fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent)
      expect(parseJsonObject(text)).toEqual(JSON.parse(text))
    }),
    { numRuns: 500 },
  )
})

verifies('JWT-17', 'a name that stands twice is refused at any depth, in any spelling', () => {
  const spellings = fc.constantFrom<(name: string) => string>(
    (name) => JSON.stringify(name),
    (name) => escaped(name, false),
    (name) => escaped(name, true),
  )
  fc.assert(
    fc.property(jsonObject, fc.nat(), spellings, (value, choice, spell) => {
      const text = withTwin(value, choice, spell)
      fc.pre(text !== undefined)
      JSON.parse(text)
      expect(parseJsonObject(text)).toBeUndefined()
    }),
    { numRuns: 1000 },
  )
})

verifies('JWT-17', 'duplicates that readers disagree about', () => {
  for (const text of [
    '{"aud":"x","aud":"us"}',
    '{"aud":"x","\\u0061ud":"us"}',
    '{"aud":"x","a\\u0075d":"us"}',
    '{"__proto__":{},"__proto__":{}}',
    '{"a":{"b":[{"c":1,"c":1}]}}',
    '{"a":1,"a":{"b":1}}',
    '{"a":{"b":1},"a":1}',
    '{"":1,"":1}',
    '{"a\\\\":1,"a\\\\":2}',
    '{"\\"":1,"\\u0022":2}',
  ]) {
    expect(() => JSON.parse(text) as unknown).not.toThrow()
    expect(parseJsonObject(text), text).toBeUndefined()
  }
  // Near misses: names that differ, however little.
  for (const text of [
    '{"aud":"x","Aud":"us"}',
    '{"é":1,"e\\u0301":2}',
    '{"1":1,"01":2,"1.0":3}',
    '{"a":":","b":"\\":{"}',
    '{"a\\\\":1,"a":2}',
  ]) {
    expect(parseJsonObject(text), text).toEqual(JSON.parse(text))
  }
})

verifies('JWT-17', 'bytes that are not a JSON object are refused, never thrown', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.json()), (text) => {
      const value = parseJsonObject(text)
      expect(value).toEqual(value && JSON.parse(text))
    }),
    { numRuns: 1000 },
  )
  for (const text of [
    '',
    'null',
    '1',
    '"a"',
    '[]',
    '[{}]',
    '{} {}',
    '{"a":1,}',
    "{'a':1}",
    '\uFEFF{}',
  ]) {
    expect(parseJsonObject(text), text).toBeUndefined()
  }
})

verifies('JWT-17', 'nesting as deep as a token can hold is no error', () => {
  const depth = 6000
  const text = `{"a":${'['.repeat(depth)}{"b":1}${']'.repeat(depth)}}`
  expect(parseJsonObject(text)).toBeDefined()
  expect(parseJsonObject(text.replace('"b":1', '"b":1,"b":1'))).toBeUndefined()
})
