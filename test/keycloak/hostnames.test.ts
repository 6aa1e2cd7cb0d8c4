/** Keycloak under another name than the one that is configured: the commonest mistake, and what the log says. */
import { afterEach, beforeAll, describe, expect } from 'vitest'
import { verifies } from '../support/verifies.js'
import { introspection } from './introspection.js'
import { Keycloak } from './keycloak.js'
import { loginByPassword } from './mint.js'
import { startFixture, type Fixture } from '../support/fixture.js'

const HINT = 'Keycloak: set --hostname, so that iss does not follow the Host of the login'

let keycloak: Keycloak
let fixture: Fixture

afterEach(() => fixture.stop())

function underLocalhost(url: string): string {
  return url.replace('127.0.0.1', 'localhost')
}

describe('without --hostname', () => {
  beforeAll(async () => {
    keycloak = await Keycloak.get({ hostname: 'from request' })
  })

  verifies(
    ['JWT-05', 'CASE-11'],
    'a login through localhost makes a token of another issuer, and the log says why',
    async () => {
      fixture = await startFixture(keycloak)
      const client = await keycloak.admin.createClient()
      const here = await loginByPassword(keycloak, client)
      expect(await fixture.send(here.access_token)).toEqual({ status: 200 })
      const protocol = underLocalhost(keycloak.protocol)
      const there = await loginByPassword({ protocol }, client)
      expect(await fixture.send(there.access_token)).toEqual({
        status: 401,
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        reason: `iss "${underLocalhost(keycloak.issuer)}" is not "${keycloak.issuer}"`,
        hint: HINT,
      })
    },
  )

  verifies(
    ['INT-03', 'CASE-39'],
    'asked through another name it calls every token inactive',
    async () => {
      const introspectionUrl = underLocalhost(`${keycloak.protocol}/token/introspect`)
      const { options } = await introspection(keycloak, { introspectionUrl })
      fixture = await startFixture(keycloak, options)
      const client = await keycloak.admin.createClient()
      const { access_token: token } = await loginByPassword(keycloak, client)
      expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_INACTIVE' })
    },
  )
})

describe('with --hostname, and another name in the configuration', () => {
  beforeAll(async () => {
    keycloak = await Keycloak.get()
  })

  verifies(
    ['JWT-05', 'CASE-11'],
    'every token is of another issuer, and the log says why',
    async () => {
      fixture = await startFixture(keycloak, {
        authorizationServers: underLocalhost(keycloak.issuer),
      })
      const client = await keycloak.admin.createClient()
      const { access_token: token } = await loginByPassword(keycloak, client)
      expect(await fixture.send(token)).toMatchObject({
        status: 401,
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: HINT,
      })
    },
  )

  verifies(
    ['KEY-01', 'CASE-38'],
    'the metadata found under that name are not used: 503, and the reason shows both names',
    async () => {
      const configured = underLocalhost(keycloak.issuer)
      fixture = await startFixture(keycloak, { authorizationServers: configured, wait: 0 })
      const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
      const header = encode({ alg: 'RS256', kid: 'any' })
      const payload = encode({ iss: configured, exp: Math.floor(Date.now() / 1000) + 300 })
      const signature = Buffer.alloc(256).toString('base64url')
      const verdict = await fixture.send(`${header}.${payload}.${signature}`)
      expect(verdict).toMatchObject({ status: 503, code: 'ERR_DISCOVERY_FAILED' })
      expect(verdict.reason).toContain(`discovery of "${configured}"`)
      expect(verdict.reason).toContain(
        `names the issuer "${keycloak.issuer}", not the configured one`,
      )
    },
  )

  verifies(
    ['CASE-39'],
    'keys that are fetched under the other name serve tokens of the public one',
    async () => {
      const jwksUri = underLocalhost(`${keycloak.protocol}/certs`)
      fixture = await startFixture(keycloak, {
        authorizationServers: { issuer: keycloak.issuer, jwksUri },
      })
      const client = await keycloak.admin.createClient()
      const { access_token: token } = await loginByPassword(keycloak, client)
      expect(await fixture.send(token)).toEqual({ status: 200 })
    },
  )

  verifies(
    ['INT-03', 'CASE-39'],
    'asked through another name it answers about tokens of the public one',
    async () => {
      const introspectionUrl = underLocalhost(`${keycloak.protocol}/token/introspect`)
      const { options, calls } = await introspection(keycloak, { introspectionUrl })
      fixture = await startFixture(keycloak, options)
      const client = await keycloak.admin.createClient()
      const { access_token: token } = await loginByPassword(keycloak, client)
      expect(await fixture.send(token)).toEqual({ status: 200 })
      expect(calls()).toBe(1)
    },
  )

  verifies(
    ['JWT-05', 'INT-03', 'CASE-11', 'CASE-38'],
    'introspection under another name: the token is shown to nobody, and the log says why',
    async () => {
      const { options, calls } = await introspection({
        ...keycloak,
        issuer: underLocalhost(keycloak.issuer),
      })
      fixture = await startFixture(keycloak, options)
      const client = await keycloak.admin.createClient()
      const { access_token: token } = await loginByPassword(keycloak, client)
      expect(await fixture.send(token)).toEqual({
        status: 401,
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        reason: `iss "${keycloak.issuer}" is not "${underLocalhost(keycloak.issuer)}"`,
        hint: HINT,
      })
      expect(calls()).toBe(0)
    },
  )
})
