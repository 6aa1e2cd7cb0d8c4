/** Where a request comes from. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ClientAddresses, networkFault } from '../../src/web/client-address.js'
import { verifies } from '../support/verifies.js'

const NONE = new ClientAddresses([])
const keyOf = (peerAddress: string) => NONE.keyFor({ peerAddress })

describe('an address', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:201', '192.0.2.1'],
    ['2001:db8:0:1::1', '20010db800000001/64'],
    ['2001:DB8:0:1:ffff:ffff:ffff:ffff', '20010db800000001/64'],
    ['2001:db8::', '20010db800000000/64'],
    ['::1', '0000000000000000/64'],
    ['fe80::1%eth0', 'fe80000000000000/64'],
    ['64:ff9b::192.0.2.1', '0064ff9b00000000/64'],
    ['1:2:3:4:5:6:192.0.2.1', '0001000200030004/64'],
    ['[::1]:8080', '0000000000000000/64'],
    ['192.0.2.1:8080', '192.0.2.1'],
  ])('%s is %s', (text, key) => {
    expect(keyOf(text)).toBe(key)
  })

  test.each([
    '',
    'unknown',
    '_hidden',
    '192.0.2',
    '192.0.2.1.1',
    '192.0.2.256',
    '192.0.2.01',
    '0x7f.0.0.1',
    '2130706433',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '1:2:3:4:5:6:7::8:9',
    ':1',
    '1:',
    '12345::',
    'g::',
    '192.0.2.1::',
    '::192.0.2.1:1',
    '[::1',
    '192.0.2.1, 192.0.2.2',
    'a'.repeat(10_000),
  ])('is not %j', (text) => {
    expect(keyOf(text)).toBe('unknown')
  })
})

describe('a network of proxies', () => {
  test.each([
    '10.0.0.0/8',
    '192.0.2.1',
    '192.0.2.1/32',
    '2001:db8::/32',
    '::1',
    '::ffff:10.0.0.0/104',
  ])('may be %s', (text) => {
    expect(networkFault(text)).toBeUndefined()
  })

  verifies('IDN-26', 'a bad network, or one of all addresses, is a problem', () => {
    const faults = {
      '10.0.0.1/8': 'has bits after its prefix',
      '10.0.0.0/33': 'has a prefix that it cannot have',
      '10.0.0.0/-1': 'has a prefix that it cannot have',
      '10.0.0.0/': 'has a prefix that it cannot have',
      '10.0.0.0/08': 'has a prefix that it cannot have',
      '::ffff:10.0.0.0/8': 'has a prefix that it cannot have',
      '0.0.0.0/0': 'would trust every peer',
      '::/0': 'would trust every peer',
      'proxy.internal': 'is not an address or a network',
      '10.0.0.0/8/8': 'is not an address or a network',
      '2001:db8::1%eth0': 'is not an address or a network',
    }
    for (const [text, fault] of Object.entries(faults)) {
      expect([text, networkFault(text)]).toEqual([text, fault])
    }
  })
})

const PROXIED = new ClientAddresses(['10.0.0.0/8', '2001:db8:ffff::/48'])
const from = (forwardedFor: string | undefined, peerAddress: string | undefined = '10.0.0.1') =>
  PROXIED.keyFor({ peerAddress, forwardedFor })

describe('behind proxies', () => {
  verifies('IDN-26', 'the client is the last entry that no trusted proxy has', () => {
    expect(from(undefined)).toBe('10.0.0.1')
    expect(from('192.0.2.1')).toBe('192.0.2.1')
    expect(from('192.0.2.9,192.0.2.1')).toBe('192.0.2.1')
    expect(from('192.0.2.9, 192.0.2.1 , 10.9.9.9, 2001:db8:ffff::1')).toBe('192.0.2.1')
    expect(from('10.0.0.3, 10.0.0.2')).toBe('10.0.0.3')
    expect(from('::ffff:10.0.0.2, 192.0.2.1, ::ffff:10.0.0.2')).toBe('192.0.2.1')
    expect(from('192.0.2.1', '::ffff:10.0.0.1')).toBe('192.0.2.1')
    expect(from('192.0.2.1', '2001:db8:ffff:1::1')).toBe('192.0.2.1')
  })

  verifies('IDN-26', 'an entry that cannot be read counts as the peer', () => {
    expect(from('')).toBe('10.0.0.1')
    expect(from('192.0.2.1,')).toBe('10.0.0.1')
    expect(from('192.0.2.1, unknown')).toBe('10.0.0.1')
    expect(from('192.0.2.1, unknown, 10.0.0.2')).toBe('10.0.0.1')
    // What stands before the client's own entry does not matter.
    expect(from('unknown, 192.0.2.1')).toBe('192.0.2.1')
  })

  verifies('IDN-26', 'nobody else is believed', () => {
    expect(from('192.0.2.1', '192.0.2.77')).toBe('192.0.2.77')
    expect(from('192.0.2.1', '11.0.0.1')).toBe('11.0.0.1')
    expect(from('192.0.2.1', '2001:db8:fffe::1')).toBe('20010db8fffe0000/64')
    expect(PROXIED.keyFor({ peerAddress: undefined, forwardedFor: '192.0.2.1' })).toBe('unknown')
    expect(NONE.keyFor({ peerAddress: '10.0.0.1', forwardedFor: '192.0.2.1' })).toBe('10.0.0.1')
  })
})

verifies(
  'IDN-26',
  'no text makes an address that is not one, and no client chooses its key',
  () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.string({ unit: fc.constantFrom(...'0123456789abcf:.,[]%/ '), maxLength: 60 }),
    )
    fc.assert(
      fc.property(text, fc.ipV4(), (forged, client) => {
        expect(keyOf(forged)).toMatch(/^(?:unknown|(?:\d{1,3}\.){3}\d{1,3}|[\da-f]{16}\/64)$/)
        const seen = new ClientAddresses(['2001:db8::1'])
        const peer = { peerAddress: '2001:db8::1' }
        const honest = seen.keyFor({ ...peer, forwardedFor: client })
        expect(seen.keyFor({ ...peer, forwardedFor: `${forged}, ${client}` })).toBe(honest)
      }),
      { numRuns: 2000 },
    )
  },
)

verifies('IDN-26', 'an IPv6 address has the key of its /64, however it is written', () => {
  const groups = fc.array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(groups, (all) => {
      const whole = all.map((each) => each.toString(16)).join(':')
      const key = all
        .slice(0, 4)
        .map((each) => each.toString(16).padStart(4, '0'))
        .join('')
      expect(keyOf(whole)).toBe(`${key}/64`)
      expect(keyOf(whole.toUpperCase())).toBe(`${key}/64`)
      const shortened = `${all
        .slice(0, 4)
        .map((each) => each.toString(16))
        .join(':')}::1`
      expect(keyOf(shortened)).toBe(`${key}/64`)
    }),
  )
})
