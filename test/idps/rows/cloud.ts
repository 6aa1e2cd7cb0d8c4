/** Services whose access tokens are JWTs in shapes of their own. */
import { RESOURCE } from '../../support/idp.js'
import { AT_JWT_HEADER, JWT_HEADER, SIBLING, without, type Row } from '../row.js'

const TENANT = '9f2b6d1e-6a0f-4a3c-8d2e-3b1a5c7d9e10'
const ENTRA_V2 = `https://login.microsoftonline.com/${TENANT}/v2.0`
const ENTRA_V1 = `https://sts.windows.net/${TENANT}/`
const ENTRA_APP = '1b7e2a9c-4d5f-4c1e-9a77-2f6d8e0c3b41'
const ENTRA_CLIENT = '7c0d3e52-90ab-4f6d-8e21-5a4b6c8d0f93'
const ENTRA_USER = {
  oid: '55d1f0a4-1c3e-4b8a-9f64-0a7b2c5d8e19',
  sub: 'Zk3v0cB1hQyD8mS6nT2wXr4uJ9pL5gF7aE0iK1oM2qN',
  tid: TENANT,
  uti: 'h2Yx0aJkV0m1Qb3cD4eFAA',
}
const ENTRA_METADATA = { response_types_supported: ['code'] }
const ENTRA_JWKS = `https://login.microsoftonline.com/${TENANT}/discovery/v2.0/keys`
const VERSIONS = 'Entra: v1 tokens are issued by sts.windows.net'

const OKTA = 'https://acme.okta.com/oauth2/aus1example2'
const OKTA_CLAIMS = {
  ver: 1,
  jti: 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE',
  aud: RESOURCE,
  cid: '0oa1example2client3',
  uid: '00u1example2user3',
  scp: ['mcp:tools', 'offline_access'],
  auth_time: 0,
  sub: 'alice@example.com',
}

const COGNITO = 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ex4mPl3ab'
const COGNITO_CLIENT = '7example8client9id0'
const COGNITO_CLAIMS = {
  sub: 'a3c4e8f2-0b1d-4c5e-9f60-7a8b9c0d1e2f',
  'cognito:groups': ['editors'],
  client_id: COGNITO_CLIENT,
  token_use: 'access',
  scope: 'mcp-server/tools openid',
  auth_time: 0,
  jti: 'd1e2f3a4-b5c6-4d7e-8f90-1a2b3c4d5e6f',
  username: 'alice',
  version: 2,
}
const COGNITO_ACCEPTED = {
  scopes: ['mcp-server/tools', 'openid'],
  clientId: COGNITO_CLIENT,
  subject: COGNITO_CLAIMS.sub,
}
const NO_AUD = 'Cognito: its access tokens have no aud unless the client sends resource'

export const CLOUD: readonly Row[] = [
  {
    name: 'Entra, v2 token',
    source: 'idps-and-clients §1.4: aud is the application id, scp a text; not run',
    issuer: ENTRA_V2,
    metadata: ENTRA_METADATA,
    jwksUri: ENTRA_JWKS,
    header: JWT_HEADER,
    claims: {
      ...ENTRA_USER,
      aud: ENTRA_APP,
      azp: ENTRA_CLIENT,
      azpacr: '0',
      scp: 'mcp.read mcp.write',
      ver: '2.0',
    },
    settings: { audience: ENTRA_APP, scopes: 'mcp.read' },
    accepted: {
      scopes: ['mcp.read', 'mcp.write'],
      clientId: ENTRA_CLIENT,
      subject: ENTRA_USER.sub,
    },
    refused: [
      {
        name: '--oauth-audience is missing',
        settings: { audience: undefined },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Entra: aud is the application (client) id in v2 tokens',
      },
      {
        name: 'the Application ID URI, as v1 would have it',
        settings: { audience: `api://${ENTRA_APP}` },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Entra: aud is ',
      },
      {
        name: 'the issuer of v1 is configured',
        issuer: ENTRA_V1,
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: VERSIONS,
      },
      {
        name: 'the issuer of another tenant is configured',
        issuer: ENTRA_V2.replace(TENANT, '00000000-0000-4000-8000-000000000001'),
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: 'Entra: the token is of another tenant',
      },
      {
        name: 'a scope by its full name',
        settings: { scopes: `${RESOURCE}/mcp.read` },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'name "mcp.read" in --oauth-scopes',
      },
      {
        name: 'a scope that is not exposed',
        settings: { scopes: 'mcp.admin' },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'Entra: expose the scope',
      },
      {
        name: 'an application without a user: its permissions are roles',
        settings: { scopes: 'mcp.all' },
        claims: { roles: ['mcp.all'], ...without('scp') },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'the token has it in "roles"',
      },
      {
        name: 'its ID token for the same application',
        claims: { nonce: 'n', ...without('scp', 'azp') },
        code: 'ERR_TOKEN_TYPE',
        hint: 'send the access token, not the ID token',
      },
    ],
  },
  {
    name: 'Entra, v1 token',
    source: 'idps-and-clients §1.4: aud is the Application ID URI, appid; not run',
    issuer: ENTRA_V1,
    metadataUrl: `${ENTRA_V1}.well-known/openid-configuration`,
    metadata: ENTRA_METADATA,
    jwksUri: `https://login.windows.net/${TENANT}/discovery/keys`,
    header: JWT_HEADER,
    claims: {
      ...ENTRA_USER,
      // The Application ID URI may be the https URL of the server.
      aud: RESOURCE,
      appid: ENTRA_CLIENT,
      appidacr: '0',
      scp: 'mcp.read',
      ver: '1.0',
    },
    settings: { scopes: 'mcp.read' },
    accepted: { scopes: ['mcp.read'], clientId: ENTRA_CLIENT, subject: ENTRA_USER.sub },
    refused: [
      {
        name: 'the Application ID URI is api://…',
        claims: { aud: `api://${ENTRA_APP}` },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'the Application ID URI in v1 tokens',
      },
      {
        name: 'the issuer of v2 is configured',
        issuer: ENTRA_V2,
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: VERSIONS,
      },
      {
        name: 'the issuer without its slash',
        issuer: ENTRA_V1.slice(0, -1),
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: 'last slash',
      },
    ],
  },
  {
    name: 'Entra, v2 token of an application without a user',
    source: 'Access token claims reference: roles in place of scp (read 2026-12-01); not run',
    issuer: ENTRA_V2,
    metadata: ENTRA_METADATA,
    jwksUri: ENTRA_JWKS,
    header: JWT_HEADER,
    claims: {
      ...ENTRA_USER,
      sub: ENTRA_USER.oid,
      aud: ENTRA_APP,
      azp: ENTRA_CLIENT,
      azpacr: '1',
      roles: ['mcp.use'],
      ver: '2.0',
    },
    settings: { audience: ENTRA_APP, scopes: 'mcp.use', scopeClaims: ['scp', 'roles'] },
    accepted: { scopes: ['mcp.use'], clientId: ENTRA_CLIENT, subject: ENTRA_USER.oid },
    refused: [
      {
        name: 'roles are not counted by default',
        settings: { scopeClaims: undefined },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'the token has it in "roles"',
      },
      {
        name: 'the role is not assigned',
        claims: without('roles'),
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'Entra: expose the scope',
      },
      {
        name: 'a user in more than 200 groups: none of them counts',
        settings: { scopes: 'admins', scopeClaims: ['groups'] },
        claims: { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'x' } } },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'assign app roles',
      },
      {
        name: 'a token for Microsoft Graph',
        claims: { aud: '00000003-0000-0000-c000-000000000000' },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Entra: aud is the application (client) id',
      },
    ],
  },
  {
    name: 'Entra, v1 token with use_guid',
    source: 'Secure an MCP server with Microsoft Entra ID, of 2026-09-01: aud is the id; not run',
    issuer: ENTRA_V1,
    metadataUrl: `${ENTRA_V1}.well-known/openid-configuration`,
    metadata: ENTRA_METADATA,
    jwksUri: `https://login.windows.net/${TENANT}/discovery/keys`,
    header: JWT_HEADER,
    claims: {
      ...ENTRA_USER,
      aud: ENTRA_APP,
      appid: ENTRA_CLIENT,
      appidacr: '0',
      scp: 'mcp.use',
      ver: '1.0',
    },
    settings: { audience: ENTRA_APP, scopes: 'mcp.use' },
    accepted: { scopes: ['mcp.use'], clientId: ENTRA_CLIENT, subject: ENTRA_USER.sub },
    refused: [
      {
        name: 'without use_guid: any Application ID URI, with a slash',
        claims: { aud: `${RESOURCE}/` },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Entra: aud is ',
      },
    ],
  },
  {
    name: 'Okta, custom authorization server',
    source: 'idps-and-clients §1.4: scp a list, cid, uid; not run',
    issuer: OKTA,
    metadata: { introspection_endpoint: `${OKTA}/v1/introspect` },
    jwksUri: `${OKTA}/v1/keys`,
    header: { alg: 'RS256' },
    claims: OKTA_CLAIMS,
    settings: { scopes: 'mcp:tools' },
    accepted: {
      scopes: ['mcp:tools', 'offline_access'],
      clientId: '0oa1example2client3',
      subject: 'alice@example.com',
    },
    refused: [
      {
        name: 'the Audience as it is preset',
        claims: { aud: 'api://default' },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Okta: aud is the Audience of the authorization server',
      },
      {
        name: 'the client logged in at the org',
        claims: { iss: 'https://acme.okta.com', aud: 'https://acme.okta.com' },
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: 'Okta: each authorization server has its own issuer',
      },
      {
        name: 'another org',
        claims: { iss: 'https://other.okta.com/oauth2/aus1example2' },
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: undefined,
      },
      {
        name: 'the policy did not grant the scope',
        claims: { scp: ['offline_access'] },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'Okta: add the scope to the authorization server',
      },
      {
        name: 'its ID token',
        claims: { aud: '0oa1example2client3', at_hash: 'x', ...without('cid', 'scp') },
        code: 'ERR_TOKEN_TYPE',
        hint: 'send the access token, not the ID token',
      },
    ],
  },
  {
    name: 'Okta, custom domain',
    source: 'idps-and-clients §1.4, under a host name of its owner; not run',
    issuer: 'https://id.acme.example.com/oauth2/default',
    header: { alg: 'RS256' },
    claims: { ...OKTA_CLAIMS, aud: 'api://default' },
    settings: { audience: 'api://default', scopes: 'mcp:tools' },
    accepted: {
      scopes: ['mcp:tools', 'offline_access'],
      clientId: '0oa1example2client3',
      subject: 'alice@example.com',
    },
    refused: [
      {
        name: '--oauth-audience is missing',
        settings: { audience: undefined },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Okta: aud is the Audience',
      },
    ],
  },
  {
    name: 'Cognito, with resource (Essentials, Plus)',
    source: 'idps-and-clients §1.4: managed login puts resource into aud; not run',
    issuer: COGNITO,
    jwksUri: `${COGNITO}/.well-known/jwks.json`,
    header: { alg: 'RS256' },
    claims: { ...COGNITO_CLAIMS, aud: RESOURCE },
    settings: { scopes: 'mcp-server/tools' },
    accepted: COGNITO_ACCEPTED,
    refused: [
      {
        name: 'the client sent no resource',
        claims: without('aud'),
        code: 'ERR_TOKEN_AUDIENCE',
        hint: NO_AUD,
      },
      {
        name: 'the resource of another server',
        claims: { aud: SIBLING },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Cognito: ',
      },
      {
        name: 'the scope without its resource server',
        settings: { scopes: 'tools' },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'Cognito: scopes are called RESOURCE-SERVER-ID/NAME',
      },
    ],
  },
  {
    name: 'Cognito, without resource (Lite)',
    source: 'idps-and-clients §1.4: no aud, client_id, token_use; not run',
    issuer: COGNITO,
    jwksUri: `${COGNITO}/.well-known/jwks.json`,
    header: { alg: 'RS256' },
    claims: COGNITO_CLAIMS,
    settings: {
      audienceClaim: 'client_id',
      audience: COGNITO_CLIENT,
      scopes: 'mcp-server/tools',
    },
    accepted: COGNITO_ACCEPTED,
    refused: [
      {
        name: '--oauth-audience-claim is missing',
        settings: { audienceClaim: undefined },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: '--oauth-audience-claim client_id',
      },
      {
        name: 'azp instead of client_id',
        settings: { audienceClaim: 'azp' },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: '--oauth-audience-claim client_id',
      },
      {
        name: 'another app client',
        claims: { client_id: 'another' },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'the ids of the app clients as --oauth-audience',
      },
      {
        name: 'a token for the scopes of another server',
        claims: { scope: 'other-server/tools' },
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'Cognito: scopes',
      },
      {
        name: 'its ID token',
        claims: { token_use: 'id', aud: COGNITO_CLIENT, at_hash: 'x' },
        code: 'ERR_TOKEN_TYPE',
        hint: 'Cognito: send the access token',
      },
      {
        name: 'its ID token, without at_hash',
        claims: { token_use: 'id', aud: COGNITO_CLIENT },
        code: 'ERR_TOKEN_TYPE',
        hint: 'not the ID token (token_use "id")',
      },
    ],
  },
  {
    name: 'WorkOS AuthKit',
    source: 'idps-and-clients §1.4: with an MCP resource indicator; not run',
    issuer: 'https://acme.authkit.app',
    metadataUrl: 'https://acme.authkit.app/.well-known/oauth-authorization-server',
    jwksUri: 'https://acme.authkit.app/oauth2/jwks',
    header: JWT_HEADER,
    claims: {
      aud: RESOURCE,
      sub: 'user_01EXAMPLE',
      sid: 'app_consent_01EXAMPLE',
      jti: '01EXAMPLEJTI',
      scope: 'offline_access mcp:tools',
    },
    settings: { scopes: 'mcp:tools' },
    accepted: {
      scopes: ['offline_access', 'mcp:tools'],
      clientId: undefined,
      subject: 'user_01EXAMPLE',
    },
    refused: [
      {
        name: 'no resource indicator is registered',
        claims: { aud: 'client_01EXAMPLEENVIRONMENT' },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'WorkOS: register the resource URL as MCP resource indicator',
      },
    ],
  },
  {
    name: 'Descope, MCP server',
    source: 'idps-and-clients §1.4: keys of the project, not of the issuer; not run',
    issuer: 'https://api.descope.com/v1/apps/agentic/P2example/MS2example',
    jwksUri: 'https://api.descope.com/P2example/.well-known/jwks.json',
    header: JWT_HEADER,
    claims: {
      aud: [RESOURCE],
      azp: 'TPA2example',
      sub: 'U2example',
      scope: 'mcp:tools',
      amr: ['email'],
    },
    settings: { scopes: 'mcp:tools' },
    accepted: { scopes: ['mcp:tools'], clientId: 'TPA2example', subject: 'U2example' },
    refused: [
      {
        name: 'no resource was asked for',
        claims: { aud: ['P2example'] },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Descope: aud is the project id unless',
      },
      {
        name: 'a session token of the project',
        claims: { iss: 'https://api.descope.com/P2example' },
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
        hint: undefined,
      },
    ],
  },
  {
    name: 'Supabase',
    source: 'idps-and-clients §1.4: a hook must set aud; not run',
    issuer: 'https://abcdefghijklmnop.supabase.co/auth/v1',
    jwksUri: 'https://abcdefghijklmnop.supabase.co/auth/v1/.well-known/jwks.json',
    header: { alg: 'ES256', typ: 'JWT' },
    claims: {
      aud: RESOURCE,
      sub: '8a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
      client_id: '2c3d4e5f-6a7b-4c8d-9e0f-1a2b3c4d5e6f',
      role: 'authenticated',
      session_id: '3d4e5f6a-7b8c-4d9e-8f1a-2b3c4d5e6f7a',
      is_anonymous: false,
    },
    settings: {},
    accepted: {
      scopes: [],
      clientId: '2c3d4e5f-6a7b-4c8d-9e0f-1a2b3c4d5e6f',
      subject: '8a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
    },
    refused: [
      {
        name: 'without the hook',
        claims: { aud: 'authenticated' },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Supabase: aud is "authenticated" for every client',
      },
      {
        name: 'a project that still has the shared secret',
        header: { alg: 'HS256' },
        code: 'ERR_TOKEN_ALGORITHM',
        hint: 'Supabase: switch from the shared JWT secret',
      },
    ],
  },
  {
    name: 'Logto',
    source: 'idps-and-clients §1.4: at+jwt, ES384, for a registered API resource; not run',
    issuer: 'https://acme.logto.app/oidc',
    jwksUri: 'https://acme.logto.app/oidc/jwks',
    header: { ...AT_JWT_HEADER, alg: 'ES384' },
    claims: {
      aud: RESOURCE,
      sub: 'u1example',
      client_id: 'c1example',
      jti: 'j1example',
      scope: 'mcp:tools',
    },
    settings: { scopes: 'mcp:tools', requireType: true },
    accepted: { scopes: ['mcp:tools'], clientId: 'c1example', subject: 'u1example' },
    refused: [
      {
        name: 'no API resource: opaque',
        token: 'Kx1mN7pQ2rS5tU8vW0xY3zA6bC9dE2fG4hJ7kL0mN',
        code: 'ERR_TOKEN_OPAQUE',
        hint: 'Logto: only tokens for an API resource are JWTs',
      },
      {
        name: 'another API resource',
        claims: { aud: SIBLING },
        code: 'ERR_TOKEN_AUDIENCE',
        hint: 'Logto: make an API resource',
      },
    ],
  },
]
