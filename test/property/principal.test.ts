import fc from 'fast-check'
import { expect } from 'vitest'
import { principalOf } from '../../src/rs/principal.js'
import type { VerifiedAccessToken } from '../../src/types.js'
import { verifies } from '../support/verifies.js'

/** Few values, with the separators of the key in them, so that collisions would happen. */
const name = fc.constantFrom('a', 'b', 'a:1', '1:a', ':', '1', '11', 'user', 'client', 'a1:a', '')
const identity = fc.record({
  issuer: name,
  subject: fc.option(name.filter(Boolean), { nil: undefined }),
  clientId: fc.option(name.filter(Boolean), { nil: undefined }),
})

function tokenOf(who: {
  issuer: string
  subject: string | undefined
  clientId: string | undefined
}) {
  const rest = { scopes: [], audience: [], expiresAt: 0, claims: {} }
  return { ...who, ...rest } satisfies VerifiedAccessToken
}

verifies(['JWT-13', 'JWT-14', 'CASE-10'], 'equal keys mean equal type, issuer and name', () => {
  fc.assert(
    fc.property(identity, identity, (one, other) => {
      const [a, b] = [principalOf(tokenOf(one)), principalOf(tokenOf(other))]
      const same = a.type === b.type && a.issuer === b.issuer && a.id === b.id
      expect(a.key !== undefined && a.key === b.key).toBe(same && a.id !== undefined)
    }),
    { numRuns: 3000 },
  )
})

verifies('JWT-14', 'a client is never a user, whatever id it chose', () => {
  fc.assert(
    fc.property(name.filter(Boolean), name.filter(Boolean), name, (subject, clientId, issuer) => {
      const user = principalOf(tokenOf({ issuer, subject, clientId }))
      const alone = principalOf(tokenOf({ issuer, subject: undefined, clientId: subject }))
      const itself = principalOf(tokenOf({ issuer, subject, clientId: subject }))
      expect(alone.type).toBe('client')
      expect(itself.key).toBe(alone.key)
      const isClient = subject === clientId
      expect(user.type).toBe(isClient ? 'client' : 'user')
      expect(user.key === alone.key).toBe(isClient)
    }),
  )
})

verifies(['CASE-8', 'JWT-13'], 'who is not named is nobody, and never somebody else', () => {
  const nobody = principalOf(tokenOf({ issuer: 'a', subject: undefined, clientId: undefined }))
  expect(nobody).toEqual({ type: 'anonymous', issuer: 'a', id: undefined, key: undefined })
})
