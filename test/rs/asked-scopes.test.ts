/** Scopes that clients ask for in other words than those that tokens hold. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Decision, ResourceServerOptions } from 'mcp-gatehouse'
import { AskedScopes } from '../../src/token/asked-scopes.js'
import { FakeIdp, ISSUER } from '../support/idp.js'
import { createFixture } from '../support/server.js'

const USE = 'api://APP/mcp.use'
const ADMIN = 'api://APP/mcp.admin'

function challengeOf(decision: Decision | undefined): string | undefined {
  const field = decision?.outcome === 'denied' ? decision.headers['WWW-Authenticate'] : undefined
  return /scope="([^"]*)"/.exec(field ?? '')?.[1]
}

const tool = (name: string) => ({ method: 'tools/call', target: 'tool', name }) as const

/** What goes out: in metadata, without a token, without the base scope, and for a tool. */
async function outsideOf(options: Partial<ResourceServerOptions>, revision = '2026-07-28') {
  const idp = await FakeIdp.start()
  const { resourceServer, send } = createFixture(idp, {
    scopes: ['mcp.use'],
    policy: {
      rules: [{ tools: ['admin'], scopes: ['mcp.admin'] }],
      unmatched: 'base',
    },
    ...options,
  })
  const knock = await resourceServer.authenticate({ authorization: undefined })
  const held = await send(await idp.token({ claims: { scope: 'mcp.use' } }))
  const forTool =
    held.outcome === 'authenticated'
      ? resourceServer.authorizeOperations(held.token, [tool('admin')], {
          protocolVersion: revision,
        })
      : held
  return {
    metadata: resourceServer.metadata.scopes_supported,
    knock: challengeOf(knock),
    lacking: challengeOf(await send(await idp.token({ claims: { scope: 'other' } }))),
    forTool: challengeOf(forTool),
  }
}

const NOTHING = {
  metadata: ['mcp.use'],
  knock: 'mcp.use',
  lacking: 'mcp.use',
  forTool: 'mcp.use mcp.admin',
}

describe('what goes out', () => {
  test('is what is required, without settings', async () => {
    expect(await outsideOf({})).toEqual(NOTHING)
  })

  test('advertised scopes stand in place of the base scopes', async () => {
    expect(await outsideOf({ advertiseScopes: [USE, 'openid'] })).toEqual({
      metadata: [USE, 'openid'],
      knock: `${USE} openid`,
      lacking: `${USE} openid`,
      forTool: `${USE} openid mcp.admin`,
    })
  })

  test('advertised scopes without any that are required', async () => {
    expect(await outsideOf({ scopes: [], advertiseScopes: USE })).toMatchObject({
      metadata: [USE],
      knock: USE,
    })
  })

  test('the prefix of an issuer stands before every scope', async () => {
    const authorizationServers = { issuer: ISSUER, scopePrefix: 'api://APP/' }
    expect(await outsideOf({ authorizationServers })).toEqual({
      metadata: [USE],
      knock: USE,
      lacking: USE,
      forTool: `${USE} ${ADMIN}`,
    })
  })

  test.each([[[{ require: 'mcp.admin', ask: ADMIN }]], [{ require: 'mcp.admin', ask: ADMIN }]])(
    'a rule may name both forms: %j',
    async (scopes) => {
      const policy = { rules: [{ tools: ['admin'], scopes }], unmatched: 'base' } as const
      expect(await outsideOf({ policy })).toEqual({ ...NOTHING, forTool: `mcp.use ${ADMIN}` })
    },
  )

  test('the form of a base scope is in the metadata, too', async () => {
    const scopes = { require: 'mcp.use', ask: USE }
    const policy = { rules: [{ tools: ['admin'], scopes }], unmatched: 'base' } as const
    expect(await outsideOf({ policy })).toMatchObject({ metadata: [USE], knock: USE })
  })

  test.each(['2025-11-25', '2026-07-28'])(
    'granted scopes are repeated so, too: %s',
    async (revision) => {
      const authorizationServers = { issuer: ISSUER, scopePrefix: 'api://APP/' }
      const { forTool } = await outsideOf({ authorizationServers }, revision)
      expect(forTool?.split(' ')).toEqual([USE, ADMIN])
    },
  )

  test('a policy that replaces another one brings its forms', async () => {
    const idp = await FakeIdp.start()
    const rules = (scopes: object) => ({ rules: [{ tools: ['admin'], scopes }], unmatched: 'base' })
    const { resourceServer, send } = createFixture(idp, {
      policy: rules(['mcp.admin']) as never,
    })
    const held = await send(await idp.token())
    const ask = () =>
      held.outcome === 'authenticated'
        ? resourceServer.authorizeOperations(held.token, [tool('admin')])
        : undefined
    expect(challengeOf(ask())).toBe('mcp.admin')
    resourceServer.replacePolicy(rules([{ require: 'mcp.admin', ask: ADMIN }]) as never)
    expect(challengeOf(ask())).toBe(ADMIN)
  })
})

test('a policy that would ask for two scopes in the same words replaces none', () => {
  const rules = (...scopes: object[]) => ({ rules: [{ tools: ['a'], scopes }], unmatched: 'base' })
  const { resourceServer } = createFixture(new FakeIdp(), {
    scopes: ['b'],
    policy: rules() as never,
  })
  expect(() => {
    resourceServer.replacePolicy(rules({ require: 'a', ask: 'b' }) as never)
  }).toThrow('"b" and "a" are asked for in the same words')
})

test('scopes of OpenID and whole ones get no prefix', () => {
  const asked = new AskedScopes({ base: [], advertised: undefined, prefix: 'p/' })
  expect(asked.of(['openid', 'email', 'p/a', 'a2'])).toEqual(['openid', 'email', 'p/a', 'p/a2'])
})

describe('what is compared', () => {
  test.each([
    ['mcp.use', 'authenticated'],
    [USE, 'ERR_SCOPE_INSUFFICIENT'],
    ['mcp.use2', 'ERR_SCOPE_INSUFFICIENT'],
  ])('a token with %s: %s', async (scope, verdict) => {
    const idp = await FakeIdp.start()
    const authorizationServers = { issuer: ISSUER, scopePrefix: 'api://APP/' }
    for (const options of [{ authorizationServers }, { advertiseScopes: USE }]) {
      const fixture = createFixture(idp, { scopes: ['mcp.use'], ...options })
      expect(await fixture.verdict(await idp.token({ claims: { scope } }))).toBe(verdict)
    }
  })
})

describe('problems', () => {
  const rule = (scopes: unknown) => ({ rules: [{ tools: ['a'], scopes }], unmatched: 'deny' })
  const twoRules = (one: unknown, other: unknown) => ({
    rules: [
      { tools: ['a'], scopes: one },
      { tools: ['b'], scopes: other },
    ],
    unmatched: 'deny',
  })
  test.each<[string, object, string]>([
    [
      'two scopes with one ask',
      { policy: twoRules({ require: 'a', ask: 'x' }, { require: 'b', ask: 'x' }) },
      'have the same ask',
    ],
    [
      'one scope with two asks',
      { policy: twoRules({ require: 'a', ask: 'x' }, { require: 'a', ask: 'y' }) },
      'has another ask elsewhere',
    ],
    [
      'an ask that is what another scope is with its prefix',
      {
        authorizationServers: { issuer: ISSUER, scopePrefix: 'p/' },
        policy: twoRules({ require: 'a', ask: 'p/b' }, ['b']),
      },
      'are asked for in the same words',
    ],
    [
      'base scopes of which one has the prefix',
      { scopes: ['a', 'p/a'], authorizationServers: { issuer: ISSUER, scopePrefix: 'p/' } },
      'are asked for in the same words',
    ],
    [
      'a form without the other',
      { policy: rule({ require: 'a' }) },
      'must have a scope in require',
    ],
    ['a blank in a form', { policy: rule({ require: 'a', ask: 'x y' }) }, 'must have a scope in'],
    ['another member', { policy: rule({ require: 'a', ask: 'x', or: 'z' }) }, 'no such name'],
    ['offline_access in a rule', { policy: rule(['offline_access']) }, 'must not contain offline'],
    ['offline_access', { advertiseScopes: 'offline_access' }, 'must not contain offline_access'],
    [
      'a prefix with a blank',
      { authorizationServers: { issuer: ISSUER, scopePrefix: 'a b' } },
      'must be the beginning of a scope',
    ],
    [
      'issuers with different prefixes',
      { authorizationServers: [{ issuer: ISSUER, scopePrefix: 'a/' }, `${ISSUER}2`] },
      'have different scopePrefix',
    ],
  ])('%s', (_name, options, message) => {
    expect(() => createFixture(new FakeIdp(), options as never)).toThrow(message)
  })
})

test('forms keep scopes apart: what is asked for tells which scope is meant', () => {
  const words = fc.stringMatching(/^[a-z:/.]{1,8}$/)
  fc.assert(
    fc.property(fc.array(words), fc.dictionary(words, words), words, (scopes, forms, prefix) => {
      const asked = new AskedScopes({ base: [], advertised: undefined, prefix })
      asked.use(forms)
      const distinct = [...new Set(scopes)]
      const isClear = asked.findTwins(distinct) === undefined
      expect(asked.of(distinct).length === distinct.length).toBe(isClear)
    }),
  )
})
