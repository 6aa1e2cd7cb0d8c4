/**
 * The arguments of `login`.
 *
 * @module
 */
import type { ConfigurationProblem } from '../../errors.js'
import { isLoopbackHost, parseHttpUrl } from '../../base/http.js'
import { parseJsonObject, type JsonObject } from '../../base/json.js'
import { readFault } from '../../config/named-file.js'
import { flagOf } from '../../config/names.js'
import type { GivenValues, Setting } from '../../config/setting.js'
import { formatDuration, parseDuration, parsePort, splitWords } from '../../config/values.js'
import {
  collectArguments,
  gatewayFlags,
  ownFlag,
  textFlag,
  toggleFlag,
  type ArgumentShape,
} from '../arguments.js'
import type { CommandIo } from '../command-io.js'

/** Seconds. */
const DEFAULT_TIMEOUT = 300
const LONGEST_TIMEOUT = 86_400

const FLAGS: readonly Setting[] = [
  textFlag(
    'clientId',
    'ID',
    'a client that is registered at the identity provider',
    'its id there',
  ),
  textFlag(
    'clientSecretFile',
    'FILE',
    'the secret of that client, if it has one',
    'a file that holds it and nothing else',
  ),
  textFlag(
    'clientMetadataUrl',
    'URL',
    'the document that is the client id (CIMD); it must list the redirect URI',
    'an https URL',
  ),
  toggleFlag('register', 'register a new client, even if --store has one'),
  ownFlag({
    path: 'scope',
    kind: 'words',
    placeholder: '"A B"',
    description: 'the scopes to ask for',
    default: 'what the server asks for',
    hint: 'in one argument: "mcp:read mcp:write"',
  }),
  ownFlag({
    path: 'redirectPort',
    kind: 'text',
    placeholder: 'NUMBER',
    description: 'the port of http://127.0.0.1:PORT/callback',
    default: 'a free one',
    hint: '1 to 65535',
  }),
  toggleFlag('noBrowser', 'only print the URL'),
  toggleFlag('device', 'log in on another device, by a code (RFC 8628)'),
  textFlag(
    'headless',
    'COMMAND',
    'a command that does the login, for CI: it gets the URL as its last argument',
    'the command and its arguments in one: "node log-in.mjs"',
  ),
  ownFlag({
    path: 'timeout',
    kind: 'text',
    placeholder: 'TIME',
    description: 'how long to wait for the person',
    default: formatDuration(DEFAULT_TIMEOUT),
    hint: '30s, 5m, at most 24h',
  }),
  textFlag('call', 'NAME', 'call this tool at the end', 'the name of a tool'),
  textFlag('args', 'JSON', 'its arguments', `'{"a":1,"b":2}'`),
  toggleFlag('printToken', 'print the access token, and nothing else, to stdout'),
  textFlag('store', 'FILE', 'keep the refresh token for the next time', 'a file of your own'),
  ...gatewayFlags('caFile'),
]

export const SHAPE: ArgumentShape = { names: ['URL'], flags: FLAGS }

export interface LoginOptions {
  readonly url: string
  readonly clientId: string | undefined
  readonly clientSecret: string | undefined
  readonly clientMetadataUrl: string | undefined
  readonly register: boolean
  /** `undefined`: those that the server asks for. */
  readonly scopes: readonly string[] | undefined
  /** 0: a free one. */
  readonly redirectPort: number
  readonly way: 'browser' | 'url' | 'device' | 'headless'
  readonly headless: readonly string[]
  /** Milliseconds. */
  readonly timeout: number
  readonly call: { readonly name: string; readonly args: JsonObject } | undefined
  readonly printToken: boolean
  readonly store: string | undefined
  readonly ca: string | undefined
}

/** Flags that contradict each other. */
const CONTRARY: readonly (readonly [string, string])[] = [
  ['clientId', 'clientMetadataUrl'],
  ['register', 'clientId'],
  ['register', 'clientMetadataUrl'],
  ['device', 'headless'],
  ['device', 'noBrowser'],
  ['device', 'redirectPort'],
  ['headless', 'noBrowser'],
  ['printToken', 'call'],
]

/** Flags that do nothing without another. */
const NEEDED: readonly (readonly [string, string])[] = [
  ['clientSecretFile', 'clientId'],
  ['args', 'call'],
]

function combinationProblems(given: GivenValues): readonly ConfigurationProblem[] {
  const contrary = CONTRARY.filter(([one, other]) => given.has(one) && given.has(other)).map(
    ([one, other]) => ({
      path: flagOf(one),
      message: `is given together with ${flagOf(other)}`,
      hint: 'keep one',
    }),
  )
  const lonely = NEEDED.filter(([one, other]) => given.has(one) && !given.has(other)).map(
    ([one, other]) => ({
      path: flagOf(one),
      message: `has no effect without ${flagOf(other)}`,
      hint: `add ${flagOf(other)}, or leave it out`,
    }),
  )
  return [...contrary, ...lonely]
}

/** An https URL, or one on loopback. To any other, a token would travel in clear text. */
function isSafe(value: string): boolean {
  const url = parseHttpUrl(value)
  if (url === undefined || url.username !== '' || url.hash !== '') return false
  return url.protocol === 'https:' || isLoopbackHost(url.hostname)
}

function commandOf(value: string): readonly string[] | undefined {
  const words = splitWords(value)
  return words.length > 0 ? words : undefined
}

function patienceOf(value: string): number | undefined {
  const seconds = parseDuration(value) ?? 0
  return seconds > 0 && seconds <= LONGEST_TIMEOUT ? seconds : undefined
}

function fixedPortOf(value: string): number | undefined {
  const port = parsePort(value)
  return port === 0 ? undefined : port
}

function isOn(given: GivenValues, path: string): boolean {
  return given.get(path)?.value === 'true'
}

function wayOf(given: GivenValues): LoginOptions['way'] {
  if (isOn(given, 'device')) return 'device'
  if (given.has('headless')) return 'headless'
  return isOn(given, 'noBrowser') ? 'url' : 'browser'
}

/** Reads and checks all arguments. A list holds all problems. */
export function readLogin(
  argv: readonly string[],
  { readFile }: CommandIo,
): LoginOptions | readonly ConfigurationProblem[] {
  const { names, given, problems } = collectArguments(SHAPE, argv, [], 'mcp-gatehouse login --help')
  const all: ConfigurationProblem[] = [...problems, ...combinationProblems(given)]
  const textOf = (path: string) => {
    const value = given.get(path)?.value
    return typeof value === 'string' ? value : undefined
  }
  function parsed<Value>(path: string, parse: (value: string) => Value | undefined) {
    const value = textOf(path)
    if (value === undefined) return undefined
    const result = parse(value)
    const { hint } = FLAGS.find((flag) => flag.path === path) as Setting
    if (result === undefined) all.push({ path: flagOf(path), message: 'cannot be read', hint })
    return result
  }
  function content(path: string): string | undefined {
    const file = textOf(path)
    if (file === undefined) return undefined
    try {
      return readFile(file)
    } catch (error) {
      const hint = path === 'caFile' ? 'a file in PEM' : 'a file that holds it and nothing else'
      all.push({ path: flagOf(path), message: readFault(file, error), hint })
      return undefined
    }
  }
  const [url = ''] = names
  if (names.length > 0 && !isSafe(url)) {
    const hint =
      'the URL that clients use: https://mcp.example.com/mcp; http is only for this machine'
    all.push({ path: 'URL', message: 'is not an https URL', hint })
  }
  const name = textOf('call')
  const scopes = given.get('scope')?.value
  const options: LoginOptions = {
    url,
    clientId: textOf('clientId'),
    clientSecret: content('clientSecretFile')?.replace(/\r?\n$/, ''),
    clientMetadataUrl: parsed('clientMetadataUrl', (value) => (isSafe(value) ? value : undefined)),
    register: isOn(given, 'register'),
    scopes: typeof scopes === 'object' ? scopes : undefined,
    redirectPort: parsed('redirectPort', fixedPortOf) ?? 0,
    way: wayOf(given),
    headless: parsed('headless', commandOf) ?? [],
    timeout: 1000 * (parsed('timeout', patienceOf) ?? DEFAULT_TIMEOUT),
    call: name === undefined ? undefined : { name, args: parsed('args', parseJsonObject) ?? {} },
    printToken: isOn(given, 'printToken'),
    store: textOf('store'),
    ca: content('caFile'),
  }
  return all.length > 0 ? all : options
}
