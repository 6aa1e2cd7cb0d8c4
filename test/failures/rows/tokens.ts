/** Failures 31 to 38, and 45 to 48: what is in a token. */
import { startUpstream } from '../../support/gateway.js'
import { fakeKey, ISSUER } from '../../support/idp.js'
import { AT, byExplain, explainedWhen } from '../explained.js'
import type { Failure } from '../failure.js'

const ENTRA = 'https://login.microsoftonline.com/8f3c1a52-0000-4000-8000-000000000000/v2.0'
const AUTHENTIK = 'https://auth.example.com/application/o/mcp/'
const AUTH0 = 'https://tenant.eu.auth0.com/'
const OPAQUE = 'opaque-token-of-32-characters-00'

/** An introspection endpoint with one answer for all. */
function startIntrospection(answer: Readonly<Record<string, unknown>>): Promise<string> {
  return startUpstream((request, response) => {
    request.resume()
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answer))
  })
}

const OF_AUDIENCES: readonly Failure[] = [
  byExplain(
    {
      number: 31,
      name: 'The login is fine, and every request is 401',
      made: 'Keycloak without an Audience mapper',
      finding: 'ERR_TOKEN_AUDIENCE',
      advice: /Keycloak: add an Audience mapper \(Included Custom Audience = the resource URL\)/,
    },
    { token: { claims: { aud: undefined as never } } },
  ),
  ...(
    [
      ['"account" of Keycloak', ISSUER, 'account', /Keycloak: add an Audience mapper/],
      ['the client id, of authentik', AUTHENTIK, 'client-1', /authentik: .*--oauth-audience/],
      ['the GUID of an application, of Entra', ENTRA, '8f3c1a52-1', /Entra: .*--oauth-audience/],
    ] as const
  ).map(([made, issuer, aud, advice]) =>
    byExplain(
      {
        number: 32,
        name: 'aud is something else',
        made,
        finding: 'ERR_TOKEN_AUDIENCE',
        advice,
      },
      { token: { claims: { aud } } },
      { issuer },
    ),
  ),
]

const OF_FORMS: readonly Failure[] = [
  byExplain(
    {
      number: 33,
      name: 'Invalid Compact JWS',
      made: 'an opaque token of Authelia',
      finding: 'ERR_TOKEN_OPAQUE',
      advice: /Authelia: its access tokens are opaque.*use introspection \(--oauth-client-id/,
    },
    { token: 'authelia_at_0123456789abcdef0123456789' },
    { issuer: 'https://auth.example.com' },
  ),
  byExplain(
    {
      number: 33,
      name: 'Invalid Compact JWS',
      made: 'an encrypted token of Auth0, for no API',
      finding: 'ERR_TOKEN_ENCRYPTED',
      advice: /Auth0: .*Resource Parameter Compatibility Profile/,
    },
    {
      token: `${btoa('{"alg":"dir","enc":"A256GCM"}').replaceAll('=', '')}..YWJj.YWJj.YWJj`,
    },
    { issuer: AUTH0 },
  ),
  explainedWhen(
    {
      number: 34,
      name: 'Introspection always says active: false',
      made: 'Keycloak 26.6.2, and a gateway that is not in aud',
      finding: 'ERR_TOKEN_INACTIVE',
      advice: /Keycloak: since 26\.6\.2 .* add that client with an Audience mapper/,
    },
    async (isBroken) => ({
      token: OPAQUE,
      settings: [
        ...['--oauth-client-id', 'gatehouse', '--oauth-introspection-auth', 'none'],
        '--oauth-introspection-url',
        await startIntrospection({
          active: !isBroken,
          aud: 'https://mcp.example.com/mcp',
          scope: 'mcp:tools',
          exp: AT + 60,
        }),
      ],
    }),
  ),
  byExplain(
    {
      number: 36,
      name: 'Unexpected typ',
      made: 'at+jwt required, and Keycloak says JWT',
      finding: 'ERR_TOKEN_TYPE',
      advice: /Keycloak: switch on "Use "at\+jwt".*or leave out --oauth-require-type/,
    },
    { token: { header: { typ: 'JWT' } } },
    { settings: ['--oauth-require-type'] },
  ),
]

const OF_SCOPES: readonly Failure[] = [
  ...(
    [
      ['permissions', { permissions: ['mcp:tools'] }, /"permissions"/],
      [
        'the roles of the realm',
        { realm_access: { roles: ['mcp:tools'] } },
        /"realm_access\.roles"/,
      ],
    ] as const
  ).map(([made, claims, place]) =>
    byExplain(
      {
        number: 37,
        name: 'A valid user is refused with 403, always',
        made: `the scope in ${made}`,
        finding: 'ERR_SCOPE_INSUFFICIENT',
        advice: new RegExp(`${place.source}.*--oauth-scope-claim names that claim`),
      },
      { token: { claims: { scope: undefined, ...claims } } },
    ),
  ),
  byExplain(
    {
      number: 37,
      name: 'A valid user is refused with 403, always',
      made: 'a scope of Keycloak without "Include in token scope"',
      finding: 'ERR_SCOPE_INSUFFICIENT',
      advice: /Keycloak: .*switch on "Include in token scope"/,
    },
    { token: { claims: { scope: undefined } } },
  ),
  byExplain(
    {
      number: 38,
      name: 'The same consent, again and again',
      made: 'a scope that Auth0 drops because the user has no permission',
      finding: 'ERR_SCOPE_INSUFFICIENT',
      advice: /Auth0: it silently drops scopes that it does not grant.*permissions of their roles/,
    },
    { token: { claims: { scope: 'openid' } } },
    { issuer: AUTH0 },
  ),
]

const OF_KINDS: readonly Failure[] = [
  byExplain(
    {
      number: 45,
      name: 'A user who logged out keeps access',
      made: 'a token that lives eight hours',
      finding: 'remark',
      advice:
        /is valid for 8 h, and no logout .*shorter tokens, .*introspection \(--oauth-client-id\)/,
    },
    { token: { claims: { exp: AT + 28_800 } } },
  ),
  byExplain(
    {
      number: 46,
      name: 'A bound token is refused',
      made: 'a token with cnf, of Keycloak',
      finding: 'ERR_TOKEN_BOUND',
      advice: /Keycloak: switch off "Require DPoP bound tokens" for this client/,
    },
    { token: { claims: { cnf: { jkt: 'thumbprint' } } } },
  ),
  byExplain(
    {
      number: 47,
      name: 'An ID token in place of an access token',
      made: 'the id_token of Keycloak, with the right audience',
      finding: 'ERR_TOKEN_TYPE',
      advice: /Keycloak: send the access_token of the token response, not id_token/,
    },
    { token: { header: { typ: 'JWT' }, claims: { typ: 'ID', nonce: 'n', at_hash: 'x' } } },
  ),
]

const OF_KEYS: readonly Failure[] = [
  byExplain(
    {
      number: 39,
      name: 'Sporadic 401 right after the login',
      made: 'a provider whose clock is two minutes ahead',
      finding: 'ERR_TOKEN_NOT_YET_VALID',
      advice: /120 s ahead of our clock.*synchroni[sz]e the clocks \(NTP\)/,
    },
    { token: { claims: { iat: AT + 120, exp: AT + 420 } } },
  ),
  explainedWhen(
    {
      number: 40,
      name: '401 for everybody after the provider changed its keys',
      made: 'a file with the keys of yesterday',
      finding: 'ERR_TOKEN_KEY_UNKNOWN',
      advice: /even after it changes them: leave out .*--oauth-jwks-file/,
    },
    async (isBroken) => ({ token: isBroken ? { key: await fakeKey('key-2') } : {} }),
  ),
  explainedWhen(
    {
      number: 42,
      name: 'No applicable key',
      made: 'authentik without a signing key: HS256',
      finding: 'ERR_TOKEN_ALGORITHM',
      advice: /authentik: choose a Signing Key in the provider/,
    },
    (isBroken) => {
      const part = (value: object) => btoa(JSON.stringify(value)).replaceAll('=', '')
      const forged = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iss: AUTHENTIK })}.YWJj`
      return Promise.resolve({ issuer: AUTHENTIK, token: isBroken ? forged : {} })
    },
  ),
  explainedWhen(
    {
      number: 43,
      name: 'The issuer is right, and the key is not found',
      made: 'the keys of another project, by a URL that somebody derived',
      finding: 'ERR_TOKEN_KEY_UNKNOWN',
      advice: /leave out --oauth-jwks-uri/,
    },
    async (isBroken) => {
      const { jwk } = await fakeKey(isBroken ? 'key-2' : 'key-1')
      const url = await startIntrospection({ keys: [jwk] })
      return { settings: ['--oauth-jwks-uri', url] }
    },
  ),
]

export const OF_TOKENS: readonly Failure[] = [
  ...OF_AUDIENCES,
  ...OF_FORMS,
  ...OF_SCOPES,
  ...OF_KEYS,
  ...OF_KINDS,
]
