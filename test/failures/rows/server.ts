/** Failures 11 to 17: what a client reads at the authorization server. */
import { ISSUER } from '../../support/idp.js'
import type { Failure } from '../failure.js'
import { fromOutside } from '../outside.js'

const SSO = 'https://sso.example.com'
const AUTH0 = 'https://tenant.eu.auth0.com/'

export const OF_THE_SERVER: readonly Failure[] = [
  fromOutside(
    {
      number: 11,
      name: 'IssuerMismatchError: a slash',
      made: 'the issuer of Auth0 without its slash',
      finding: 'issuer-slash',
      advice: /Auth0: the issuer ends with a slash/,
    },
    { issuer: AUTH0.slice(0, -1), metadata: { issuer: AUTH0 } },
    { issuer: AUTH0 },
  ),
  fromOutside(
    {
      number: 11,
      name: 'IssuerMismatchError: another name',
      made: 'a provider that names itself by an alias',
      finding: 'issuer-differs',
      advice: /names "https:\/\/login\.example\.com.*--hostname/,
    },
    { metadata: { issuer: 'https://login.example.com/realms/mcp' } },
  ),
  fromOutside(
    {
      number: 12,
      name: '404 for the document of the authorization server',
      made: 'Keycloak before 26.4: the OpenID form alone',
      finding: 'server-document-not-inserted',
      advice: /Keycloak: use 26\.4 or later, and let the proxy pass/,
    },
    {
      change: (idp) => {
        idp.metadataUrl = `${ISSUER}/.well-known/openid-configuration`
      },
    },
  ),
  fromOutside(
    {
      number: 12,
      name: '404 for the document of the authorization server',
      made: 'a proxy that passes none of its documents on',
      finding: 'server-document-missing',
      advice: /: 404; .*Keycloak: the issuer is https:\/\/HOST\/realms\/REALM/,
    },
    {
      change: (idp) => {
        idp.metadataUrl = `${SSO}/auth/elsewhere`
      },
    },
  ),
  fromOutside(
    {
      number: 13,
      name: 'The client stops: no S256',
      made: 'a document without code_challenge_methods_supported, as of Cognito',
      finding: 'pkce-absent',
      advice: /Cognito: it supports PKCE but does not say so/,
    },
    { metadata: { code_challenge_methods_supported: undefined } },
    { issuer: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_pool' },
  ),
  fromOutside(
    {
      number: 14,
      name: 'iss is http://localhost:8080, and everybody expects the public name',
      made: 'Keycloak without a hostname',
      finding: 'issuer-differs',
      advice: /http:\/\/localhost:8080.*Keycloak: set --hostname to the public URL/,
    },
    { metadata: { issuer: 'http://localhost:8080/realms/mcp' } },
  ),
  fromOutside(
    {
      number: 15,
      name: '{tenantid} in the issuer',
      made: 'the document of Entra for all tenants',
      finding: 'issuer-placeholder',
      advice: /Entra: use https:\/\/login\.microsoftonline\.com\/TENANT\/v2\.0/,
    },
    { metadata: { issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0' } },
    { issuer: 'https://login.microsoftonline.com/common/v2.0' },
  ),
  fromOutside(
    {
      number: 16,
      name: 'A 5xx ends the search',
      made: 'a provider that answers 500 for the form that it does not have',
      finding: 'server-document-fault',
      advice: /answered 500\. Answer 404 where there is no document/,
    },
    {
      change: (idp) => {
        const inserted = idp.metadataUrl
        idp.metadataUrl = `${ISSUER}/.well-known/openid-configuration`
        const { fetch } = idp
        const failing: typeof idp.fetch = async (input, init) =>
          String(input) === inserted ? new Response('', { status: 500 }) : fetch(input, init)
        Object.assign(idp, { fetch: failing })
      },
    },
  ),
  ...(
    [
      ['the metadata', { [`GET /.well-known/oauth-protected-resource/mcp`]: {} }, 'cors-metadata'],
      ['the MCP URL', { 'OPTIONS /mcp': { status: 405 } }, 'cors-endpoint'],
    ] as const
  ).map(([what, replies, finding]) =>
    fromOutside(
      {
        number: 17,
        name: 'Failed to fetch, in a browser',
        made: `no CORS at ${what}`,
        finding,
        advice: finding === 'cors-endpoint' ? /--allow-origin ORIGIN/ : /Allow-Origin: \*/,
      },
      { replies },
    ),
  ),
  fromOutside(
    {
      number: 17,
      name: 'Failed to fetch, in a browser',
      made: 'no CORS at document, token and registration of Keycloak',
      finding: 'cors-provider',
      advice: /its registration endpoint\. Keycloak: add the origin to "Web origins"/,
    },
    { isClosedToBrowsers: true },
  ),
]
