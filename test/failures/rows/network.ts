/** Failures 35, 38 to 44, 48 and 50: what is between gateway, provider and client. */
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { makeCertificates } from '../../support/certificates.js'
import { freePort, writeTemporary } from '../../support/cli.js'
import { startListeningProvider } from '../../support/doctor-command.js'
import { startUpstream } from '../../support/gateway.js'
import { FakeIdp, RESOURCE } from '../../support/idp.js'
import { mcpServer } from '../../support/mcp-server.js'
import type { Failure } from '../failure.js'
import { lookAtGateway } from '../gateway.js'
import { fromInside } from '../inside.js'
import { CHALLENGE, challenged, fromOutside } from '../outside.js'

async function settings(issuer: string, more: readonly string[] = []): Promise<readonly string[]> {
  const upstream = await startUpstream(mcpServer())
  const fixed = ['--auth', 'oauth', '--oauth-issuer', issuer, '--upstream', upstream]
  return [...fixed, '--resource', RESOURCE, ...more]
}

/** A provider with the certificate of a company. */
async function startPrivateProvider() {
  const { ca, key, cert } = makeCertificates()
  let idp: FakeIdp | undefined
  const server = createServer({ key, cert }, (request, response) => {
    void idp?.fetch(new URL(request.url ?? '', idp.issuer).href).then(async (answer) => {
      response.writeHead(answer.status).end(await answer.text())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  idp = await FakeIdp.start(`https://127.0.0.1:${port}/realms/mcp`)
  return { issuer: idp.issuer, ca: writeTemporary('ca.pem', ca) }
}

export const OF_THE_NETWORK: readonly Failure[] = [
  fromInside(
    {
      number: 35,
      name: '404 on introspection',
      made: 'introspection configured, and a provider that has none',
      finding: 'introspection-fault',
      advice: /has no introspection_endpoint.*leave out --oauth-client-id, and let it issue JWTs/,
    },
    async (isBroken) => {
      const { issuer } = await startListeningProvider()
      const file = writeTemporary('secret', 'secret')
      const client = ['--oauth-client-id', 'gatehouse', '--oauth-client-secret-file', file]
      return settings(issuer, isBroken ? client : [])
    },
  ),
  fromOutside(
    {
      number: 38,
      name: 'The same consent, again and again',
      made: 'a challenge with a scope that the metadata do not have',
      finding: 'scopes-differ',
      advice: /"mcp:admin".*Name the same scopes in both \(--oauth-scopes\)/,
    },
    { replies: challenged(CHALLENGE.replace('mcp:tools', 'mcp:admin')) },
  ),
  fromOutside(
    {
      number: 39,
      name: 'Sporadic 401 right after the login',
      made: 'a server whose clock is ten minutes behind',
      finding: 'clock-differs',
      advice: /behind ours\. Synchronise the clocks \(NTP\).*--oauth-clock-tolerance/,
    },
    {
      replies: {
        'POST /mcp': {
          status: 401,
          headers: {
            'www-authenticate': CHALLENGE,
            date: new Date(Date.now() - 600_000).toUTCString(),
          },
        },
      },
    },
  ),
  fromInside(
    {
      number: 41,
      name: 'Storms of 401, and 429 of the provider',
      made: 'a provider that limits who asks for its keys',
      finding: 'gateway-keys',
      advice:
        /answered 429.*Find out which program asks the issuer for its keys with every request/,
    },
    async (isBroken) => {
      const idp = await startListeningProvider()
      const limited = (url: string) =>
        url === idp.jwksUri
          ? new Response('', { status: 429 })
          : Response.json({ issuer: idp.issuer, jwks_uri: idp.jwksUri })
      idp.fault = isBroken ? limited : undefined
      return settings(idp.issuer)
    },
  ),
  fromOutside(
    {
      number: 42,
      name: 'No applicable key',
      made: 'a provider that publishes a shared secret alone',
      finding: 'keys-unusable',
      advice: /authentik: choose a signing key at the provider/,
    },
    {
      change: (idp) => {
        idp.publishedKeys = [{ kty: 'oct', k: 'Y2FuYXJ5' }]
      },
    },
    { issuer: 'https://auth.example.com/application/o/mcp/' },
  ),
  fromInside(
    {
      number: 44,
      name: 'Works here, and not in the cluster',
      made: 'a provider with the certificate of a company',
      finding: 'gateway-keys',
      advice: /could not be reached \(.*For a company CA: --ca-file/,
    },
    async (isBroken) => {
      const { issuer, ca } = await startPrivateProvider()
      return settings(issuer, isBroken ? [] : ['--ca-file', ca])
    },
  ),
  fromInside(
    {
      number: 44,
      name: 'Works here, and not in the cluster',
      made: 'a provider that the gateway cannot reach by its public name',
      finding: 'gateway-keys',
      advice: /If the gateway must use another address: --oauth-discovery-url or --oauth-jwks-uri/,
    },
    async (isBroken) => {
      const { jwksUri } = await startListeningProvider()
      const inside = ['--oauth-jwks-uri', jwksUri]
      const hidden = `http://127.0.0.1:${await freePort()}/realms/mcp`
      return settings(hidden, isBroken ? [] : inside)
    },
  ),
  fromInside(
    {
      number: 48,
      name: 'A token for one server opens another',
      made: 'an audience that is the whole host',
      finding: 'audience-wide',
      advice: /whole host.*put the resource itself into aud.*--oauth-audience/,
    },
    async (isBroken) => {
      const { issuer } = await startListeningProvider()
      const audience = isBroken ? 'https://mcp.example.com' : RESOURCE
      return settings(issuer, ['--oauth-audience', audience])
    },
  ),
  fromOutside(
    {
      number: 50,
      name: 'The login is fine, and requests arrive without a token',
      made: 'a proxy that removes Authorization',
      finding: 'token-not-seen',
      advice: /Let the proxy in front pass Authorization on \(Apache: CGIPassAuth On\)/,
    },
    { replies: { 'POST /mcp with token': undefined } },
  ),
  {
    number: 50,
    name: 'The login is fine, and requests arrive without a token',
    made: 'our gateway behind a proxy that removes Authorization',
    command: 'doctor',
    finding: 'token-not-seen',
    advice: /Let the proxy in front pass Authorization on/,
    run: (isBroken) => lookAtGateway({}, isBroken ? { removes: 'authorization' } : {}),
  },
]
