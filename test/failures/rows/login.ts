/** Failures 26 to 30: what a client asks for, and what it gets. Two of them are made with oidc-provider itself. */
import { onTestFinished } from 'vitest'
import { startIdp } from '../../../examples/demo/idp.js'
import { clientNamed } from '../../../src/advice/clients.js'
import { DOCUMENT, look, startResource } from '../../support/doctor.js'
import { RESOURCE } from '../../support/idp.js'
import { byExplain } from '../explained.js'
import type { Failure, Said } from '../failure.js'
import { byRegistration, challenged, fromOutside, PRM, said } from '../outside.js'

const SCOPE = 'mcp:tools'
const ENTRA = 'https://login.microsoftonline.com/8f3c1a52-0000-4000-8000-000000000000/v2.0'
const METADATA = `Bearer resource_metadata="https://mcp.example.com${PRM}/mcp"`
const LOOPBACK = ['mcp-remote', 'inspector'].flatMap((name) => clientNamed(name) ?? [])

interface RealProvider {
  /** Of the resource server. */
  readonly scopes: readonly string[]
  readonly knowsResource: boolean
}

/** oidc-provider, and a resource server that trusts it. */
async function lookAtProvider({ scopes, knowsResource }: RealProvider): Promise<readonly Said[]> {
  const idp = await startIdp([SCOPE])
  onTestFinished(() => idp.stop())
  if (knowsResource) idp.resources.set(RESOURCE, { scope: SCOPE })
  const named = { authorization_servers: [idp.issuer], scopes_supported: scopes }
  const reply = { body: { ...DOCUMENT, ...named } }
  const { origin } = await startResource({
    ...challenged(METADATA),
    [`GET ${PRM}/mcp`]: reply,
    [`GET ${PRM}`]: reply,
  })
  const hosts = { 'https://mcp.example.com': origin, [idp.issuer]: idp.issuer }
  // Inside, so that it may name a provider on loopback.
  const addresses = { 'mcp.example.com': ['10.0.0.5'] }
  return said(await look({ hosts, addresses, triesRegistration: true, clients: LOOPBACK }))
}

export const OF_THE_LOGIN: readonly Failure[] = [
  fromOutside(
    {
      number: 26,
      name: 'invalid_scope',
      made: 'a scope of the resource that the provider does not list',
      finding: 'scope-unknown',
      advice: /"mcp:tools".*Keycloak: create a client scope of that name/,
    },
    { metadata: { scopes_supported: ['openid', 'offline_access'] } },
  ),
  byRegistration(
    {
      number: 26,
      name: 'invalid_scope',
      made: 'a provider that refuses the scope at the login',
      finding: 'login-refused',
      advice:
        /invalid_scope.*For invalid_scope: create the scopes there, or correct --oauth-scopes/,
    },
    {
      authorize(parameters) {
        const location = `${parameters.get('redirect_uri')}?error=invalid_scope`
        return new Response(null, { status: 302, headers: { location } })
      },
    },
    { issuer: 'https://auth.example.com' },
    LOOPBACK,
  ),
  {
    number: 26,
    name: 'invalid_scope',
    made: 'a scope of the resource that oidc-provider does not know',
    command: 'doctor --try-registration',
    finding: 'registration-refused',
    advice: /answered 400 "invalid_client_metadata".*redirect URIs and scopes of your clients/,
    run: (isBroken) =>
      lookAtProvider({ scopes: [isBroken ? 'mcp:admin' : SCOPE], knowsResource: true }),
  },
  fromOutside(
    {
      number: 27,
      name: 'AADSTS9010010',
      made: 'a scope without the Application ID URI, at Entra',
      finding: 'scope-unqualified',
      advice: /AADSTS9010010\)\. Entra: set the Application ID URI to the resource.*--oauth-scopes/,
    },
    { replies: challenged(`${METADATA}, scope="mcp.use"`) },
    { issuer: ENTRA, replies: challenged(`${METADATA}, scope="${RESOURCE}/mcp.use"`) },
  ),
  {
    number: 28,
    name: 'invalid_target',
    made: 'a resource that oidc-provider does not know',
    command: 'doctor --try-registration',
    finding: 'login-refused',
    advice: /"invalid_target".*For invalid_target: register the resource/,
    run: (isBroken) => lookAtProvider({ scopes: [SCOPE], knowsResource: !isBroken }),
  },
  fromOutside(
    {
      number: 28,
      name: 'invalid_target',
      made: 'a provider that lists its resources, without this one',
      finding: 'resource-not-listed',
      advice: /Register the resource at the authorization server/,
    },
    { metadata: { protected_resources: ['https://mcp.example.com/other'] } },
  ),
  fromOutside(
    {
      number: 29,
      name: 'A login every five minutes',
      made: 'a provider without refresh tokens',
      finding: 'refresh-not-offered',
      advice: /Switch on the grant type refresh_token/,
    },
    { metadata: { grant_types_supported: ['authorization_code'] } },
  ),
  fromOutside(
    {
      number: 29,
      name: 'A login every five minutes',
      made: 'a provider that does not list offline_access',
      finding: 'offline-access-missing',
      advice: /list the scope, and let clients ask for it/,
    },
    { metadata: { scopes_supported: [SCOPE] } },
  ),
  byExplain(
    {
      number: 30,
      name: '401 after a refresh',
      made: 'a refreshed token of Entra with the audience of another application',
      finding: 'ERR_TOKEN_AUDIENCE',
      advice: /aud "00000003-\S+"; expected .*Entra: aud is the application \(client\) id/,
    },
    { token: { claims: { aud: '00000003-0000-0000-c000-000000000000' } } },
    { issuer: ENTRA },
  ),
  byExplain(
    {
      number: 30,
      name: '403 after a refresh',
      made: 'a refreshed token without the scopes of the first one',
      finding: 'ERR_SCOPE_INSUFFICIENT',
      advice: /lacks mcp:tools.*--oauth-scopes says what is needed/,
    },
    { token: { claims: { scope: 'openid' } } },
  ),
]
