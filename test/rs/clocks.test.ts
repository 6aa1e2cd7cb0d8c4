/** A clock that is wrong, here or at the identity provider: what the log says about it. */
import { describe, expect } from 'vitest'
import { createFixture as createIntrospectionFixture } from '../introspect/fixture.js'
import { FakeIdp, RESOURCE } from '../support/idp.js'
import { createFixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

const MINUTE = 60

/** As `fetch`, but each answer is dated by a clock that shows `ahead` seconds more than our clock. */
function dated(
  fetchFunction: typeof fetch,
  now: () => number,
  ahead: number,
  headers: Readonly<Record<string, string>> = {},
): typeof fetch {
  return async (input, init) => {
    const { body, status } = await fetchFunction(input, init)
    const date = new Date(now() + ahead * 1000).toUTCString()
    return new Response(body, { status, headers: { date, ...headers } })
  }
}

interface Refused {
  readonly code: string
  readonly hint: string | undefined
}

/** How a token is refused whose times are these, when the provider's clock is `ahead`. */
async function refused(
  ahead: number,
  times: { readonly iat?: number; readonly exp?: number },
  headers?: Readonly<Record<string, string>>,
): Promise<Refused> {
  const idp = await FakeIdp.start()
  const fixture = createFixture(idp, { fetch: dated(idp.fetch, () => idp.now(), ahead, headers) })
  const at = Math.floor(idp.now() / 1000)
  const claims = {
    ...(times.iat !== undefined && { iat: at + times.iat }),
    ...(times.exp !== undefined && { exp: at + times.exp }),
  }
  await fixture.verdict(await idp.token({ claims }))
  const event = fixture.events.find(({ type }) => type === 'request.denied')
  return event as unknown as Refused
}

const NTP = 'synchronise the clocks (NTP)'

describe('JWTs', () => {
  verifies(
    'FLD-07',
    'a token from the future, of a provider that is ahead: our clock is behind',
    async () => {
      const { code, hint } = await refused(5 * MINUTE, { iat: 5 * MINUTE })
      expect(code).toBe('ERR_TOKEN_NOT_YET_VALID')
      expect(hint).toMatch(/^our clock is probably (?:299|300) s behind: .*NTP/)
    },
  )

  verifies(
    'FLD-07',
    'an expired token of a provider that is behind: our clock is ahead',
    async () => {
      const { code, hint } = await refused(-10 * MINUTE, { exp: -5 * MINUTE })
      expect(code).toBe('ERR_TOKEN_EXPIRED')
      expect(hint).toMatch(/^our clock is probably (?:600|601) s ahead: .*NTP/)
    },
  )

  verifies(
    'FLD-07',
    'a difference that is tolerated, or that explains nothing, is no suspicion',
    async () => {
      expect((await refused(25, { iat: 5 * MINUTE })).hint).toBe(NTP)
      expect((await refused(-5 * MINUTE, { iat: 5 * MINUTE })).hint).toBe(NTP)
      expect((await refused(-25, { exp: -5 * MINUTE })).hint).toBeUndefined()
      expect((await refused(5 * MINUTE, { exp: -5 * MINUTE })).hint).toBeUndefined()
    },
  )

  verifies(
    'FLD-07',
    "a cache's answer is as old as it says, and a date that cannot be read is ignored",
    async () => {
      const hour = 60 * MINUTE
      expect((await refused(-hour, { exp: -MINUTE }, { age: String(hour) })).hint).toBeUndefined()
      expect((await refused(-hour, { exp: -MINUTE }, { age: 'old' })).hint).toBeUndefined()
      expect((await refused(-hour, { exp: -MINUTE }, { date: 'yesterday' })).hint).toBeUndefined()
      expect((await refused(-hour, { exp: -MINUTE })).hint).toContain('s ahead')
    },
  )
})

verifies('FLD-07', 'the answers of an introspection endpoint are dated, too', async () => {
  const fixture = createIntrospectionFixture()
  const at = Math.floor(fixture.server.now() / 1000)
  fixture.server.answer = () =>
    Response.json(fixture.server.active({ exp: at - 5 * MINUTE }), {
      headers: { date: new Date((at - 10 * MINUTE) * 1000).toUTCString() },
    })
  expect(await fixture.verdict()).toBe('ERR_TOKEN_EXPIRED')
  expect(JSON.stringify(fixture.events)).toMatch(/our clock is probably (?:600|601) s ahead/)
})

describe('times in milliseconds', () => {
  verifies(
    'FLD-07',
    'exp: the token counts, and the mistake is told once for an issuer',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      for (const sub of ['a', 'b']) {
        const token = await idp.token({ claims: { sub, exp: idp.now() + 3_600_000 } })
        expect(await fixture.verdict(token)).toBe('authenticated')
      }
      const reported = fixture.events.filter(({ type }) => type === 'claim.suspected')
      expect(reported).toMatchObject([
        { claim: 'exp', reason: expect.stringContaining('looks like milliseconds') },
      ])
    },
  )

  verifies('FLD-07', 'exp of the far future in seconds is not told', async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp)
    // The year 5000.
    expect(await fixture.verdict(await idp.token({ claims: { exp: 95_617_584_000 } }))).toBe(
      'authenticated',
    )
    expect(fixture.events.filter(({ type }) => type === 'claim.suspected')).toEqual([])
  })

  verifies('FLD-07', 'iat: the refusal says so', async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp)
    const token = await idp.token({ claims: { iat: idp.now() } })
    expect(await fixture.verdict(token)).toBe('ERR_TOKEN_NOT_YET_VALID')
    expect(JSON.stringify(fixture.events)).toContain('looks like milliseconds')
  })
})

describe('advice about audiences and issuers', () => {
  verifies(
    'FLD-07',
    'a client in place of an audience: no audience mapper is advised',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp, {
        audience: ['client-2'],
        audienceClaim: 'azp',
        scopes: ['mcp:tools'],
      })
      const token = await idp.token({ claims: { azp: 'client-1', scope: 'mcp:tools' } })
      expect(await fixture.verdict(token)).toBe('ERR_TOKEN_AUDIENCE')
      const reported = JSON.stringify(fixture.events)
      expect(reported).toContain('list the clients whose tokens are accepted in --oauth-audience')
      expect(reported).not.toContain('mapper')
    },
  )

  for (const [aud, isTwin] of [
    [`${RESOURCE}/`, true],
    [['account', `${RESOURCE}/`], true],
    [`${RESOURCE}//`, false],
    [RESOURCE.slice(0, -1), false],
  ] as [string | string[], boolean][]) {
    verifies(
      'FLD-07',
      `${JSON.stringify(aud)}: ${isTwin ? 'the slash' : 'no slash'} is blamed`,
      async () => {
        const idp = await FakeIdp.start()
        const fixture = createFixture(idp)
        expect(await fixture.verdict(await idp.token({ claims: { aud } }))).toBe(
          'ERR_TOKEN_AUDIENCE',
        )
        expect(JSON.stringify(fixture.events).includes('they differ in the last slash')).toBe(
          isTwin,
        )
      },
    )
  }

  for (const issuer of [
    'https://login.microsoftonline.com/{tenant}/v2.0',
    'https://login.microsoftonline.com/*/v2.0',
    'https://login.microsoftonline.com/%7Btenantid%7D/v2.0',
  ]) {
    verifies('FLD-07', `${issuer}: the log says that it is a placeholder`, async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp, { authorizationServers: issuer })
      expect(await fixture.verdict(await idp.token())).toBe('ERR_TOKEN_ISSUER_UNTRUSTED')
      expect(JSON.stringify(fixture.events)).toContain('replace the placeholder')
    })
  }
})
