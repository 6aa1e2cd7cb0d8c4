/** The configuration for several tenants, as it stands in the guide for Entra. */
import { expect, test } from 'vitest'
import { parsePolicy } from '../../src/config/policy-file.js'
import { toGatewayOptions } from '../../src/config/to-gateway-options.js'
import { inFile, read } from '../config/support.js'
import { FakeIdp, RESOURCE } from '../support/idp.js'
import { readGuide } from '../support/guides.js'
import { createFixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

const BLOCKS = [...readGuide('entra').matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text)
const [POLICY = '', FILE = ''] = BLOCKS
const TENANTS = FILE.match(/[0-9a-f]{8}-[0-9a-f-]{27}/g) ?? []

test('is valid, and so is the policy', async () => {
  expect((await read([], inFile(FILE))).problems).toEqual([])
  expect(parsePolicy('p.yaml', POLICY).problems).toEqual([])
  expect(TENANTS).toHaveLength(2)
})

verifies(
  ['IDN-30', 'FLD-61'],
  'lets the tokens of the listed tenants in, and no others',
  async () => {
    const idp = await FakeIdp.start()
    const { authorizationServers } = toGatewayOptions(await read([], inFile(FILE)))
    const [server] = [authorizationServers ?? []].flat()
    const { verdict } = createFixture(idp, {
      audience: 'APP',
      authorizationServers: { ...(server as { issuer: string }), jwks: idp.jwks },
    })
    const tokenOf = (tenant: string, tid = tenant) => {
      const iss = `https://login.microsoftonline.com/${tenant}/v2.0`
      return idp.token({ claims: { iss, tid, aud: 'APP', scp: 'mcp.use' }, header: { typ: 'JWT' } })
    }
    const [first = '', second = ''] = TENANTS
    const other = '00000000-0000-4000-8000-000000000001'
    expect(await verdict(await tokenOf(first))).toBe('authenticated')
    expect(await verdict(await tokenOf(second))).toBe('authenticated')
    expect(await verdict(await tokenOf(first, second))).toBe('ERR_TOKEN_CLAIM')
    expect(await verdict(await tokenOf(other))).toBe('ERR_TOKEN_ISSUER_UNTRUSTED')
    expect(FILE).toContain(RESOURCE)
  },
)
