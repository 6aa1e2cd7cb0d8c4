/** Rules of the operator's own: what cannot be meant is a problem, and a promise admits nobody. */
import {
  AuthorizationServerError,
  BearerTokenError,
  createResourceServer,
  type TokenValidator,
} from 'mcp-gatehouse'
import { describe, expect, test } from 'vitest'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { createFixture } from '../support/server.js'

const OPTIONS = { resource: RESOURCE, authorizationServers: ISSUER }

describe('required claims and validators', () => {
  test.each([
    [{ requiredClaims: ['tid'] }, 'requiredClaims: must be an object of claims'],
    [{ requiredClaims: null }, 'requiredClaims: must be an object of claims'],
    [
      { requiredClaims: new Map([['tid', ['contoso']]]) },
      'requiredClaims: must be an object of claims',
    ],
    [
      { requiredClaims: Object.create({ tid: ['contoso'] }) as object },
      'requiredClaims: must be an object of claims',
    ],
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
    const fixture = createFixture(idp, {
      requiredClaims: { tid: ['contoso'] },
      authorizationServers: { issuer: ISSUER, requiredClaims: { plan: ['gold'] } },
    })
    expect(await fixture.verdict(await idp.token({ claims: { plan: 'gold' } }))).toBe(
      'authenticated',
    )
    expect(await fixture.verdict(await idp.token({ claims: { tid: 'contoso' } }))).toBe(
      'ERR_TOKEN_CLAIM',
    )
  })

  test('they hold for a verifier and for open streams, too', async () => {
    const idp = await FakeIdp.start()
    let reason: string | undefined
    const fixture = createFixture(idp, { validators: [{ name: 'list', validate: () => reason }] })
    const token = await idp.token()
    expect((await fixture.resourceServer.verifyAccessToken(token)).subject).toBe('user-1')
    reason = 'is blocked'
    await expect(fixture.resourceServer.verifyAccessToken(token)).rejects.toThrow(BearerTokenError)
    await expect(fixture.resourceServer.verifyAccessToken(token)).rejects.toThrow(
      'list: is blocked',
    )
  })

  test('a promise is no answer, whatever it would say', async () => {
    const idp = await FakeIdp.start()
    const late = { name: 'late', validate: () => Promise.resolve(undefined) }
    const fixture = createFixture(idp, { validators: [late as unknown as TokenValidator] })
    await expect(fixture.send(await idp.token())).rejects.toThrow('gave back a object')
  })

  test('a promise that rejects ends nothing but its request', async () => {
    const unheard: unknown[] = []
    const hear = (reason: unknown) => unheard.push(reason)
    // Instead of the listener of the test runner, which fails the run.
    const before = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', hear)
    try {
      const idp = await FakeIdp.start()
      const late = { name: 'late', validate: () => Promise.reject(new Error('no database')) }
      const fixture = createFixture(idp, { validators: [late as unknown as TokenValidator] })
      const token = await idp.token()
      await expect(fixture.send(token)).rejects.toThrow('gave back a object')
      await new Promise((resolve) => setImmediate(resolve))
      expect(unheard).toEqual([])
    } finally {
      process.off('unhandledRejection', hear)
      for (const listener of before) process.on('unhandledRejection', listener)
    }
  })

  test('what a validator throws is no fault of the authorization server, first and later', async () => {
    const idp = await FakeIdp.start()
    const asking: TokenValidator = {
      name: 'asking',
      validate() {
        if (isAway) throw new AuthorizationServerError('ERR_INTROSPECTION_UNAVAILABLE', ISSUER, '')
        return undefined
      },
    }
    let isAway = true
    const fixture = createFixture(idp, { validators: [asking] })
    const token = await idp.token()
    await expect(fixture.send(token)).rejects.toThrow('the validator "asking" failed')
    isAway = false
    expect(await fixture.verdict(token)).toBe('authenticated')
    isAway = true
    await expect(fixture.send(token)).rejects.toThrow('the validator "asking" failed')
    await expect(fixture.resourceServer.verifyAccessToken(token)).rejects.toThrow('"asking" failed')
    expect(fixture.events.map(({ type }) => type)).not.toContain('request.unavailable')
  })

  test('what was given is not read again', async () => {
    const idp = await FakeIdp.start()
    const requiredClaims = { tid: ['contoso'] }
    const validators = [{ name: 'none', validate: () => 'no' }]
    const fixture = createFixture(idp, { requiredClaims, validators })
    requiredClaims.tid.push('other')
    validators.pop()
    expect(await fixture.verdict(await idp.token({ claims: { tid: 'other' } }))).toBe(
      'ERR_TOKEN_CLAIM',
    )
    expect(await fixture.verdict(await idp.token({ claims: { tid: 'contoso' } }))).toBe(
      'ERR_TOKEN_CLAIM',
    )
  })
})
