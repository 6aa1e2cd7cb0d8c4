/**
 * What `doctor` can find at the resource server, from outside.
 *
 * @module
 */
import type { FindingKind } from './finding-kind.js'

const RFC_9728 = 'https://www.rfc-editor.org/rfc/rfc9728'
const RFC_6750 = 'https://www.rfc-editor.org/rfc/rfc6750'
const MCP = 'https://modelcontextprotocol.io/specification/2025-11-25/basic'
const AUTHORIZATION = `${MCP}/authorization`
const TRANSPORTS = `${MCP}/transports`
const CORS = 'https://fetch.spec.whatwg.org/#http-cors-protocol'

const OF_REACH = {
  unreachable: {
    severity: 'error',
    title: 'The server cannot be reached',
    change:
      'Start the server, correct host and port, or open the firewall. Where a company proxy is needed, set HTTPS_PROXY.',
    reference: `${TRANSPORTS}#streamable-http`,
  },
  'too-slow': {
    severity: 'error',
    title: 'The server does not answer in time',
    change: 'Check whether the server, or a proxy in front of it, hangs.',
    reference: `${TRANSPORTS}#streamable-http`,
  },
  'tls-fault': {
    severity: 'error',
    title: 'TLS fails',
    change:
      'Use a certificate for this host name from an authority that clients know, with the whole chain. For a company CA, doctor takes --ca-file; each client needs it too.',
    reference: `${AUTHORIZATION}#communication-security`,
  },
  'tls-not-spoken': {
    severity: 'error',
    title: 'The port speaks http, and the URL says https',
    change: 'Write http, or the port that speaks TLS.',
    reference: `${AUTHORIZATION}#communication-security`,
  },
  'plain-http': {
    severity: 'warning',
    title: 'The URL is not https',
    change: 'Put a proxy with TLS in front, and let clients use its https URL (--resource).',
    reference: `${AUTHORIZATION}#communication-security`,
  },
  'not-public': {
    severity: 'note',
    title: 'The URL works only on this machine or in this network',
    change:
      'Nothing, if that is intended: name the clients that count with --client. Clients that run on the servers of their vendor need a public https URL (--resource).',
    reference: `${AUTHORIZATION}#communication-security`,
  },
} as const satisfies Readonly<Record<string, FindingKind>>

const OF_ANSWERS = {
  'not-protected': {
    severity: 'error',
    title: 'The server answers without a token',
    change:
      'Put an authorization check in front of it: mcp-gatehouse --auth oauth. Let nobody reach the server without that check.',
    reference: `${AUTHORIZATION}#access-token-usage`,
  },
  'public-part': {
    severity: 'note',
    title: 'Some of the server needs no login',
    change:
      'Nothing, if tools for everybody are intended (anonymous: true in the policy). Clients log in when they call another tool.',
    reference: `${AUTHORIZATION}#access-token-usage`,
  },
  redirect: {
    severity: 'warning',
    title: 'The MCP URL redirects',
    change:
      'Give clients the final URL, and let no proxy redirect it (slash at the end, www, http to https, region).',
    reference: 'https://github.com/anthropics/claude-ai-mcp/issues/155',
  },
  'login-page': {
    severity: 'error',
    title: 'The MCP URL answers with a web page',
    change:
      'Let the MCP URL bypass the login page or the single-page app in front of it. Clients need 401 with WWW-Authenticate, not a page.',
    reference: 'https://github.com/microsoft/mcp-gateway/issues/17',
  },
  'no-endpoint': {
    severity: 'error',
    title: 'There is no MCP endpoint at this URL',
    change:
      'Use the exact URL of the endpoint, often with /mcp. With mcp-gatehouse it is the URL of --resource.',
    reference: `${TRANSPORTS}#streamable-http`,
  },
  'host-refused': {
    severity: 'error',
    title: 'The server refuses the host name',
    change:
      'Let the proxy in front pass Host on unchanged, or add the name (--allow-host). Behind mcp-gatehouse, --upstream-host sends another name.',
    reference: `${TRANSPORTS}#security-warning`,
  },
  forbidden: {
    severity: 'error',
    title: 'The server answers 403 to requests without a token',
    change:
      'Answer 401 with WWW-Authenticate, so that clients log in. If a firewall answers, let it pass the MCP URL.',
    reference: `${AUTHORIZATION}#error-handling`,
  },
  'too-many-requests': {
    severity: 'warning',
    title: 'The server says that there are too many requests',
    change: 'Try again later, or raise the limit of the proxy or firewall in front.',
    reference: 'https://www.rfc-editor.org/rfc/rfc6585#section-4',
  },
  'server-fault': {
    severity: 'error',
    title: 'The server fails',
    change:
      'The log of the server says why. For 502 to 504, look at what is behind the proxy (--upstream).',
    reference: `${TRANSPORTS}#streamable-http`,
  },
  'strange-answer': {
    severity: 'error',
    title: 'The answer without a token is neither 401 nor MCP',
    change: 'Answer 401 with WWW-Authenticate: Bearer to every request without a token.',
    reference: `${AUTHORIZATION}#error-handling`,
  },
  'old-transport': {
    severity: 'error',
    title: 'The server speaks the transport of 2024-11-05 (HTTP+SSE)',
    change:
      'Upgrade the server to Streamable HTTP. mcp-gatehouse does not carry the old transport, and most clients no longer speak it.',
    reference: `${TRANSPORTS}#backwards-compatibility`,
  },
  'get-answer': {
    severity: 'note',
    title: 'The endpoint answers GET in an unusual way',
    change: 'Answer GET with 401, 405 or an event stream.',
    reference: `${TRANSPORTS}#listening-for-messages-from-the-server`,
  },
  'clock-differs': {
    severity: 'warning',
    title: 'A clock differs from the clock of this machine',
    change:
      'Synchronise the clocks (NTP). A small difference is tolerated: --oauth-clock-tolerance, 30 s by default.',
    reference: 'https://www.rfc-editor.org/rfc/rfc7519#section-4.1.5',
  },
} as const satisfies Readonly<Record<string, FindingKind>>

const OF_CHALLENGES = {
  'challenge-missing': {
    severity: 'warning',
    title: 'The 401 has no WWW-Authenticate',
    change:
      'Send WWW-Authenticate: Bearer with resource_metadata, and let no proxy remove it. mcp-gatehouse does so by itself.',
    reference: `${RFC_9728}#section-5.1`,
  },
  'challenge-order': {
    severity: 'warning',
    title: 'The first challenge is not Bearer',
    change: 'Send exactly one challenge, Bearer. Clients read the first one only.',
    reference: `${RFC_9728}#section-5.1`,
  },
  'challenge-without-metadata': {
    severity: 'warning',
    title: 'The challenge does not name the metadata',
    change: 'Add resource_metadata="URL", in quotes, with the absolute URL of the metadata.',
    reference: `${RFC_9728}#section-5.1`,
  },
  'challenge-url': {
    severity: 'warning',
    title: 'The metadata URL of the challenge is not usable',
    change:
      'Name the metadata by the URL that clients use: in quotes, absolute, with the same scheme and host as the MCP URL (--resource).',
    reference: `${RFC_9728}#section-5.1`,
  },
  'challenge-error': {
    severity: 'note',
    title: 'The challenge names an error, and no token was sent',
    change: 'Leave out error where a request has no token.',
    reference: `${RFC_6750}#section-3.1`,
  },
  'answer-cached': {
    severity: 'note',
    title: 'The 401 may be cached',
    change: 'Send Cache-Control: no-store with it.',
    reference: `${RFC_6750}#section-5.3`,
  },
} as const satisfies Readonly<Record<string, FindingKind>>

const OF_CREDENTIALS = {
  'any-token-accepted': {
    severity: 'error',
    title: 'The server takes a token that nobody issued',
    change:
      'Let it check signature, issuer, audience and expiry of each token, or put a check in front: mcp-gatehouse --auth oauth.',
    reference: `${AUTHORIZATION}#token-handling`,
  },
  'token-unchecked': {
    severity: 'error',
    title: 'The server cannot check a token',
    change:
      'The log of the server says why. Let it answer 401 to a wrong token, so that clients log in again. If it cannot reach keys or introspection: mcp-gatehouse check --live asks for both.',
    reference: `${RFC_6750}#section-3.1`,
  },
  'token-not-seen': {
    severity: 'warning',
    title: 'The server answers a wrong token as if no token was sent',
    change:
      'Let the proxy in front pass Authorization on (Apache: CGIPassAuth On). mcp-gatehouse names error="invalid_token" in the challenge whenever a token reaches it.',
    reference: `${RFC_6750}#section-3`,
  },
} as const satisfies Readonly<Record<string, FindingKind>>

const OF_METADATA = {
  'metadata-missing': {
    severity: 'error',
    title: 'The metadata of the resource cannot be found',
    change:
      'Publish it at /.well-known/oauth-protected-resource + path. mcp-gatehouse does so with --auth oauth. Let the proxy in front pass /.well-known/* to it.',
    reference: `${RFC_9728}#section-3`,
  },
  'metadata-not-at-path': {
    severity: 'warning',
    title: 'The metadata is not at the well-known URL with the path of the resource',
    change:
      'Publish it at /.well-known/oauth-protected-resource + path, too. Let the proxy in front pass that URL on.',
    reference: `${RFC_9728}#section-3.1`,
  },
  'metadata-not-at-root': {
    severity: 'warning',
    title: 'The metadata is not at the root',
    change:
      'Publish the same document at /.well-known/oauth-protected-resource, too. mcp-gatehouse does so for a single resource.',
    reference: 'https://github.com/google-gemini/gemini-cli/issues/15754',
  },
  'metadata-appended': {
    severity: 'warning',
    title: 'The metadata is below the MCP URL, where clients do not look',
    change: 'Put the well-known path between host and path, not at the end.',
    reference: `${RFC_9728}#section-3.1`,
  },
  'metadata-page': {
    severity: 'warning',
    title: 'A well-known URL answers 200 with a web page',
    change:
      'Let the single-page app answer 404 for /.well-known/*, or route these paths to the server that has the documents.',
    reference: `${RFC_9728}#section-3.2`,
  },
  'metadata-guarded': {
    severity: 'warning',
    title: 'The metadata cannot be read without a token',
    change:
      'Serve /.well-known/* without authorization: clients read the metadata before they log in.',
    reference: `${RFC_9728}#section-3.1`,
  },
  'metadata-redirect': {
    severity: 'warning',
    title: 'A metadata URL redirects',
    change: 'Answer with the document itself.',
    reference: `${RFC_9728}#section-3.2`,
  },
  'metadata-fault': {
    severity: 'warning',
    title: 'A metadata URL fails',
    change:
      'Answer 404 where there is no document. After a 5xx other than 502, clients give up and do not try the next URL.',
    reference: `${RFC_9728}#section-3.2`,
  },
  'metadata-not-json': {
    severity: 'warning',
    title: 'A metadata document is not a JSON object',
    change: 'Answer with application/json.',
    reference: `${RFC_9728}#section-3.2`,
  },
  'metadata-cached': {
    severity: 'warning',
    title: 'The metadata may be cached for a long time',
    change:
      'Send Cache-Control with a short max-age, such as 300. Until then clients may use the old document; a new URL (?v=2) makes them ask again.',
    reference: 'https://github.com/anthropics/claude-ai-mcp/issues/514',
  },
  'metadata-differ': {
    severity: 'warning',
    title: 'The metadata documents disagree',
    change: 'Publish the same bytes at both URLs.',
    reference: `${RFC_9728}#section-3.3`,
  },
  'resource-missing': {
    severity: 'error',
    title: 'The metadata names no resource',
    change: 'Add resource with the exact URL that users type.',
    reference: `${RFC_9728}#section-2`,
  },
  'resource-scheme': {
    severity: 'warning',
    title: 'The resource and the URL differ in http and https',
    change:
      'TLS ends at a proxy, and the server builds the URL from the connection. Configure the public URL (--resource).',
    reference: `${RFC_9728}#section-3.3`,
  },
  'resource-host': {
    severity: 'warning',
    title: 'The resource has another host than the URL',
    change:
      'Give clients the URL that the metadata names, or configure the public URL (--resource) instead of the internal one.',
    reference: `${RFC_9728}#section-3.3`,
  },
  'resource-origin-only': {
    severity: 'warning',
    title: 'The resource is only the beginning of the URL',
    change: 'Name the whole URL of the endpoint, with its path (--resource).',
    reference: 'https://github.com/modelcontextprotocol/python-sdk/issues/1264',
  },
  'resource-path': {
    severity: 'warning',
    title: 'The resource has another path than the URL',
    change: 'Give clients the URL that the metadata names, or correct --resource.',
    reference: `${RFC_9728}#section-3.3`,
  },
  'resource-slash': {
    severity: 'warning',
    title: 'The resource and the URL differ in the slash at the end',
    change: 'Give clients the URL exactly as the metadata spells it.',
    reference: `${RFC_9728}#section-3.3`,
  },
  'resource-without-path': {
    severity: 'note',
    title: 'The resource has no path',
    change:
      'Use a path such as /mcp. Some clients add a slash to a bare origin. It then differs from aud.',
    reference: 'https://github.com/microsoft/vscode/issues/255255',
  },
  'no-authorization-server': {
    severity: 'error',
    title: 'The metadata names no authorization server',
    change: 'List the issuer in authorization_servers (--oauth-issuer).',
    reference: `${AUTHORIZATION}#authorization-server-location`,
  },
} as const satisfies Readonly<Record<string, FindingKind>>

const OF_BROWSERS = {
  'cors-metadata': {
    severity: 'note',
    title: 'A browser may not read the metadata',
    change: 'Answer every origin: Access-Control-Allow-Origin: *. mcp-gatehouse does.',
    reference: CORS,
  },
  'cors-endpoint': {
    severity: 'note',
    title: 'A browser may not call the MCP URL',
    change:
      'Allow the origin of the client: --allow-origin ORIGIN. The preflight needs authorization, content-type, mcp-protocol-version and mcp-session-id.',
    reference: CORS,
  },
  'cors-exposed': {
    severity: 'note',
    title: 'A browser hides the challenge or the session id from the client',
    change: 'Expose WWW-Authenticate and Mcp-Session-Id (Access-Control-Expose-Headers).',
    reference: CORS,
  },
  'cors-provider': {
    severity: 'note',
    title: 'A browser may not read from the authorization server',
    change: 'Allow the origin of the client at the authorization server.',
    reference: CORS,
  },
} as const satisfies Readonly<Record<string, FindingKind>>

export const RESOURCE_FINDINGS = {
  ...OF_REACH,
  ...OF_ANSWERS,
  ...OF_CHALLENGES,
  ...OF_CREDENTIALS,
  ...OF_METADATA,
  ...OF_BROWSERS,
}
