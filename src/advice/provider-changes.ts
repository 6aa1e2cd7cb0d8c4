/**
 * For each finding of `doctor`: what to change in an identity provider, in its own words. Its issuer shows
 * which provider it is. Data for people; nothing is decided here.
 *
 * @module
 */
import type { FindingId } from './findings.js'

interface KnownProvider {
  readonly name: string
  readonly issuer: RegExp
  readonly changes: Partial<Readonly<Record<FindingId, string>>>
}

const OF_KEYCLOAK: KnownProvider['changes'] = {
  'server-document-not-inserted':
    'Keycloak: use 26.4 or later, and let the proxy pass /.well-known/* at the root of the host to it.',
  'server-document-missing':
    'Keycloak: the issuer is https://HOST/realms/REALM, or with the relative path /auth: https://HOST/auth/realms/REALM.',
  'issuer-differs':
    'Keycloak: set --hostname to the public URL, so that the issuer does not follow the request.',
  'issuer-scheme':
    'Keycloak: set --hostname to the https URL, and --proxy-headers=xforwarded behind a proxy.',
  'issuer-not-public': 'Nothing, where that is meant. Keycloak: set --hostname to the public URL.',
  'registration-refused':
    'Keycloak: Client registration policies. "Trusted Hosts" needs the hosts of the redirect URIs, and "Host sending registration request must match" off for hosted clients. "Allowed Client Scopes" needs the scopes of the resource.',
  'registration-manual':
    'Keycloak: open anonymous client registration, or create a public client with PKCE S256 and the redirect URIs of each program.',
  'cors-provider':
    'Keycloak: add the origin to "Web origins" of the client. For registration: the policy "Allowed Registration Web Origins", 26.5 or later.',
  'login-refused':
    'Keycloak: for invalid_scope, create the client scope. Make it Default or Optional for clients that register themselves.',
  'scope-unknown':
    'Keycloak: create a client scope of that name with "Include in token scope" on. Make it Default for clients that register themselves.',
  'audience-advice':
    'Keycloak: add an Audience mapper (Included Custom Audience = the resource) to a default client scope. Without it tokens have no aud. For invalid_target after the login: leave out the feature resource-indicators, or give a client in aud the attribute resource_url.',
  'iss-not-sent': 'Keycloak: it does send iss. Look for a proxy that changes its document.',
}

const OF_AUTH0: KnownProvider['changes'] = {
  'issuer-slash': 'Auth0: the issuer ends with a slash: https://TENANT.REGION.auth0.com/.',
  'login-refused':
    'Auth0: promote a connection to domain level, and allow third-party applications at the API by default. The identifier of the API must be the resource, with Resource Parameter Compatibility Profile "compatibility".',
  'registration-manual':
    'Auth0: switch on Dynamic Client Registration in the advanced settings of the tenant, or create a Native application with the redirect URIs of each program.',
  'registration-refused':
    'Auth0: switch on Dynamic Client Registration. Auth0 allows five requests a second.',
  'iss-not-sent': 'Auth0: switch on "Include Issuer in Authorization Responses".',
  'scope-unknown':
    'Auth0: add the scope as a permission of the API. Its document lists only OpenID scopes.',
  'audience-advice':
    'Auth0: create an API whose identifier is the resource, set Resource Parameter Compatibility Profile to "compatibility", allow third-party applications by default, and promote a connection to domain level.',
}

const OF_ENTRA: KnownProvider['changes'] = {
  'issuer-placeholder':
    'Entra: use https://login.microsoftonline.com/TENANT/v2.0 with the id of your tenant; common and organizations have no issuer of their own.',
  'pkce-absent':
    'Entra: it supports PKCE but does not say so, and no setting changes that. Clients that insist need another authorization server in front of Entra.',
  'registration-manual':
    'Entra: register an application for each program, and another one for the resource.',
  'scope-unqualified':
    'Entra: set the Application ID URI to the resource, and let clients ask for the full names: --oauth-scope-prefix RESOURCE/, with the short names in --oauth-scopes.',
  'server-document-not-inserted':
    'Entra: it serves only the OpenID document below the issuer, and no setting changes that.',
  'iss-not-sent': 'Entra: no setting changes that.',
  'audience-advice':
    'Entra: aud is the id of the application (v2) or its Application ID URI (v1): name it in --oauth-audience.',
}

const OF_OKTA: KnownProvider['changes'] = {
  'server-document-not-inserted':
    'Okta: it serves documents only below the issuer, and no setting changes that.',
  'registration-manual':
    'Okta: create an application for each program. Registration needs the token of an administrator.',
  'audience-advice':
    'Okta: use a custom authorization server with Audience = the resource, and let its access policy name the clients.',
  'cimd-without-none': 'Okta: it takes only documents that were registered beforehand.',
}

const OF_COGNITO: KnownProvider['changes'] = {
  'pkce-absent':
    'Cognito: it supports PKCE but does not say so, and no setting changes that. Clients that insist need another authorization server.',
  'registration-manual':
    'Cognito: create an app client for each program, with exact redirect URIs and a fixed port.',
  'audience-advice':
    'Cognito: on Essentials and Plus, aud is the resource that the client requested. Otherwise use --oauth-audience-claim client_id with the ids of the app clients.',
}

const OF_AUTHELIA: KnownProvider['changes'] = {
  'registration-manual':
    'Authelia: it registers no clients. Enter each program in identity_providers.oidc.clients with its redirect URIs. A client with a random port needs a fixed one.',
  'cors-provider':
    'Authelia: set identity_providers.oidc.cors.endpoints to [token], and allowed_origins to the origin.',
  'scope-unknown':
    'Authelia: declare the scope in identity_providers.oidc.scopes. Its document lists only its own.',
  'audience-advice':
    'Authelia: list the resource in the audience of the client. Tokens are opaque unless access_token_signed_response_alg is set.',
}

/** The first whose issuer fits. */
const OF_B2C: KnownProvider['changes'] = {
  'issuer-differs':
    'Azure AD B2C: its metadata names an issuer that is not its address, and no setting changes that. Strict clients (2026-07-28) cannot log in; use Entra External ID.',
}

const KNOWN_PROVIDERS: readonly KnownProvider[] = [
  { name: 'Azure AD B2C', issuer: /^https:\/\/[^/]+\.b2clogin\.com\//, changes: OF_B2C },
  { name: 'Keycloak', issuer: /\/realms\/[^/]+\/?$/, changes: OF_KEYCLOAK },
  { name: 'Auth0', issuer: /^https:\/\/[^/]+\.auth0\.com\/?$/, changes: OF_AUTH0 },
  {
    name: 'Entra',
    issuer: /^https:\/\/(?:login\.microsoftonline\.com|sts\.windows\.net)\//,
    changes: OF_ENTRA,
  },
  {
    name: 'Okta',
    issuer: /^https:\/\/[^/]+\.okta(?:preview|-emea|-gov)?\.com(?:\/|$)/,
    changes: OF_OKTA,
  },
  {
    name: 'Cognito',
    issuer: /^https:\/\/cognito-idp\.[^/]+\.amazonaws\.com\//,
    changes: OF_COGNITO,
  },
  {
    name: 'Google',
    issuer: /^https:\/\/accounts\.google\.com\/?$/,
    changes: {
      'provider-unfit':
        'Google: its access tokens are for Google APIs. Use an authorization server that logs users in with Google.',
    },
  },
  {
    name: 'authentik',
    issuer: /\/application\/o\/[^/]+\/?$/,
    changes: {
      'issuer-slash': 'authentik: the issuer of a provider ends with a slash.',
      'keys-unusable':
        'authentik: choose a signing key at the provider. Without one, it signs with HS256.',
      'registration-manual':
        'authentik: its registration (2026.8) needs the token of a user. Create a public provider and an application, and let people type its client id.',
      'audience-advice':
        'authentik: aud is the client id: name it in --oauth-audience, or add a scope mapping that returns aud.',
    },
  },
  {
    name: 'Zitadel',
    issuer: /^https:\/\/[^/]+\.zitadel\.cloud\/?$/,
    changes: {
      'registration-manual':
        'Zitadel: create an application for each program, with access token type JWT. Or allow the instance to register clients without a token.',
      'audience-advice':
        'Zitadel: aud is the id of the project: name it in --oauth-audience. It does not know the resource parameter.',
    },
  },
  {
    name: 'WorkOS',
    issuer: /^https:\/\/[^/]+\.authkit\.app\/?$/,
    changes: {
      'registration-manual': 'WorkOS: switch on registration under Connect, Configuration.',
      'audience-advice': 'WorkOS: register the resource as an MCP resource indicator.',
    },
  },
  {
    name: 'Dex',
    issuer: /\/dex\/?$/,
    changes: {
      'registration-manual': 'Dex: it registers no clients. Enter each program in staticClients.',
      'scope-unknown': 'Dex: its tokens have no scopes: leave out --oauth-scopes.',
      'audience-advice':
        'Dex: aud is the client id. Make a client whose id is the resource, and list the other clients in its trustedPeers.',
    },
  },
]

/**
 * The issuer of Authelia has no pattern of its own. Its endpoints have one.
 *
 * @param endpoint any endpoint of its document
 */
export function providerOf(issuer: string, endpoint: unknown): KnownProvider | undefined {
  const known = KNOWN_PROVIDERS.find((provider) => provider.issuer.test(issuer))
  if (known !== undefined || typeof endpoint !== 'string') return known
  return endpoint.includes('/api/oidc/')
    ? { name: 'Authelia', issuer: /^/, changes: OF_AUTHELIA }
    : undefined
}
