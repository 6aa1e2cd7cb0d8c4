/** Tokens as each identity provider writes them: let in with the right settings, refused with the nearest wrong ones. */
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { hintFor } from '../../src/advice/hints.js'
import { PROVIDERS, type HintTopic } from '../../src/advice/identity-providers.js'
import type { JsonObject } from '../../src/base/json.js'
import { verifies } from '../support/verifies.js'
import { show, WAYS } from './fixture.js'
import { ROWS } from './table.js'

const counts = { accepted: 0, refused: 0 }
const ways = Object.keys(WAYS) as (keyof typeof WAYS)[]

function denialOf(events: Awaited<ReturnType<typeof show>>['events']) {
  return events.flatMap((event) => (event.type === 'request.denied' ? [event] : []))
}

for (const row of ROWS) {
  describe(`${row.name} (${row.source})`, () => {
    const { accepted } = row
    if (accepted !== 'never') {
      for (const way of ways) {
        verifies(
          ['JWT-15', 'AUD-05', 'CASE-6'],
          `let in with the right settings, as ${way}`,
          async () => {
            const { decision, events } = await show(row, {}, way)
            if (decision.outcome !== 'authenticated') throw new Error(JSON.stringify(events))
            const { scopes, clientId, subject, issuer } = decision.token
            expect({ scopes, clientId, subject }).toEqual(accepted)
            expect(issuer).toBe(row.issuer)
            expect(denialOf(events)).toEqual([])
            counts.accepted++
          },
        )
      }
    }
    for (const miss of row.refused) {
      verifies(['JWT-15', 'AUD-01', 'CASE-5'], `${miss.name}: ${miss.code}`, async () => {
        for (const way of ways) {
          const { decision, events } = await show(row, miss, way)
          expect(decision, JSON.stringify(events)).toMatchObject({ code: miss.code })
          const [denied, ...more] = denialOf(events)
          expect(more).toEqual([])
          expect(denied?.hint).toEqual(miss.hint && expect.stringContaining(miss.hint))
          expect(row.name).toContain(subjectOf(denied?.hint) ?? '')
          counts.refused++
        }
      })
    }
  })
}

/** What a hint is about: `Keycloak: …`. */
function subjectOf(hint: string | undefined): string | undefined {
  return /(?:^|; )([A-Za-z0-9]+): /.exec(hint ?? '')?.[1]
}

const TOPICS: readonly HintTopic[] = [
  'at+jwt required',
  'ERR_CREDENTIALS_MISSING',
  'ERR_SCOPE_INSUFFICIENT',
  'ERR_TOKEN_ALGORITHM',
  'ERR_TOKEN_AUDIENCE',
  'ERR_TOKEN_BOUND',
  'ERR_TOKEN_CLAIM',
  'ERR_TOKEN_ENCRYPTED',
  'ERR_TOKEN_EXPIRED',
  'ERR_TOKEN_INACTIVE',
  'ERR_TOKEN_KEY_UNKNOWN',
  'ERR_TOKEN_MALFORMED',
  'ERR_TOKEN_NOT_YET_VALID',
  'ERR_TOKEN_OPAQUE',
  'ERR_TOKEN_SIGNATURE',
  'ERR_TOKEN_TYPE',
]

describe('advice', () => {
  for (const row of ROWS) {
    verifies('CASE-5', `${row.name}: whatever is wrong, it is not that of another`, () => {
      for (const topic of TOPICS) {
        const hint = hintFor(topic, {
          issuer: row.issuer,
          token: row.token,
          claims: () => ({ iss: row.issuer, ...row.claims }),
          missing: ['mcp:missing'],
        })
        // Advice without a subject is for all.
        expect(row.name, hint).toContain(subjectOf(hint) ?? '')
      }
    })
  }

  verifies('CASE-5', 'the claims of a token that is not verified choose none', () => {
    const claims = () => ({ cid: 'client', ver: 1, 'urn:zitadel:iam:org:id': 'x', azp: 'tpc_1' })
    for (const topic of [
      'ERR_TOKEN_SIGNATURE',
      'ERR_TOKEN_ALGORITHM',
      'ERR_TOKEN_OPAQUE',
    ] as const) {
      const hint = hintFor(topic, { issuer: 'https://op.example.com', claims })
      expect(subjectOf(hint)).toBeUndefined()
    }
  })

  verifies('CASE-5', 'a scope that users can write themselves is not advised', () => {
    const missing = ['admin']
    for (const claims of [
      { name: 'admin' },
      { nickname: ['admin'] },
      { preferred_username: 'admin', profile: { title: ['admin'] } },
      { aud: ['admin'], amr: ['admin'] },
      // A dotted path cannot lead there.
      { resource_access: { 'https://mcp.example.com': { roles: ['admin'] } } },
      { a: { b: { c: { roles: ['admin'] } } } },
      { roles: 'administrator', scope: 'administrator' },
      { user_metadata: { scope: 'admin', roles: ['admin'] } },
      { profile: { roles: ['admin'] }, unsafe_metadata: { scp: 'admin' } },
    ]) {
      const hint = hintFor('ERR_SCOPE_INSUFFICIENT', { claims: () => claims, missing })
      expect(hint).toMatch(/^let the identity provider grant the scope/)
    }
    for (const [place, claims] of [
      ['groups', { groups: ['admin'] }],
      ['https://example.com/roles', { 'https://example.com/roles': ['admin'] }],
      ['resource_access.mcp.roles', { resource_access: { mcp: { roles: ['admin'] } } }],
      ['scp', { scp: 'read admin' }],
    ] as const) {
      const hint = hintFor('ERR_SCOPE_INSUFFICIENT', { claims: () => claims, missing })
      expect(hint).toContain(`in "${place}"`)
    }
  })

  verifies(
    ['CASE-5', 'CHL-01'],
    'whatever a signed token says, advice is a sentence or nothing',
    () => {
      const issuers = ROWS.map(({ issuer }) => issuer)
      const odd = fc.constantFrom<unknown>({ toString: 1 }, [{ toString: 1 }], null, 7, ['a', null])
      const value = fc.oneof(
        odd,
        fc.jsonValue(),
        fc.constantFrom('admin', 'tpc_1', 'api://x/admin'),
      )
      const names = fc.constantFrom(
        ...[
          'iss',
          'aud',
          'azp',
          'client_id',
          'cid',
          'ver',
          'scp',
          'scope',
          'roles',
          'typ',
          'c_hash',
        ],
        ...['token_use', 'at_hash', 'nonce', 'resource_access', 'app_metadata', 'groups'],
      )
      const topics = [...new Set(PROVIDERS.flatMap(({ hints }) => Object.keys(hints)))]
      fc.assert(
        fc.property(
          fc.constantFrom(...(topics as HintTopic[])),
          fc.constantFrom(undefined, ...issuers),
          fc.dictionary(names, value),
          (topic, issuer, claims) => {
            const missing = ['admin', 'api://x/admin']
            const hint = hintFor(topic, { issuer, claims: () => claims as JsonObject, missing })
            expect(hint === undefined || (hint.length > 0 && hint.length < 1000)).toBe(true)
          },
        ),
        { numRuns: 3000 },
      )
    },
  )

  verifies('GW-08', 'names of claims are quoted and shortened', () => {
    const name = `${'x'.repeat(200)}\n"/roles`
    const claims = () => ({ [name]: ['admin'] })
    const hint = hintFor('ERR_SCOPE_INSUFFICIENT', { claims, missing: ['admin'] }) ?? ''
    expect(hint).toMatch(/^[\x20-\x7e…]{1,300}$/)
  })
})

test('no two rows or misses of a row have one name', () => {
  expect(new Set(ROWS.map(({ name }) => name)).size).toBe(ROWS.length)
  for (const { name, refused } of ROWS) {
    expect(new Set(refused.map((miss) => miss.name)).size, name).toBe(refused.length)
  }
})

afterAll(() => {
  const total = counts.accepted + counts.refused
  console.info(
    `identity providers: ${ROWS.length} shapes, ${total} pairs of shape and settings: ` +
      `${counts.accepted} let in, ${counts.refused} refused, each by options and by flags`,
  )
})
