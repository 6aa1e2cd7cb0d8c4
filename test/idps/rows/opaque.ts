/** Providers whose access tokens are opaque, by default or always. */
import { RESOURCE } from '../../support/idp.js'
import { AT_JWT_HEADER, OPAQUE, SIBLING, without, type Row } from '../row.js'

const AUTHELIA = 'https://auth.example.com'
const AUTHELIA_SUBJECT = '6f1f1c4e-7f0c-4a52-8a0e-1d1a3f0b7a55'
const AUTHELIA_ENDPOINTS = {
  introspection_endpoint: `${AUTHELIA}/api/oidc/introspection`,
  code_challenge_methods_supported: ['S256'],
}
/** 43 characters, a dot, 43 characters. */
const RANDOM = `${'Zx8kq2mV7'.repeat(5).slice(0, 43)}.${'Pw3nR6tY1'.repeat(5).slice(0, 43)}`
const ANSWER_437 = {
  active: true,
  aud: [RESOURCE, 'mcp'],
  client_id: 'mcp',
  scope: 'openid offline_access profile groups',
  sub: AUTHELIA_SUBJECT,
  username: 'alice',
}
const ANSWER_439 = { ...ANSWER_437, aud: [RESOURCE], scope: 'offline_access mcp:tools' }

const ZITADEL = 'https://instance-1.zitadel.cloud'
const ZITADEL_CLAIMS = {
  sub: '276789411364896769',
  aud: ['276789515123458049', '276789483087364097'],
  client_id: '276789515123458049',
  jti: 'V2_276790000000000001-at_276790000000000002',
  'urn:zitadel:iam:org:project:roles': { reader: { '276789411364896700': 'acme.example.com' } },
}

const ORY = 'https://project-1.projects.oryapis.com'
const ORY_CLAIMS = {
  aud: [RESOURCE],
  client_id: '5cb9aab8-5d5c-4a63-8a6b-0e6a4a9a0a11',
  ext: {},
  jti: '3b6e8d3a-9e9b-4a1f-b6a0-7d6c0a1f2b33',
  nbf: 0,
  scp: ['offline_access', 'mcp:tools'],
  sub: 'user-1',
}

export const OPAQUE_BY_DEFAULT: readonly Row[] = [
  {
    name: 'Authelia 4.37',
    source: 'Authelia 4.37.5 itself: what it answered when it was run (2026-11-23)',
    issuer: AUTHELIA,
    metadata: AUTHELIA_ENDPOINTS,
    jwksUri: `${AUTHELIA}/jwks.json`,
    ...OPAQUE,
    token: `authelia_at_${RANDOM}`,
    answer: ANSWER_437,
    // It knows no scopes but those of OpenID Connect.
    settings: { clientId: 'mcp-rs', tokenPrefix: 'authelia_at_', scopes: 'groups' },
    accepted: {
      scopes: ['openid', 'offline_access', 'profile', 'groups'],
      clientId: 'mcp',
      subject: AUTHELIA_SUBJECT,
    },
    refused: [
      {
        name: 'nobody is asked',
        settings: { clientId: undefined, tokenPrefix: undefined },
        code: 'ERR_TOKEN_OPAQUE',
        hint: 'Authelia: its access tokens are opaque',
      },
      {
        name: 'its refresh token, which it would call active',
        token: `authelia_rt_${RANDOM}`,
        code: 'ERR_TOKEN_OPAQUE',
        hint: 'Authelia: send the access token',
      },
      {
        name: 'its refresh token with the prefix cut off',
        token: RANDOM,
        code: 'ERR_TOKEN_OPAQUE',
        hint: 'if --oauth-token-prefix is set, the access token must begin with it',
      },
      {
        name: 'the prefix of another product',
        settings: { tokenPrefix: 'ory_at_' },
        code: 'ERR_TOKEN_OPAQUE',
        hint: 'Authelia: ',
      },
      {
        name: 'resource was sent, which it ignores: only the client id in aud',
        answer: { ...ANSWER_437, aud: ['mcp'] },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Authelia: list the resource URL as audience of the client',
      },
      {
        name: 'client credentials: no aud',
        answer: { active: true, client_id: 'mcp', scope: 'groups' },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Authelia: ',
      },
      {
        name: 'revoked',
        answer: { active: false },
        code: 'ERR_TOKEN_INACTIVE',
        hint: undefined,
      },
      {
        name: 'a scope that it cannot have',
        settings: { scopes: 'mcp:tools' },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'Authelia: list the scope',
      },
    ],
  },
  {
    name: 'Authelia 4.37, the client id as audience',
    source: 'as above: what a client gets that asks for no audience',
    issuer: AUTHELIA,
    metadata: AUTHELIA_ENDPOINTS,
    ...OPAQUE,
    token: `authelia_at_${RANDOM}`,
    answer: { ...ANSWER_437, aud: ['mcp'] },
    settings: { clientId: 'mcp-rs', tokenPrefix: 'authelia_at_', audience: 'mcp' },
    accepted: {
      scopes: ['openid', 'offline_access', 'profile', 'groups'],
      clientId: 'mcp',
      subject: AUTHELIA_SUBJECT,
    },
    refused: [],
  },
  {
    name: 'Authelia 4.39',
    source: 'source of Authelia 4.39.20, not run: custom scopes, aud as granted',
    issuer: AUTHELIA,
    metadata: AUTHELIA_ENDPOINTS,
    ...OPAQUE,
    token: `authelia_at_${RANDOM}`,
    answer: ANSWER_439,
    settings: { clientId: 'mcp-rs', tokenPrefix: 'authelia_at_', scopes: 'mcp:tools' },
    accepted: {
      scopes: ['offline_access', 'mcp:tools'],
      clientId: 'mcp',
      subject: AUTHELIA_SUBJECT,
    },
    refused: [
      {
        name: 'requested_audience_mode: explicit, and nothing was asked for',
        answer: { ...ANSWER_439, aud: undefined },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'requested_audience_mode: implicit',
      },
    ],
  },
  {
    name: 'Authelia 4.39, JWT',
    source: 'source of Authelia 4.39.20, not run: access_token_signed_response_alg: RS256',
    issuer: AUTHELIA,
    metadata: AUTHELIA_ENDPOINTS,
    jwksUri: `${AUTHELIA}/jwks.json`,
    header: AT_JWT_HEADER,
    claims: {
      aud: [RESOURCE],
      client_id: 'mcp',
      jti: '8a2f3a4e-4f0e-4f3a-9d37-2a1f6f1e0b11',
      nbf: 0,
      scp: ['offline_access', 'mcp:tools'],
      sub: AUTHELIA_SUBJECT,
    },
    settings: { scopes: 'mcp:tools', requireType: true },
    accepted: {
      scopes: ['offline_access', 'mcp:tools'],
      clientId: 'mcp',
      subject: AUTHELIA_SUBJECT,
    },
    refused: [
      {
        name: 'no audience granted: an empty list',
        claims: { aud: [] },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'let the identity provider put the resource URL into aud',
      },
      {
        name: 'only scope is read',
        settings: { scopeClaims: ['scope'] },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'the token has it in "scp"',
      },
      {
        name: 'the opaque token of another client',
        token: `authelia_at_${RANDOM}`,
        code: 'ERR_TOKEN_OPAQUE',
        hint: 'Authelia: its access tokens are opaque, unless',
      },
    ],
  },
  {
    name: 'Zitadel, JWT',
    source: 'idps-and-clients §1.4 and the page "Claims in ZITADEL"; not run',
    issuer: ZITADEL,
    metadata: { introspection_endpoint: `${ZITADEL}/oauth/v2/introspect` },
    jwksUri: `${ZITADEL}/oauth/v2/keys`,
    header: { alg: 'RS256', typ: 'JWT' },
    claims: ZITADEL_CLAIMS,
    settings: { audience: '276789483087364097' },
    accepted: { scopes: [], clientId: '276789515123458049', subject: '276789411364896769' },
    refused: [
      {
        name: '--oauth-audience is missing',
        settings: { audience: undefined },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Zitadel: aud holds ids of clients and projects',
      },
      {
        name: 'a client that registered itself: it belongs to the project ZITADEL DCR',
        claims: { aud: ['340396026519785524', '340396026519785500'] },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Zitadel: aud holds ids of clients and projects',
      },
      {
        name: 'the roles as scopes: they are an object',
        settings: { scopes: 'reader', scopeClaims: ['urn:zitadel:iam:org:project:roles'] },
        code: 'ERR_TOKEN_CLAIM',
        hint: 'Zitadel: roles are an object',
      },
      {
        name: 'a scope of our own',
        settings: { scopes: 'mcp:tools' },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'Zitadel: it does not support custom scopes',
      },
      {
        name: 'the application still issues opaque tokens',
        token: 'VjVxyCZmRmWYqd3_F5db9Pb9mHR5fqzhn',
        code: 'ERR_TOKEN_OPAQUE',
        hint: 'Zitadel: set Auth Token Type of the application to JWT',
      },
    ],
  },
  {
    name: 'Zitadel, opaque',
    source: 'idps-and-clients §1.4 and the page "Token Introspection"; not run',
    issuer: ZITADEL,
    metadata: { introspection_endpoint: `${ZITADEL}/oauth/v2/introspect` },
    ...OPAQUE,
    token: 'VjVxyCZmRmWYqd3_F5db9Pb9mHR5fqzhn',
    answer: {
      active: true,
      iss: ZITADEL,
      token_type: 'Bearer',
      scope: 'openid profile',
      username: 'alice',
      ...ZITADEL_CLAIMS,
    },
    settings: { audience: '276789483087364097', clientId: 'api-app' },
    accepted: {
      scopes: ['openid', 'profile'],
      clientId: '276789515123458049',
      subject: '276789411364896769',
    },
    refused: [
      {
        name: 'nobody is asked',
        settings: { clientId: undefined },
        code: 'ERR_TOKEN_OPAQUE',
        hint: 'use introspection with an API application',
      },
      {
        name: '--oauth-audience is missing',
        settings: { audience: undefined },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Zitadel: ',
      },
    ],
  },
  {
    name: 'Ory, JWT',
    source: 'idps-and-clients §1.4: strategies.access_token: jwt; not run',
    issuer: ORY,
    metadata: { code_challenge_methods_supported: ['plain', 'S256'] },
    jwksUri: `${ORY}/.well-known/jwks.json`,
    header: { alg: 'RS256', typ: 'JWT' },
    claims: ORY_CLAIMS,
    settings: { scopes: 'mcp:tools' },
    accepted: {
      scopes: ['offline_access', 'mcp:tools'],
      clientId: ORY_CLAIMS.client_id,
      subject: 'user-1',
    },
    refused: [
      {
        name: 'audience was not granted at consent',
        claims: { aud: [] },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Ory: aud is empty unless',
      },
      {
        name: 'the strategy is opaque',
        token: `ory_at_${RANDOM}`,
        code: 'ERR_TOKEN_OPAQUE',
        hint: 'Ory: set strategies.access_token to jwt',
      },
      {
        name: 'its refresh token',
        token: `ory_rt_${RANDOM}`,
        code: 'ERR_TOKEN_OPAQUE',
        hint: 'Ory: send the access token',
      },
      {
        name: 'the issuer with a slash, as many write it',
        issuer: `${ORY}/`,
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: 'last slash',
      },
    ],
  },
  {
    name: 'Ory, opaque',
    source: 'idps-and-clients §1.4: introspection at the admin port; not run',
    issuer: ORY,
    ...OPAQUE,
    token: `ory_at_${RANDOM}`,
    answer: {
      active: true,
      iss: ORY,
      scope: 'offline_access mcp:tools',
      token_type: 'Bearer',
      token_use: 'access_token',
      ...ORY_CLAIMS,
      ...without('scp', 'jti'),
    },
    settings: {
      clientId: 'rs',
      tokenPrefix: 'ory_at_',
      introspectionUrl: 'http://127.0.0.1:4445/admin/oauth2/introspect',
      scopes: 'mcp:tools',
    },
    accepted: {
      scopes: ['offline_access', 'mcp:tools'],
      clientId: ORY_CLAIMS.client_id,
      subject: 'user-1',
    },
    refused: [
      {
        name: 'its refresh token, which it calls active',
        answer: {
          active: true,
          token_use: 'refresh_token',
          aud: [RESOURCE],
          scope: 'mcp:tools',
        },
        code: 'ERR_TOKEN_TYPE',
        hint: 'send the access token',
      },
      {
        name: 'the audience of another server',
        answer: { active: true, aud: [SIBLING], scope: 'mcp:tools' },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Ory: ',
      },
    ],
  },
  {
    name: 'Google',
    source: 'idps-and-clients §1.4: opaque, and nobody else may ask about them',
    issuer: 'https://accounts.google.com',
    jwksUri: 'https://www.googleapis.com/oauth2/v3/certs',
    metadata: { code_challenge_methods_supported: ['plain', 'S256'] },
    ...OPAQUE,
    token: 'ya29.a0AfB_byExample0123456789abcdefghijklmnopqrstuvwxyz',
    accepted: 'never',
    refused: [
      {
        name: 'its access token',
        code: 'ERR_TOKEN_OPAQUE',
        hint: 'Google: its tokens are for Google APIs',
      },
      {
        name: 'its ID token',
        header: { alg: 'RS256', typ: 'JWT' },
        claims: {
          azp: '1234.apps.googleusercontent.com',
          aud: '1234.apps.googleusercontent.com',
          sub: '110169484474386276334',
          at_hash: 'HK6E_P6Dh8Y93mRNtsDB1Q',
        },
        token: undefined,
        settings: { audience: '1234.apps.googleusercontent.com' },
        code: 'ERR_TOKEN_TYPE',
        hint: 'Google: ',
      },
      {
        name: 'its ID token for another client',
        header: { alg: 'RS256', typ: 'JWT' },
        claims: { aud: '1234.apps.googleusercontent.com', sub: '110169484474386276334' },
        token: undefined,
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Google: ',
      },
    ],
  },
]
