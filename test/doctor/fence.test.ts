/** A server elsewhere does not lead the doctor into the network that it runs in. */
import { describe, expect, test } from 'vitest'
import { fenceFrom } from '../../src/cli/doctor/fence.js'
import {
  DOCUMENT,
  found,
  look,
  openToBrowsers,
  startProvider,
  startResource,
} from '../support/doctor.js'
import { ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const ELSEWHERE = 'https://mcp.example.com/mcp'

const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  'mcp.example.com': ['203.0.113.5', '2001:db8::5'],
  'mcp.corp.example.com': ['10.1.2.3'],
  'rebound.example.com': ['203.0.113.6', '10.0.0.8'],
  'mapped.example.com': ['::ffff:192.168.0.1'],
}

const addressesOf = ({ hostname }: URL) => Promise.resolve(ADDRESSES[hostname] ?? [])

describe('for a server elsewhere', () => {
  test.each([
    'http://127.0.0.1:8080/realms/mcp',
    'https://127.0.0.1/',
    'http://localhost/',
    'https://console.localhost/',
    'http://0.0.0.0/',
    'http://0x7f.1/',
    'http://2130706433/',
    'http://[::1]/',
    'http://[::ffff:10.0.0.1]/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://10.0.0.1/',
    'https://10.0.0.1/',
    'http://172.31.255.255/',
    'http://192.168.1.1/',
    'http://100.64.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://rebound.example.com/',
    'http://mapped.example.com/',
  ])('%s is forbidden', async (url) => {
    expect(await fenceFrom(ELSEWHERE, addressesOf)(url)).toBe(true)
  })

  test.each([
    ELSEWHERE,
    'http://mcp.example.com/',
    'https://sso.example.com/',
    'http://nowhere.example.com/',
    'https://rebound.example.com/',
    'http://172.32.0.1/',
    'http://100.128.0.1/',
    'http://[2001:db8::1]/',
  ])('%s is asked', async (url) => {
    expect(await fenceFrom(ELSEWHERE, addressesOf)(url)).toBe(false)
  })
})

test.each(['http://127.0.0.1:3000/mcp', 'https://mcp.corp.example.com/mcp', 'http://[::1]:1/mcp'])(
  '%s may name what is in its own network',
  async (from) => {
    const isForbidden = fenceFrom(from, addressesOf)
    expect(await isForbidden('http://10.0.0.1/')).toBe(false)
    expect(await isForbidden('http://rebound.example.com/')).toBe(false)
  },
)

/** Names every place of a provider, at addresses that must not be asked. */
async function lookFrom(addresses: Readonly<Record<string, readonly string[]>>) {
  const asked: string[] = []
  const spy: typeof fetch = (input) => {
    asked.push(String(input))
    return Promise.resolve(new Response('', { status: 404 }))
  }
  const inside = ['http://169.254.169.254', 'http://10.0.0.8', 'http://rebound.example.com']
  const authorization_servers = [ISSUER, `${inside[0]}/latest`]
  const challenge = `Bearer resource_metadata="${inside[1]}/secret"`
  const body = { ...DOCUMENT, authorization_servers }
  const path = 'GET /.well-known/oauth-protected-resource'
  const { origin } = await startResource({
    [`${path}/mcp`]: { body },
    [path]: { body },
    'POST /mcp': { status: 401, headers: { 'www-authenticate': challenge } },
  })
  const idp = await startProvider({
    jwks_uri: `${inside[1]}/jwks`,
    token_endpoint: `${inside[2]}/token`,
    registration_endpoint: `${inside[2]}/register`,
    authorization_endpoint: `${inside[1]}/authorize`,
  })
  const hosts = {
    'https://mcp.example.com': origin,
    [new URL(ISSUER).origin]: openToBrowsers(idp),
    ...Object.fromEntries(inside.map((each) => [each, spy])),
  }
  const diagnosis = await look({ hosts, addresses, triesRegistration: true })
  return { asked, diagnosis }
}

verifies('ATK-22', 'nothing is asked there, and the report says so', async () => {
  const { asked, diagnosis } = await lookFrom(ADDRESSES)
  expect(asked).toEqual([])
  expect(found(diagnosis, 'issuer-unreachable').seen).toMatch(
    /169\.254\.169\.254\S+ was not asked: it is in a private network/,
  )
  expect(found(diagnosis, 'keys-unreachable').seen).toContain('10.0.0.8/jwks was not asked')
  expect(found(diagnosis, 'registration-refused').seen).toContain('was not asked')
})

verifies('ATK-22', 'a server of the same network is looked at as before', async () => {
  const { asked } = await lookFrom({ 'mcp.example.com': ['10.1.2.3'] })
  expect(asked.length).toBeGreaterThan(5)
})
