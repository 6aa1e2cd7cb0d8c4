import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  environmentNameOf,
  flagOf,
  pathOfEnvironmentName,
  pathOfFlag,
} from '../../src/config/names.js'
import { AUTH_SETTINGS as SETTINGS } from '../../src/config/setting-lists.js'
import { closestName } from '../../src/config/suggestion.js'

test.each([
  '--oauth-jwksMaxAge',
  '--oauth_jwks_max_age',
  '--Oauth-wait',
  '--oauth--wait',
  '--oauth-',
  '-oauth-wait',
  'oauth-wait',
  '--',
  '',
  '--__proto__',
])('%j spells no path', (flag) => {
  expect(pathOfFlag(flag)).toBeUndefined()
})

test.each([
  'MCP_GATEHOUSE_',
  'MCP_GATEHOUSE_oauth_wait',
  'mcp_gatehouse_OAUTH_WAIT',
  'GATEHOUSE_OAUTH_WAIT',
  'MCP_GATEHOUSE_OAUTH__WAIT',
])('%j spells no path', (name) => {
  expect(pathOfEnvironmentName(name)).toBeUndefined()
})

test('the names of all settings are those that guides and scripts depend on', () => {
  const names = SETTINGS.map(({ path }) => `${path} ${flagOf(path)} ${environmentNameOf(path)}`)
  expect(names).toEqual([
    'auth --auth MCP_GATEHOUSE_AUTH',
    'resource --resource MCP_GATEHOUSE_RESOURCE',
    'resourceName --resource-name MCP_GATEHOUSE_RESOURCE_NAME',
    'resourceDocumentation --resource-documentation MCP_GATEHOUSE_RESOURCE_DOCUMENTATION',
    'oauth.issuer --oauth-issuer MCP_GATEHOUSE_OAUTH_ISSUER',
    'oauth.audience --oauth-audience MCP_GATEHOUSE_OAUTH_AUDIENCE',
    'oauth.scopes --oauth-scopes MCP_GATEHOUSE_OAUTH_SCOPES',
    'oauth.advertiseScopes --oauth-advertise-scopes MCP_GATEHOUSE_OAUTH_ADVERTISE_SCOPES',
    'oauth.policy --oauth-policy MCP_GATEHOUSE_OAUTH_POLICY',
    'oauth.jwksUri --oauth-jwks-uri MCP_GATEHOUSE_OAUTH_JWKS_URI',
    'oauth.discoveryUrl --oauth-discovery-url MCP_GATEHOUSE_OAUTH_DISCOVERY_URL',
    'oauth.jwksFile --oauth-jwks-file MCP_GATEHOUSE_OAUTH_JWKS_FILE',
    'oauth.requireType --oauth-require-type MCP_GATEHOUSE_OAUTH_REQUIRE_TYPE',
    'oauth.scopeClaim --oauth-scope-claim MCP_GATEHOUSE_OAUTH_SCOPE_CLAIM',
    'oauth.scopePrefix --oauth-scope-prefix MCP_GATEHOUSE_OAUTH_SCOPE_PREFIX',
    'oauth.requireClaim --oauth-require-claim MCP_GATEHOUSE_OAUTH_REQUIRE_CLAIM',
    'oauth.soleAudience --oauth-sole-audience MCP_GATEHOUSE_OAUTH_SOLE_AUDIENCE',
    'oauth.alsoAudience --oauth-also-audience MCP_GATEHOUSE_OAUTH_ALSO_AUDIENCE',
    'oauth.audienceClaim --oauth-audience-claim MCP_GATEHOUSE_OAUTH_AUDIENCE_CLAIM',
    'oauth.acceptIdTokenClaims --oauth-accept-id-token-claims MCP_GATEHOUSE_OAUTH_ACCEPT_ID_TOKEN_CLAIMS',
    'oauth.validation --oauth-validation MCP_GATEHOUSE_OAUTH_VALIDATION',
    'oauth.introspectionUrl --oauth-introspection-url MCP_GATEHOUSE_OAUTH_INTROSPECTION_URL',
    'oauth.introspectionAuth --oauth-introspection-auth MCP_GATEHOUSE_OAUTH_INTROSPECTION_AUTH',
    'oauth.introspectionDialect --oauth-introspection-dialect MCP_GATEHOUSE_OAUTH_INTROSPECTION_DIALECT',
    'oauth.introspectionCache --oauth-introspection-cache MCP_GATEHOUSE_OAUTH_INTROSPECTION_CACHE',
    'oauth.introspectionConcurrency --oauth-introspection-concurrency MCP_GATEHOUSE_OAUTH_INTROSPECTION_CONCURRENCY',
    'oauth.clientId --oauth-client-id MCP_GATEHOUSE_OAUTH_CLIENT_ID',
    'oauth.clientSecretFile --oauth-client-secret-file MCP_GATEHOUSE_OAUTH_CLIENT_SECRET_FILE',
    'oauth.clientKeyFile --oauth-client-key-file MCP_GATEHOUSE_OAUTH_CLIENT_KEY_FILE',
    'oauth.clientKeyId --oauth-client-key-id MCP_GATEHOUSE_OAUTH_CLIENT_KEY_ID',
    'oauth.keysFile --oauth-keys-file MCP_GATEHOUSE_OAUTH_KEYS_FILE',
    'oauth.tokenPrefix --oauth-token-prefix MCP_GATEHOUSE_OAUTH_TOKEN_PREFIX',
    'oauth.clockTolerance --oauth-clock-tolerance MCP_GATEHOUSE_OAUTH_CLOCK_TOLERANCE',
    'oauth.jwksMaxAge --oauth-jwks-max-age MCP_GATEHOUSE_OAUTH_JWKS_MAX_AGE',
    'oauth.jwksStaleFor --oauth-jwks-stale-for MCP_GATEHOUSE_OAUTH_JWKS_STALE_FOR',
    'oauth.wait --oauth-wait MCP_GATEHOUSE_OAUTH_WAIT',
    'oauth.mirrorMetadata --oauth-mirror-metadata MCP_GATEHOUSE_OAUTH_MIRROR_METADATA',
    'allowOrigin --allow-origin MCP_GATEHOUSE_ALLOW_ORIGIN',
    'trustedProxy --trusted-proxy MCP_GATEHOUSE_TRUSTED_PROXY',
    'refusalForm --refusal-form MCP_GATEHOUSE_REFUSAL_FORM',
    'allowHttp --allow-http MCP_GATEHOUSE_ALLOW_HTTP',
  ])
})

test('a path comes back from its flag and its environment name', () => {
  const word = fc.stringMatching(/^[a-z][a-z\d]{0,8}$/)
  const camel = fc
    .array(word, { minLength: 1, maxLength: 4 })
    .map(([first = '', ...others]) =>
      [first, ...others.map((each) => each.charAt(0).toUpperCase() + each.slice(1))].join(''),
    )
  const path = fc.oneof(
    camel.filter((name) => !/^oauth(?=[A-Z])/.test(name)),
    camel.map((name) => `oauth.${name}`),
  )
  fc.assert(
    fc.property(path, (each) => {
      expect(pathOfFlag(flagOf(each))).toBe(each)
      expect(pathOfEnvironmentName(environmentNameOf(each))).toBe(each)
    }),
  )
})

test('no flag but the canonical one spells a path', () => {
  const flag = fc.oneof(
    fc.string().map((text) => `--${text}`),
    fc.stringMatching(/^--[a-zA-Z-]*$/),
  )
  fc.assert(
    fc.property(flag, (each) => {
      const path = pathOfFlag(each)
      expect(path === undefined ? each : flagOf(path)).toBe(each)
    }),
  )
})

test('a suggestion is near, or there is none', () => {
  const names = ['--oauth-issuer', '--oauth-wait']
  expect(closestName('--oauth-client-secret', names)).toBeUndefined()
  expect(closestName('--oauth-validation', names)).toBeUndefined()
  expect(closestName(`--oauth-${'x'.repeat(1_000_000)}`, names)).toBeUndefined()
  expect(closestName('--oauth-isuer', names)).toBe('--oauth-issuer')
  expect(closestName('--oauth-wiat', names)).toBe('--oauth-wait')
})
