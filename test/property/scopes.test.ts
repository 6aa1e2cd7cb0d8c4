import fc from 'fast-check'
import { expect } from 'vitest'
import { ScopeHierarchy } from '../../src/token/scope-hierarchy.js'
import { isScopeToken, parseScopes, uniteScopes } from '../../src/token/scopes.js'
import { verifies } from '../support/verifies.js'

/** RFC 6749 §3.3, spelled by code points and not by our pattern. */
function isScopeCharacter(code: number): boolean {
  return code === 0x21 || (code >= 0x23 && code <= 0x5b) || (code >= 0x5d && code <= 0x7e)
}
const CHARACTERS = Array.from({ length: 0x80 }, (_, code) => code)
  .filter(isScopeCharacter)
  .map((code) => String.fromCharCode(code))

const scope = fc.string({ unit: fc.constantFrom(...CHARACTERS), minLength: 1, maxLength: 12 })
const scopes = fc.array(scope, { maxLength: 8 })

verifies('JWT-15', 'a list and its blank-separated text are the same scopes', () => {
  fc.assert(
    fc.property(scopes, fc.constantFrom(' ', '  '), (list, blank) => {
      expect(parseScopes(list)).toEqual(list)
      expect(parseScopes(list.join(blank))).toEqual(list)
      expect(parseScopes(` ${list.join(' ')} `)).toEqual(list)
    }),
    { numRuns: 500 },
  )
})

verifies(['JWT-15', 'CASE-57'], 'whatever is accepted has only scopes in it', () => {
  const value = fc.oneof(
    fc.anything(),
    fc.string({ unit: 'binary' }),
    fc.array(fc.oneof(scope, fc.string({ unit: 'binary' }))),
    fc.array(fc.oneof(scope, fc.anything())),
  )
  fc.assert(
    fc.property(value, (input) => {
      const parsed = parseScopes(input)
      fc.pre(parsed !== undefined)
      for (const entry of parsed) {
        expect(entry).not.toBe('')
        for (let i = 0; i < entry.length; i++) {
          expect(isScopeCharacter(entry.charCodeAt(i)), entry).toBe(true)
        }
      }
      // Read again by somebody who joins them, they are still the same.
      expect(parseScopes(parsed.join(' '))).toEqual(parsed)
    }),
    { numRuns: 2000 },
  )
})

verifies('CASE-57', 'one bad element spoils the list, wherever it stands', () => {
  const bad = fc.oneof(
    fc.constantFrom<unknown>('', ' ', 'a b', 'a\tb', 'a\nb', 'a"b', 'a\\b', 'é', '\u007f', '\0'),
    fc.constantFrom<unknown>(1, null, undefined, true, {}, [], ['a']),
  )
  fc.assert(
    fc.property(scopes, scopes, bad, (before, after, element) => {
      expect(isScopeToken(element)).toBe(false)
      expect(parseScopes([...before, element, ...after])).toBeUndefined()
    }),
  )
})

const hierarchy = new ScopeHierarchy()

verifies('SCP-02', 'what is missing and what was granted make what is needed', () => {
  fc.assert(
    fc.property(scopes, scopes, (granted, required) => {
      const missing = hierarchy.missing(granted, required)
      expect(missing.every((entry) => required.includes(entry))).toBe(true)
      expect(missing.some((entry) => granted.includes(entry))).toBe(false)
      expect(hierarchy.missing([...granted, ...missing], required)).toEqual([])
      const united = uniteScopes(granted, required)
      expect(new Set(united)).toEqual(new Set([...granted, ...required]))
      expect(hierarchy.missing(united, required)).toEqual([])
    }),
  )
})
