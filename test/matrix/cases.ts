/**
 * The shared matrix: every case is one request and its one right answer, whatever host it comes through.
 * Layer `kernel` cases hold everywhere; `http` cases need methods, metadata or origins; `middleware` and
 * `gateway` cases are about everything else that the host serves.
 */
import type { TokenSpec } from '../support/idp.js'
import type { Citation } from '../support/verifies.js'

export const ORIGIN = 'https://app.example.com'
const METADATA_URL = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp'

const SCOPE = 'scope="mcp:tools"'
const METADATA = `resource_metadata="${METADATA_URL}"`
const MISSING_CHALLENGE = `Bearer ${METADATA}, ${SCOPE}`
const INVALID_CHALLENGE = `Bearer error="invalid_token", error_description="The access token is not valid here", ${METADATA}, ${SCOPE}`
const EXPIRED_CHALLENGE = `Bearer error="invalid_token", error_description="The access token has expired", ${METADATA}, ${SCOPE}`
const MULTIPLE_CHALLENGE = `Bearer error="invalid_request", error_description="The request must carry exactly one credential", ${METADATA}, ${SCOPE}`

const MISSING_BODY = '{"error":"unauthorized","error_description":"An access token is required"}'
const INVALID_BODY =
  '{"error":"invalid_token","error_description":"The access token is not valid here"}'
const EXPIRED_BODY = '{"error":"invalid_token","error_description":"The access token has expired"}'
const MULTIPLE_BODY =
  '{"error":"invalid_request","error_description":"The request must carry exactly one credential"}'
const SCOPE_BODY =
  '{"error":"insufficient_scope","error_description":"The access token lacks a scope that this request needs"}'

interface Expected {
  readonly status: number
  /** Exact values; `null` for a field that must not be there. */
  readonly headers?: Readonly<Record<string, string | null>>
  readonly body?: string
  /** Whether the handler behind the gate was reached, with or without `auth`. */
  readonly reached: 'no' | 'with auth' | 'without auth'
}

export type Layer = 'kernel' | 'http' | 'middleware' | 'gateway'

export interface Case {
  readonly name: string
  readonly verifies: readonly Citation[]
  readonly layer: Layer
  readonly method?: string
  readonly path?: string
  /** `TOKEN` in a value stands for a token made from `token`. */
  readonly headers?: readonly (readonly [string, string])[]
  readonly token?: TokenSpec
  readonly expected: Expected
}

const BEARER: readonly (readonly [string, string])[] = [['Authorization', 'Bearer TOKEN']]

const missing: Expected = {
  status: 401,
  headers: {
    'www-authenticate': MISSING_CHALLENGE,
    'cache-control': 'no-store',
    'content-type': 'application/json',
  },
  body: MISSING_BODY,
  reached: 'no',
}
const invalid: Expected = {
  status: 401,
  headers: { 'www-authenticate': INVALID_CHALLENGE, 'cache-control': 'no-store' },
  body: INVALID_BODY,
  reached: 'no',
}
const expired: Expected = {
  status: 401,
  headers: { 'www-authenticate': EXPIRED_CHALLENGE, 'cache-control': 'no-store' },
  body: EXPIRED_BODY,
  reached: 'no',
}
const multiple: Expected = {
  status: 400,
  headers: { 'www-authenticate': MULTIPLE_CHALLENGE, 'cache-control': 'no-store' },
  body: MULTIPLE_BODY,
  reached: 'no',
}
const accepted: Expected = {
  status: 200,
  headers: { 'www-authenticate': null },
  reached: 'with auth',
}

function insufficient(scope: string): Expected {
  return {
    status: 403,
    headers: {
      'www-authenticate': `Bearer error="insufficient_scope", error_description="The access token lacks a scope that this request needs", ${METADATA}, scope="${scope}"`,
      'cache-control': 'no-store',
    },
    body: SCOPE_BODY,
    reached: 'no',
  }
}

const METADATA_DOCUMENT =
  '{"resource":"https://mcp.example.com/mcp","authorization_servers":["https://sso.example.com/realms/mcp"],"scopes_supported":["mcp:tools"],"bearer_methods_supported":["header"],"resource_name":"Tools"}'
const metadata: Expected = {
  status: 200,
  headers: {
    'content-type': 'application/json',
    'access-control-allow-origin': '*',
    'cache-control': 'max-age=300',
  },
  body: METADATA_DOCUMENT,
  reached: 'no',
}

/** Requests whose path a router might take for the guarded one. */
const DISGUISED_PATHS = [
  '/mcp/',
  '//mcp',
  '/MCP',
  '/%6dcp',
  '/%256dcp',
  '/mcp/sse',
  '/mcp/.well-known/openid-configuration',
  '/mcp?x=1',
  '/mcp;a=b',
  '/health/../mcp',
  '/health/%2e%2e/mcp',
  '/mcp%3f',
  '/mcp%3Fx=1',
  '/mcp%23',
  '/mcp%2523x/y',
  '/m%09cp',
  '/%0am%0dcp',
  '/m%2509cp',
  '/mcp%20',
]

export const CASES: readonly Case[] = [
  // Credentials
  {
    name: 'no credentials',
    verifies: ['CHL-01', 'CHL-12', 'CHL-02', 'CHL-03', 'CHL-04', 'CHL-05', 'CHL-14', 'CASE-37'],
    layer: 'kernel',
    expected: missing,
  },
  ...['GET', 'DELETE', 'PUT', 'HEAD'].map((method): Case => ({
    name: `no credentials with ${method}`,
    verifies: ['CHL-01', 'TOK-04', 'CASE-69'],
    layer: 'http',
    method,
    expected: method === 'HEAD' ? { ...missing, body: '' } : missing,
  })),
  {
    name: 'an empty Authorization field',
    verifies: ['CHL-05'],
    layer: 'kernel',
    headers: [['Authorization', '']],
    expected: missing,
  },
  ...[
    'Basic dXNlcjpwYXNz',
    'DPoP TOKEN',
    'Digest username="a", realm="b"',
    'Bearerx TOKEN',
    'TOKEN',
  ].map((value): Case => ({
    name: `another scheme: ${value}`,
    verifies: ['CHL-05', 'CASE-68'],
    layer: 'kernel',
    headers: [['Authorization', value]],
    expected: missing,
  })),
  ...[
    'Bearer',
    'Bearer ',
    'Bearer a b',
    'Bearer a,b',
    'Bearer "TOKEN"',
    'Bearer a=b',
    'Bearer {}',
    'Bearer ==',
  ].map((value): Case => ({
    name: `no token after the scheme, or no token's characters: ${JSON.stringify(value)}`,
    verifies: ['TOK-01', 'CHL-06'],
    layer: 'kernel',
    headers: [['Authorization', value]],
    expected: invalid,
  })),
  ...['bearer TOKEN', 'BEARER TOKEN', 'Bearer   TOKEN', 'Bearer TOKEN '].map((value): Case => ({
    name: `the scheme as clients write it: ${JSON.stringify(value)}`,
    verifies: ['TOK-01', 'CASE-68'],
    layer: 'kernel',
    headers: [['Authorization', value]],
    expected: accepted,
  })),
  {
    name: 'two Authorization fields',
    verifies: ['CHL-08', 'CASE-68'],
    layer: 'kernel',
    headers: [
      ['Authorization', 'Bearer TOKEN'],
      ['Authorization', 'Bearer TOKEN'],
    ],
    expected: multiple,
  },
  {
    name: 'two Authorization fields, the second of another scheme',
    verifies: ['CHL-08'],
    layer: 'kernel',
    headers: [
      ['authorization', 'Bearer TOKEN'],
      ['AUTHORIZATION', 'Basic dXNlcjpwYXNz'],
    ],
    expected: multiple,
  },
  {
    name: 'two Authorization fields, the first of another scheme',
    verifies: ['CHL-08'],
    layer: 'kernel',
    headers: [
      ['Authorization', 'Basic dXNlcjpwYXNz'],
      ['Authorization', 'Bearer TOKEN'],
    ],
    expected: multiple,
  },
  ...[
    'Bearer TOKEN, Bearer TOKEN',
    'Bearer TOKEN,Bearer TOKEN',
    'Bearer TOKEN, Basic eA==',
    'Basic eA==, Bearer TOKEN',
  ].map((value): Case => ({
    name: `two credentials in one field: ${value}`,
    verifies: ['CHL-08', 'CASE-68'],
    layer: 'kernel',
    headers: [['Authorization', value]],
    expected: multiple,
  })),
  {
    name: 'a valid token in the query only',
    verifies: ['TOK-02'],
    layer: 'http',
    path: '/mcp?access_token=TOKEN',
    expected: missing,
  },
  {
    name: 'a form body announces a token',
    verifies: ['TOK-03'],
    layer: 'http',
    headers: [['Content-Type', 'application/x-www-form-urlencoded']],
    expected: missing,
  },
  {
    name: 'a session id without a token',
    verifies: ['TOK-04', 'STA-01'],
    layer: 'http',
    headers: [['Mcp-Session-Id', 'session-1']],
    expected: missing,
  },

  // Tokens: one of each class; test/forged has the long list.
  {
    name: 'a valid token',
    verifies: ['TOK-01', 'JWT-06'],
    layer: 'kernel',
    headers: BEARER,
    expected: accepted,
  },
  {
    name: 'a valid token with POST, query and a stream to resume',
    verifies: ['TOK-04'],
    layer: 'http',
    method: 'POST',
    path: '/mcp?x=1',
    headers: [...BEARER, ['Last-Event-ID', '7']],
    expected: accepted,
  },
  {
    name: 'garbage',
    verifies: ['CHL-06', 'CASE-15', 'CASE-25'],
    layer: 'kernel',
    headers: [['Authorization', 'Bearer garbage']],
    expected: invalid,
  },
  {
    name: 'a token for a sibling',
    verifies: ['AUD-01', 'CHL-06', 'CHL-15', 'CASE-2'],
    layer: 'kernel',
    headers: BEARER,
    token: { claims: { aud: 'https://mcp.example.com/mcp2' } },
    expected: invalid,
  },
  {
    name: 'a token without audience',
    verifies: ['AUD-01', 'CASE-1', 'CASE-5'],
    layer: 'kernel',
    headers: BEARER,
    token: { claims: { aud: undefined } as never },
    expected: invalid,
  },
  {
    name: 'a token for us and another',
    verifies: ['AUD-07', 'CASE-3'],
    layer: 'kernel',
    headers: BEARER,
    token: { claims: { aud: ['account', 'https://mcp.example.com/mcp'] } },
    expected: accepted,
  },
  {
    name: 'an expired token',
    verifies: ['JWT-07', 'CHL-06', 'CHL-15'],
    layer: 'kernel',
    headers: BEARER,
    token: { claims: { iat: 1_000_000_000, exp: 1_000_000_300 } },
    expected: expired,
  },
  {
    name: 'an expired token without scopes is expired, not insufficient',
    verifies: ['CHL-06', 'CASE-54'],
    layer: 'kernel',
    headers: BEARER,
    token: { claims: { iat: 1_000_000_000, exp: 1_000_000_300, scope: undefined } },
    expected: expired,
  },
  {
    name: 'an expired token for another resource is not called expired',
    verifies: ['CHL-15'],
    layer: 'kernel',
    headers: BEARER,
    token: { claims: { iat: 1_000_000_000, exp: 1_000_000_300, aud: 'other' } },
    expected: invalid,
  },
  {
    name: 'a bound token as bearer',
    verifies: ['DPP-10'],
    layer: 'kernel',
    headers: BEARER,
    token: { claims: { cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } } },
    expected: invalid,
  },
  {
    name: 'an ID token',
    verifies: ['JWT-02', 'CASE-4'],
    layer: 'kernel',
    headers: BEARER,
    token: { header: { typ: 'JWT' }, claims: { nonce: 'n' } },
    expected: invalid,
  },

  // Scopes
  {
    name: 'a base scope is missing',
    verifies: ['CHL-07', 'SCP-01', 'CASE-53'],
    layer: 'kernel',
    headers: BEARER,
    token: { claims: { scope: 'other' } },
    expected: insufficient('mcp:tools'),
  },
  {
    name: 'no scope at all',
    verifies: ['CHL-07', 'SCP-01'],
    layer: 'kernel',
    headers: BEARER,
    token: { claims: { scope: undefined } },
    expected: insufficient('mcp:tools'),
  },
  {
    name: 'a prefix of the scope',
    verifies: ['SCP-01'],
    layer: 'kernel',
    headers: BEARER,
    token: { claims: { scope: 'mcp:tool mcp:tools2' } },
    expected: insufficient('mcp:tools'),
  },
  {
    name: 'a route needs more scopes: one challenge names all of them',
    verifies: ['SCP-01', 'SCP-02', 'SCP-05', 'SCP-08'],
    layer: 'middleware',
    path: '/mcp/admin',
    headers: BEARER,
    token: { claims: { scope: 'mcp:tools mcp:audit' } },
    expected: insufficient('mcp:tools mcp:admin mcp:audit'),
  },
  {
    name: 'a route needs more scopes, and has them',
    verifies: ['SCP-02'],
    layer: 'middleware',
    path: '/mcp/admin',
    headers: BEARER,
    token: { claims: { scope: 'mcp:admin mcp:audit mcp:tools' } },
    expected: accepted,
  },

  // Metadata
  ...[
    '/.well-known/oauth-protected-resource/mcp',
    '/.well-known/oauth-protected-resource',
    '/.well-known/oauth-protected-resource/mcp?x=1',
  ].map((path): Case => ({
    name: `metadata at ${path}`,
    verifies: [
      'PRM-01',
      'PRM-03',
      'PRM-04',
      'PRM-06',
      'PRM-07',
      'PRM-14',
      'PRM-17',
      'COR-05',
      'CASE-30',
      'CASE-31',
      'CASE-32',
    ],
    layer: 'http',
    path,
    expected: metadata,
  })),
  {
    name: 'metadata for any origin, with a bad token',
    verifies: ['PRM-07', 'COR-05', 'CASE-31'],
    layer: 'http',
    path: '/.well-known/oauth-protected-resource/mcp',
    headers: [
      ['Origin', 'https://anywhere.example'],
      ['Authorization', 'Bearer garbage'],
    ],
    expected: metadata,
  },
  {
    name: 'HEAD of the metadata',
    verifies: ['PRM-17'],
    layer: 'http',
    method: 'HEAD',
    path: '/.well-known/oauth-protected-resource/mcp',
    expected: { ...metadata, body: '' },
  },
  {
    name: 'a preflight for the metadata',
    verifies: ['COR-01', 'COR-05', 'PRM-17', 'CASE-31'],
    layer: 'http',
    method: 'OPTIONS',
    path: '/.well-known/oauth-protected-resource/mcp',
    headers: [
      ['Origin', 'https://anywhere.example'],
      ['Access-Control-Request-Method', 'GET'],
      ['Access-Control-Request-Headers', 'mcp-protocol-version'],
    ],
    expected: {
      status: 204,
      headers: {
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, HEAD, OPTIONS',
        'access-control-allow-headers': 'Authorization, *',
      },
      body: '',
      reached: 'no',
    },
  },
  ...['POST', 'DELETE'].map((method): Case => ({
    name: `${method} to the metadata`,
    verifies: ['PRM-17'],
    layer: 'http',
    method,
    path: '/.well-known/oauth-protected-resource/mcp',
    headers: BEARER,
    expected: { status: 405, headers: { allow: 'GET, HEAD, OPTIONS' }, reached: 'no' },
  })),
  {
    name: 'metadata of a path that is not ours passes to the application',
    verifies: ['CASE-42'],
    layer: 'middleware',
    path: '/.well-known/oauth-protected-resource/other',
    expected: {
      status: 200,
      headers: { 'access-control-allow-origin': null },
      reached: 'without auth',
    },
  },

  // What we publish does not depend on what a client says.
  ...[
    ['X-Forwarded-Host', 'evil.example'],
    ['X-Forwarded-Proto', 'http'],
    ['Forwarded', 'host=evil.example;proto=http'],
    ['X-Original-URL', '/evil'],
    ['X-Forwarded-Prefix', '/evil"\\'],
  ].flatMap((header): Case[] => [
    {
      name: `${header.join(': ')} changes no byte of the challenge`,
      verifies: ['PRM-18', 'CASE-33', 'CASE-34', 'CASE-35'],
      layer: 'http',
      headers: [header as [string, string]],
      expected: missing,
    },
    {
      name: `${header.join(': ')} changes no byte of the metadata`,
      verifies: ['PRM-18', 'CASE-33', 'CASE-34'],
      layer: 'http',
      path: '/.well-known/oauth-protected-resource/mcp',
      headers: [header as [string, string]],
      expected: metadata,
    },
  ]),

  // Browsers
  {
    name: 'a preflight from an allowed origin',
    verifies: ['COR-01', 'COR-02', 'COR-06', 'CASE-36'],
    layer: 'http',
    method: 'OPTIONS',
    headers: [
      ['Origin', ORIGIN],
      ['Access-Control-Request-Method', 'POST'],
      ['Access-Control-Request-Headers', 'authorization, mcp-param-region'],
    ],
    expected: {
      status: 204,
      headers: {
        'access-control-allow-origin': ORIGIN,
        'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
        'access-control-allow-headers':
          'Authorization, Content-Type, Accept, Mcp-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID, traceparent, tracestate, baggage, authorization, mcp-param-region',
        'access-control-allow-credentials': null,
        vary: 'Origin, Access-Control-Request-Headers',
      },
      body: '',
      reached: 'no',
    },
  },
  {
    name: 'OPTIONS without an origin is answered without a token',
    verifies: ['COR-01', 'CASE-31'],
    layer: 'http',
    method: 'OPTIONS',
    expected: {
      status: 204,
      headers: { 'access-control-allow-origin': null },
      body: '',
      reached: 'no',
    },
  },
  {
    name: 'a preflight whose header list is no list is not echoed',
    verifies: ['COR-02'],
    layer: 'http',
    method: 'OPTIONS',
    headers: [
      ['Origin', ORIGIN],
      ['Access-Control-Request-Headers', 'x: y; z'],
    ],
    expected: {
      status: 204,
      headers: {
        'access-control-allow-headers':
          'Authorization, Content-Type, Accept, Mcp-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID, traceparent, tracestate, baggage',
      },
      reached: 'no',
    },
  },
  {
    name: 'a browser of an allowed origin can read the challenge',
    verifies: ['COR-03', 'COR-04', 'CASE-36'],
    layer: 'http',
    headers: [['Origin', ORIGIN]],
    expected: {
      ...missing,
      headers: {
        ...missing.headers,
        'access-control-allow-origin': ORIGIN,
        'access-control-expose-headers':
          'WWW-Authenticate, Mcp-Session-Id, Mcp-Protocol-Version, Retry-After, X-Request-Id',
        'access-control-allow-credentials': null,
        vary: 'Origin',
      },
    },
  },
  {
    name: 'a browser of an allowed origin can read a 403',
    verifies: ['COR-04', 'CASE-36'],
    layer: 'middleware',
    path: '/mcp/admin',
    headers: [...BEARER, ['Origin', ORIGIN]],
    expected: {
      ...insufficient('mcp:tools mcp:admin mcp:audit'),
      headers: { 'access-control-allow-origin': ORIGIN },
    },
  },
  {
    name: 'a browser of an allowed origin can read the answer',
    verifies: ['COR-03', 'COR-06', 'TRN-01'],
    layer: 'http',
    headers: [...BEARER, ['Origin', ORIGIN]],
    expected: {
      ...accepted,
      headers: {
        'access-control-allow-origin': ORIGIN,
        'access-control-expose-headers':
          'WWW-Authenticate, Mcp-Session-Id, Mcp-Protocol-Version, Retry-After, X-Request-Id',
      },
    },
  },
  ...[
    'https://evil.example',
    'null',
    'http://app.example.com',
    'https://app.example.com:444',
    'https://app.example.com.evil.example',
  ].map((origin): Case => ({
    name: `the foreign origin ${origin}, with a valid token`,
    verifies: ['TRN-01', 'COR-06'],
    layer: 'http',
    headers: [...BEARER, ['Origin', origin]],
    expected: {
      status: 403,
      headers: { 'access-control-allow-origin': null, 'www-authenticate': null },
      body: '{"error":"origin_not_allowed","error_description":"This origin may not call this server from a browser"}',
      reached: 'no',
    },
  })),

  // A person who opens the URL in a browser
  ...[
    'text/html',
    'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8',
    'application/json;q=0.5, text/HTML; charset=utf-8; q=0.6',
  ].map((accept): Case => ({
    name: `a browser without credentials: ${accept}`,
    verifies: ['WHO-06', 'CHL-05'],
    layer: 'http',
    headers: [['Accept', accept]],
    expected: {
      status: 401,
      headers: {
        'www-authenticate': MISSING_CHALLENGE,
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        vary: 'Accept',
      },
      reached: 'no',
    },
  })),
  ...[
    '*/*',
    'application/json, text/event-stream',
    'text/html, text/event-stream',
    'application/json, text/html;q=0.9',
    'text/html;q=0',
    'text/html;q=x',
    'text/htmlx, text/*',
  ].map((accept): Case => ({
    name: `no browser, without credentials: ${accept}`,
    verifies: ['WHO-06', 'CHL-05'],
    layer: 'http',
    headers: [['Accept', accept]],
    expected: { ...missing, headers: { ...missing.headers, vary: null } },
  })),
  {
    name: 'a POST that accepts HTML',
    verifies: ['WHO-06'],
    layer: 'http',
    method: 'POST',
    headers: [['Accept', 'text/html']],
    expected: missing,
  },
  {
    name: 'a browser with a token that is not valid',
    verifies: ['WHO-06'],
    layer: 'http',
    headers: [
      ['Accept', 'text/html'],
      ['Authorization', 'Bearer a.b.c'],
    ],
    expected: invalid,
  },
  {
    name: 'the script of an allowed origin that accepts HTML',
    verifies: ['WHO-06'],
    layer: 'http',
    headers: [
      ['Accept', 'text/html'],
      ['Origin', ORIGIN],
    ],
    expected: missing,
  },

  // Paths
  ...DISGUISED_PATHS.map((path): Case => ({
    name: `a way around the path: ${path}`,
    verifies: ['TOK-05', 'CASE-51', 'ATK-15'],
    layer: 'middleware',
    path,
    expected: missing,
  })),
  ...['/', '/health', '/mcp2', '/mc', '/authorize', '/token', '/register'].map((path): Case => ({
    name: `${path} is none of our business`,
    verifies: ['GW-06'],
    layer: 'middleware',
    path,
    headers: [['Origin', 'https://evil.example']],
    expected: { status: 200, headers: { 'www-authenticate': null }, reached: 'without auth' },
  })),

  // A gateway has nothing but the endpoint and its metadata.
  ...[
    // The endpoint with its other last slash is the endpoint (IDN-08).
    ...DISGUISED_PATHS.filter((path) => !path.startsWith('/mcp?') && path !== '/mcp/'),
    ...['/', '/mcp2', '/mc', '/sse', '/authorize', '/token', '/register'],
    ...['/.well-known/oauth-protected-resource/other', '/.well-known/oauth-authorization-server'],
    '/.well-known/oauth-protected-resource/mcp//',
  ].map((path): Case => ({
    name: `${path} does not exist, with a valid token either`,
    verifies: ['CASE-51', 'GW-06', 'CASE-42', 'TOK-05'],
    layer: 'gateway',
    path,
    headers: BEARER,
    expected: {
      status: 404,
      headers: {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        'www-authenticate': null,
      },
      body: '{"error":"not_found","error_description":"There is nothing here; the MCP endpoint is https://mcp.example.com/mcp"}',
      reached: 'no',
    },
  })),
  ...['PUT', 'PATCH', 'HEAD'].map((method): Case => ({
    name: `${method} with a valid token`,
    verifies: ['CASE-69'],
    layer: 'gateway',
    method,
    headers: BEARER,
    expected: { status: 405, headers: { allow: 'GET, POST, DELETE, OPTIONS' }, reached: 'no' },
  })),
  ...['session-1', `${'A'.repeat(43)}.session-1`, 'x'].map((session): Case => ({
    name: `a session that is nobody's: ${session}`,
    verifies: ['STA-01', 'CASE-46'],
    layer: 'gateway',
    headers: [...BEARER, ['Mcp-Session-Id', session]],
    expected: {
      status: 404,
      headers: {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        'www-authenticate': null,
        'mcp-session-id': null,
      },
      body: '{"error":"session_not_found","error_description":"There is no such session"}',
      reached: 'no',
    },
  })),
  {
    name: 'without a good token the session is not looked at',
    verifies: ['STA-01', 'CASE-46'],
    layer: 'gateway',
    headers: [
      ['Authorization', 'Bearer garbage'],
      ['Mcp-Session-Id', 'session-1'],
    ],
    expected: invalid,
  },
  {
    name: 'no message at all in the stateless revision',
    verifies: ['HDR-08'],
    layer: 'http',
    method: 'POST',
    headers: [
      ...BEARER,
      ['MCP-Protocol-Version', '2026-07-28'],
      ['Content-Type', 'application/json'],
    ],
    expected: { status: 400, headers: { 'www-authenticate': null }, reached: 'no' },
  },
  ...[
    undefined,
    'text/plain',
    'application/json; charset=utf-16',
    'application/json; x=1',
    "application/json; charset*=utf-8''utf-7",
  ].map((type): Case => ({
    name: `a POST of the stateless revision whose Content-Type is ${type ?? 'missing'}`,
    verifies: ['ATK-11', 'HDR-08'],
    layer: 'http',
    method: 'POST',
    headers: [
      ...BEARER,
      ['MCP-Protocol-Version', '2026-07-28'],
      ...(type === undefined ? [] : [['Content-Type', type] as const]),
    ],
    expected: {
      status: 415,
      headers: { 'www-authenticate': null, 'content-type': 'application/json' },
      body: '{"error":"unsupported_media_type","error_description":"Content-Type must be application/json, alone or with charset=utf-8"}',
      reached: 'no',
    },
  })),
  {
    name: 'two kinds of content at once',
    verifies: ['HDR-08'],
    layer: 'gateway',
    method: 'POST',
    headers: [...BEARER, ['Content-Type', 'application/json'], ['Content-Type', 'text/plain']],
    expected: { status: 400, headers: { 'www-authenticate': null }, reached: 'no' },
  },
  {
    name: 'the query reaches the upstream without the token in it',
    verifies: ['TOK-02', 'CASE-55'],
    layer: 'gateway',
    path: '/mcp?x=1&access_token=TOKEN',
    headers: BEARER,
    expected: accepted,
  },
]
