/** Rules of the operator's own: what cannot be meant is a problem, and a promise admits nobody. */
import { BearerTokenError, createResourceServer, type TokenValidator } from 'mcp-gatehouse'
import { describe, expect, test } from 'vitest'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { createBench } from '../support/server.js'

const OPTIONS = { resource: RESOURCE, authorizationServers: ISSUER }

describe('required claims and validators', () => {
  test.each([
    [{ requiredClaims: ['tid'] }, 'requiredClaims: must be an object of claims'],
    [{ requiredClaims: { tid: 'contoso' } }, 'requiredClaims.tid: must be true or a list'],
    [{ requiredClaims: { tid: [] } }, 'requiredClaims.tid: must be true or a list'],
    [{ requiredClaims: { tid: [{}] } }, 'requiredClaims.tid: must be true or a list'],
    [{ requiredClaims: { tid: false } }, 'requiredClaims.tid: must be true or a list'],
    [{ validators: {} }, 'validators: must be a list'],
    [{ validators: [{ name: '', validate: () => undefined }] }, 'validators[0]: must have a name'],
    [{ validators: [{ name: 'x' }] }, 'validators[0]: must have a name and a method validate'],
  ])('%j is a problem', (options, message) => {
    expect(() => createResourceServer({ ...OPTIONS, ...(options as object) })).toThrow(message)
  })

  test('an issuer of its own has rules of its own', async () => {
    const idp = await FakeIdp.start()
    const bench = createBench(idp, {
      requiredClaims: { tid: ['contoso'] },
      authorizationServers: { issuer: ISSUER, requiredClaims: { plan: ['gold'] } },
    })
    expect(await bench.verdict(await idp.token({ claims: { plan: 'gold' } }))).toBe('authenticated')
    expect(await bench.verdict(await idp.token({ claims: { tid: 'contoso' } }))).toBe(
      'ERR_TOKEN_CLAIM',
    )
  })

  test('they hold for a verifier and for open streams, too', async () => {
    const idp = await FakeIdp.start()
    let reason: string | undefined
    const bench = createBench(idp, { validators: [{ name: 'list', validate: () => reason }] })
    const token = await idp.token()
    expect((await bench.resourceServer.verifyAccessToken(token)).subject).toBe('user-1')
    reason = 'is blocked'
    await expect(bench.resourceServer.verifyAccessToken(token)).rejects.toThrow(BearerTokenError)
    await expect(bench.resourceServer.verifyAccessToken(token)).rejects.toThrow('list: is blocked')
  })

  test('a promise is no answer, whatever it would say', async () => {
    const idp = await FakeIdp.start()
    const late = { name: 'late', validate: () => Promise.resolve(undefined) }
    const bench = createBench(idp, { validators: [late as unknown as TokenValidator] })
    await expect(bench.send(await idp.token())).rejects.toThrow('gave back a object')
  })

  test('what was given is not read again', async () => {
    const idp = await FakeIdp.start()
    const requiredClaims = { tid: ['contoso'] }
    const validators = [{ name: 'none', validate: () => 'no' }]
    const bench = createBench(idp, { requiredClaims, validators })
    requiredClaims.tid.push('other')
    validators.pop()
    expect(await bench.verdict(await idp.token({ claims: { tid: 'other' } }))).toBe(
      'ERR_TOKEN_CLAIM',
    )
    expect(await bench.verdict(await idp.token({ claims: { tid: 'contoso' } }))).toBe(
      'ERR_TOKEN_CLAIM',
    )
  })
})
