import fc from 'fast-check'
import { expect } from 'vitest'
import { Refusal } from '../../src/errors.js'
import { MAX_TOKEN_LENGTH, parseCredentials } from '../../src/token/credentials.js'
import { verifies } from '../support/verifies.js'

/** RFC 6750 §2.1. */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/

const PIECES = [
  'Bearer',
  'bearer',
  'BEARER',
  'DPoP',
  'Basic',
  'Negotiate',
  'Digest username="x"',
  ' ',
  '  ',
  '	',
  ',',
  ', ',
  ' ,',
  ';',
  '=',
  '==',
  '"',
  '\r\n',
  '\0',
  'é',
  '\xA0',
  'aaa.bbb.ccc',
  'dXNlcjpwYXNz',
  'a="b"',
  '~+/-_.',
]
const anything = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join('')),
)
const b64token = fc
  .tuple(
    fc.string({
      unit: fc.constantFrom(...'ABCXYZabcxyz0189-._~+/'),
      minLength: 1,
      maxLength: 40,
    }),
    fc.constantFrom('', '=', '=='),
  )
  .map((parts) => parts.join(''))

/** The text with a word in place of its token, if that is of the grammar. */
function around(text: string, token: string): string {
  if (!B64TOKEN.test(token)) return token
  const before = text.slice(0, text.indexOf(token, 6))
  const after = text.slice(text.lastIndexOf(token) + token.length)
  return `${before}TOKEN${after}`
}

verifies(['TOK-01', 'CASE-68'], 'any text gives a token of the grammar or a refusal', () => {
  fc.assert(
    fc.property(anything, (text) => {
      const credentials = parseCredentials(text)
      // Most texts are refused, and perhaps all.
      const outcome =
        credentials instanceof Refusal ? credentials.code : around(text, credentials.token)
      expect(outcome).toMatch(/^ERR_|^[ \t]*bearer +TOKEN[ \t]*$/i)
    }),
    { numRuns: 5000 },
  )
})

verifies(
  ['TOK-01', 'CASE-68'],
  'every well-formed credential is read, in any case, with blanks',
  () => {
    const scheme = fc.constantFrom('Bearer', 'bearer', 'BEARER', 'bEaReR')
    const blanks = (min: number) => fc.integer({ min, max: 4 }).map((n) => ' '.repeat(n))
    fc.assert(
      fc.property(blanks(0), scheme, blanks(1), b64token, blanks(0), (...parts) => {
        const token = parts[3]
        const read = { scheme: 'bearer', token, proof: undefined }
        expect(parseCredentials(parts.join(''))).toStrictEqual(read)
        expect(parseCredentials([parts.join('')])).toStrictEqual(read)
      }),
      { numRuns: 500 },
    )
  },
)

/** As a client would send it, each with credentials. */
const credential = fc.oneof(
  b64token.map((token) => `Bearer ${token}`),
  b64token.map((token) => `bearer  ${token}`),
  b64token.map((token) => `DPoP ${token}`),
  fc.constantFrom('Basic dXNlcjpwYXNz', 'Digest username="x"', 'Negotiate YII='),
)

verifies(['CHL-08', 'CASE-68'], 'two credentials in one field never give a token', () => {
  const separator = fc.constantFrom(', ', ',', ' , ', ',\t', ' ,', ' ', '\t', ';', '; ')
  fc.assert(
    fc.property(credential, separator, credential, (one, between, other) => {
      const result = parseCredentials(`${one}${between}${other}`)
      if (!(result instanceof Refusal)) throw new Error(`took ${result.token}`)
      // A comma is how fields are joined (RFC 9110 §5.2): that is two credentials and nothing else.
      const isList = between.includes(',')
      expect(isList ? result.code : 'ERR_CREDENTIALS_MULTIPLE').toBe('ERR_CREDENTIALS_MULTIPLE')
    }),
    { numRuns: 2000 },
  )
})

verifies('CHL-08', 'two fields never give a token, whatever they hold', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(anything, credential), { minLength: 2, maxLength: 4 }),
      (fields) => {
        expect(parseCredentials(fields)).toMatchObject({ code: 'ERR_CREDENTIALS_MULTIPLE' })
      },
    ),
  )
  expect(parseCredentials([])).toMatchObject({ code: 'ERR_CREDENTIALS_MISSING' })
})

verifies('TOK-06', 'the longest token is read, one character more is not', () => {
  const longest = 'a'.repeat(MAX_TOKEN_LENGTH)
  expect(parseCredentials(`Bearer ${longest}`)).toMatchObject({ token: longest })
  for (const extra of [1, 10, 100, 2 ** 20]) {
    const result = parseCredentials(`Bearer ${longest}${'a'.repeat(extra)}`)
    expect(result).toMatchObject({ code: 'ERR_TOKEN_TOO_LARGE' })
  }
})

verifies('TOK-06', 'what it costs to read a field grows with its length, not faster', () => {
  const shapes: ((length: number) => string)[] = [
    (length) => `Bearer${' '.repeat(length)}x,`,
    (length) => `x${' '.repeat(length)}x`,
    (length) => `${'\t'.repeat(length)}x`,
    (length) => `Bearer ${',a '.repeat(length / 3)}`,
    (length) => `Basic ${',a\t'.repeat(length / 3)}=`,
    (length) => `Basic ,a${' '.repeat(length)}=`,
    (length) => `Basic ,${'a'.repeat(length)}`,
  ]
  for (const shape of shapes) {
    for (const length of [2 ** 14, 2 ** 18]) {
      const began = performance.now()
      expect(parseCredentials(shape(length))).toBeInstanceOf(Refusal)
      expect(performance.now() - began).toBeLessThan(2_000)
    }
  }
})

verifies('CHL-05', 'another scheme is no credential at all', () => {
  const scheme = fc
    .string({ unit: fc.constantFrom(...'ABCDefghBearer0189-._~'), minLength: 1, maxLength: 10 })
    .filter((name) => name.toLowerCase() !== 'bearer')
  fc.assert(
    fc.property(scheme, b64token, (name, token) => {
      expect(parseCredentials(`${name} ${token}`)).toMatchObject({
        code: 'ERR_CREDENTIALS_MISSING',
      })
    }),
  )
})

verifies('FLD-07', 'the scheme twice says so; other characters do not', () => {
  const reasonFor = (text: string) => {
    const result = parseCredentials(text)
    return result instanceof Refusal ? `${result.code}: ${result.reason}` : result.token
  }
  const twice =
    'ERR_CREDENTIALS_MALFORMED: it says Bearer twice: the client adds the scheme to the token itself'
  expect(reasonFor('Bearer Bearer a.b.c')).toBe(twice)
  expect(reasonFor(' bearer  BEARER  a')).toBe(twice)
  const others = 'ERR_CREDENTIALS_MALFORMED: characters that a bearer token cannot have'
  expect(reasonFor('Bearer a b')).toBe(others)
  expect(reasonFor('Bearer Bearertoken x')).toBe(others)
  expect(reasonFor('Bearer Bearer a, Bearer b')).toMatch(/^ERR_CREDENTIALS_MULTIPLE/)
  // A token may be called so.
  expect(reasonFor('Bearer Bearer')).toBe('Bearer')
})
