/**
 * CASE-14: there is one spelling of a token. Whatever differs from it in one place is refused, by a
 * resource server that never saw the original and by one that remembers it.
 */
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { createResourceServer, type ResourceServer } from '../../src/index.js'
import { FakeIdp, fakeKey, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

interface Subject {
  readonly token: string
  /** Has the keys, never saw the token. */
  readonly fresh: ResourceServer
  /** Let the token in before. */
  readonly remembering: ResourceServer
}

async function subject(alg: string): Promise<Subject> {
  const idp = await FakeIdp.start(ISSUER, alg)
  // A second key, so that a changed kid or algorithm finds something.
  idp.keys.push(await fakeKey('key-2', alg === 'ES256' ? 'RS256' : 'ES256'))
  const options = { resource: RESOURCE, authorizationServers: ISSUER, fetch: idp.fetch }
  const [fresh, remembering] = [createResourceServer(options), createResourceServer(options)]
  const token = await idp.token()
  const other = await idp.token({ claims: { jti: 'id-2' } })
  expect(await outcome(fresh, other)).toBe('authenticated')
  expect(await outcome(remembering, token)).toBe('authenticated')
  return { token, fresh, remembering }
}

async function outcome(resourceServer: ResourceServer, token: string): Promise<string> {
  const decision = await resourceServer.authenticate({ authorization: `Bearer ${token}` })
  return decision.outcome === 'denied' ? decision.code : decision.outcome
}

type Mutation = (token: string) => string

const character = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...BASE64URL) },
  { weight: 2, arbitrary: fc.constantFrom('.', '=', '+', '/', '~', ',', ' ', '\t', '\n', '\0') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
)
const position = fc.nat()
const at = (token: string, where: number) => where % token.length
const segment = fc.nat(2)

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(position, character).map(([where, char]): Mutation => (token) => {
    const i = at(token, where)
    return token.slice(0, i) + char + token.slice(i + 1)
  }),
  fc.tuple(position, character).map(([where, char]): Mutation => (token) => {
    const i = at(token, where)
    return token.slice(0, i) + char + token.slice(i)
  }),
  position.map((where): Mutation => (token) => {
    const i = at(token, where)
    return token.slice(0, i) + token.slice(i + 1)
  }),
  position.map((where): Mutation => (token) => {
    const i = at(token, where)
    return token.slice(0, i) + (token[i + 1] ?? '') + (token[i] ?? '') + token.slice(i + 2)
  }),
  position.map(
    (where): Mutation =>
      (token) =>
        token.slice(0, at(token, where)),
  ),
  position.map(
    (where): Mutation =>
      (token) =>
        token.slice(at(token, where) + 1),
  ),
  character.map(
    (char): Mutation =>
      (token) =>
        token + char,
  ),
  position.map((where): Mutation => (token) => {
    const i = at(token, where)
    const char = token.charAt(i)
    const swapped = char === char.toUpperCase() ? char.toLowerCase() : char.toUpperCase()
    return token.slice(0, i) + swapped + token.slice(i + 1)
  }),
  fc.tuple(segment, segment).map(([from, to]): Mutation => (token) => {
    const segments = token.split('.')
    const [a = '', b = ''] = [segments[from], segments[to]]
    segments[from] = b
    segments[to] = a
    return segments.join('.')
  }),
  fc.tuple(segment, segment).map(([from, to]): Mutation => (token) => {
    const segments = token.split('.')
    segments[to] = segments[from] ?? ''
    return segments.join('.')
  }),
  segment.map(
    (which): Mutation =>
      (token) =>
        token
          .split('.')
          .filter((_, index) => index !== which)
          .join('.'),
  ),
  fc.tuple(segment, fc.constantFrom('=', '==', '%3D', 'A', 'AA', 'AAAA')).map(
    ([which, tail]): Mutation =>
      (token) =>
        token
          .split('.')
          .map((text, index) => (index === which ? text + tail : text))
          .join('.'),
  ),
)

/** Blanks around a credential are no part of it (RFC 9110 §11.4), so these are the same token. */
function isSame(mutated: string, token: string): boolean {
  return mutated.replace(/^ +|[ \t]+$/g, '') === token
}

const subjects = await Promise.all(
  ['ES256', 'RS256'].map(async (alg) => [alg, await subject(alg)] as const),
)

describe.each(subjects)('%s', (alg, { token, fresh, remembering }) => {
  verifies('CASE-14', `a token changed in one place is refused (${alg})`, async () => {
    await fc.assert(
      fc.asyncProperty(mutation, async (mutate) => {
        const mutated = mutate(token)
        fc.pre(!isSame(mutated, token))
        expect(await outcome(fresh, mutated)).toMatch(/^ERR_/)
        expect(await outcome(remembering, mutated)).toMatch(/^ERR_/)
        await expect(fresh.verifyAccessToken(mutated)).rejects.toThrow()
      }),
      { numRuns: 600 },
    )
    // All that came between has changed nothing for the token itself.
    expect(await outcome(remembering, token)).toBe('authenticated')
    expect(await outcome(fresh, token)).toBe('authenticated')
  })

  verifies('CASE-14', `no other last character of a segment is accepted (${alg})`, async () => {
    const segments = token.split('.')
    for (const [index, text] of segments.entries()) {
      for (const last of BASE64URL) {
        const changed = text.slice(0, -1) + last
        const twin = segments.map((one, i) => (i === index ? changed : one)).join('.')
        const expected = twin === token ? 'authenticated' : expect.stringMatching(/^ERR_/)
        expect(await outcome(remembering, twin)).toEqual(expected)
      }
    }
  })

  verifies('CASE-14', `parts of two tokens make none (${alg})`, async () => {
    const idp = await FakeIdp.start(ISSUER, alg)
    const others = [
      await idp.token({ claims: { scope: 'mcp:admin', sub: 'admin' } }),
      await idp.token({ header: { typ: 'JWT' } }),
    ]
    for (const other of others) {
      const [one, two] = [token.split('.'), other.split('.')]
      const mixed = [1, 2, 3, 4, 5, 6].map((choice) =>
        one.map((text, index) => ((choice >> index) & 1 ? two[index] : text)).join('.'),
      )
      for (const each of mixed.filter((text) => text !== token && text !== other)) {
        expect(await outcome(remembering, each)).toMatch(/^ERR_/)
      }
    }
  })
})

verifies(
  'CASE-14',
  'a token with the same claims and another signature is its own token',
  async () => {
    // ECDSA is randomised: both are the issuer's, and each is checked for itself.
    const idp = await FakeIdp.start()
    const events: unknown[] = []
    const resourceServer = createResourceServer({
      resource: RESOURCE,
      authorizationServers: ISSUER,
      fetch: idp.fetch,
      onEvent: (event) => {
        if (event.type === 'request.authenticated') events.push(event.remembered)
      },
    })
    const now = Date.now()
    idp.now = () => now
    const [one, other] = [await idp.token(), await idp.token()]
    expect(one).not.toBe(other)
    for (const text of [one, one, other, other]) {
      expect(await outcome(resourceServer, text)).toBe('authenticated')
    }
    expect(events).toEqual([false, true, false, true])
  },
)
