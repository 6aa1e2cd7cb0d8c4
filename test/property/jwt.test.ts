import fc from 'fast-check'
import { expect } from 'vitest'
import { Refusal } from '../../src/errors.js'
import { createResourceServer } from '../../src/index.js'
import { decodeClaims, parseJwt } from '../../src/token/jwt.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const idp = await FakeIdp.start()
const token = await idp.token()

function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString(
    'base64url',
  )
}

/** Names that mean something to the engine or to us, so that conversions of a value go astray. */
const name = fc.oneof(
  fc.constantFrom('toString', 'valueOf', 'toJSON', '__proto__', 'constructor', 'length', 'then'),
  fc.constantFrom('iss', 'aud', 'exp', 'alg', 'kid', 'typ', 'crit'),
  fc.string({ maxLength: 4 }),
)
const json: fc.Memo<unknown> = fc.memo((depth) =>
  depth <= 1
    ? fc.oneof(fc.string({ maxLength: 6 }), fc.double(), fc.boolean(), fc.constant(null))
    : fc.oneof(
        json(1),
        fc.array(json(depth - 1), { maxLength: 3 }),
        fc.dictionary(name, json(depth - 1), { maxKeys: 3 }),
      ),
)

const anyToken = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('.', 'e', 'y', 'J', '-', '_', '=', 'A', '9'), maxLength: 60 }),
  fc.array(fc.string({ maxLength: 10 }), { maxLength: 7 }).map((segments) => segments.join('.')),
  fc
    .tuple(json(3), json(3), fc.uint8Array({ maxLength: 70 }))
    .map(([header, payload, signature]) =>
      [encode(header), encode(payload), Buffer.from(signature).toString('base64url')].join('.'),
    ),
)

/** The refusal of a text that is not taken apart, by the number of its segments. */
function codeOf(segments: number): string {
  if (segments === 5) return 'ERR_TOKEN_ENCRYPTED'
  return segments === 3 ? 'ERR_TOKEN_MALFORMED' : 'ERR_TOKEN_OPAQUE'
}

verifies(['TOK-06', 'JWT-16'], 'any text is taken apart or refused, never thrown at us', () => {
  fc.assert(
    fc.property(anyToken, (text) => {
      const jwt = parseJwt(text)
      const segments = text.split('.')
      // What is signed is what was sent, byte for byte.
      expect(
        jwt instanceof Refusal
          ? { code: jwt.code }
          : { count: segments.length, signed: jwt.signedText, claims: jwt.claims },
      ).toEqual(
        jwt instanceof Refusal
          ? { code: codeOf(segments.length) }
          : { count: 3, signed: segments.slice(0, 2).join('.'), claims: decodeClaims(text) },
      )
    }),
    { numRuns: 5000 },
  )
})

verifies('CASE-14', 'any change of a real token is taken apart or refused', () => {
  fc.assert(
    fc.property(
      fc.nat(token.length),
      fc.nat(4),
      fc.string({ unit: 'binary', maxLength: 3 }),
      (at, length, insert) => {
        const result = parseJwt(token.slice(0, at) + insert + token.slice(at + length))
        expect('code' in result ? result.code : 'ERR_TOKEN_NONE').toMatch(/^ERR_TOKEN_/)
      },
    ),
    { numRuns: 3000 },
  )
})

const resourceServer = createResourceServer({
  resource: RESOURCE,
  authorizationServers: ISSUER,
  fetch: idp.fetch,
})

async function refusalOf(header: unknown, payload: unknown): Promise<string> {
  const authorization = `Bearer ${encode(header)}.${encode(payload)}.${encode('signature')}`
  const decision = await resourceServer.authenticate({ authorization })
  return decision.outcome === 'denied' ? decision.code : decision.outcome
}

verifies(['CASE-25', 'CHL-06'], 'any header and claims, of any shape, are a 401', async () => {
  const member = fc.tuple(fc.constantFrom('alg', 'kid', 'typ', 'crit', 'b64', 'jwk'), json(3))
  const claim = fc.tuple(fc.constantFrom('iss', 'aud', 'exp', 'sub', 'scope', 'cnf'), json(3))
  await fc.assert(
    fc.asyncProperty(fc.array(member), fc.array(claim), async (members, claims) => {
      const header = { alg: 'ES256', kid: 'key-1', ...Object.fromEntries(members) }
      expect(await refusalOf(header, { iss: ISSUER, ...Object.fromEntries(claims) })).toMatch(
        /^ERR_TOKEN_/,
      )
    }),
    { numRuns: 1000 },
  )
})

const HEADER = { alg: 'ES256', kid: 'key-1' }

verifies(
  'CASE-25',
  'an issuer that cannot be made a text is one that we do not trust',
  async () => {
    for (const iss of [{ toString: 1 }, { toString: null, valueOf: 'x' }, [{ toString: 1 }]]) {
      expect(await refusalOf(HEADER, { iss }), JSON.stringify(iss)).toBe(
        'ERR_TOKEN_ISSUER_UNTRUSTED',
      )
    }
  },
)

verifies(
  'CASE-25',
  'nesting that overflows the stack of naive code is a 401 like any other',
  async () => {
    const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
    for (const levels of [10, 1000, 4000, 5500]) {
      expect(await refusalOf(HEADER, `{"iss":${deep(levels)}}`), `iss ${levels}`).toBe(
        'ERR_TOKEN_ISSUER_UNTRUSTED',
      )
      expect(await refusalOf(`{"alg":"ES256","crit":${deep(levels)}}`, {}), `crit ${levels}`).toBe(
        'ERR_TOKEN_MALFORMED',
      )
    }
  },
)
