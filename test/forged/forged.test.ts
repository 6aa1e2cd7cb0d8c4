import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorizationServerMetadataUrls } from '../../src/discovery/authorization-server.js'
import {
  BearerTokenError,
  createResourceServer,
  type BearerTokenErrorCode,
  type ResourceServer,
  type ResourceServerEvent,
  type ResourceServerOptions,
} from '../../src/index.js'
import { ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { AT, CANARY, createWorld, mint, NOW, OTHER_ISSUER } from './mint.js'
import { FORGED, GOOD } from './tokens.js'

const REQUEST_ID = 'request-1'
/** RFC 9728 §3.1 and RFC 6750 §3, written out: what a client may learn about a token that is refused. */
function expectedAnswer(code: BearerTokenErrorCode, metadataUrl: string) {
  const description =
    code === 'ERR_TOKEN_EXPIRED'
      ? 'The access token has expired (ref equest-1)'
      : 'The access token is not valid here (ref equest-1)'
  return {
    outcome: 'denied',
    status: 401,
    code,
    requestId: REQUEST_ID,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'X-Request-Id': REQUEST_ID,
      'WWW-Authenticate': `Bearer error="invalid_token", error_description="${description}", resource_metadata="${metadataUrl}", scope="mcp:tools"`,
    },
    body: `{"error":"invalid_token","error_description":"${description}"}`,
  }
}

interface Watched {
  readonly resourceServer: ResourceServer
  readonly events: ResourceServerEvent[]
}

const world = createWorld()
const everything: string[] = []

function watch(options: Partial<ResourceServerOptions> = {}): Watched {
  const events: ResourceServerEvent[] = []
  const resourceServer = createResourceServer({
    resource: RESOURCE,
    authorizationServers: [ISSUER, OTHER_ISSUER],
    scopes: 'mcp:tools',
    now: () => NOW,
    fetch: world.fetch,
    onEvent: (event) => {
      events.push(event)
      everything.push(JSON.stringify(event))
    },
    ...options,
  })
  return { resourceServer, events }
}

const shared = watch()

/** What must not be shown: it as a whole, and each run of characters long enough to be of it alone. */
function piecesOf(token: string): readonly string[] {
  return [token, ...token.split(/[^A-Za-z0-9_-]+/)].filter((piece) => piece.length >= 16)
}

describe('forged', () => {
  test('there are many, and no two are the same', () => {
    expect(FORGED.length).toBeGreaterThanOrEqual(100)
    expect(new Set(FORGED.map(({ token }) => token)).size).toBe(FORGED.length)
    expect(new Set(FORGED.map(({ name }) => name)).size).toBe(FORGED.length)
    for (const { token } of GOOD) expect(FORGED.map((forged) => forged.token)).not.toContain(token)
  })

  for (const { name, verifies: ids, code, token, options } of FORGED) {
    verifies(ids, `${name}: ${code}`, async () => {
      const { resourceServer, events } = options === undefined ? shared : watch(options)
      const authorization = `Bearer ${token}`
      // Twice: a refusal must not be remembered as anything else.
      for (const _ of [1, 2]) {
        events.length = 0
        const answer = await resourceServer.authenticate({ authorization, requestId: REQUEST_ID })
        expect(answer).toEqual(expectedAnswer(code, resourceServer.metadataUrl))
        expect(events.filter(({ type }) => type === 'request.authenticated')).toEqual([])
        expect(events.filter(({ type }) => type === 'request.denied')).toMatchObject([
          {
            code,
            status: 401,
            requestId: REQUEST_ID,
            reason: expect.stringMatching(/^[\x20-\x7e…]+$/),
          },
        ])
        const shown = JSON.stringify([answer, events])
        expect(shown).not.toContain(CANARY)
        for (const piece of piecesOf(token)) expect(shown.includes(piece), piece).toBe(false)
      }
      const error = await resourceServer.verifyAccessToken(token).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      expect(error).toBeInstanceOf(BearerTokenError)
      expect(error).toMatchObject({ code })
      expect(String((error as Error).stack)).not.toContain(CANARY)
    })
  }

  verifies(['JWT-09', 'TOK-07', 'CASE-64'], 'nothing in a token made us ask anybody else', () => {
    const allowed = new Set([
      ...authorizationServerMetadataUrls(ISSUER),
      ...authorizationServerMetadataUrls(OTHER_ISSUER),
      world.idp.jwksUri,
      world.other.jwksUri,
    ])
    const asked = [...world.idp.requests, ...world.other.requests]
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.filter((url) => !allowed.has(url))).toEqual([])
  })

  verifies(
    ['TOK-06', 'JWT-10'],
    'hundreds of forged tokens cost the issuer one fetch',
    async () => {
      const { idp, fetch } = createWorld()
      const { resourceServer } = watch({ fetch })
      for (const { token, options } of FORGED) {
        if (options === undefined) {
          await resourceServer.authenticate({ authorization: `Bearer ${token}` })
        }
      }
      // Once at first, once for a kid that is not there; the clock stands still, so the cooldown lasts.
      expect(idp.jwksFetches).toBe(2)
    },
  )

  verifies(
    'TOK-06',
    'a token that is not a JWT of a trusted issuer costs no key and no fetch',
    async () => {
      const { idp, other, fetch } = createWorld()
      const { resourceServer } = watch({ fetch })
      const early: readonly BearerTokenErrorCode[] = [
        'ERR_CREDENTIALS_MALFORMED',
        'ERR_TOKEN_TOO_LARGE',
        'ERR_TOKEN_OPAQUE',
        'ERR_TOKEN_ENCRYPTED',
        'ERR_TOKEN_MALFORMED',
        'ERR_TOKEN_ISSUER_UNTRUSTED',
      ]
      for (const { token, code } of FORGED) {
        if (early.includes(code)) {
          await resourceServer.authenticate({ authorization: `Bearer ${token}` })
        }
      }
      expect([...idp.requests, ...other.requests]).toEqual([])
    },
  )

  verifies(['GW-08', 'CASE-67'], 'no event of all these runs holds anything of a token', () => {
    const log = everything.join('\n')
    expect(log).toContain('request.denied')
    expect(log).not.toContain(CANARY)
    const signatures = [...FORGED, ...GOOD].map(({ token }) => token.split('.')[2] ?? '')
    const long = signatures.filter(({ length }) => length >= 20)
    expect(long.filter((signature) => log.includes(signature))).toEqual([])
    expect(long.length).toBeGreaterThan(10)
  })
})

describe('good', () => {
  for (const { name, verifies: ids, token, reason, options, scopes } of GOOD) {
    verifies(ids, `${name}: accepted, because ${reason}`, async () => {
      const { resourceServer, events } = watch(options)
      const authorization = `Bearer ${token}`
      for (const remembered of [false, true]) {
        events.length = 0
        const decision = await resourceServer.authenticate({ authorization })
        if (decision.outcome !== 'authenticated') throw new Error(JSON.stringify(events))
        expect(decision.token.scopes).toEqual(scopes ?? ['mcp:tools'])
        expect(decision.bearer).toBe(token)
        expect(events.at(-1)).toMatchObject({ type: 'request.authenticated', remembered })
        expect(JSON.stringify(events)).not.toContain(CANARY)
      }
      expect((await resourceServer.verifyAccessToken(token)).expiresAt).toBeGreaterThan(AT - 30)
    })
  }
})

describe('the same token, another moment', () => {
  let clock = NOW
  let watched: Watched
  const token = mint({ claims: { nbf: AT, exp: AT + 60 } })

  beforeAll(() => {
    watched = watch({ now: () => clock })
  })
  afterAll(() => {
    clock = NOW
  })

  async function at(seconds: number): Promise<string> {
    clock = NOW + seconds * 1000
    const decision = await watched.resourceServer.authenticate({ authorization: `Bearer ${token}` })
    return decision.outcome === 'denied' ? decision.code : decision.outcome
  }

  verifies(['JWT-07', 'JWT-08'], 'is judged by the clock, remembered or not', async () => {
    expect(await at(-31)).toBe('ERR_TOKEN_NOT_YET_VALID')
    expect(await at(-30)).toBe('authenticated')
    expect(await at(0)).toBe('authenticated')
    expect(await at(89.999)).toBe('authenticated')
    expect(await at(90)).toBe('ERR_TOKEN_EXPIRED')
    expect(await at(-31)).toBe('ERR_TOKEN_NOT_YET_VALID')
    // A clock that was put right: nothing remembered says that it had expired.
    expect(await at(10)).toBe('authenticated')
  })
})

describe('what the operator learns', () => {
  async function hintOf(token: string): Promise<string> {
    const { resourceServer, events } = watch()
    await resourceServer.authenticate({ authorization: `Bearer ${token}` })
    const event = events.find(({ type }) => type === 'request.denied')
    return event?.type === 'request.denied' ? (event.hint ?? '') : ''
  }

  verifies('CASE-5', 'a missing audience names the setting of this identity provider', async () => {
    expect(await hintOf(mint({ claims: { aud: undefined } }))).toMatch(
      /^Keycloak: .*Audience mapper/,
    )
    expect(await hintOf(mint({ claims: { aud: 'account' } }))).toMatch(/^Keycloak: /)
  })

  verifies('CASE-7', 'an encrypted token says that no audience was asked for', async () => {
    expect(await hintOf(`${mint()}.AAAA.AAAA`)).toContain('no audience')
  })

  verifies('CASE-11', 'an issuer that differs in the slash is told so', async () => {
    expect(await hintOf(mint({ claims: { iss: `${ISSUER}/` } }))).toContain('last slash')
  })
})

verifies('CHL-15', 'all refusals but expiry look the same from outside', async () => {
  const answers = new Set<string>()
  for (const { token, code, options } of FORGED) {
    if (code === 'ERR_TOKEN_EXPIRED' || options !== undefined) continue
    const decision = await shared.resourceServer.authenticate({
      authorization: `Bearer ${token}`,
      requestId: REQUEST_ID,
    })
    if (decision.outcome !== 'denied') throw new Error('let in')
    answers.add(JSON.stringify([decision.status, decision.headers, decision.body]))
  }
  expect(answers.size).toBe(1)
})
