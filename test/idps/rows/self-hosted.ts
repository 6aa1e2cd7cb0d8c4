/** Products that run where their owner runs them, and write JWTs. */
import { RESOURCE } from '../../support/idp.js'
import { AT_JWT_HEADER, JWT_HEADER, SIBLING, without, type Row } from '../row.js'

const AUTHENTIK = 'https://auth.example.com/application/o/mcp/'
const AUTHENTIK_CLIENT = 'Xk2fQ9vR4tB7nM1pL8sD3wZ6yC5hJ0gA'
const DEX = 'https://sso.example.com/dex'
const POCKET_ID = 'https://id.example.com'
const PING = 'https://sso.example.com'
const ANY_AUDIENCE = 'let the identity provider put the resource URL into aud'

export const SELF_HOSTED: readonly Row[] = [
  {
    name: 'authentik',
    source:
      'its source, providers/oauth2/id_token.py (read 2026-12-01): aud and azp are the client id; scope is there only where a mapping returns it; not run',
    issuer: AUTHENTIK,
    metadata: { introspection_endpoint: 'https://auth.example.com/application/o/introspect/' },
    jwksUri: `${AUTHENTIK}jwks/`,
    header: JWT_HEADER,
    claims: {
      sub: 'e1f2a3b4c5d6e7f8a9b0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6a7b8c9d0e1f2',
      aud: AUTHENTIK_CLIENT,
      azp: AUTHENTIK_CLIENT,
      scope: 'mcp:tools',
      acr: 'goauthentik.io/providers/oauth2/default',
      uid: 'Qw3eR5tY7uI9oP1aS2dF4gH6jK8lZ0xC',
    },
    settings: { audience: AUTHENTIK_CLIENT, scopes: 'mcp:tools' },
    accepted: {
      scopes: ['mcp:tools'],
      clientId: AUTHENTIK_CLIENT,
      subject: 'e1f2a3b4c5d6e7f8a9b0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6a7b8c9d0e1f2',
    },
    refused: [
      {
        name: '--oauth-audience is missing',
        settings: { audience: undefined },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'authentik: aud is the client id',
      },
      {
        name: 'the issuer without its slash',
        issuer: AUTHENTIK.slice(0, -1),
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: 'last slash',
      },
      {
        name: 'no Signing Key is chosen',
        header: { alg: 'HS256' },
        code: 'ERR_TOKEN_ALGORITHM',
        hint: 'authentik: choose a Signing Key',
      },
      {
        name: 'no mapping of the scope',
        claims: without('scope'),
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'authentik: add a scope mapping',
      },
      {
        name: 'the client sent a nonce, which goes into the access token',
        claims: { nonce: 'n' },
        code: 'ERR_TOKEN_TYPE',
        hint: 'send the access token, not the ID token',
      },
      {
        name: 'another provider: its issuer',
        claims: { iss: AUTHENTIK.replace('mcp', 'wiki') },
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: undefined,
      },
      {
        name: 'Issuer mode: the same for all providers',
        claims: { iss: 'https://auth.example.com/' },
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: undefined,
      },
    ],
  },
  {
    name: 'Dex, with the resource as client',
    source: 'Dex 2.45.1 itself: what it signed when it was run (2026-11-25)',
    issuer: DEX,
    metadata: { introspection_endpoint: `${DEX}/token/introspect` },
    jwksUri: `${DEX}/keys`,
    header: { alg: 'RS256' },
    claims: {
      sub: 'CgExEgVsb2NhbA',
      aud: [RESOURCE, 'mcp-client'],
      azp: 'mcp-client',
      at_hash: 'HK6E_P6Dh8Y93mRNtsDB1Q',
      email: 'alice@example.com',
      name: 'alice',
    },
    settings: { acceptIdTokenClaims: true },
    accepted: { scopes: [], clientId: 'mcp-client', subject: 'CgExEgVsb2NhbA' },
    refused: [
      {
        name: '--oauth-accept-id-token-claims is missing',
        settings: { acceptIdTokenClaims: undefined },
        code: 'ERR_TOKEN_TYPE',
        hint: 'Dex: its access tokens look like ID tokens',
      },
      {
        name: 'the ID token of a login',
        claims: { c_hash: 'CHwv8LP7jEDXICGhuPlxvw' },
        code: 'ERR_TOKEN_TYPE',
        hint: 'Dex: send the access_token',
      },
      {
        name: 'the client id alone',
        claims: { aud: 'mcp-client', azp: undefined },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Dex: make a client whose id is the resource URL',
      },
      {
        name: 'a scope, of which it has none',
        settings: { scopes: 'mcp:tools' },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'Dex: its tokens have no scopes',
      },
    ],
  },
  {
    name: 'Dex, the client id as audience',
    source: 'as above',
    issuer: DEX,
    header: { alg: 'RS256' },
    claims: { sub: 'CgExEgVsb2NhbA', aud: 'mcp-client', at_hash: 'HK6E_P6Dh8Y93mRNtsDB1Q' },
    settings: { audience: 'mcp-client', acceptIdTokenClaims: true },
    accepted: { scopes: [], clientId: undefined, subject: 'CgExEgVsb2NhbA' },
    refused: [],
  },
  {
    name: 'Pocket ID',
    source: 'idps-and-clients §1.4: aud has the issuer, too; scope and scp; not run',
    issuer: POCKET_ID,
    metadata: { introspection_endpoint: `${POCKET_ID}/api/oidc/introspect` },
    jwksUri: `${POCKET_ID}/.well-known/jwks.json`,
    header: JWT_HEADER,
    claims: {
      sub: '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
      aud: [RESOURCE, POCKET_ID],
      scope: 'mcp:tools profile',
      scp: ['mcp:tools', 'profile'],
    },
    settings: { scopes: 'mcp:tools' },
    accepted: {
      scopes: ['mcp:tools', 'profile'],
      clientId: undefined,
      subject: '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
    },
    refused: [
      {
        name: 'no API resource: the client id',
        claims: { aud: '5f6a7b8c-9d0e-4f1a-8b2c-3d4e5f6a7b8c' },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: ANY_AUDIENCE,
      },
    ],
  },
  {
    name: 'oidc-provider',
    source: 'oidc-provider 9.13.3 itself: the demo and test/interop run it',
    issuer: 'https://op.example.com',
    jwksUri: 'https://op.example.com/jwks',
    header: AT_JWT_HEADER,
    claims: {
      sub: 'alice',
      aud: RESOURCE,
      client_id: 'c1example',
      jti: 'j1example',
      scope: 'mcp:tools',
    },
    settings: { scopes: 'mcp:tools', requireType: true },
    accepted: { scopes: ['mcp:tools'], clientId: 'c1example', subject: 'alice' },
    refused: [
      {
        name: 'another resource',
        claims: { aud: SIBLING },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: ANY_AUDIENCE,
      },
      {
        name: 'its ID token',
        header: { typ: 'JWT' },
        claims: { aud: 'c1example', at_hash: 'x', ...without('client_id', 'scope') },
        settings: { requireType: undefined },
        code: 'ERR_TOKEN_TYPE',
        hint: '--oauth-accept-id-token-claims',
      },
      {
        name: 'its ID token where at+jwt is required',
        header: { typ: 'JWT' },
        claims: { aud: 'c1example', ...without('client_id', 'scope') },
        code: 'ERR_TOKEN_TYPE',
        hint: 'let the identity provider write typ at+jwt',
      },
    ],
  },
  {
    name: 'PingFederate, JSON token manager',
    source:
      'requirements JWT-01 and the page "Configuring JSON token management": no typ, scope a list, iss and aud only where they are set; not run',
    issuer: PING,
    metadata: { introspection_endpoint: `${PING}/as/introspect.oauth2` },
    jwksUri: `${PING}/pf/JWKS`,
    header: { alg: 'RS256' },
    claims: {
      scope: ['mcp:tools', 'profile'],
      client_id: 'mcp-client',
      aud: RESOURCE,
      sub: 'alice',
    },
    settings: { scopes: 'mcp:tools' },
    accepted: { scopes: ['mcp:tools', 'profile'], clientId: 'mcp-client', subject: 'alice' },
    refused: [
      {
        name: 'no Issuer Claim Value',
        claims: without('iss'),
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: 'let the provider put iss into access tokens',
      },
      {
        name: 'no Audience Claim Value',
        claims: without('aud'),
        code: 'ERR_TOKEN_AUDIENCE',
        hint: ANY_AUDIENCE,
      },
      {
        name: '--oauth-require-type',
        settings: { requireType: true },
        code: 'ERR_TOKEN_TYPE',
        hint: 'let the identity provider write typ at+jwt',
      },
      {
        name: 'a symmetric key',
        header: { alg: 'HS256' },
        code: 'ERR_TOKEN_ALGORITHM',
        hint: undefined,
      },
    ],
  },
]
