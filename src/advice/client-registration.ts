/**
 * The calls that register an MCP client at each identity provider, from their documentation. Data
 * and texts; nothing here sends anything.
 *
 * @module
 */
import type { Source } from './clients.js'

/** A public client that uses the authorization code with PKCE. */
export interface NewClient {
  /** Where the provider lets us choose it. */
  readonly id: string
  /** For people. */
  readonly title: string
  readonly redirectUris: readonly string[]
  /** The scopes to register, if the provider wants to know them. */
  readonly scopes: readonly string[]
}

export interface RegistrationCall {
  /** What it does, in a sentence. */
  readonly what: string
  readonly url: string
  readonly body: Readonly<Record<string, unknown>>
  /** The scheme of `Authorization`. */
  readonly scheme: 'Bearer' | 'SSWS'
}

export interface ProviderRegistration {
  /** As `--idp` spells it. */
  readonly name: string
  readonly title: string
  /** What is wrong with an issuer, if anything. `undefined`: the issuer does not matter. */
  readonly issuerFault?: (issuer: string) => string | undefined
  /** Words in capitals stand for what the operator knows. */
  readonly calls: (client: NewClient, issuer: string) => readonly RegistrationCall[]
  /** Which client id people type afterwards. */
  readonly clientId: string
  /** What else must be done. */
  readonly notes: readonly string[]
  readonly sources: readonly Source[]
}

const READ = '2026-12-01'
const SURVEY = '2026-11-23'

function from(date: string, ...places: readonly string[]): readonly Source[] {
  return places.map((at) => ({ at, date }))
}

const REALM = /^(https?:\/\/[^?#]+?)\/realms\/([^/?#]+)$/

const KEYCLOAK: ProviderRegistration = {
  name: 'keycloak',
  title: 'Keycloak',
  issuerFault: (issuer) => (REALM.test(issuer) ? undefined : 'does not end in /realms/NAME'),
  calls: ({ id, title, redirectUris }, issuer) => {
    const [, base = '', realm = ''] = REALM.exec(issuer) ?? []
    return [
      {
        what: `Creates a public client in the realm ${realm}.`,
        url: `${base}/admin/realms/${realm}/clients`,
        scheme: 'Bearer',
        body: {
          clientId: id,
          name: title,
          protocol: 'openid-connect',
          publicClient: true,
          standardFlowEnabled: true,
          directAccessGrantsEnabled: false,
          redirectUris,
          webOrigins: ['+'],
          attributes: { 'pkce.code.challenge.method': 'S256' },
        },
      },
    ]
  },
  clientId: 'the clientId above',
  notes: [
    'It gets the default client scopes of the realm. The scope with the audience mapper must be one of them, or be added to the client.',
    'The admin token needs the role manage-clients of realm-management.',
  ],
  sources: from(READ, 'run against Keycloak 26 by the tests of this project'),
}

const OIDC: ProviderRegistration = {
  name: 'oidc',
  title: 'any provider with RFC 7591',
  issuerFault: () => undefined,
  calls: ({ title, redirectUris, scopes }) => [
    {
      what: 'Registers a public client. REGISTRATION_ENDPOINT is registration_endpoint in the metadata of the issuer.',
      url: 'REGISTRATION_ENDPOINT',
      scheme: 'Bearer',
      body: {
        client_name: title,
        redirect_uris: redirectUris,
        application_type: redirectUris.every((uri) => uri.startsWith('https:')) ? 'web' : 'native',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      },
    },
  ],
  clientId: 'client_id of the answer',
  notes: ['If registration is open, leave out the header Authorization.'],
  sources: from(READ, 'https://www.rfc-editor.org/rfc/rfc7591'),
}

const AUTH0: ProviderRegistration = {
  name: 'auth0',
  title: 'Auth0',
  issuerFault: () => undefined,
  calls: ({ title, redirectUris }, issuer) => [
    {
      what: 'Creates a native application by the Management API.',
      url: `${new URL(issuer).origin}/api/v2/clients`,
      scheme: 'Bearer',
      body: {
        name: title,
        app_type: 'native',
        oidc_conformant: true,
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        callbacks: redirectUris,
      },
    },
  ],
  clientId: 'client_id of the answer',
  notes: [
    'The admin token is one for the Management API with the scope create:clients. With a custom domain, send it to the tenant domain.',
    'A first-party application needs no client grant for an API that allows all applications.',
  ],
  sources: from(READ, 'https://auth0.com/docs/api/management/v2/clients/post-clients.md'),
}

const GRAPH = 'https://graph.microsoft.com/v1.0/applications'

const ENTRA: ProviderRegistration = {
  name: 'entra',
  title: 'Microsoft Entra ID',
  calls: ({ title, redirectUris }) => {
    const isHosted = redirectUris.every((uri) => uri.startsWith('https:'))
    return [
      {
        what: isHosted
          ? 'Creates a registration with the platform Web, whose clients have a secret.'
          : 'Creates a registration with the platform Mobile and desktop applications.',
        url: GRAPH,
        scheme: 'Bearer',
        body: {
          displayName: title,
          signInAudience: 'AzureADMyOrg',
          ...(isHosted
            ? { web: { redirectUris } }
            : { isFallbackPublicClient: true, publicClient: { redirectUris } }),
        },
      },
    ]
  },
  clientId: 'appId of the answer',
  notes: [
    'The admin token is one for Microsoft Graph with Application.ReadWrite.All.',
    'A client with the platform Web needs a secret: add one in the portal, under Certificates & secrets.',
    'Give the client a registration of its own, not that of the server: otherwise a refresh without scope fails (AADSTS90009).',
  ],
  sources: [
    ...from(
      READ,
      'https://www.powershellgallery.com/packages/MgGraphCommunity/1.5.0/Content/Public%5CNew-MgGraphCommunityAppRegistration.ps1',
    ),
    ...from(SURVEY, 'https://github.com/anthropics/claude-ai-mcp/issues/228'),
  ],
}

const OKTA: ProviderRegistration = {
  name: 'okta',
  title: 'Okta',
  issuerFault: () => undefined,
  calls: ({ title, redirectUris }, issuer) => [
    {
      what: 'Creates a native OpenID Connect application.',
      url: `${new URL(issuer).origin}/api/v1/apps`,
      scheme: 'SSWS',
      body: {
        name: 'oidc_client',
        label: title,
        signOnMode: 'OPENID_CONNECT',
        credentials: {
          oauthClient: { token_endpoint_auth_method: 'none', pkce_required: true },
        },
        settings: {
          oauthClient: {
            application_type: 'native',
            redirect_uris: redirectUris,
            response_types: ['code'],
            grant_types: ['authorization_code', 'refresh_token'],
          },
        },
      },
    },
  ],
  clientId: 'credentials.oauthClient.client_id of the answer',
  notes: [
    'Assign it to the people who may use it.',
    'A policy of the authorization server must name it, or a login ends with "no matching policy".',
  ],
  sources: [
    ...from(
      READ,
      'https://support.okta.com/help/s/article/create-an-oauth-oidc-application-with-a-custom-client-id-and-client-secret',
    ),
    ...from(SURVEY, 'https://www.apollographql.com/docs/apollo-mcp-server/guides/auth-okta'),
  ],
}

const ZITADEL: ProviderRegistration = {
  name: 'zitadel',
  title: 'Zitadel',
  issuerFault: () => undefined,
  calls: ({ title, redirectUris }, issuer) => [
    {
      what: 'Creates a native application in the project of the MCP server (version 4 or later).',
      url: `${new URL(issuer).origin}/zitadel.application.v2.ApplicationService/CreateApplication`,
      scheme: 'Bearer',
      body: {
        projectId: 'PROJECT_ID',
        name: title,
        oidcConfiguration: {
          redirectUris,
          responseTypes: ['OIDC_RESPONSE_TYPE_CODE'],
          grantTypes: ['OIDC_GRANT_TYPE_AUTHORIZATION_CODE', 'OIDC_GRANT_TYPE_REFRESH_TOKEN'],
          appType: 'OIDC_APP_TYPE_NATIVE',
          authMethodType: 'OIDC_AUTH_METHOD_TYPE_NONE',
          accessTokenType: 'OIDC_TOKEN_TYPE_JWT',
        },
      },
    },
  ],
  clientId: 'oidcConfiguration.clientId of the answer',
  notes: [
    'The admin token needs the permission project.app.write.',
    'Tokens name the project in aud: --oauth-audience PROJECT_ID.',
  ],
  sources: [
    ...from(READ, 'https://www.mintlify.com/zitadel/client-ruby/api/services/application-service'),
    ...from(SURVEY, 'https://github.com/zitadel/zitadel/issues/12710'),
  ],
}

const AUTHENTIK: ProviderRegistration = {
  name: 'authentik',
  title: 'authentik',
  issuerFault: () => undefined,
  calls: ({ id, title, redirectUris }, issuer) => {
    const api = `${new URL(issuer).origin}/api/v3`
    return [
      {
        what: 'Creates an OAuth2 provider. Choose the flows and the key under Flows and Certificates.',
        url: `${api}/providers/oauth2/`,
        scheme: 'Bearer',
        body: {
          name: title,
          authorization_flow: 'AUTHORIZATION_FLOW_UUID',
          invalidation_flow: 'INVALIDATION_FLOW_UUID',
          signing_key: 'CERTIFICATE_UUID',
          client_type: 'public',
          client_id: id,
          grant_types: ['authorization_code', 'refresh_token'],
          redirect_uris: redirectUris.map((url) => ({ matching_mode: 'strict', url })),
        },
      },
      {
        what: 'Creates its application. PROVIDER_PK is pk of the first answer.',
        url: `${api}/core/applications/`,
        scheme: 'Bearer',
        body: { name: title, slug: id, provider: 'PROVIDER_PK' },
      },
    ]
  },
  clientId: 'the client_id above',
  notes: [
    'Without a signing key, authentik signs tokens with the secret of the client (HS256), and the gateway refuses them.',
    'Tokens name the client id in aud: --oauth-audience CLIENT_ID.',
  ],
  sources: from(
    READ,
    'https://docs.rs/crate/authentik-client/2026.2.3/source/docs/OAuth2ProviderRequest.md',
  ),
}

export const PROVIDER_REGISTRATIONS: readonly ProviderRegistration[] = [
  KEYCLOAK,
  AUTH0,
  ENTRA,
  OKTA,
  ZITADEL,
  AUTHENTIK,
  OIDC,
]
