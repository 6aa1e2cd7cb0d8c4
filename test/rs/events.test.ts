/** What is told of errors and of what clients sent: nothing in it is theirs to forge, and it costs little. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tameLine } from '../../src/cli/log.js'
import { quoted } from '../../src/errors.js'
import { whereThrown } from '../../src/events.js'
import { FakeIdp } from '../support/idp.js'
import { createFixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

describe('where an error was thrown', () => {
  verifies('ATK-15', 'is not said by its message', () => {
    for (const message of [
      'x\n    at admin (file:///forged.js:1:1)',
      '\n    at forged',
      'at forged\r\n    at forged\n    at forged',
      'Error',
      '',
    ]) {
      const where = whereThrown(new TypeError(message))
      expect(where).toMatch(/^TypeError at .*events\.test\.ts/)
      expect(where).not.toContain('forged')
    }
    // A message that is another than when it was written down.
    const changed = new Error('x\n    at forged')
    // Written down when it is first looked at.
    expect(changed.stack).toContain('forged')
    changed.message = 'y'
    expect(whereThrown(changed)).toBe('Error')
    changed.message = ''
    expect(whereThrown(changed)).toBe('Error')
    // One that throws when it is looked at must not end the process.
    const hostile = Object.defineProperty(new Error('x'), 'stack', {
      get: () => {
        throw new Error('secret')
      },
    })
    expect(whereThrown(hostile)).toBe('Error')
    expect(whereThrown(Object.assign(new Error('x'), { constructor: undefined }))).toBe('Error')
    class OddİError extends Error {}
    expect(whereThrown(new OddİError('x'))).toMatch(/^Odd\?Error at /)
  })
})

describe('a value that is quoted', () => {
  verifies('ATK-15', 'is looked into no further than it is shown', () => {
    let reads = 0
    const counted = (target: object): object =>
      new Proxy(target, {
        get(object, name) {
          reads++
          const value: unknown = Reflect.get(object, name)
          return typeof value === 'object' && value !== null ? counted(value) : value
        },
      })
    let deep: object = {}
    for (let i = 0; i < 100_000; i++) deep = i % 2 === 0 ? [deep] : { a: deep }
    const text = quoted(counted(deep))
    expect(text.startsWith('"{?a?:[{?a?:[')).toBe(true)
    expect(text.length).toBe(123)
    expect(reads).toBeLessThan(400)
    const wide = Array.from({ length: 100_000 }, () => 'x')
    reads = 0
    expect(quoted(counted(wide)).length).toBe(123)
    expect(reads).toBeLessThan(400)
  })

  test('is what it is where it is short', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
        const text = typeof value === 'string' ? value : JSON.stringify(value)
        const printable = text.slice(0, 120).replace(/[^\x20-\x7e]|["\\]/g, '?')
        expect(quoted(value)).toBe(`"${printable}${text.length > 120 ? '…' : ''}"`)
      }),
    )
    expect(quoted(undefined)).toBe('"undefined"')
  })
})

describe('a line for people', () => {
  verifies('ATK-15', 'does nothing to a terminal, and stays one line', () => {
    const evil =
      'a\n[12:00:00] INFO: forged\r\t\u001b[2J\u009b31m\u007f\u202e\u2028\u200b\b\0"\\n/\u{1f600}é'
    const line = `${JSON.stringify({ level: 'info', reason: evil, list: [evil], msg: evil })}\n`
    const tame = tameLine(line)
    expect(tame.endsWith('}\n')).toBe(true)
    const { msg, reason, list } = JSON.parse(tame) as Record<string, unknown>
    expect(msg).toBe('a [12:00:00] INFO: forged  ?[2J?31m???? ?"\\n/\u{1f600}é')
    expect([reason, list]).toEqual([msg, [msg]])
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown: unknown = JSON.parse(tameLine(JSON.stringify({ text })))
        expect(JSON.stringify(shown)).not.toMatch(/\\[nrtbf]|\\u00[01]/)
        expect(shown).toEqual({ text: expect.not.stringMatching(/[\p{Cc}\u2028\u2029\u202e]/u) })
      }),
    )
  })
})

verifies(
  'FLD-19',
  'a refusal names the caller if the token was verified, and nobody else',
  async () => {
    const idp = await FakeIdp.start()
    const { verdict, events } = createFixture(idp, { scopes: ['mcp:admin'] })
    const claims = { sub: 'alice', client_id: 'claude' }
    expect(await verdict(await idp.token({ claims }))).toBe('ERR_SCOPE_INSUFFICIENT')
    expect(events.at(-1)).toMatchObject({ subject: 'alice', clientId: 'claude' })
    expect(await verdict(await idp.token({ claims: { ...claims, exp: 1 } }))).toBe(
      'ERR_TOKEN_EXPIRED',
    )
    expect(Object.keys(events.at(-1) ?? {})).not.toContain('subject')
  },
)
