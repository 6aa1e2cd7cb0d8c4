/** The form of an API key: whole, or changed in any one place. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { formatApiKey, isApiKey, isWholeApiKey } from '../../src/token/api-key.js'
import { newKey } from '../support/api-keys.js'
import { verifies } from '../support/verifies.js'

const random = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('base64url'))

verifies(
  'IDN-10',
  'a key has its prefix, 256 bits and a checksum, and is a token of RFC 6750',
  () => {
    fc.assert(
      fc.property(random, (text) => {
        const key = formatApiKey(text)
        expect(key).toMatch(/^mgh_[\w-]{43}[0-9A-Za-z]{6}$/)
        expect([isApiKey(key), isWholeApiKey(key)]).toEqual([true, true])
      }),
    )
  },
)

verifies('IDN-10', 'one other character is noticed without any list', () => {
  const character = fc.constantFrom(...'abcXYZ019_-.')
  fc.assert(
    fc.property(random, fc.integer({ min: 4, max: 52 }), character, (text, place, other) => {
      const key = formatApiKey(text)
      fc.pre(key[place] !== other)
      const changed = key.slice(0, place) + other + key.slice(place + 1)
      expect([isApiKey(changed), isWholeApiKey(changed)]).toEqual([true, false])
    }),
  )
})

verifies('IDN-10', 'part of a key is not a key, and neither is a key with more after it', () => {
  const key = newKey()
  for (const text of [key.slice(0, -1), `${key}a`, key.slice(4), `${key} `, 'mgh_', '']) {
    expect(isWholeApiKey(text)).toBe(false)
  }
  expect(isApiKey(`MGH_${key.slice(4)}`)).toBe(false)
})
