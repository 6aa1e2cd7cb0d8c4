/** Our challenge, read by the parsers that real clients read it with. */
import * as v2 from '@modelcontextprotocol/client'
import * as v1 from '@modelcontextprotocol/sdk/client/auth.js'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { startIdp, type Idp } from '../../examples/demo/idp.js'
import { OTHER_SCOPE } from '../../examples/demo/refusals.js'
import { obtainTokens } from '../../examples/demo/tokens.js'
import { verifies } from '../support/verifies.js'
import { SCOPE, startExpress, startHono, type Running } from './support.js'

let idp: Idp
let servers: Record<'Hono' | 'Express', Running>

beforeAll(async () => {
  idp = await startIdp([SCOPE, OTHER_SCOPE])
  const options = { authorizationServers: idp.issuer, scopes: SCOPE }
  servers = { Hono: await startHono(options), Express: await startExpress(options) }
  // Tokens without the scope that the servers need.
  for (const { url } of Object.values(servers)) idp.resources.set(url, { scope: OTHER_SCOPE })
})
afterAll(async () => {
  await Promise.all([...Object.values(servers), idp].map((service) => service.stop()))
})

const parsers = [
  ['v1', v1.extractWWWAuthenticateParams],
  ['v2', v2.extractWWWAuthenticateParams],
] as const
const entries = ['Hono', 'Express'] as const

describe.each(entries.flatMap((entry) => parsers.map((parser) => [entry, ...parser] as const)))(
  'the challenge of the %s entry, read by the client %s',
  (entry, _, extract) => {
    function post(authorization?: string): Promise<Response> {
      return fetch(servers[entry].url, {
        method: 'POST',
        headers: authorization === undefined ? {} : { authorization },
      })
    }

    /** What it names must be there: a challenge that leads nowhere ends the login. */
    async function expectMetadata(resourceMetadataUrl: URL | undefined): Promise<void> {
      const response = await fetch(resourceMetadataUrl ?? '')
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({ resource: servers[entry].url })
    }

    verifies(
      ['CHL-02', 'CHL-05', 'CHL-10', 'CASE-37'],
      'names metadata and scope, and no error where nothing was presented',
      async () => {
        const response = await post()
        expect(response.status).toBe(401)
        const { resourceMetadataUrl, ...others } = extract(response)
        expect(others.scope).toBe(SCOPE)
        expect(others.error).toBeUndefined()
        await expectMetadata(resourceMetadataUrl)
      },
    )

    verifies(
      ['CHL-06', 'CHL-10', 'CASE-37'],
      'names the error of a token that is none',
      async () => {
        const response = await post('Bearer nonsense')
        expect(response.status).toBe(401)
        const { resourceMetadataUrl, ...others } = extract(response)
        expect(others).toMatchObject({ scope: SCOPE, error: 'invalid_token' })
        await expectMetadata(resourceMetadataUrl)
      },
    )

    verifies(
      ['AUD-01', 'AUD-02', 'CHL-06', 'CHL-10', 'CASE-2'],
      'names the same error for a good token of the same provider for another server',
      async () => {
        const other = 'https://calendar.example.com/mcp'
        idp.resources.set(other, { scope: OTHER_SCOPE })
        const tokens = await obtainTokens(idp.issuer, { resource: other, scope: OTHER_SCOPE })
        const response = await post(`Bearer ${tokens.access_token}`)
        expect(response.status).toBe(401)
        expect(extract(response)).toMatchObject({ scope: SCOPE, error: 'invalid_token' })
      },
    )

    verifies(
      ['CHL-07', 'CHL-10', 'SCP-01', 'CASE-37'],
      'names the scope that a good token lacks',
      async () => {
        const { url } = servers[entry]
        const tokens = await obtainTokens(idp.issuer, { resource: url, scope: OTHER_SCOPE })
        const response = await post(`Bearer ${tokens.access_token}`)
        expect(response.status).toBe(403)
        const { resourceMetadataUrl, ...others } = extract(response)
        expect(others).toMatchObject({ scope: SCOPE, error: 'insufficient_scope' })
        await expectMetadata(resourceMetadataUrl)
      },
    )
  },
)
