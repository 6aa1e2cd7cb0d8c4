/**
 * What `--help` says.
 *
 * @module
 */
import { settingLines } from '../config/help.js'
import { environmentNameOf, flagOf } from '../config/names.js'
import { SETTINGS } from '../config/setting-lists.js'
import { SECTIONS } from '../config/setting.js'

const COLUMNS = 100

const USAGE = `Puts the identity provider that you already run in front of any MCP server.

Usage:
  mcp-gatehouse [serve] [settings] --upstream URL      an MCP server that is reached by HTTP
  mcp-gatehouse [serve] [settings] --upstream URL -- COMMAND [ARGUMENTS]
                                                       the same, started and ended with us
  mcp-gatehouse [serve] [settings] -- COMMAND [ARGUMENTS]
                                                       one that speaks stdio: a child a session
  mcp-gatehouse --transport stdio -- COMMAND [ARGUMENTS]
                                                       local use: untouched, without tokens
  mcp-gatehouse check [settings] [--json]              validates, prints what holds and why
  mcp-gatehouse policy init|check|explain|table        who may call what; policy --help tells more

Examples:
  mcp-gatehouse --auth oauth --oauth-issuer https://sso.example.com/realms/mcp \\
    --resource https://mcp.example.com/mcp --upstream http://127.0.0.1:8000/mcp
  mcp-gatehouse --auth oauth --oauth-issuer https://sso.example.com/realms/mcp \\
    --resource https://mcp.example.com/mcp -- uvx mcp-server-time
  mcp-gatehouse --upstream http://127.0.0.1:8000/mcp   on this machine only, without tokens
  mcp-gatehouse check --config gatehouse.yaml
`

const SPELLINGS = `One name, three spellings:
  ${flagOf('oauth.jwksMaxAge')} = ${environmentNameOf('oauth.jwksMaxAge')}
  = jwksMaxAge below oauth: in the file of --config.
  A flag comes before the environment, that before the file, that before the default.
  Lists: repeat the flag; in the environment with blanks or commas between; in the file a list.
  TIME is 500ms, 30s, 10m or 24h (a bare number is seconds), SIZE 64KiB or 4MiB (bytes).
  Several issuers, each with settings of its own: a list issuers: below oauth: in the file.
  Several servers, each with settings of its own: a list resources: in the file.
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
