/**
 * The arguments of `doctor`.
 *
 * @module
 */
import { CLIENTS, clientNamed, type Client } from '../../advice/clients.js'
import { parseHttpUrl } from '../../base/http.js'
import { quoted, type ConfigurationProblem } from '../../errors.js'
import { flagOf } from '../../config/names.js'
import { ENVIRONMENT_SETTINGS, SETTINGS } from '../../config/setting-lists.js'
import type { GivenValues, Setting } from '../../config/setting.js'
import { collectEnvironment, collectFlags, didYouMean, noSuchFlag } from '../../config/sources.js'
import { JSON_FLAG, ownFlag, textFlag, toggleFlag } from '../arguments.js'
import { splitArguments } from '../split-arguments.js'

function file(path: string, description: string): Setting {
  return textFlag(path, 'FILE', description, 'a file that can be written')
}

const NAMES = CLIENTS.map(({ name }) => name)

export const DOCTOR_FLAGS: readonly Setting[] = [
  ownFlag({
    path: 'client',
    kind: 'list',
    placeholder: 'NAME',
    description: `report on this client only: ${NAMES.join(', ')}`,
    default: 'all',
    hint: NAMES.join(', '),
  }),
  toggleFlag(
    'tryRegistration',
    'register a client at the authorization server as each program does, begin a login, and remove the client again; the doctor names each client that stays',
  ),
  toggleFlag(
    'tryWrongCredentials',
    'introspect with a wrong secret, too; some providers lock a client after a few of these',
  ),
  JSON_FLAG,
  file('html', 'also write the report as a page that needs nothing else'),
  file('sarif', 'also write the findings as SARIF 2.1.0'),
  file('junit', 'also write who connects as a JUnit report'),
  textFlag(
    'baseline',
    'FILE',
    'say what changed since an earlier report of --json; the exit code is 1 only if something got worse',
    'a report that --json printed',
  ),
]

export interface DoctorArguments {
  /** As it was typed. `undefined`: the resources of the configuration. */
  readonly url: string | undefined
  /** The settings of a gateway, as `serve` takes them. */
  readonly settings: readonly string[]
  /** Whether there are such settings, other than those for the network. */
  readonly isConfigured: boolean
  readonly clients: readonly Client[]
  readonly given: GivenValues
  readonly problems: readonly ConfigurationProblem[]
}

const URL_HINT = 'the URL that users type: https://mcp.example.com/mcp'

function urlProblems(
  names: readonly string[],
  isConfigured: boolean,
): readonly ConfigurationProblem[] {
  const [name] = names
  if (name === undefined) {
    const hint = `${URL_HINT}; or the settings of a gateway`
    return isConfigured ? [] : [{ path: 'URL', message: 'is missing', hint }]
  }
  if (names.length > 1) {
    return [{ path: 'argument 2', message: 'is unexpected', hint: 'one URL at a time' }]
  }
  const url = parseHttpUrl(name)
  if (url === undefined) return [{ path: 'URL', message: 'is not an http(s) URL', hint: URL_HINT }]
  if (url.username !== '' || url.password !== '') {
    return [{ path: 'URL', message: 'has a user name or a password', hint: 'leave it out' }]
  }
  return []
}

function namesIn(given: GivenValues, path: string): readonly string[] {
  return [given.get(path)?.value ?? []].flat()
}

function clientProblems(names: readonly string[]): readonly ConfigurationProblem[] {
  return names
    .filter((name) => clientNamed(name) === undefined)
    .map((name) => ({
      path: `${flagOf('client')} ${quoted(name).slice(1, -1)}`,
      message: 'is not a client that the doctor knows',
      hint: didYouMean(name, NAMES),
    }))
}

/** The settings that say how to reach any server. */
const OF_NETWORK: ReadonlySet<string> = new Set(['caFile'])

const ALL_FLAGS = [...DOCTOR_FLAGS, ...SETTINGS]

/**
 * @param argv the arguments after `doctor`
 * @param env the settings of a gateway may be there, too
 */
export function readArguments(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): DoctorArguments {
  const { own, tail } = splitArguments(argv)
  const { given, rest, problems } = collectFlags(DOCTOR_FLAGS, own)
  const ofGateway = collectFlags(SETTINGS, rest)
  const isFlag = (argument: string) => argument.startsWith('-')
  const strange = ofGateway.rest
    .filter(isFlag)
    .map((flag) => noSuchFlag(flag.split('=', 1)[0] ?? '', ALL_FLAGS))
  const names = ofGateway.rest.filter((each) => !isFlag(each))
  const settings = rest.filter((_, place) => !ofGateway.places.includes(place))
  const isConfigured =
    tail.length > 0 ||
    [...ofGateway.given.keys()].some((path) => !OF_NETWORK.has(path)) ||
    collectEnvironment(ENVIRONMENT_SETTINGS, env).given.size > 0
  const wanted = namesIn(given, 'client')
  return {
    url: names[0],
    settings: [...settings, ...tail],
    isConfigured,
    clients: wanted.length === 0 ? CLIENTS : CLIENTS.filter(({ name }) => wanted.includes(name)),
    given: new Map([...ofGateway.given, ...given]),
    problems: [
      ...problems,
      ...strange,
      // The value of an unknown flag is unexpected only because the flag is unknown.
      ...(strange.length > 0 ? [] : urlProblems(names, isConfigured)),
      ...clientProblems(wanted),
    ],
  }
}
