/**
 * The help of `explain`.
 *
 * @module
 */

/** Ends with a line break. */
export const EXPLAIN_HELP = `Says why a token is accepted or refused: its claims, what each rule says about it, the likeliest
cause, and the setting to change. It never prints the token.

Usage:
  mcp-gatehouse explain [settings] [--json] < TOKEN-FILE
  mcp-gatehouse explain --request ID --log FILE [--json]
  mcp-gatehouse explain --request ID --admin URL --admin-token-file FILE [--json]

The settings are those of serve, from flags, environment and --config; put the same command after
--. It needs no --upstream, because it asks no MCP server. For a server of your own, give it the flags
that match its options. With several resources, it asks each of them. With --oauth-jwks-file, it
contacts nobody. It takes no token on the command line, because others can see it there.

  --request ID   the request to look up: X-Request-Id of its answer, or the characters after "ref"
  --log FILE     where to look: the log in JSON (--log-format json), or the audit file
  --admin URL    or ask a running gateway, which keeps the last fifty refusals: its admin listener
  --admin-token-file FILE
                 the file with the token of that listener
  --json         the same as data

Examples:
  mcp-gatehouse explain --config gatehouse.yaml < token.txt
  mcp-gatehouse explain --request 1f2e3d4c --log gateway.log
  mcp-gatehouse explain --request 1f2e3d4c --admin http://127.0.0.1:9464 --admin-token-file admin.token

Exit codes: 0 accepted; 1 refused, or it cannot be decided now; 2 usage or configuration.
`
