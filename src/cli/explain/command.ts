/**
 * The command `explain`: why a token or a request is accepted or refused.
 *
 * @module
 */
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { codeOf } from '../../base/error-code.js'
import { settingsOf } from '../../base/option-checker.js'
import type { Configuration } from '../../config/configuration.js'
import { flagOf } from '../../config/names.js'
import { readConfiguration, type ConfigurationInput } from '../../config/read-configuration.js'
import { toGatewayOptions } from '../../config/to-gateway-options.js'
import type { ConfigurationProblem } from '../../errors.js'
import { createFetch } from '../../gateway/http/network.js'
import type { GatewayOptions } from '../../gateway/options.js'
import { checkGateway, defaultResource } from '../../gateway/settings.js'
import { jsonText } from '../policy/shown.js'
import { formatProblems } from '../problems.js'
import { askAdmin } from './admin-request.js'
import { asksForHelp } from '../split-arguments.js'
import { readArguments, type ExplainArguments } from './arguments.js'
import { examine, type Examination } from './examination.js'
import { EXPLAIN_HELP } from './help.js'
import { findRequest, formatRequest } from './logged-request.js'
import { formatExamination, toJson } from './report.js'
import { withoutTokens } from './secrecy.js'

/** Where `explain` reads and writes, and its clock. */
export interface ExplainIo {
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined }
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly env: ConfigurationInput['env']
  readonly readFile?: NonNullable<ConfigurationInput['readFile']>
  /** Milliseconds since 1970. Default: now. */
  readonly now?: () => number
}

const USAGE = 2

/** No token is longer, with room for blanks. */
const LONGEST_INPUT = 1024 * 1024

type Problems = readonly ConfigurationProblem[]

function isProblems<Value>(value: Value | Problems): value is Problems {
  return Array.isArray(value)
}

async function readInput(stdin: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stdin) {
    text += String(chunk)
    if (text.length > LONGEST_INPUT) break
  }
  return text.trim()
}

/** A token as people copy it: alone, or with the header field around it. */
function tokenIn(text: string): string | Problems {
  const token = text.replace(/^(?:authorization:\s*)?bearer\s+/i, '')
  const hint = 'only the access token that the client sends'
  if (token === '') return [{ path: 'standard input', message: 'has no token', hint }]
  if (/\s/.test(token)) return [{ path: 'standard input', message: 'is not one token', hint }]
  return token
}

const UPSTREAM = flagOf('upstream')
/** Stands for a server that nobody asks. */
const NO_SERVER = `${UPSTREAM}=http://127.0.0.1/mcp`

/** The settings. A server is not needed, because only the token is examined. */
async function readSettings(input: ConfigurationInput): Promise<Configuration> {
  const configuration = await readConfiguration(input)
  const isMissing = configuration.problems.some(
    ({ path, message }) => path === UPSTREAM && message === 'is missing',
  )
  return isMissing
    ? readConfiguration({ ...input, argv: [NO_SERVER, ...input.argv] })
    : configuration
}

/** The options of the gateway, or why it would not start. */
async function readOptions(
  { settings: argv }: ExplainArguments,
  { env, readFile, stderr }: ExplainIo,
): Promise<GatewayOptions | Problems> {
  const configuration = await readSettings({
    argv,
    env,
    ...(readFile !== undefined && { readFile }),
  })
  for (const warning of configuration.warnings) stderr(`warning: ${warning}\n`)
  if (configuration.problems.length > 0) return configuration.problems
  if (configuration.settings.auth === 'oauth') return toGatewayOptions(configuration)
  const message = 'is set to none: no token is checked, so there is nothing to explain'
  return [{ path: '--auth', message, hint: '--auth oauth, and the other settings of serve' }]
}

/** Asks every resource. */
async function examineAll(
  options: GatewayOptions,
  token: string,
  now: () => number,
): Promise<readonly Examination[]> {
  const { host = '127.0.0.1', port = 8080 } = options
  const world = {
    now,
    fetch: createFetch({ ca: options.ca, proxyEnvironment: options.proxyEnvironment }),
  }
  const { routes } = settingsOf(checkGateway(options))
  return Promise.all(
    routes.map(({ resource = defaultResource(host, port), guardOptions }) =>
      examine({ ...guardOptions, resource }, token, world),
    ),
  )
}

async function explainToken(given: ExplainArguments, io: ExplainIo): Promise<number | Problems> {
  const options = await readOptions(given, io)
  if (isProblems(options)) return options
  if (io.stdin.isTTY === true) io.stderr('Paste the token, press Enter, and end with Ctrl-D:\n')
  const token = tokenIn(await readInput(io.stdin))
  if (typeof token !== 'string') return token
  const examined = await examineAll(options, token, io.now ?? Date.now)
  const [only, ...others] = examined.map(toJson)
  const text = given.isJson
    ? jsonText(others.length === 0 ? only : [only, ...others])
    : examined.map(formatExamination).join('\n')
  io.stdout(withoutTokens(text, token))
  return examined.some(({ result }) => result === 'accepted') ? 0 : 1
}

async function explainRefusal(
  id: string,
  { url, tokenFile }: NonNullable<ExplainArguments['admin']>,
  { isJson }: ExplainArguments,
  { stdout }: ExplainIo,
): Promise<number | Problems> {
  const found = await askAdmin(url, tokenFile, id)
  if ('fault' in found) return [{ path: '--admin', message: found.fault, hint: found.hint }]
  if (found.lines.length === 0) {
    const hint = 'the gateway keeps fifty; the log has all: --log'
    return [{ path: '--request', message: 'is not among its last refusals', hint }]
  }
  stdout(withoutTokens(isJson ? jsonText(found) : formatRequest(found)))
  return 1
}

async function explainRequest(
  id: string,
  log: string,
  { isJson }: ExplainArguments,
  { stdout }: ExplainIo,
): Promise<number | Problems> {
  const found = await findRequest(createReadStream(log, 'utf8'), id).catch((error: unknown) =>
    codeOf(error, 'error'),
  )
  if (typeof found === 'string') {
    return [
      { path: '--log', message: `cannot be read (${found})`, hint: 'the log file of the gateway' },
    ]
  }
  if (found.lines.length === 0) {
    const message = 'is in no line of that log'
    const hint =
      'the log must be in JSON (--log-format json); a request without a token has a line at --log-level debug only'
    return [{ path: '--request', message, hint }]
  }
  stdout(withoutTokens(isJson ? jsonText(found) : formatRequest(found)))
  return found.isAllowed ? 0 : 1
}

/**
 * @param argv the arguments after `explain`
 * @returns the exit code: 0 accepted, 1 refused or undecided, 2 usage
 */
export async function runExplain(argv: readonly string[], io: ExplainIo): Promise<number> {
  if (asksForHelp(argv)) {
    io.stdout(EXPLAIN_HELP)
    return 0
  }
  const given = readArguments(argv)
  if (isProblems(given)) return refuse(given, io)
  const result = await explain(given, io)
  return typeof result === 'number' ? result : refuse(result, io)
}

function explain(given: ExplainArguments, io: ExplainIo): Promise<number | Problems> {
  const { request, log, admin } = given
  if (request !== undefined && admin !== undefined) return explainRefusal(request, admin, given, io)
  if (request !== undefined && log !== undefined) return explainRequest(request, log, given, io)
  return explainToken(given, io)
}

function refuse(problems: Problems, { stderr }: ExplainIo): number {
  stderr(formatProblems(problems))
  return USAGE
}
