/** Failures 18 to 25: how clients get an id. */
import { clientNamed, type Client } from '../../../src/advice/clients.js'
import type { Failure } from '../failure.js'
import { byRegistration, fromOutside } from '../outside.js'

const KNOWN = ['cursor', 'mcp-remote', 'inspector'].flatMap((name) => clientNamed(name) ?? [])

/** A provider that refuses what it is asked. */
function refusing(error: string, description: string, status = 403) {
  const body = { error, error_description: description }
  return { register: () => Response.json(body, { status }) }
}

/** A provider that knows redirect URIs by heart, port and all. */
function comparingPorts() {
  const known = new Set<unknown>()
  return {
    register(body: Readonly<Record<string, unknown>>) {
      for (const uri of body['redirect_uris'] as readonly string[]) known.add(uri)
      return Response.json({ client_id: 'client-1' }, { status: 201 })
    },
    authorize: (parameters: URLSearchParams) =>
      known.has(parameters.get('redirect_uri'))
        ? new Response('<h1>Log in</h1>')
        : new Response('Invalid redirect_uri', { status: 400 }),
  }
}

function sentBack(error: string, description: string) {
  return {
    authorize(parameters: URLSearchParams) {
      const location = new URL(parameters.get('redirect_uri') ?? '')
      location.searchParams.set('error', error)
      location.searchParams.set('error_description', description)
      return new Response(null, { status: 302, headers: { location: location.href } })
    },
  }
}

const REMOTE: readonly Client[] = KNOWN.filter(({ name }) => name === 'mcp-remote')

export const OF_REGISTRATION: readonly Failure[] = [
  fromOutside(
    {
      number: 18,
      name: 'Incompatible auth server: no dynamic client registration',
      made: 'a provider without registration, and without documents of clients',
      finding: 'registration-manual',
      advice: /Keycloak: open anonymous client registration, or create a public client/,
    },
    {
      metadata: {
        registration_endpoint: undefined,
        client_id_metadata_document_supported: undefined,
      },
    },
  ),
  byRegistration(
    {
      number: 19,
      name: '403 "Trusted Hosts" rejected the request',
      made: 'the default policies of Keycloak',
      finding: 'registration-refused',
      advice: /Policy 'Trusted Hosts'.*"Trusted Hosts" needs the hosts of the redirect URIs/,
    },
    refusing('insufficient_scope', "Policy 'Trusted Hosts' rejected request: Host not trusted"),
    {},
    KNOWN,
  ),
  byRegistration(
    {
      number: 20,
      name: '403 "Allowed Client Scopes" rejected the request',
      made: 'a scope of the resource that the policy of Keycloak does not list',
      finding: 'registration-refused',
      advice: /Not permitted to use.*"Allowed Client Scopes" needs the scopes of the resource/,
    },
    refusing(
      'insufficient_scope',
      "Policy 'Allowed Client Scopes' rejected request: Not permitted to use specified clientScope",
    ),
    {},
    KNOWN,
  ),
  byRegistration(
    {
      number: 21,
      name: 'invalid_redirect_uri for Cursor',
      made: 'a provider that refuses custom schemes',
      finding: 'registration-refused',
      advice: /invalid_redirect_uri.*Open registration for the redirect URIs/,
    },
    {
      register: ({ redirect_uris: uris }) =>
        JSON.stringify(uris).includes('cursor:')
          ? Response.json({ error: 'invalid_redirect_uri' }, { status: 400 })
          : Response.json({ client_id: 'client-1' }, { status: 201 }),
    },
    { issuer: 'https://auth.example.com' },
    KNOWN,
  ),
  byRegistration(
    {
      number: 22,
      name: 'Invalid redirect_uri at the login of a program with a free port',
      made: 'a provider that compares ports',
      finding: 'login-port',
      advice: /ignore the port of redirect URIs on loopback\. Or give the client a fixed port/,
    },
    comparingPorts(),
    {},
    REMOTE,
  ),
  fromOutside(
    {
      number: 23,
      name: 'The document of a client is refused',
      made: 'a provider that takes documents, and no client without a secret',
      finding: 'cimd-without-none',
      advice: /List none in token_endpoint_auth_methods_supported/,
    },
    { metadata: { token_endpoint_auth_methods_supported: ['client_secret_basic'] } },
  ),
  byRegistration(
    {
      number: 25,
      name: 'Auth0: no connections enabled',
      made: 'a client that registered itself, and no connection at domain level',
      finding: 'login-refused',
      advice: /no connections enabled.*Auth0: promote a connection to domain level/,
    },
    sentBack('invalid_request', 'no connections enabled for the client'),
    { issuer: 'https://tenant.eu.auth0.com/' },
    KNOWN,
  ),
]
