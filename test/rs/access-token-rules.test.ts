/** The rules about a token, one by one and together. */
import { expect } from 'vitest'
import {
  ACCESS_TOKEN_RULES,
  checkAccessToken,
  type AccessTokenFacts,
  type TokenRequirements,
} from '../../src/token/access-token.js'
import { verifies } from '../support/verifies.js'

const AT = 1_000

const REQUIREMENTS = {
  issuer: 'https://sso.example.com',
  algorithms: ['ES256'],
  requireType: false,
  audience: new Set(['https://mcp.example.com/mcp']),
  audienceClaim: 'aud',
  clockTolerance: 30,
} as unknown as TokenRequirements

const GOOD = {
  issuer: 'https://sso.example.com',
  algorithm: 'ES256',
  kind: 'at+jwt',
  audience: ['https://mcp.example.com/mcp'],
  bound: false,
  validFrom: AT + 30,
  expiresAt: AT - 29,
} as unknown as AccessTokenFacts

/** By rule, what breaks it and nothing else. */
const BROKEN: Readonly<Record<string, Partial<AccessTokenFacts>>> = {
  issuer: { issuer: 'https://sso.example.com/' },
  algorithm: { algorithm: 'RS256' },
  kind: { kind: 'not an access token: typ "id"' },
  audience: { audience: ['https://mcp.example.com/mcp/'] },
  binding: { bound: true },
  start: { validFrom: AT + 31 },
  expiry: { expiresAt: AT - 30 },
}

verifies('WHO-05', 'each rule refuses alone what all of them refuse together', () => {
  expect(ACCESS_TOKEN_RULES.map(({ name }) => name)).toEqual(Object.keys(BROKEN))
  expect(checkAccessToken(GOOD, REQUIREMENTS, AT)).toBeUndefined()
  for (const [name, change] of Object.entries(BROKEN)) {
    const facts = { ...GOOD, ...change }
    const refusals = ACCESS_TOKEN_RULES.flatMap((rule) => {
      const refusal = rule.check(facts, REQUIREMENTS, AT)
      return refusal === undefined ? [] : [[rule.name, refusal]]
    })
    expect(refusals).toEqual([[name, checkAccessToken(facts, REQUIREMENTS, AT)]])
  }
})

verifies('WHO-05', 'together they give the first reason, and one by one all of them', () => {
  const facts: AccessTokenFacts = Object.assign({}, GOOD, ...Object.values(BROKEN))
  expect(checkAccessToken(facts, REQUIREMENTS, AT)?.code).toBe('ERR_TOKEN_ISSUER_UNTRUSTED')
  const all = ACCESS_TOKEN_RULES.flatMap((rule) => rule.check(facts, REQUIREMENTS, AT) ?? [])
  expect(all).toHaveLength(ACCESS_TOKEN_RULES.length)
})
