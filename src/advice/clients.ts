/**
 * What is known about each MCP client: how it registers, what it reads, and what it does when it is
 * refused. Data for the commands that advise people; no decision about a request depends on it.
 *
 * Each fact has its sources, and the day on which they were read. What no source says is unknown, and
 * is never guessed.
 *
 * @module
 */

/** Where a fact comes from. */
export interface Source {
  /** A URL, or what was run. */
  readonly at: string
  /** The day on which it was read or run: `2026-11-23`. */
  readonly date: string
}

/** `value` is `undefined` if no source says it. Then there are no sources. */
export interface Fact<Value> {
  readonly value: Value | undefined
  readonly sources: readonly Source[]
}

/** `cimd`: a client id metadata document. `dcr`: RFC 7591. `manual`: people type a client id. */
export type Registration = 'cimd' | 'dcr' | 'manual'

/** Where a client looks for the metadata of the resource. */
type MetadataPlace = 'challenge' | 'path' | 'root'

/**
 * How a client compares `resource` of the metadata with its own URL. `equal`: as texts. `prefix`:
 * the same origin, and a prefix of the path. `related`: it does compare, but the rule is not known.
 */
type ResourceRule = 'equal' | 'prefix' | 'related'

/**
 * What a client asks of `code_challenge_methods_supported`. `advertised`: the list must have S256.
 * `not excluded`: the list may be absent.
 */
type PkceRule = 'advertised' | 'not excluded'

export interface Client {
  /** As `--client` spells it. */
  readonly name: string
  /** As people call it. */
  readonly title: string
  /** In the order in which it tries them. */
  readonly registration: Fact<readonly Registration[]>
  /** The URL of its client id metadata document. */
  readonly clientMetadata: Fact<string>
  /** Whether it uses such a document only where `none` is an advertised authentication method. */
  readonly cimdNeedsNone: Fact<boolean>
  /** What the identity provider must allow. Words in capitals stand for what differs. */
  readonly redirectUris: Fact<readonly string[]>
  /** In the order in which it looks. */
  readonly metadata: Fact<readonly MetadataPlace[]>
  readonly resourceRule: Fact<ResourceRule>
  /** Whether it sends `resource` (RFC 8707). */
  readonly sendsResource: Fact<boolean>
  readonly pkce: Fact<PkceRule>
  /** Which scopes it asks for. */
  readonly scopes: Fact<string>
  readonly on401: Fact<string>
  readonly on403: Fact<string>
  /** Whether it is built on the TypeScript SDK, whose behaviour is known. */
  readonly usesSdk: Fact<boolean>
  /** Whether its requests come from its vendor's servers, which need a public https URL. */
  readonly isHosted: Fact<boolean>
  /** Whether a browser sends its requests, so that CORS matters. */
  readonly isInBrowser: Fact<boolean>
  /** What else is worth knowing. */
  readonly notes: readonly Fact<string>[]
}

const SURVEY = '2026-11-23'

function known<Value>(value: Value, ...places: readonly string[]): Fact<Value> {
  return { value, sources: places.map((at) => ({ at, date: SURVEY })) }
}

const UNKNOWN: Fact<never> = { value: undefined, sources: [] }

const claudeWeb = (issue: number) => `https://github.com/anthropics/claude-ai-mcp/issues/${issue}`
const claudeCode = (issue: number) => `https://github.com/anthropics/claude-code/issues/${issue}`
const gemini = (thread: string) => `https://github.com/google-gemini/gemini-cli/${thread}`

const HELP_OF_CLAUDE =
  'https://support.claude.com/en/articles/11503834-building-custom-connectors-via-remote-mcp-servers'
const DOCS_OF_CHATGPT = 'https://developers.openai.com/plugins/build/auth'
const HOSTED_CLIENTS = 'hosted clients, seen by this project'
/** Nothing that was read contradicts these facts. Check them before you quote them. */
const UNCITED = 'general knowledge of the product'
const SDK_2 = 'source of @modelcontextprotocol/client 2.0.0'
const SDK_RUN = '@modelcontextprotocol/client 2.4.0, run'
const INSPECTOR = 'source of MCP Inspector 2.12 (2026-08)'
const MCP_REMOTE = 'README of mcp-remote 0.15.1 (2026-08)'
const NOT_PUBLIC = 'told to this project'

const CLAUDE: Omit<Client, 'name' | 'title'> = {
  registration: known(['cimd', 'dcr', 'manual'], UNCITED),
  clientMetadata: known('https://claude.ai/oauth/mcp-oauth-client-metadata', UNCITED),
  cimdNeedsNone: known(true, NOT_PUBLIC),
  redirectUris: known(
    ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
    HELP_OF_CLAUDE,
  ),
  metadata: known(['challenge'], UNCITED),
  resourceRule: known('related', UNCITED),
  sendsResource: known(true, UNCITED),
  pkce: known('advertised', claudeWeb(851)),
  scopes: UNKNOWN,
  on401: known(
    'A 401 invalid_client from the token endpoint makes it register again. What it does after a 401 from the MCP server is not known.',
    UNCITED,
  ),
  on403: known(
    'It shows "ofid_… Authorization failed". It shows the same if a firewall refuses its servers.',
    claudeWeb(335),
  ),
  usesSdk: UNKNOWN,
  isHosted: known(true, UNCITED),
  isInBrowser: known(false, HOSTED_CLIENTS),
  notes: [
    known('A redirect of the MCP URL to another origin loses the token.', claudeWeb(155)),
    known(
      'It remembers the metadata of a URL. A new query in the URL makes it read the metadata again.',
      claudeWeb(514),
    ),
    known('For a URL with a path, it does not accept metadata at the root.', claudeWeb(680)),
    known('It opens no GET stream, follows no redirect and sends no Origin.', HOSTED_CLIENTS),
  ],
}

export const CLIENTS: readonly Client[] = [
  { name: 'claude', title: 'claude.ai', ...CLAUDE },
  { name: 'claude-desktop', title: 'Claude Desktop (connectors)', ...CLAUDE },
  {
    name: 'claude-code',
    title: 'Claude Code',
    registration: known(['cimd', 'dcr', 'manual'], UNCITED, claudeCode(38102)),
    clientMetadata: known('https://claude.ai/oauth/claude-code-client-metadata', UNCITED),
    cimdNeedsNone: known(true, NOT_PUBLIC),
    redirectUris: known(['http://localhost:PORT/callback'], claudeCode(66511)),
    metadata: UNKNOWN,
    resourceRule: UNKNOWN,
    sendsResource: known(true, UNCITED),
    pkce: known('advertised', claudeCode(13275)),
    scopes: known(
      'It adds offline_access. The setting oauth.scopes replaces what the server names. Registration and refresh name no scope.',
      UNCITED,
      'https://github.com/appstrate/appstrate/issues/1267',
      claudeCode(89862),
    ),
    on401: known('It refreshes the token once.', UNCITED),
    on403: known(
      'With insufficient_scope it logs in again. If oauth.scopes is set, it asks for the same scopes.',
      UNCITED,
    ),
    usesSdk: UNKNOWN,
    isHosted: known(false, UNCITED),
    isInBrowser: known(false, UNCITED),
    notes: [
      known(
        'For a client id of your own: --client-id ID --callback-port PORT. Without these, port 3118 was seen.',
        UNCITED,
      ),
      known(
        'Its metadata document names loopback redirect URIs without a port. A provider must ignore the port.',
        claudeCode(37747),
      ),
      known(
        'Version 2.1.251 was reported to send no resource, and others to add a slash to a bare origin.',
        claudeCode(90497),
        claudeCode(52871),
      ),
    ],
  },
  {
    name: 'chatgpt',
    title: 'ChatGPT',
    registration: known(['cimd', 'dcr', 'manual'], UNCITED),
    clientMetadata: known('https://chatgpt.com/oauth/ID/client.json', UNCITED),
    cimdNeedsNone: UNKNOWN,
    redirectUris: known(
      [
        'https://chatgpt.com/connector/oauth/ID',
        'https://chatgpt.com/connector_platform_oauth_redirect',
        'https://platform.openai.com/apps-manage/oauth',
      ],
      DOCS_OF_CHATGPT,
    ),
    metadata: UNKNOWN,
    resourceRule: UNKNOWN,
    sendsResource: known(true, UNCITED),
    pkce: known('advertised', UNCITED),
    scopes: UNKNOWN,
    on401: known(
      'A tool error with _meta["mcp/www_authenticate"] starts the login. What it does after a plain 401 later is not known.',
      UNCITED,
    ),
    on403: UNKNOWN,
    usesSdk: UNKNOWN,
    isHosted: known(true, UNCITED),
    isInBrowser: known(false, HOSTED_CLIENTS),
    notes: [
      known(
        'The redirect URI is the same for all connectors only if the provider advertises and sends iss (RFC 9207). Otherwise each connector has its own.',
        DOCS_OF_CHATGPT,
      ),
      known(
        'Its metadata document may need private_key_jwt; Pocket ID refuses it. Keycloak refuses it too.',
        'https://github.com/pocket-id/pocket-id/issues/1718',
        'https://www.keycloak.org/securing-apps/mcp-authz-server',
      ),
      known('It expects the resource in aud.', UNCITED),
      known('It opens no GET stream, follows no redirect and sends no Origin.', HOSTED_CLIENTS),
    ],
  },
  {
    name: 'vscode',
    title: 'VS Code',
    registration: known(['cimd', 'dcr', 'manual'], UNCITED),
    clientMetadata: known('https://vscode.dev/oauth/client-metadata.json', UNCITED),
    cimdNeedsNone: UNKNOWN,
    redirectUris: known(
      [
        'http://127.0.0.1:33418/',
        'http://127.0.0.1/',
        'https://vscode.dev/redirect',
        'https://insiders.vscode.dev/redirect',
      ],
      UNCITED,
    ),
    metadata: UNKNOWN,
    resourceRule: known('equal', 'https://github.com/modelcontextprotocol/python-sdk/issues/1264'),
    sendsResource: known(true, UNCITED),
    pkce: UNKNOWN,
    scopes: UNKNOWN,
    on401: UNKNOWN,
    on403: UNKNOWN,
    usesSdk: UNKNOWN,
    isHosted: known(false, UNCITED),
    isInBrowser: known(false, UNCITED),
    notes: [
      known(
        'It takes another port if 33418 is taken: a provider that compares the port refuses it.',
        'https://github.com/microsoft/vscode/issues/278512',
      ),
      known(
        'Early builds did not read metadata below a path.',
        'https://github.com/microsoft/vscode/issues/273655',
      ),
      known(
        'A provider that refuses http on loopback refuses its registration.',
        'https://github.com/contextstream/mcp-server/issues/57',
      ),
    ],
  },
  {
    name: 'cursor',
    title: 'Cursor',
    registration: known(
      ['dcr', 'manual'],
      UNCITED,
      'https://github.com/Altinity/altinity-mcp/issues/169',
    ),
    clientMetadata: UNKNOWN,
    cimdNeedsNone: UNKNOWN,
    redirectUris: known(
      [
        'cursor://anysphere.cursor-mcp/oauth/callback',
        'https://www.cursor.com/agents/mcp/oauth/callback',
        'http://localhost:8787/callback',
      ],
      'https://github.com/erp-mafia/accounted/pull/2225',
    ),
    metadata: UNKNOWN,
    resourceRule: UNKNOWN,
    sendsResource: known(true, UNCITED),
    pkce: UNKNOWN,
    scopes: UNKNOWN,
    on401: UNKNOWN,
    on403: UNKNOWN,
    usesSdk: UNKNOWN,
    isHosted: known(false, UNCITED),
    isInBrowser: known(false, UNCITED),
    notes: [
      known(
        'It registers all of its redirect URIs at once: a provider that refuses one refuses all.',
        'https://github.com/bytebase/bytebase/issues/20510',
      ),
      known(
        'In the past it sent no state. Authelia refuses a login without one.',
        'https://github.com/cursor/cursor/issues/3576',
      ),
    ],
  },
  {
    name: 'inspector',
    title: 'MCP Inspector',
    registration: known(['dcr', 'manual'], INSPECTOR),
    clientMetadata: UNKNOWN,
    cimdNeedsNone: UNKNOWN,
    redirectUris: known(
      ['http://localhost:6274/oauth/callback', 'http://127.0.0.1:6276/oauth/callback'],
      INSPECTOR,
    ),
    metadata: known(['challenge', 'path', 'root'], INSPECTOR, SDK_2),
    resourceRule: known('prefix', INSPECTOR, SDK_2),
    sendsResource: known(true, INSPECTOR, SDK_RUN),
    pkce: known('not excluded', INSPECTOR, SDK_2),
    scopes: known(
      'Those of the challenge, else all those of the metadata; also offline_access, if the provider lists it.',
      INSPECTOR,
      SDK_RUN,
    ),
    on401: known('It refreshes the token and tries once more; else it logs in.', SDK_RUN),
    on403: known(
      'With insufficient_scope it asks for the scopes that it has and for those of the challenge. The command line asks the user first.',
      INSPECTOR,
      SDK_RUN,
    ),
    usesSdk: known(true, INSPECTOR),
    isHosted: known(false, INSPECTOR),
    isInBrowser: known(false, INSPECTOR),
    notes: [
      known('It uses a metadata document only with --client-metadata-url.', INSPECTOR),
      known('Version 1 sends its requests from the browser, and needs CORS.', INSPECTOR),
    ],
  },
  {
    name: 'mcp-remote',
    title: 'mcp-remote',
    registration: known(['dcr', 'manual'], MCP_REMOTE),
    clientMetadata: UNKNOWN,
    cimdNeedsNone: UNKNOWN,
    redirectUris: known(['http://localhost:PORT/oauth/callback'], MCP_REMOTE),
    metadata: known(['challenge', 'path', 'root'], MCP_REMOTE, SDK_2),
    resourceRule: known('prefix', MCP_REMOTE, SDK_2),
    sendsResource: known(true, MCP_REMOTE),
    pkce: known('not excluded', MCP_REMOTE, SDK_2),
    scopes: known(
      'Those of the challenge, else all those of the metadata; scopes_supported: [] means none.',
      MCP_REMOTE,
    ),
    on401: known('It refreshes the token and tries once more; else it logs in.', SDK_RUN),
    on403: UNKNOWN,
    usesSdk: known(true, MCP_REMOTE),
    isHosted: known(false, MCP_REMOTE),
    isInBrowser: known(false, MCP_REMOTE),
    notes: [
      known(
        'The port is 3334, or any other if that is taken. --host changes localhost to 127.0.0.1.',
        MCP_REMOTE,
      ),
      known('--disable-resource-parameter sends no resource, for Entra.', MCP_REMOTE),
      known(
        'It keeps registrations in ~/.mcp-auth, even after the provider has forgotten them.',
        MCP_REMOTE,
      ),
      known('It waits 30 s for the login, unless --auth-timeout says more.', MCP_REMOTE),
    ],
  },
  {
    name: 'gemini-cli',
    title: 'Gemini CLI',
    registration: known(['dcr', 'manual'], UNCITED),
    clientMetadata: UNKNOWN,
    cimdNeedsNone: UNKNOWN,
    redirectUris: known(['http://localhost:7777/oauth/callback'], gemini('pull/7465')),
    metadata: known(['path', 'root'], 'https://github.com/sigbit/mcp-auth-proxy/issues/177'),
    resourceRule: known('equal', gemini('pull/15289')),
    sendsResource: UNKNOWN,
    pkce: UNKNOWN,
    scopes: UNKNOWN,
    on401: UNKNOWN,
    on403: UNKNOWN,
    usesSdk: UNKNOWN,
    isHosted: known(false, UNCITED),
    isInBrowser: known(false, UNCITED),
    notes: [
      known('Older builds read the root metadata first.', gemini('issues/15754')),
      known('It mishandles a metadata URL with a path in the challenge.', gemini('issues/18760')),
    ],
  },
  {
    name: 'goose',
    title: 'goose',
    registration: known(
      ['cimd', 'dcr'],
      UNCITED,
      'https://github.com/aaif-goose/goose/issues/9670',
      'https://github.com/aaif-goose/goose/issues/8918',
    ),
    clientMetadata: known('https://goose-docs.ai/oauth/client-metadata.json', UNCITED),
    cimdNeedsNone: UNKNOWN,
    redirectUris: known(['http://localhost:PORT/oauth_callback'], UNCITED),
    metadata: UNKNOWN,
    resourceRule: UNKNOWN,
    sendsResource: UNKNOWN,
    pkce: UNKNOWN,
    scopes: UNKNOWN,
    on401: UNKNOWN,
    on403: UNKNOWN,
    usesSdk: UNKNOWN,
    isHosted: known(false, UNCITED),
    isInBrowser: known(false, UNCITED),
    notes: [
      known(
        'It takes a random port: a provider that compares the port refuses it.',
        'https://github.com/aaif-goose/goose/issues/5107',
      ),
      known(
        'Old versions register only by their metadata document.',
        'https://github.com/aaif-goose/goose/issues/9670',
      ),
    ],
  },
  {
    name: 'librechat',
    title: 'LibreChat',
    registration: known(['dcr', 'manual'], UNCITED),
    clientMetadata: UNKNOWN,
    cimdNeedsNone: UNKNOWN,
    redirectUris: known(['https://HOST/api/mcp/NAME/oauth/callback'], UNCITED),
    metadata: UNKNOWN,
    resourceRule: UNKNOWN,
    sendsResource: known(true, UNCITED),
    pkce: UNKNOWN,
    scopes: UNKNOWN,
    on401: UNKNOWN,
    on403: UNKNOWN,
    usesSdk: UNKNOWN,
    isHosted: known(false, UNCITED),
    isInBrowser: known(false, UNCITED),
    notes: [
      known('Its own server sends the requests. Users have tokens of their own.', UNCITED),
      known(
        'It sends resource to the authorization endpoint. Whether it also does to the token endpoint is not known.',
        UNCITED,
      ),
    ],
  },
]

/** @param name as `--client` spells it */
export function clientNamed(name: string): Client | undefined {
  return CLIENTS.find((client) => client.name === name)
}
