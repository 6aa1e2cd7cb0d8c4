import fc from 'fast-check'
import { expect, vi } from 'vitest'
import { decodeBase64url, decodeBase64urlText } from '../../src/base/base64url.js'
import { sha256, sha256Sync } from '../../src/base/digest.js'
import { verifies } from '../support/verifies.js'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The modules as a runtime without Node's built-in modules loads them. */
async function withoutBuiltins<T>(load: () => Promise<T>): Promise<T> {
  const spy = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
  vi.resetModules()
  try {
    return await load()
  } finally {
    spy.mockRestore()
    vi.resetModules()
  }
}

const portable = await withoutBuiltins(() => import('../../src/base/base64url.js'))
const portableDigest = await withoutBuiltins(() => import('../../src/base/digest.js'))

const DECODERS = [
  ['by Buffer', decodeBase64url, decodeBase64urlText],
  ['by atob', portable.decodeBase64url, portable.decodeBase64urlText],
] as const

const bytes = fc.uint8Array({ maxLength: 200 })

for (const [path, decode, decodeText] of DECODERS) {
  verifies(['TOK-06', 'CASE-14'], `base64url ${path}: every canonical text gives its bytes`, () => {
    fc.assert(
      fc.property(bytes, (value) => {
        const decoded = decode(Buffer.from(value).toString('base64url'))
        expect(decoded && [...decoded]).toEqual([...value])
      }),
      { numRuns: 500 },
    )
  })

  verifies('CASE-14', `base64url ${path}: whatever is accepted is the one spelling`, () => {
    const texts = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.string({ unit: fc.constantFrom(...ALPHABET, '=', '+', '/', '\n', ' '), maxLength: 60 }),
      fc.string({ unit: fc.constantFrom(...ALPHABET), maxLength: 60 }),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const decoded = decode(text)
        const reencoded = decoded && Buffer.from(decoded).toString('base64url')
        const canonical = Buffer.from(text, 'base64url').toString('base64url') === text
        expect(reencoded).toBe(canonical ? text : undefined)
      }),
      { numRuns: 2000 },
    )
  })

  verifies('CASE-14', `base64url ${path}: no last character but one fits the bytes`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (value) => {
        const text = Buffer.from(value).toString('base64url')
        const stem = text.slice(0, -1)
        const accepted = [...ALPHABET].filter((last) => {
          const decoded = decode(stem + last)
          return decoded !== undefined && Buffer.from(decoded).equals(Buffer.from(value))
        })
        expect(accepted).toEqual([text.at(-1)])
      }),
      { numRuns: 200 },
    )
  })

  verifies(
    'TOK-06',
    `base64url ${path}: padding, blanks and the other alphabet are refused`,
    () => {
      fc.assert(
        fc.property(bytes, fc.nat(), (value, at) => {
          const text = Buffer.from(value).toString('base64url')
          const position = at % (text.length + 1)
          for (const stray of ['=', '==', ' ', '\n', '\t', '+', '/', '.', ',', '\0', 'é']) {
            expect(decode(text.slice(0, position) + stray + text.slice(position))).toBeUndefined()
          }
          const standard = Buffer.from(value).toString('base64')
          expect(decode(standard) === undefined).toBe(standard !== text)
        }),
        { numRuns: 300 },
      )
    },
  )

  verifies('JWT-17', `base64url ${path}: text is UTF-8 and nothing is repaired`, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(decodeText(Buffer.from(text, 'utf8').toString('base64url'))).toBe(text)
      }),
    )
    fc.assert(
      fc.property(bytes, (value) => {
        const buffer = Buffer.from(value)
        const text = buffer.toString('utf8')
        const valid = Buffer.from(text, 'utf8').equals(buffer)
        expect(decodeText(buffer.toString('base64url'))).toBe(valid ? text : undefined)
      }),
      { numRuns: 500 },
    )
    // A byte order mark is a character of the text here, so no JSON begins with it.
    const marked = Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d])
    expect(decodeText(marked.toString('base64url'))).toBe('\uFEFF{}')
  })
}

verifies('CASE-14', 'the digest of a token is the same with and without node:crypto', async () => {
  expect(portableDigest.sha256Sync).toBeUndefined()
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 200 }), async (text) => {
      const digest = await portableDigest.sha256(text)
      expect(digest).toBe(sha256Sync?.(text))
      expect(digest).toBe(await sha256(text))
      expect(digest).toHaveLength(32)
    }),
  )
})
