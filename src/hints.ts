/**
 * Which setting of which identity provider causes a refusal. Advice for logs and the doctor, chosen by
 * what issuer and token look like; no decision depends on it.
 *
 * @module
 */
import type { BearerTokenErrorCode } from './errors.js'

interface Provider {
  readonly name: string
  matches(issuer: string): boolean
  readonly hints: Partial<Record<BearerTokenErrorCode, string>>
}

const PROVIDERS: readonly Provider[] = [
  {
    name: 'Keycloak',
    matches: (issuer) => /\/realms\/[^/]+$/.test(issuer),
    hints: {
      ERR_TOKEN_AUDIENCE:
        'Keycloak: add an Audience mapper (Included Custom Audience = the resource URL) to a default client scope; with lightweight access tokens also switch on "Add to lightweight access token"',
      ERR_TOKEN_TYPE:
        'Keycloak: send the access_token of the token response, not id_token or refresh_token',
      ERR_TOKEN_BOUND: 'Keycloak: switch off "Require DPoP bound tokens" for this client',
      ERR_TOKEN_ISSUER_UNTRUSTED:
        'Keycloak: set --hostname, so that iss does not follow the Host of the login',
    },
  },
  {
    name: 'Auth0',
    matches: (issuer) => /^https:\/\/[^/]+\.auth0\.com\/$/.test(issuer),
    hints: {
      ERR_TOKEN_AUDIENCE:
        'Auth0: create an API whose identifier is the resource URL, and set Resource Parameter Compatibility Profile to "compatibility"',
      ERR_TOKEN_ENCRYPTED:
        'Auth0: no audience was asked for, so the token is one for /userinfo; set Resource Parameter Compatibility Profile to "compatibility" or a Default Audience',
      ERR_TOKEN_OPAQUE:
        'Auth0: no audience was asked for; set Resource Parameter Compatibility Profile to "compatibility"',
    },
  },
  {
    name: 'Entra',
    matches: (issuer) =>
      /^https:\/\/(?:login\.microsoftonline\.com|sts\.windows\.net)\//.test(issuer),
    hints: {
      ERR_TOKEN_AUDIENCE:
        'Entra: the audience is the application id (v2 tokens) or the Application ID URI (v1); configure it as audience',
      ERR_TOKEN_ISSUER_UNTRUSTED:
        'Entra: v1 tokens are issued by sts.windows.net, v2 tokens by login.microsoftonline.com; set accessTokenAcceptedVersion to 2',
    },
  },
  {
    name: 'Cognito',
    matches: (issuer) => issuer.startsWith('https://cognito-idp.'),
    hints: {
      ERR_TOKEN_AUDIENCE: 'Cognito: its access tokens have no aud unless the client sends resource',
    },
  },
]

const ANY_PROVIDER: Provider['hints'] = {
  ERR_TOKEN_AUDIENCE:
    'let the identity provider put the resource URL into aud, or configure the audience that it does put there',
  ERR_TOKEN_ENCRYPTED:
    'the client asked for no audience, or the provider encrypts access tokens: switch that off',
  ERR_TOKEN_OPAQUE: 'let the identity provider issue JWT access tokens',
  ERR_TOKEN_TYPE: 'send the access token, not an ID, refresh or logout token',
  ERR_TOKEN_BOUND: 'let the identity provider issue plain bearer tokens to this client',
  ERR_TOKEN_NOT_YET_VALID: 'synchronise the clocks (NTP)',
}

/** One sentence, or `undefined` when there is nothing useful to say. */
export function hintFor(
  code: BearerTokenErrorCode,
  issuer: string | undefined,
): string | undefined {
  const provider = PROVIDERS.find((entry) => issuer !== undefined && entry.matches(issuer))
  return provider?.hints[code] ?? ANY_PROVIDER[code]
}
