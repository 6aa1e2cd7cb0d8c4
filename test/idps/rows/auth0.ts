import { RESOURCE } from '../../support/idp.js'
import { AT_JWT_HEADER, jwe, JWT_HEADER, SIBLING, without, type Row } from '../row.js'

const ISSUER = 'https://tenant.us.auth0.com/'
const CUSTOM_DOMAIN = 'https://login.example.com/'
const SOURCE =
  "Auth0's documentation, Access Token Profiles and Security Controls for Third-Party Applications (docs-v2 of 2026-08-20); no tenant was asked"

const USER = 'auth0|6553da60a54af58e29493993'
const CLIENT = 'awZfdIir8YFdGZWkvCejDoUb7SjTDicx'

/** The Auth0 profile (dialect `access_token`): `azp`, and no `jti`. */
const DEFAULT_CLAIMS = {
  sub: USER,
  aud: [RESOURCE, `${ISSUER}userinfo`],
  azp: CLIENT,
  scope: 'openid profile mcp:tools',
}
/** Dialect `rfc9068_profile`: `client_id` and `jti`. */
const RFC_9068_CLAIMS = {
  sub: USER,
  aud: [RESOURCE, `${ISSUER}userinfo`],
  client_id: CLIENT,
  jti: '73WakrfVbNJBaAmhQtEeDv',
  scope: 'openid profile mcp:tools',
}
const METADATA = { code_challenge_methods_supported: ['S256', 'plain'] }
const JWKS_URI = `${ISSUER}.well-known/jwks.json`

const ACCEPTED = {
  scopes: ['openid', 'profile', 'mcp:tools'],
  clientId: CLIENT,
  subject: USER,
}
const NO_API = 'Auth0: a token without an API works only at /userinfo'

export const AUTH0: readonly Row[] = [
  {
    name: 'Auth0, default dialect',
    source: SOURCE,
    issuer: ISSUER,
    metadata: METADATA,
    jwksUri: JWKS_URI,
    header: JWT_HEADER,
    claims: DEFAULT_CLAIMS,
    settings: { scopes: 'mcp:tools' },
    accepted: ACCEPTED,
    refused: [
      {
        name: 'the issuer without its slash',
        issuer: ISSUER.slice(0, -1),
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: 'last slash',
      },
      {
        name: 'the API of another server',
        claims: { aud: [SIBLING, `${ISSUER}userinfo`] },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Auth0: make the identifier of the API exactly the resource URL',
      },
      {
        name: 'an API whose identifier has a slash more',
        claims: { aud: `${RESOURCE}/` },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'they differ in the last slash',
      },
      {
        name: '/userinfo alone',
        claims: { aud: `${ISSUER}userinfo` },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Auth0: ',
      },
      {
        name: 'no API was asked for: encrypted',
        token: jwe(ISSUER),
        code: 'ERR_TOKEN_ENCRYPTED',
        hint: NO_API,
      },
      {
        name: 'no API was asked for: opaque',
        token: 'zKOZ4Yk7vTnHqkJ3M2wDnXJ1gVbW8a5s',
        code: 'ERR_TOKEN_OPAQUE',
        hint: NO_API,
      },
      {
        name: 'its ID token',
        claims: { aud: CLIENT, nonce: 'n', ...without('azp', 'scope') },
        code: 'ERR_TOKEN_TYPE',
        hint: 'send the access token, not the ID token',
      },
      {
        name: 'its ID token, without nonce',
        claims: { aud: CLIENT, ...without('azp', 'scope') },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Auth0: ',
      },
      {
        name: '--oauth-require-type with this dialect',
        settings: { requireType: true },
        code: 'ERR_TOKEN_TYPE',
        hint: 'Auth0: choose the token profile RFC 9068',
      },
      {
        name: 'an API that signs with a shared secret',
        header: { alg: 'HS256' },
        code: 'ERR_TOKEN_ALGORITHM',
        hint: 'Auth0: choose an asymmetric Signing Algorithm',
      },
      {
        name: 'a scope that it dropped silently',
        claims: { scope: 'openid profile' },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'Auth0: it silently drops scopes that it does not grant',
      },
      {
        name: 'the custom domain is configured, and the login took place at the other',
        issuer: CUSTOM_DOMAIN,
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: 'Auth0: iss is the domain where the login took place',
      },
    ],
  },
  {
    name: 'Auth0, RFC 9068 dialect',
    source: SOURCE,
    issuer: ISSUER,
    metadata: METADATA,
    jwksUri: JWKS_URI,
    header: AT_JWT_HEADER,
    claims: RFC_9068_CLAIMS,
    settings: { scopes: 'mcp:tools', requireType: true },
    accepted: ACCEPTED,
    refused: [
      {
        name: 'bound to a certificate',
        claims: { cnf: { 'x5t#S256': 'x' } },
        code: 'ERR_TOKEN_BOUND',
        hint: 'plain bearer tokens',
      },
      {
        name: 'an API of the default dialect beside it',
        header: { typ: 'JWT' },
        code: 'ERR_TOKEN_TYPE',
        hint: 'Auth0: choose the token profile RFC 9068',
      },
    ],
  },
  {
    name: 'Auth0, default dialect with permissions (RBAC)',
    source: SOURCE,
    issuer: ISSUER,
    metadata: METADATA,
    jwksUri: JWKS_URI,
    header: JWT_HEADER,
    claims: { ...DEFAULT_CLAIMS, permissions: ['mcp:tools', 'mcp:admin'] },
    settings: { scopes: 'mcp:admin', scopeClaims: ['scope', 'permissions'] },
    accepted: { ...ACCEPTED, scopes: [...ACCEPTED.scopes, 'mcp:admin'] },
    refused: [
      {
        name: '--oauth-scope-claim is missing',
        settings: { scopeClaims: undefined },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'the token has it in "permissions"',
      },
      {
        name: 'a user without the role',
        claims: { permissions: ['mcp:tools'] },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'with RBAC, a user gets the permissions of their roles',
      },
    ],
  },
  {
    name: 'Auth0, RFC 9068 dialect with permissions, a client that registered itself',
    source: SOURCE,
    issuer: ISSUER,
    metadata: METADATA,
    jwksUri: JWKS_URI,
    header: AT_JWT_HEADER,
    claims: {
      ...RFC_9068_CLAIMS,
      // No OpenID scopes for third-party applications, and so no /userinfo.
      aud: RESOURCE,
      scope: 'mcp:tools offline_access',
      client_id: 'tpc_8SXWY6j3afl2CP5ntwEOpMdPxxy49Gt2',
      permissions: ['mcp:tools'],
    },
    settings: { scopes: 'mcp:tools', scopeClaims: ['scope', 'permissions'] },
    accepted: {
      scopes: ['mcp:tools', 'offline_access'],
      clientId: 'tpc_8SXWY6j3afl2CP5ntwEOpMdPxxy49Gt2',
      subject: USER,
    },
    refused: [],
  },
  {
    name: 'Auth0, at a custom domain',
    source: SOURCE,
    issuer: CUSTOM_DOMAIN,
    metadata: METADATA,
    jwksUri: `${CUSTOM_DOMAIN}.well-known/jwks.json`,
    header: JWT_HEADER,
    claims: { ...DEFAULT_CLAIMS, aud: [RESOURCE, `${CUSTOM_DOMAIN}userinfo`] },
    settings: { scopes: 'mcp:tools' },
    accepted: ACCEPTED,
    refused: [
      {
        name: 'the API of another server',
        claims: { aud: [SIBLING, `${CUSTOM_DOMAIN}userinfo`] },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Auth0: make the identifier of the API',
      },
      {
        name: 'a client that registered itself, and another API',
        claims: { aud: SIBLING, azp: 'tpc_8SXWY6j3afl2CP5ntwEOpMdPxxy49Gt2' },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Auth0: make the identifier of the API',
      },
      {
        name: 'the tenant is configured, and the login took place at the custom domain',
        issuer: ISSUER,
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: 'Auth0: iss is the domain',
      },
    ],
  },
]
