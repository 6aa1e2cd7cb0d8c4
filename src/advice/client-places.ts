/**
 * Where people put the URL of a server in each MCP client, in a line. The whole way is in `client-setup.ts`.
 *
 * @module
 */

export interface ClientPlace {
  /** As in `clients.ts`. */
  readonly names: readonly string[]
  readonly title: string
  readonly where: string
  /** What people type there or in a shell, with `URL` and perhaps `NAME`. */
  readonly typed?: string
}

/** Settings of Claude on the web and on the desktop. */
export const CONNECTORS_MENU = 'Settings → Connectors → Add custom connector'

/** Every client of `clients.ts`. */
export const CLIENT_PLACES: readonly ClientPlace[] = [
  {
    names: ['claude', 'claude-desktop'],
    title: 'Claude (web and desktop)',
    where: CONNECTORS_MENU,
  },
  {
    names: ['claude-code'],
    title: 'Claude Code',
    where: '',
    typed: 'claude mcp add --transport http NAME URL',
  },
  {
    names: ['chatgpt'],
    title: 'ChatGPT',
    where: 'Settings → Apps → Advanced settings: Developer mode; then create an app',
  },
  { names: ['vscode'], title: 'VS Code', where: 'The command “MCP: Add Server”, then HTTP' },
  {
    names: ['cursor'],
    title: 'Cursor',
    where: '.cursor/mcp.json: ',
    typed: '{"mcpServers": {"NAME": {"url": "URL"}}}',
  },
  {
    names: ['inspector'],
    title: 'MCP Inspector',
    where: 'Transport Type “Streamable HTTP”',
  },
  {
    names: ['gemini-cli'],
    title: 'Gemini CLI',
    where: '~/.gemini/settings.json: ',
    typed: '{"mcpServers": {"NAME": {"httpUrl": "URL"}}}',
  },
  {
    names: ['goose'],
    title: 'goose',
    where: 'goose configure → Add Extension → Remote Extension (Streamable HTTP)',
  },
  {
    names: ['librechat'],
    title: 'LibreChat',
    where: 'librechat.yaml, below mcpServers: ',
    typed: 'NAME: { type: streamable-http, url: "URL" }',
  },
  {
    names: ['mcp-remote'],
    title: 'A client that only starts commands',
    where: '',
    typed: 'npx mcp-remote URL',
  },
]
