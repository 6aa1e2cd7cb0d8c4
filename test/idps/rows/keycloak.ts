import { RESOURCE } from '../../support/idp.js'
import { AT_JWT_HEADER, JWT_HEADER, OPAQUE, SIBLING, without, type Row } from '../row.js'

const ISSUER = 'https://sso.example.com/realms/mcp'
const SOURCE = 'Keycloak 26.7.3 itself: what it signed and answered when it was run (2026-11-23)'

const CLAIMS = {
  jti: 'onrtac:4b1ae1cb-0b4f-3d0e-5a5e-2f0c8b3d4a11',
  aud: [RESOURCE, 'account'],
  sub: 'f1c9a6d2-8a36-4a6f-9a0c-0f5f8a2f7c01',
  typ: 'Bearer',
  azp: 'mcp-client',
  sid: 'b7c8f8a0-1a52-4c59-9f0e-4b1f7d9a0c55',
  'allowed-origins': ['http://localhost:6274'],
  realm_access: { roles: ['default-roles-mcp', 'mcp-admin'] },
  resource_access: { account: { roles: ['manage-account'] } },
  scope: 'mcp:tools profile',
  preferred_username: 'alice',
}
const METADATA = {
  introspection_endpoint: `${ISSUER}/protocol/openid-connect/token/introspect`,
  code_challenge_methods_supported: ['plain', 'S256'],
}
const ACCEPTED = {
  scopes: ['mcp:tools', 'profile'],
  clientId: 'mcp-client',
  subject: CLAIMS.sub,
}
/** Only what a lightweight access token keeps. */
const LIGHTWEIGHT = without(
  'aud',
  'sub',
  'allowed-origins',
  'realm_access',
  'resource_access',
  'preferred_username',
)
const JWKS_URI = `${ISSUER}/protocol/openid-connect/certs`

export const KEYCLOAK: readonly Row[] = [
  {
    name: 'Keycloak',
    source: SOURCE,
    issuer: ISSUER,
    metadata: METADATA,
    jwksUri: JWKS_URI,
    header: JWT_HEADER,
    claims: CLAIMS,
    settings: { scopes: 'mcp:tools' },
    accepted: ACCEPTED,
    refused: [
      {
        name: 'no audience mapper',
        claims: { aud: 'account' },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Keycloak: add an Audience mapper',
      },
      {
        name: 'no audience mapper, no client roles',
        claims: without('aud'),
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Keycloak: add an Audience mapper',
      },
      {
        name: 'a lightweight token',
        claims: LIGHTWEIGHT,
        code: 'ERR_TOKEN_AUDIENCE',
        hint: '"Add to lightweight access token"',
      },
      {
        name: 'the audience of another server',
        claims: { aud: SIBLING },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Keycloak: ',
      },
      {
        name: 'the issuer with a slash',
        issuer: `${ISSUER}/`,
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: 'last slash',
      },
      {
        name: 'the name that a container calls it by',
        issuer: 'http://localhost:8180/realms/mcp',
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: 'Keycloak: set --hostname',
      },
      {
        name: 'another realm',
        issuer: 'https://sso.example.com/realms/other',
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: undefined,
      },
      {
        name: 'its ID token',
        claims: { typ: 'ID', aud: 'mcp-client', at_hash: 'x', ...without('scope') },
        code: 'ERR_TOKEN_TYPE',
        hint: 'Keycloak: send the access_token',
      },
      {
        name: 'its refresh token',
        header: { alg: 'HS512' },
        claims: { typ: 'Refresh', aud: ISSUER },
        code: 'ERR_TOKEN_ALGORITHM',
        hint: 'Keycloak: refresh tokens are signed with a shared secret',
      },
      {
        name: 'its offline token',
        header: { alg: 'HS512' },
        claims: { typ: 'Offline', aud: ISSUER, exp: undefined },
        code: 'ERR_TOKEN_ALGORITHM',
        hint: 'Keycloak: refresh tokens',
      },
      {
        name: 'its logout token',
        header: { typ: 'logout+jwt' },
        claims: { typ: 'Logout', events: {} },
        code: 'ERR_TOKEN_TYPE',
        hint: 'Keycloak: send the access_token',
      },
      {
        name: 'bound by DPoP',
        claims: { typ: 'DPoP', cnf: { jkt: 'x' } },
        code: 'ERR_TOKEN_BOUND',
        hint: 'Keycloak: switch off "Require DPoP bound tokens"',
      },
      {
        name: '--oauth-require-type without the switch of the client',
        settings: { requireType: true },
        code: 'ERR_TOKEN_TYPE',
        hint: 'Keycloak: switch on "Use "at+jwt" as access token header type"',
      },
      {
        name: 'a client that signs with a shared secret',
        header: { alg: 'HS256' },
        code: 'ERR_TOKEN_ALGORITHM',
        hint: 'choose an asymmetric "Access token signature algorithm"',
      },
      {
        name: 'a role as scope, the claim not named',
        settings: { scopes: 'mcp-admin' },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'the token has it in "realm_access.roles"',
      },
      {
        name: 'a scope that it was not granted',
        settings: { scopes: 'mcp:write' },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'Keycloak: make the client scope Default',
      },
    ],
  },
  {
    name: 'Keycloak, realm roles as scopes',
    source: SOURCE,
    issuer: ISSUER,
    metadata: METADATA,
    jwksUri: JWKS_URI,
    header: JWT_HEADER,
    claims: CLAIMS,
    settings: { scopes: 'mcp:tools mcp-admin', scopeClaims: ['scope', 'realm_access.roles'] },
    accepted: { ...ACCEPTED, scopes: [...ACCEPTED.scopes, 'default-roles-mcp', 'mcp-admin'] },
    refused: [
      {
        name: 'roles alone are named, and scope is forgotten',
        settings: { scopeClaims: ['realm_access.roles'] },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'the token has it in "scope"',
      },
      {
        name: 'a path that ends too early',
        settings: { scopeClaims: ['scope', 'realm_access'] },
        code: 'ERR_TOKEN_CLAIM',
        hint: undefined,
      },
    ],
  },
  {
    name: 'Keycloak, client with at+jwt switched on',
    source: SOURCE,
    issuer: ISSUER,
    metadata: METADATA,
    jwksUri: JWKS_URI,
    header: AT_JWT_HEADER,
    claims: CLAIMS,
    settings: { requireType: true },
    accepted: ACCEPTED,
    refused: [],
  },
  {
    name: 'Keycloak, lightweight token, introspected',
    source: SOURCE,
    issuer: ISSUER,
    metadata: METADATA,
    jwksUri: JWKS_URI,
    header: JWT_HEADER,
    claims: { ...CLAIMS, ...LIGHTWEIGHT },
    answer: { active: true, ...CLAIMS, client_id: 'mcp-client', token_type: 'Bearer' },
    settings: { validation: 'introspection', clientId: RESOURCE, scopes: 'mcp:tools' },
    accepted: ACCEPTED,
    refused: [
      {
        name: 'asked by a client that is not in aud',
        answer: { active: false },
        code: 'ERR_TOKEN_INACTIVE',
        hint: 'Keycloak: since 26.6.2 a token is also not active if its aud lacks the client',
      },
      {
        name: 'a refresh token that it calls active',
        answer: {
          active: true,
          ...CLAIMS,
          typ: 'Refresh',
          token_type: 'Refresh',
        },
        code: 'ERR_TOKEN_TYPE',
        hint: 'Keycloak: send the access_token',
      },
      {
        name: 'an ID token that it calls active',
        answer: { active: true, ...CLAIMS, typ: 'ID' },
        code: 'ERR_TOKEN_TYPE',
        hint: 'Keycloak: send the access_token',
      },
      {
        name: 'an opaque token of somebody else',
        ...OPAQUE,
        token: 'somebody-elses-opaque-token',
        answer: { active: false },
        code: 'ERR_TOKEN_INACTIVE',
        hint: 'Keycloak: ',
      },
    ],
  },
]
