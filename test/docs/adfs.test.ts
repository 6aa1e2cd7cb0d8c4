/** The configuration for AD FS, as it stands in docs/identity-providers.md, and the token printed there. */
import { expect } from 'vitest'
import { toGatewayOptions } from '../../src/config/to-gateway-options.js'
import { inFile, read } from '../config/support.js'
import { guideToken, readGuide } from '../support/guides.js'
import { FakeIdp } from '../support/idp.js'
import { createFixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

const PAGE = readGuide('docs/identity-providers')
const FILE = /## AD FS[\s\S]*?```yaml\n([\s\S]*?)```/.exec(PAGE)?.[1] ?? ''
const TOKEN = guideToken('docs/identity-providers', 'adfs')

verifies(['IDN-36', 'FLD-61'], 'lets the token of the page in, and no other', async () => {
  const configuration = await read([], inFile(FILE))
  expect(configuration.problems).toEqual([])
  const { audience, authorizationServers } = toGatewayOptions(configuration)
  const idp = await FakeIdp.start('https://adfs.example.com/adfs')
  idp.metadata = { access_token_issuer: TOKEN['iss'] }
  const { verdict, resourceServer } = createFixture(idp, {
    audience,
    authorizationServers,
  } as never)
  const tokenWith = (claims: object) =>
    idp.token({ claims: { scope: undefined, ...TOKEN, ...claims }, header: { typ: 'JWT' } })
  expect(await verdict(await tokenWith({}))).toBe('authenticated')
  expect(await verdict(await tokenWith({ iss: idp.issuer }))).toBe('ERR_TOKEN_ISSUER_UNTRUSTED')
  expect(await verdict(await tokenWith({ aud: 'https://mcp.example.com/mcp' }))).toBe(
    'ERR_TOKEN_AUDIENCE',
  )
  expect(resourceServer.metadata.authorization_servers).toEqual([idp.issuer])
})
