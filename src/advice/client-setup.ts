/**
 * What to type into each MCP client for one deployment. Data and texts; nothing here decides about a
 * request. What is known about the clients themselves is in `clients.ts`.
 *
 * @module
 */
import { CONNECTORS_MENU } from './client-places.js'
import type { Source } from './clients.js'
import { shellWord } from './shell-word.js'

/** The server that people want to reach. */
export interface Deployment {
  /** The MCP endpoint, which is the resource identifier too. */
  readonly url: string
  /** What clients call it. */
  readonly name: string
  /** A client that is registered at the identity provider; `undefined`: the client registers itself. */
  readonly clientId: string | undefined
  /** The scopes that clients ask for, for a client that must be told. */
  readonly scopes: readonly string[]
}

/** A text for a file or a shell. */
export interface Paste {
  /** Where it belongs. */
  readonly into: string
  readonly language: 'json' | 'yaml' | 'sh'
  readonly text: string
}

export interface ClientSetup {
  /** As in `clients.ts`. */
  readonly name: string
  /** What to do, in order. */
  readonly steps: (deployment: Deployment) => readonly string[]
  readonly paste?: (deployment: Deployment) => Paste
  /**
   * The redirect URIs of {@link steps} and {@link paste}, if those choose the port. Otherwise they are
   * those of `clients.ts`.
   */
  readonly redirectUris?: readonly string[]
  readonly sources: readonly Source[]
}

const READ = '2026-12-01'

function from(...places: readonly string[]): readonly Source[] {
  return places.map((at) => ({ at, date: READ }))
}

function json(value: unknown): string {
  return JSON.stringify(value, undefined, 2)
}

/** A port that clients rarely use themselves. The identity provider must know it. */
const CALLBACK_PORT = 8765
/** The default of mcp-remote. */
const REMOTE_PORT = 3334

const CONNECTORS =
  'https://support.claude.com/en/articles/11503834-building-custom-connectors-via-remote-mcp-servers'

/** Custom connectors, which the vendor's servers use: an address on the internet is needed. */
function connectorSteps({ url, clientId }: Deployment): readonly string[] {
  return [
    `Open ${CONNECTORS_MENU}.`,
    `Give it the URL ${url}`,
    clientId === undefined
      ? 'Leave the advanced settings empty.'
      : `Under advanced settings, give it the client id ${clientId}, and the secret if the client has one.`,
    'Press Connect, and log in.',
  ]
}

const CLAUDE_CODE: ClientSetup = {
  name: 'claude-code',
  steps: () => ['Run this command.', 'In Claude Code, enter /mcp, choose the server, and log in.'],
  paste: ({ url, name, clientId }) => ({
    into: 'a shell',
    language: 'sh',
    text: [
      'claude mcp add --transport http',
      ...(clientId === undefined
        ? []
        : [`--client-id ${shellWord(clientId)} --callback-port ${CALLBACK_PORT}`]),
      shellWord(name),
      shellWord(url),
    ].join(' '),
  }),
  redirectUris: [`http://localhost:${CALLBACK_PORT}/callback`],
  sources: from('https://code.claude.com/docs/en/mcp'),
}

const CHATGPT: ClientSetup = {
  name: 'chatgpt',
  steps: ({ url, clientId }) => [
    'Open Settings → Apps → Advanced settings, and switch on Developer mode (older versions say Connectors for Apps).',
    'Create an app.',
    `Give it the MCP server URL ${url} and the authentication OAuth.`,
    ...(clientId === undefined
      ? []
      : [
          `Under the advanced settings of the authentication, choose the registration method "User-defined OAuth client", and give it the client id ${clientId}.`,
          'Copy the callback URL that it shows there, and allow it at the identity provider.',
        ]),
    'Create it, and log in.',
  ],
  sources: from(
    'https://developer.salesforce.com/docs/platform/hosted-mcp-servers/guide/chatgpt.md',
    'https://github.com/CDataSoftware/docs/pull/98/files',
  ),
}

const VSCODE: ClientSetup = {
  name: 'vscode',
  steps: () => ['Write this file.', 'Press Start above the name of the server, and log in.'],
  paste: ({ url, name, clientId }) => ({
    into: '.vscode/mcp.json',
    language: 'json',
    text: json({
      servers: {
        [name]: { type: 'http', url, ...(clientId !== undefined && { oauth: { clientId } }) },
      },
    }),
  }),
  sources: from('https://github.com/microsoft/vscode-docs/pull/9798/files'),
}

const CURSOR: ClientSetup = {
  name: 'cursor',
  steps: () => ['Write this file.', 'Open the settings, Tools & MCP, and log in.'],
  paste: ({ url, name, clientId, scopes }) => {
    const auth = { CLIENT_ID: clientId, ...(scopes.length > 0 && { scopes }) }
    return {
      into: '.cursor/mcp.json',
      language: 'json',
      text: json({
        mcpServers: { [name]: { url, ...(clientId !== undefined && { auth }) } },
      }),
    }
  },
  sources: from(
    'https://developer.mittwald.de/docs/v2/mcp/getting-connected/cursor',
    'https://docs.pipeshub.com/mcp/cursor.md',
  ),
}

const GEMINI_CLI: ClientSetup = {
  name: 'gemini-cli',
  steps: ({ name }) => [
    'Add this to the file.',
    `Restart Gemini CLI, enter /mcp auth ${name}, and log in.`,
  ],
  paste: ({ url, name, clientId, scopes }) => {
    const oauth = { enabled: true, clientId, ...(scopes.length > 0 && { scopes }) }
    return {
      into: '~/.gemini/settings.json',
      language: 'json',
      text: json({
        mcpServers: { [name]: { httpUrl: url, ...(clientId !== undefined && { oauth }) } },
      }),
    }
  },
  sources: from(
    'https://github.com/google-gemini/gemini-cli/blob/main/docs/tools/mcp-server.md',
    'https://developer.webex.com/docs/webex-agentic-mcp-servers-gemini-cli',
  ),
}

const INSPECTOR: ClientSetup = {
  name: 'inspector',
  steps: ({ url, clientId }) => [
    'Run this command, with Node 22.19 or later: with an older one npm takes version 0.15, which cannot log in on the command line.',
    `Choose the transport Streamable HTTP, and give it the URL ${url}`,
    ...(clientId === undefined ? [] : [`Under Authentication, give it the client id ${clientId}.`]),
    'Press Connect, and log in.',
    `Or, without its page: npx @modelcontextprotocol/inspector --cli ${url} --transport http --method tools/list (with MCP_AUTO_OPEN_ENABLED=true where there is no terminal)`,
  ],
  paste: () => ({
    into: 'a shell',
    language: 'sh',
    text: 'npx @modelcontextprotocol/inspector',
  }),
  sources: from('https://github.com/modelcontextprotocol/inspector'),
}

const MCP_REMOTE: ClientSetup = {
  name: 'mcp-remote',
  steps: () => [
    'Add this to the configuration of a client that can only start commands.',
    'Restart that client: mcp-remote opens the browser for the login.',
  ],
  paste: ({ url, name, clientId }) => {
    const info = clientId === undefined ? undefined : JSON.stringify({ client_id: clientId })
    const client = info === undefined ? [] : ['--static-oauth-client-info', info]
    const args = ['-y', 'mcp-remote', url, String(REMOTE_PORT), ...client]
    return {
      into: 'the configuration of the client, mcpServers',
      language: 'json',
      text: json({ mcpServers: { [name]: { command: 'npx', args } } }),
    }
  },
  redirectUris: [`http://localhost:${REMOTE_PORT}/oauth/callback`],
  sources: from('https://github.com/geelen/mcp-remote'),
}

const GOOSE: ClientSetup = {
  name: 'goose',
  steps: ({ url, name }) => [
    'Run this command.',
    'Choose Add Extension, then Remote Extension (Streamable HTTP).',
    `Give it the name ${name} and the URL ${url}`,
    'It opens the browser for the login when it first uses the server.',
  ],
  paste: () => ({ into: 'a shell', language: 'sh', text: 'goose configure' }),
  sources: from(
    'https://block.github.io/goose/pr-preview/pr-7104/docs/guides/interactive-chat/mcp-ui',
  ),
}

const LIBRECHAT: ClientSetup = {
  name: 'librechat',
  steps: ({ clientId }) => [
    'Add this to librechat.yaml, and restart LibreChat.',
    ...(clientId === undefined
      ? []
      : [
          'AUTHORIZATION_ENDPOINT and TOKEN_ENDPOINT are in the metadata of the identity provider; HOST is that of LibreChat.',
        ]),
    'Each user chooses the server below the prompt, and logs in.',
  ],
  paste: ({ url, name, clientId, scopes }) => ({
    into: 'librechat.yaml',
    language: 'yaml',
    text: [
      'mcpServers:',
      `  ${name}:`,
      '    type: streamable-http',
      `    url: ${JSON.stringify(url)}`,
      ...(clientId === undefined
        ? ['    requiresOAuth: true']
        : [
            '    oauth:',
            '      authorization_url: AUTHORIZATION_ENDPOINT',
            '      token_url: TOKEN_ENDPOINT',
            `      client_id: ${JSON.stringify(clientId)}`,
            ...(scopes.length > 0 ? [`      scope: ${JSON.stringify(scopes.join(' '))}`] : []),
            `      redirect_uri: https://HOST/api/mcp/${name}/oauth/callback`,
          ]),
    ].join('\n'),
  }),
  sources: from(
    'https://www.librechat.ai/docs/configuration/librechat_yaml/object_structure/mcp_servers',
  ),
}

/** One for each client of `clients.ts`, in its order. */
export const CLIENT_SETUPS: readonly ClientSetup[] = [
  { name: 'claude', steps: connectorSteps, sources: from(CONNECTORS) },
  { name: 'claude-desktop', steps: connectorSteps, sources: from(CONNECTORS) },
  CLAUDE_CODE,
  CHATGPT,
  VSCODE,
  CURSOR,
  INSPECTOR,
  MCP_REMOTE,
  GEMINI_CLI,
  GOOSE,
  LIBRECHAT,
]
