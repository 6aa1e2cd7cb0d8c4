/**
 * The arguments of `policy` and its commands.
 *
 * @module
 */
import type { ConfigurationProblem } from '../../errors.js'
import { flagOf } from '../../config/names.js'
import { parseSettings, type Settings } from '../../config/setting-table.js'
import type { GivenValues, Setting } from '../../config/setting.js'
import {
  collectArguments,
  gatewayFlags,
  JSON_FLAG,
  ownFlag,
  toggleFlag,
  type ArgumentShape,
} from '../arguments.js'
import { splitArguments } from '../split-arguments.js'

const BASE_SCOPES = ownFlag({
  path: 'baseScopes',
  kind: 'words',
  placeholder: '"A B"',
  description: `the base scopes, as in ${flagOf('oauth.scopes')}`,
  hint: 'in one argument: "mcp:read mcp:write"',
})
const OF_EXPLAIN: readonly Setting[] = [
  ownFlag({
    path: 'scopes',
    kind: 'words',
    placeholder: '"A B"',
    description: 'scopes of the token',
    hint: 'in one argument: "mcp:read mcp:write"',
  }),
  BASE_SCOPES,
  ownFlag({
    path: 'claims',
    kind: 'text',
    placeholder: 'JSON',
    description: 'other claims of the token',
    hint: `'{"realm_access":{"roles":["ops"]}}'`,
  }),
  toggleFlag('anonymous', 'without a token'),
  ownFlag({
    path: 'protocolVersion',
    kind: 'text',
    placeholder: 'VERSION',
    description: 'what the client says in MCP-Protocol-Version',
    hint: '2025-11-25 or 2026-07-28, for example',
  }),
]

/** The resource in an example challenge, which nobody receives. */
export const EXAMPLE_RESOURCE = 'https://mcp.example.com/mcp'

const RESOURCE = ownFlag({
  path: 'resource',
  kind: 'text',
  placeholder: 'URL',
  description: 'the MCP endpoint as clients type it',
  default: EXAMPLE_RESOURCE,
  hint: 'the URL that users type: https://mcp.example.com/mcp',
})

const OF_REPLAY: readonly Setting[] = [
  ownFlag({
    path: 'audit',
    kind: 'text',
    placeholder: 'FILE',
    description: `what ${flagOf('auditFile')} has written; - reads standard input`,
    hint: 'audit.jsonl',
  }),
  BASE_SCOPES,
  ownFlag({
    path: 'resource',
    kind: 'text',
    placeholder: 'URL',
    description: 'only the records of this resource, if the gateway serves several',
    hint: 'as in the records: https://mcp.example.com/mcp',
  }),
  JSON_FLAG,
]

const OF_SERVER = gatewayFlags('upstream', 'upstreamHeader', 'childEnv', 'caFile')

/** The arguments that a command takes. */
export interface CommandShape extends ArgumentShape {
  /** Whether the command line names a server: by `--upstream`, or by the arguments after `--`. */
  readonly hasServer: boolean
}

export type CommandName = 'check' | 'explain' | 'init' | 'replay' | 'table'

export const SHAPES: Readonly<Record<CommandName, CommandShape>> = {
  check: { names: ['FILE'], flags: [], hasServer: false },
  explain: {
    names: ['FILE', 'METHOD'],
    optional: 'NAME',
    flags: [...OF_EXPLAIN, RESOURCE, JSON_FLAG],
    hasServer: false,
  },
  init: { names: [], flags: OF_SERVER, hasServer: true },
  replay: { names: ['FILE'], flags: OF_REPLAY, hasServer: false },
  table: { names: ['FILE'], flags: [...OF_SERVER, JSON_FLAG], hasServer: true },
}

export interface PolicyArguments {
  readonly names: readonly string[]
  readonly given: GivenValues
  readonly settings: Settings
  /** The arguments after `--`. */
  readonly command: readonly string[] | undefined
  readonly problems: readonly ConfigurationProblem[]
}

function serverProblems(
  given: GivenValues,
  command: readonly string[] | undefined,
): readonly ConfigurationProblem[] {
  const hint = `${flagOf('upstream')} http://127.0.0.1:8000/mcp, or -- npx -y my-server`
  if (command?.length === 0) return [{ path: '--', message: 'has no command after it', hint }]
  const upstream = given.get('upstream')
  if (upstream === undefined && command === undefined) {
    return [{ path: flagOf('upstream'), message: 'is missing, and so is a command', hint }]
  }
  if (upstream === undefined || command === undefined) return []
  return [{ path: upstream.source, message: 'is given together with a command', hint: 'keep one' }]
}

/** @param argv the arguments after the command's name */
export function readArguments(shape: CommandShape, argv: readonly string[]): PolicyArguments {
  const { hasServer } = shape
  const { own, tail } = splitArguments(argv)
  const after = tail.slice(1)
  const { names, given, problems } = collectArguments(
    shape,
    own,
    // A tool may be called --help.
    hasServer ? [] : after,
    'mcp-gatehouse policy --help',
  )
  const command = tail.length > 0 ? after : undefined
  const parsed = parseSettings(new Map([...given].filter(([path]) => path !== 'scopes')))
  return {
    names,
    given,
    settings: parsed.settings,
    command,
    problems: [
      ...problems,
      ...parsed.problems,
      ...(hasServer ? serverProblems(given, command) : []),
    ],
  }
}
