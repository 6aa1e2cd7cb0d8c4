/** One value for each setting of the gateway, as it is typed, and what comes of it. */
import { rootCertificates } from 'node:tls'
import { fakeKey } from '../support/idp.js'
import { ISSUER, UPSTREAM } from './support.js'

export interface Example {
  readonly flags: readonly string[]
  readonly env: string
  /** As YAML. */
  readonly file: string
  readonly value: unknown
}

export const SESSION_KEY = 'secret-2'.padEnd(32, '-')

const API_KEYS_FILE = `keys:
  - id: key-1
    digest: ${'a'.repeat(64)}
    subject: ci
    resources: [https://mcp.example.com]
    expires: never
`
export const POLICY = 'rules: [{ tools: [a], scopes: [b] }]\nunmatched: deny\n'

export const FILES: Readonly<Record<string, string>> = {
  '/etc/gatehouse/jwks.json': JSON.stringify({ keys: [(await fakeKey()).jwk] }),
  '/etc/gatehouse/ca.pem': rootCertificates.slice(0, 2).join('\n'),
  '/etc/gatehouse/policy.yaml': POLICY,
  '/run/key': 'secret-1\n',
  '/etc/gatehouse/keys.yaml': API_KEYS_FILE,
  '/etc/gatehouse/session.keys': `${SESSION_KEY}\n`,
  '/etc/gatehouse/admin.token': `${'a'.repeat(32)}\n`,
  '/run/rs.jwk': JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x: 'x', d: 'd' }),
}

function flag(name: string, value: string): readonly string[] {
  return [`--${name}`, value]
}

export const EXAMPLES: Readonly<Record<string, Example>> = {
  auth: { flags: flag('auth', 'oauth'), env: 'oauth', file: 'oauth', value: 'oauth' },
  transport: {
    flags: flag('transport', 'streamable-http'),
    env: 'streamable-http',
    file: 'streamable-http',
    value: 'streamable-http',
  },
  host: { flags: flag('host', '::1'), env: '::1', file: '"::1"', value: '::1' },
  port: { flags: flag('port', '0'), env: '0', file: '0', value: 0 },
  healthPath: {
    flags: flag('health-path', '/healthz'),
    env: '/healthz',
    file: '/healthz',
    value: '/healthz',
  },
  resource: {
    flags: flag('resource', 'https://mcp.example.com'),
    env: 'https://mcp.example.com',
    file: 'https://mcp.example.com',
    value: 'https://mcp.example.com',
  },
  path: { flags: flag('path', '/served'), env: '/served', file: '/served', value: '/served' },
  resourceName: { flags: flag('resource-name', '2024'), env: '2024', file: '2024', value: '2024' },
  resourceDocumentation: {
    flags: flag('resource-documentation', 'https://docs.example.com/#a'),
    env: 'https://docs.example.com/#a',
    file: 'https://docs.example.com/#a',
    value: 'https://docs.example.com/#a',
  },
  maxBody: { flags: flag('max-body', '64KiB'), env: '65536', file: '65536', value: 65_536 },
  maxRequests: { flags: flag('max-requests', '500'), env: '500', file: '500', value: 500 },
  maxRequestsPerCaller: {
    flags: flag('max-requests-per-caller', '50'),
    env: '50',
    file: '50',
    value: 50,
  },
  upstream: { flags: flag('upstream', UPSTREAM), env: UPSTREAM, file: UPSTREAM, value: UPSTREAM },
  upstreamHeader: {
    flags: flag('upstream-header', 'Authorization=/run/key'),
    env: 'Authorization=/run/key',
    file: 'Authorization=/run/key',
    value: ['Authorization=/run/key'],
  },
  upstreamHost: {
    flags: flag('upstream-host', 'localhost:8000'),
    env: 'localhost:8000',
    file: 'localhost:8000',
    value: 'localhost:8000',
  },
  upstreamTimeout: { flags: flag('upstream-timeout', '2m'), env: '120', file: '120', value: 120 },
  forwardHeader: {
    flags: [...flag('forward-header', 'X-Tenant'), '--forward-header=X-Trace'],
    env: 'X-Tenant, X-Trace',
    file: '[X-Tenant, X-Trace]',
    value: ['X-Tenant', 'X-Trace'],
  },
  forwardClaim: {
    flags: [...flag('forward-claim', 'email=Email'), ...flag('forward-claim', 'a.b=Roles')],
    env: 'email=Email a.b=Roles',
    file: '[email=Email, a.b=Roles]',
    value: ['email=Email', 'a.b=Roles'],
  },
  sessionKeyFile: {
    flags: flag('session-key-file', '/etc/gatehouse/session.keys'),
    env: '/etc/gatehouse/session.keys',
    file: '/etc/gatehouse/session.keys',
    value: '/etc/gatehouse/session.keys',
  },
  streamGrace: { flags: flag('stream-grace', '10m'), env: '600', file: '10m', value: 600 },
  sseKeepAlive: { flags: flag('sse-keep-alive', '1m'), env: '60', file: '1m', value: 60 },
  childEnv: {
    flags: [...flag('child-env', 'DATABASE_URL'), ...flag('child-env', '_x1')],
    env: 'DATABASE_URL _x1',
    file: '[DATABASE_URL, _x1]',
    value: ['DATABASE_URL', '_x1'],
  },
  childStartTimeout: { flags: flag('child-start-timeout', '5'), env: '5s', file: '5', value: 5 },
  childWarm: { flags: ['--child-warm'], env: '1', file: 'true', value: true },
  childIdle: { flags: flag('child-idle', '1h'), env: '60m', file: '3600', value: 3600 },
  maxChildren: { flags: flag('max-children', '7'), env: '7', file: '7', value: 7 },
  maxChildrenPerPrincipal: {
    flags: flag('max-children-per-principal', '2'),
    env: '2',
    file: '2',
    value: 2,
  },
  maxAnonymousChildren: {
    flags: flag('max-anonymous-children', '3'),
    env: '3',
    file: '3',
    value: 3,
  },
  childMaxMessage: {
    flags: flag('child-max-message', '1MiB'),
    env: '1024KiB',
    file: '1048576',
    value: 1_048_576,
  },
  childQueue: { flags: flag('child-queue', '64KiB'), env: '65536', file: '64KiB', value: 65_536 },
  'oauth.issuer': {
    flags: [...flag('oauth-issuer', ISSUER), ...flag('oauth-issuer', `${ISSUER}/`)],
    env: `${ISSUER} ${ISSUER}/`,
    file: `[${ISSUER}, ${ISSUER}/]`,
    value: [ISSUER, `${ISSUER}/`],
  },
  'oauth.audience': {
    flags: flag('oauth-audience', '0123'),
    env: '0123',
    file: '0123',
    value: ['0123'],
  },
  'oauth.scopes': {
    flags: flag('oauth-scopes', 'a b'),
    env: 'a,b',
    file: 'a b',
    value: ['a', 'b'],
  },
  'oauth.advertiseScopes': {
    flags: flag('oauth-advertise-scopes', 'api://APP/a api://APP/b'),
    env: 'api://APP/a,api://APP/b',
    file: 'api://APP/a api://APP/b',
    value: ['api://APP/a', 'api://APP/b'],
  },
  'oauth.policy': {
    flags: flag('oauth-policy', '/etc/gatehouse/policy.yaml'),
    env: '/etc/gatehouse/policy.yaml',
    file: '/etc/gatehouse/policy.yaml',
    value: '/etc/gatehouse/policy.yaml',
  },
  'oauth.jwksUri': {
    flags: flag('oauth-jwks-uri', 'https://sso.internal/keys'),
    env: 'https://sso.internal/keys',
    file: 'https://sso.internal/keys',
    value: 'https://sso.internal/keys',
  },
  'oauth.discoveryUrl': {
    flags: flag('oauth-discovery-url', 'https://sso.internal/meta'),
    env: 'https://sso.internal/meta',
    file: 'https://sso.internal/meta',
    value: 'https://sso.internal/meta',
  },
  'oauth.jwksFile': {
    flags: flag('oauth-jwks-file', '/etc/gatehouse/jwks.json'),
    env: '/etc/gatehouse/jwks.json',
    file: '/etc/gatehouse/jwks.json',
    value: '/etc/gatehouse/jwks.json',
  },
  'oauth.requireType': {
    flags: ['--oauth-require-type'],
    env: '1',
    file: 'true',
    value: true,
  },
  'oauth.scopeClaim': {
    flags: flag('oauth-scope-claim', 'permissions'),
    env: 'permissions',
    file: 'permissions',
    value: ['permissions'],
  },
  'oauth.scopePrefix': {
    flags: flag('oauth-scope-prefix', 'api://APP/'),
    env: 'api://APP/',
    file: 'api://APP/',
    value: 'api://APP/',
  },
  'oauth.requireClaim': {
    flags: [...flag('oauth-require-claim', 'tid=a=b'), ...flag('oauth-require-claim', 'tid=c')],
    env: 'tid=a=b tid=c',
    file: '[tid=a=b, tid=c]',
    value: ['tid=a=b', 'tid=c'],
  },
  'oauth.soleAudience': {
    flags: ['--oauth-sole-audience'],
    env: '1',
    file: 'true',
    value: true,
  },
  'oauth.alsoAudience': {
    flags: flag('oauth-also-audience', 'account'),
    env: 'account',
    file: 'account',
    value: ['account'],
  },
  // Any other one excludes oauth.soleAudience.
  'oauth.audienceClaim': {
    flags: flag('oauth-audience-claim', 'aud'),
    env: 'aud',
    file: 'aud',
    value: 'aud',
  },
  'oauth.acceptIdTokenClaims': {
    flags: ['--oauth-accept-id-token-claims'],
    env: '1',
    file: 'true',
    value: true,
  },
  'oauth.validation': {
    flags: flag('oauth-validation', 'introspection'),
    env: 'introspection',
    file: 'introspection',
    value: 'introspection',
  },
  'oauth.introspectionUrl': {
    flags: flag('oauth-introspection-url', 'https://sso.internal/ask'),
    env: 'https://sso.internal/ask',
    file: 'https://sso.internal/ask',
    value: 'https://sso.internal/ask',
  },
  'oauth.introspectionAuth': {
    flags: flag('oauth-introspection-auth', 'private_key_jwt'),
    env: 'private_key_jwt',
    file: 'private_key_jwt',
    value: 'private_key_jwt',
  },
  'oauth.introspectionDialect': {
    flags: flag('oauth-introspection-dialect', 'rfc7662'),
    env: 'rfc7662',
    file: 'rfc7662',
    value: 'rfc7662',
  },
  'oauth.introspectionCache': {
    flags: flag('oauth-introspection-cache', '1m'),
    env: '60',
    file: '60',
    value: 60,
  },
  'oauth.introspectionConcurrency': {
    flags: flag('oauth-introspection-concurrency', '5'),
    env: '5',
    file: '5',
    value: 5,
  },
  'oauth.clientId': {
    flags: flag('oauth-client-id', 'mcp-rs'),
    env: 'mcp-rs',
    file: 'mcp-rs',
    value: 'mcp-rs',
  },
  'oauth.clientSecretFile': {
    flags: flag('oauth-client-secret-file', '/run/key'),
    env: '/run/key',
    file: '/run/key',
    value: '/run/key',
  },
  'oauth.clientKeyFile': {
    flags: flag('oauth-client-key-file', '/run/rs.jwk'),
    env: '/run/rs.jwk',
    file: '/run/rs.jwk',
    value: '/run/rs.jwk',
  },
  'oauth.clientKeyId': {
    flags: flag('oauth-client-key-id', 'key-1'),
    env: 'key-1',
    file: 'key-1',
    value: 'key-1',
  },
  'oauth.keysFile': {
    flags: flag('oauth-keys-file', '/etc/gatehouse/keys.yaml'),
    env: '/etc/gatehouse/keys.yaml',
    file: '/etc/gatehouse/keys.yaml',
    value: '/etc/gatehouse/keys.yaml',
  },
  'oauth.tokenPrefix': {
    flags: flag('oauth-token-prefix', 'authelia_at_'),
    env: 'authelia_at_',
    file: 'authelia_at_',
    value: 'authelia_at_',
  },
  'oauth.clockTolerance': {
    flags: flag('oauth-clock-tolerance', '5m'),
    env: '300',
    file: '300',
    value: 300,
  },
  'oauth.jwksMaxAge': {
    flags: flag('oauth-jwks-max-age', '1h'),
    env: '3600',
    file: '60m',
    value: 3600,
  },
  'oauth.jwksStaleFor': {
    flags: flag('oauth-jwks-stale-for', '0'),
    env: '0s',
    file: '0',
    value: 0,
  },
  'oauth.wait': { flags: flag('oauth-wait', '500ms'), env: '500ms', file: '500ms', value: 0.5 },
  'oauth.mirrorMetadata': {
    flags: ['--oauth-mirror-metadata'],
    env: '1',
    file: 'true',
    value: true,
  },
  allowOrigin: {
    flags: flag('allow-origin', 'https://app.example.com'),
    env: 'https://app.example.com',
    file: 'https://app.example.com',
    value: ['https://app.example.com'],
  },
  allowHost: {
    flags: [...flag('allow-host', 'mcp.internal:8080'), ...flag('allow-host', '[::1]')],
    env: 'mcp.internal:8080,[::1]',
    file: '["mcp.internal:8080", "[::1]"]',
    value: ['mcp.internal:8080', '[::1]'],
  },
  trustedProxy: {
    flags: [...flag('trusted-proxy', '10.0.0.0/8'), ...flag('trusted-proxy', '2001:db8::1')],
    env: '10.0.0.0/8,2001:db8::1',
    file: '[10.0.0.0/8, "2001:db8::1"]',
    value: ['10.0.0.0/8', '2001:db8::1'],
  },
  refusalForm: { flags: flag('refusal-form', 'auto'), env: 'auto', file: 'auto', value: 'auto' },
  allowHttp: {
    flags: flag('allow-http', 'keycloak'),
    env: 'keycloak',
    file: 'keycloak',
    value: ['keycloak'],
  },
  caFile: {
    flags: flag('ca-file', '/etc/gatehouse/ca.pem'),
    env: '/etc/gatehouse/ca.pem',
    file: '/etc/gatehouse/ca.pem',
    value: '/etc/gatehouse/ca.pem',
  },
  adminHost: {
    flags: flag('admin-host', '0.0.0.0'),
    env: '0.0.0.0',
    file: '0.0.0.0',
    value: '0.0.0.0',
  },
  adminPort: { flags: flag('admin-port', '9464'), env: '9464', file: '9464', value: 9464 },
  adminTokenFile: {
    flags: flag('admin-token-file', '/etc/gatehouse/admin.token'),
    env: '/etc/gatehouse/admin.token',
    file: '/etc/gatehouse/admin.token',
    value: '/etc/gatehouse/admin.token',
  },
  auditFile: {
    flags: flag('audit-file', '/var/log/audit.jsonl'),
    env: '/var/log/audit.jsonl',
    file: '/var/log/audit.jsonl',
    value: '/var/log/audit.jsonl',
  },
  auditArguments: { flags: ['--audit-arguments'], env: 'true', file: 'true', value: true },
  accessLog: { flags: flag('access-log', 'off'), env: 'off', file: 'off', value: 'off' },
  userClaim: {
    flags: [...flag('user-claim', 'preferred_username'), '--user-claim=upn'],
    env: 'preferred_username, upn',
    file: '[preferred_username, upn]',
    value: ['preferred_username', 'upn'],
  },
  logLevel: { flags: flag('log-level', 'debug'), env: 'debug', file: 'debug', value: 'debug' },
  logFormat: { flags: flag('log-format', 'json'), env: 'json', file: 'json', value: 'json' },
}

/** The line or lines of a config file. */
export function fileLines(path: string, value: string): string {
  const [first = '', member] = path.split('.')
  return member === undefined ? `${first}: ${value}\n` : `${first}:\n  ${member}: ${value}\n`
}
