/** An issuer whose metadata has another name, through every host. */
import { afterEach, expect } from 'vitest'
import { FakeIdp, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { createHosts, HOSTS, type Host } from './hosts.js'

const ISSUER = 'http://adfs.example.com/adfs/services/trust'
const SERVER = 'https://adfs.example.com/adfs'

let hosts: Host[] = []
afterEach(async () => {
  await Promise.all(hosts.map((host) => host.close()))
})

async function statusesWith(accessTokenIssuer: string) {
  const idp = await FakeIdp.start(SERVER)
  idp.metadata = { access_token_issuer: accessTokenIssuer }
  hosts = await createHosts({
    resource: RESOURCE,
    authorizationServers: { issuer: ISSUER, authorizationServer: SERVER },
    fetch: idp.fetch,
    wait: 0,
    onEvent: () => undefined,
  })
  const token = await idp.token({ claims: { iss: ISSUER } })
  const headers = [['authorization', `Bearer ${token}`]] as const
  const answers = hosts.map((host) => host.send({ method: 'GET', path: '/mcp', headers }))
  return (await Promise.all(answers)).map(({ status }) => status)
}

verifies('IDN-36', 'every host lets its tokens in', async () => {
  expect(await statusesWith(ISSUER)).toEqual(HOSTS.map(() => 200))
})

verifies('IDN-36', 'access_token_issuer of another name is the provider’s fault', async () => {
  expect(await statusesWith(`${ISSUER}/`)).toEqual(HOSTS.map(() => 503))
})
