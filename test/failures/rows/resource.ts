/** Failures 1 to 10: what a client reads at the resource. */
import { DOCUMENT } from '../../support/doctor.js'
import type { Failure } from '../failure.js'
import { CHALLENGE, challenged, fromOutside, PRM, unauthorized } from '../outside.js'

const PAGE = { headers: { 'content-type': 'text/html' }, body: '<!doctype html><h1>Log in</h1>' }
const NONE = { status: 404 }
const OPEN = { 'access-control-allow-origin': '*' }

export const OF_THE_RESOURCE: readonly Failure[] = [
  fromOutside(
    {
      number: 1,
      name: 'No client opens a browser',
      made: 'a 401 without WWW-Authenticate',
      finding: 'challenge-missing',
      advice: /Send WWW-Authenticate: Bearer with resource_metadata, and let no proxy remove it/,
    },
    { replies: unauthorized({}) },
  ),
  fromOutside(
    {
      number: 1,
      name: 'No client opens a browser',
      made: 'a login page of a proxy, with 200',
      finding: 'login-page',
      advice: /Let the MCP URL bypass the login page/,
    },
    { replies: { 'POST /mcp': PAGE } },
  ),
  fromOutside(
    {
      number: 1,
      name: 'No client opens a browser',
      made: 'a redirect to a login page',
      finding: 'redirect',
      advice: /let no proxy redirect it/,
    },
    {
      replies: { 'POST /mcp': { status: 302, headers: { location: 'https://sso.example.com/' } } },
    },
  ),
  fromOutside(
    {
      number: 1,
      name: 'No client opens a browser',
      made: 'a server that answers everyone',
      finding: 'not-protected',
      advice: /mcp-gatehouse --auth oauth/,
    },
    { replies: { 'POST /mcp': { body: { jsonrpc: '2.0', id: 1, result: {} } } } },
  ),
  fromOutside(
    {
      number: 2,
      name: 'The resource is http, and the URL https',
      made: 'metadata that follow the connection behind the proxy',
      finding: 'resource-scheme',
      advice: /Configure the public URL \(--resource\)/,
    },
    { document: { resource: 'http://mcp.example.com/mcp' } },
  ),
  fromOutside(
    {
      number: 2,
      name: 'The resource is http, and the URL https',
      made: 'a challenge that names the metadata by http',
      finding: 'challenge-url',
      advice: /with the same scheme and host as the MCP URL \(--resource\)/,
    },
    { replies: challenged(CHALLENGE.replace('https:', 'http:')) },
  ),
  fromOutside(
    {
      number: 3,
      name: 'VS Code and Gemini CLI: the resource does not match',
      made: 'metadata that name the origin',
      finding: 'resource-origin-only',
      advice: /Name the whole URL of the endpoint, with its path \(--resource\)/,
    },
    { document: { resource: 'https://mcp.example.com/' } },
  ),
  fromOutside(
    {
      number: 4,
      name: 'Works in one client, and fails in another',
      made: 'metadata at the root alone',
      finding: 'metadata-not-at-path',
      advice: /oauth-protected-resource \+ path/,
    },
    { replies: { [`GET ${PRM}/mcp`]: NONE } },
  ),
  fromOutside(
    {
      number: 4,
      name: 'Works in one client, and fails in another',
      made: 'metadata below the path alone',
      finding: 'metadata-not-at-root',
      advice: /Publish the same document at \/\.well-known\/oauth-protected-resource, too/,
    },
    { replies: { [`GET ${PRM}`]: NONE } },
  ),
  fromOutside(
    {
      number: 5,
      name: 'The metadata answer 404',
      made: 'the well-known path at the end of the URL',
      finding: 'metadata-appended',
      advice: /Put the well-known path between host and path/,
    },
    {
      replies: {
        [`GET ${PRM}/mcp`]: NONE,
        [`GET ${PRM}`]: NONE,
        [`GET /mcp${PRM}`]: { body: DOCUMENT },
      },
    },
  ),
  fromOutside(
    {
      number: 5,
      name: 'The metadata answer 401',
      made: 'an authorization check before /.well-known',
      finding: 'metadata-guarded',
      advice: /Serve \/\.well-known\/\* without authorization/,
    },
    { replies: { [`GET ${PRM}/mcp`]: { status: 401 }, [`GET ${PRM}`]: { status: 401 } } },
  ),
  fromOutside(
    {
      number: 6,
      name: 'A slash at the end of a bare host',
      made: 'an MCP server at the root of its host',
      finding: 'resource-without-path',
      advice: /Use a path such as \/mcp/,
    },
    {
      url: 'https://mcp.example.com/',
      document: { resource: 'https://mcp.example.com/' },
      replies: {
        'POST /': {
          status: 401,
          headers: { 'www-authenticate': CHALLENGE, 'cache-control': 'no-store' },
        },
      },
    },
  ),
  fromOutside(
    {
      number: 7,
      name: 'Connected, and no tools',
      made: 'a redirect to www',
      finding: 'redirect',
      advice: /another origin, where clients send no token\. Give clients the final URL/,
    },
    {
      replies: {
        'POST /mcp': { status: 308, headers: { location: 'https://www.example.com/mcp' } },
      },
    },
  ),
  fromOutside(
    {
      number: 7,
      name: 'Connected, and no tools',
      made: 'a redirect that adds a slash',
      finding: 'redirect',
      advice: /Give clients the final URL, .*slash at the end/,
    },
    { replies: { 'POST /mcp': { status: 307, headers: { location: '/mcp/' } } } },
  ),
  fromOutside(
    {
      number: 9,
      name: 'A client goes on with old metadata',
      made: 'metadata that may be stored for a week',
      finding: 'metadata-cached',
      advice: /Cache-Control with a short max-age.*\?v=2/,
    },
    {
      replies: {
        [`GET ${PRM}/mcp`]: {
          headers: { ...OPEN, 'cache-control': 'max-age=604800' },
          body: DOCUMENT,
        },
      },
    },
  ),
  fromOutside(
    {
      number: 9,
      name: 'A client goes on with old metadata',
      made: 'a 401 that may be stored',
      finding: 'answer-cached',
      advice: /Send Cache-Control: no-store/,
    },
    {
      replies: unauthorized({ 'www-authenticate': CHALLENGE, 'cache-control': 'max-age=60' }),
    },
  ),
  ...(
    [
      ['DPoP before Bearer', `DPoP algs="ES256", ${CHALLENGE}`, 'challenge-order'],
      ['Basic before Bearer', `Basic realm="x", ${CHALLENGE}`, 'challenge-order'],
      ['a relative URL', `Bearer resource_metadata="${PRM}/mcp"`, 'challenge-url'],
      ['a URL without quotes', CHALLENGE.replaceAll('"', ''), 'challenge-url'],
    ] as const
  ).map(([made, challenge, finding]) =>
    fromOutside(
      {
        number: 10,
        name: 'The challenge is overlooked',
        made: `a challenge with ${made}`,
        finding,
        advice:
          finding === 'challenge-order' ? /exactly one challenge, Bearer/ : /in quotes, absolute/,
      },
      { replies: challenged(challenge) },
    ),
  ),
]
