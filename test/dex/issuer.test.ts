/** The issuer of Dex has a path and no last slash, and every other spelling is another issuer. */
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { startFixture, type Fixture } from '../support/fixture.js'
import { verifies } from '../support/verifies.js'
import { Dex, SETTINGS } from './dex.js'

let dex: Dex
let fixture: Fixture

beforeAll(async () => {
  dex = await Dex.start()
})
afterAll(() => dex.stop())
afterEach(() => fixture.stop())

async function stand(authorizationServers: string): Promise<void> {
  fixture = await startFixture(dex, { ...SETTINGS, authorizationServers, wait: 0 })
}

async function mint(): Promise<string> {
  return (await dex.login()).access_token
}

/** Says that it is from there. Nobody gets as far as its signature. */
function claiming(iss: string, token: string): string {
  const [header, , signature] = token.split('.')
  const claims = JSON.stringify({ ...decodeJwt(token), iss })
  return `${header}.${Buffer.from(claims).toString('base64url')}.${signature}`
}

verifies(
  ['JWT-05', 'CASE-11', 'CASE-38'],
  'with the slash it is another, and the log says so',
  async () => {
    const configured = `${dex.issuer}/`
    await stand(configured)
    expect(await fixture.send(await mint())).toEqual({
      status: 401,
      code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
      reason: `iss "${dex.issuer}" is not "${configured}"`,
      hint: 'they differ in the last slash: correct --oauth-issuer',
    })
  },
)

verifies(['JWT-05', 'CASE-11'], 'without its path it is another', async () => {
  await stand(new URL(dex.issuer).origin)
  expect(await fixture.send(await mint())).toMatchObject({
    status: 401,
    code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
  })
})

verifies(
  ['KEY-01', 'CASE-38'],
  'the metadata found there name the real one, and are not used: 503 with both names',
  async () => {
    for (const configured of [`${dex.issuer}/`, dex.issuer.replace('127.0.0.1', 'localhost')]) {
      await stand(configured)
      const verdict = await fixture.send(claiming(configured, await mint()))
      expect(verdict).toMatchObject({ status: 503, code: 'ERR_DISCOVERY_FAILED' })
      expect(verdict.reason).toContain(`discovery of "${configured}"`)
      expect(verdict.reason).toContain(`names the issuer "${dex.issuer}", not the configured one`)
      await fixture.stop()
    }
  },
)
