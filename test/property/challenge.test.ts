import { extractWWWAuthenticateParams } from '@modelcontextprotocol/sdk/client/auth.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quoted } from '../../src/errors.js'
import { formatChallenge, type Challenge } from '../../src/rs/challenge.js'
import { verifies } from '../support/verifies.js'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/
/** RFC 9110 §5.6.4, without `obs-text`. */
const QUOTED_STRING = /^"((?:[\t \x21\x23-\x5b\x5d-\x7e]|\\[\t \x21-\x7e])*)"/

/** One challenge by the letter of RFC 9110 §11.2 and §11.3; throws where the letter is not kept. */
function parseChallenge(field: string): { scheme: string; parameters: Map<string, string> } {
  let rest = field
  const take = (pattern: RegExp, what: string): RegExpExecArray => {
    const match = pattern.exec(rest)
    if (match === null) throw new Error(`expected ${what} at ${JSON.stringify(rest)}`)
    rest = rest.slice(match[0].length)
    return match
  }
  const scheme = take(TOKEN, 'a scheme')[0]
  take(/^ +/, 'a blank')
  const parameters = new Map<string, string>()
  for (;;) {
    const name = take(TOKEN, 'a name')[0].toLowerCase()
    take(/^[ \t]*=[ \t]*/, 'an equals sign')
    const value = rest.startsWith('"')
      ? take(QUOTED_STRING, 'a text')[1]
      : take(TOKEN, 'a token')[0]
    if (parameters.has(name)) throw new Error(`${name} stands twice`)
    parameters.set(name, (value ?? '').replace(/\\(.)/gs, '$1'))
    if (rest === '') return { scheme, parameters }
    take(/^[ \t]*,[ \t]*/, 'a comma')
  }
}

/** RFC 6750 §3: what may stand in these values. Everything else becomes a question mark. */
function sanitised(value: string): string {
  return Array.from({ length: value.length }, (_, i) => value.charCodeAt(i))
    .map((code) => (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c ? 0x3f : code))
    .map((code) => String.fromCharCode(code))
    .join('')
}

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        '"',
        '\\',
        '\r\n',
        '\n',
        ', error="x"',
        'scope="admin"',
        '\0',
        'é',
        '😀',
        '\ud800',
        'a',
        'Set-Cookie: a=b',
        ' ',
        '\t',
        '\u2028',
        '\\"',
        ',',
        'Bearer ',
        '=',
      ),
      { maxLength: 8 },
    )
    .map((pieces) => pieces.join('')),
)
const present = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const error = fc.constantFrom('invalid_request', 'invalid_token', 'insufficient_scope')

function toChallenge(parts: { [Name in keyof Challenge]: Challenge[Name] | undefined }): Challenge {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined))
}

verifies(
  ['CHL-02', 'CHL-09', 'CASE-34'],
  'any values make one line that parses back to them',
  () => {
    for (const scope of [undefined, []]) {
      expect(() => formatChallenge(toChallenge({ scope } as Challenge))).toThrow(TypeError)
    }
    fc.assert(
      fc.property(
        present(error),
        present(hostile),
        present(hostile),
        present(fc.array(hostile, { maxLength: 4 })),
        (errorCode, errorDescription, resourceMetadata, scope) => {
          const expected = new Map<string, string>()
          if (errorCode !== undefined) expected.set('error', errorCode)
          if (errorDescription !== undefined) {
            expected.set('error_description', sanitised(errorDescription))
          }
          if (resourceMetadata !== undefined) {
            expected.set('resource_metadata', sanitised(resourceMetadata))
          }
          if (scope !== undefined && scope.length > 0)
            expected.set('scope', sanitised(scope.join(' ')))
          const challenge = toChallenge({
            error: errorCode,
            errorDescription,
            resourceMetadata,
            scope,
          })
          fc.pre(expected.size > 0)
          const field = formatChallenge(challenge)
          expect(field).toMatch(/^[\x20-\x7e]+$/)
          expect(field).not.toContain('\\')
          expect(parseChallenge(field)).toEqual({ scheme: 'Bearer', parameters: expected })
          // What is sent is what is read: no runtime trims or refuses it.
          expect(new Headers({ 'WWW-Authenticate': field }).get('www-authenticate')).toBe(field)
        },
      ),
      { numRuns: 2000 },
    )
  },
)

verifies('CHL-10', 'the SDK client reads error, scope and address out of it', () => {
  // The SDK takes the first `name=` anywhere, also inside of a value. Ours have none.
  const plain = fc
    .string({ unit: fc.constantFrom(...'abcXYZ 019.:/-_~!?'), minLength: 1, maxLength: 40 })
    .filter((text) => text.trim() !== '')
  const url = fc
    .webUrl({ withQueryParameters: false })
    .filter((text) => URL.canParse(text) && !text.includes('='))
  const scope = fc.array(fc.stringMatching(/^[a-z][a-z:._-]{0,11}$/), {
    minLength: 1,
    maxLength: 5,
  })
  fc.assert(
    fc.property(error, plain, url, present(scope), (errorCode, text, address, scopes) => {
      const field = formatChallenge({
        error: errorCode,
        errorDescription: text,
        resourceMetadata: address,
        ...(scopes !== undefined && { scope: scopes }),
      })
      const response = new Response(null, { headers: { 'WWW-Authenticate': field } })
      expect(extractWWWAuthenticateParams(response)).toEqual({
        resourceMetadataUrl: new URL(address),
        scope: scopes?.join(' '),
        error: errorCode,
      })
    }),
    { numRuns: 500 },
  )
})

test('what is quoted for a log is one short printable line that ends where it should', () => {
  fc.assert(
    fc.property(fc.oneof(hostile, fc.jsonValue(), fc.constant(undefined)), (value) => {
      const text = quoted(value)
      // The ellipsis is ours; all that others chose is ASCII without quote and backslash.
      expect(text).toMatch(/^"[\x20-\x21\x23-\x5b\x5d-\x7e]{0,120}…?"$/)
    }),
    { numRuns: 1000 },
  )
})
