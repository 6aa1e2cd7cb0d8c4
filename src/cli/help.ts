/**
 * The text of `--help`.
 *
 * @module
 */
import { settingLines } from '../config/help.js'
import { environmentNameOf, flagOf } from '../config/names.js'
import { SETTINGS } from '../config/setting-lists.js'
import { SECTIONS } from '../config/setting.js'

const COLUMNS = 100

/** How the command is called. */
export const USAGE = `Protects any MCP server with the identity provider that you already run.

Usage:
  mcp-gatehouse [serve] [settings] --upstream URL      an MCP server that is reached by HTTP
  mcp-gatehouse [serve] [settings] --upstream URL -- COMMAND [ARGUMENTS]
                                                       the same; the gateway starts and stops it
  mcp-gatehouse [serve] [settings] -- COMMAND [ARGUMENTS]
                                                       a stdio server: one child per session
  mcp-gatehouse --transport stdio -- COMMAND [ARGUMENTS]
                                                       local use: passed through, without tokens
  mcp-gatehouse check [settings] [--json]              validates and prints the effective settings
  mcp-gatehouse check --live [settings] [--json]       asks issuers and upstream, as serve would
  mcp-gatehouse explain [settings] [--json] < TOKEN    why a token is accepted or refused
  mcp-gatehouse policy init|check|explain|table        who may call what; see policy --help
  mcp-gatehouse doctor [URL] [settings]                who connects, and why not; see doctor --help
  mcp-gatehouse login URL                              logs in as a client does; see login --help
  mcp-gatehouse clients URL                            what to type into each MCP client
  mcp-gatehouse key new|list|revoke FILE               API keys beside logins; see key --help

Examples:
  mcp-gatehouse --auth oauth --oauth-issuer https://sso.example.com/realms/mcp \\
    --resource https://mcp.example.com/mcp --upstream http://127.0.0.1:8000/mcp
  mcp-gatehouse --auth oauth --oauth-issuer https://sso.example.com/realms/mcp \\
    --resource https://mcp.example.com/mcp -- uvx mcp-server-time
  mcp-gatehouse --upstream http://127.0.0.1:8000/mcp   on this machine only, without tokens
  mcp-gatehouse check --config gatehouse.yaml
`

/** How settings are written in each source, and the exit codes. */
export const SPELLINGS = `One name, three spellings:
  ${flagOf('oauth.jwksMaxAge')} = ${environmentNameOf('oauth.jwksMaxAge')}
  = jwksMaxAge below oauth: in the file of --config.
  Precedence: flag, environment, file, default.
  Lists: repeat the flag; in the environment separate by blanks or commas; in the file a list.
  TIME is 500ms, 30s, 10m or 24h (a bare number is seconds), SIZE 64KiB or 4MiB (bytes).
  Several issuers with their own settings: the list issuers: below oauth: in the file.
  Several servers with their own settings: the list resources: in the file.
  PORT in the environment is read when nothing else sets the port.

Exit codes: 0 ok; 1 failed while running; 2 usage or configuration, with all problems listed.
With --transport stdio the command's own exit code passes through.`

/** Ends without a line break. */
export function helpText(): string {
  const sections = SECTIONS.map((section) => {
    const settings = SETTINGS.filter((setting) => setting.section === section)
    return [`${section}:`, ...settingLines(settings, COLUMNS)].join('\n')
  })
  return [USAGE, ...sections.map((text) => `${text}\n`), SPELLINGS].join('\n')
}
