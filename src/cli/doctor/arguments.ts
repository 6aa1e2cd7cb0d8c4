/**
 * The arguments of `doctor`.
 *
 * @module
 */
import { CLIENTS, clientNamed, type Client } from '../../advice/clients.js'
import { parseHttpUrl } from '../../base/http.js'
import { quoted, type ConfigurationProblem } from '../../errors.js'
import { flagOf } from '../../config/names.js'
import { SETTINGS } from '../../config/setting-lists.js'
import type { GivenValues, Setting } from '../../config/setting.js'
import { collectFlags, didYouMean, noSuchFlag } from '../../config/sources.js'

function own(
  about: Pick<Setting, 'path' | 'kind' | 'placeholder' | 'description' | 'default' | 'hint'>,
): Setting {
  return { section: 'Operation', json: {}, ...about }
}

function toggle(path: string, description: string): Setting {
  return own({
    path,
    kind: 'toggle',
    placeholder: '',
    description,
    default: 'off',
    hint: 'leave it out',
  })
}

const NAMES = CLIENTS.map(({ name }) => name)

const DOCTOR_FLAGS: readonly Setting[] = [
  own({
    path: 'client',
    kind: 'list',
    placeholder: 'NAME',
    description: `judge for this client only: ${NAMES.join(', ')}`,
    default: 'all',
    hint: NAMES.join(', '),
  }),
  toggle(
    'tryRegistration',
    'register a client at the authorization server as each program does, and remove it again; the doctor names each client that stays',
  ),
  toggle('json', 'print JSON'),
]

/** The settings of the gateway that matter for a server that is not ours. */
const OF_NETWORK = SETTINGS.filter(({ path }) => path === 'caFile')

export const ALL_FLAGS: readonly Setting[] = [...DOCTOR_FLAGS, ...OF_NETWORK]

export interface DoctorArguments {
  /** As it was typed. */
  readonly url: string
  readonly clients: readonly Client[]
  readonly given: GivenValues
  readonly problems: readonly ConfigurationProblem[]
}

const URL_HINT = 'the URL that users type: https://mcp.example.com/mcp'

function urlProblems(names: readonly string[]): readonly ConfigurationProblem[] {
  const [name] = names
  if (name === undefined) return [{ path: 'URL', message: 'is missing', hint: URL_HINT }]
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

/** @param argv the arguments after `doctor` */
export function readArguments(argv: readonly string[]): DoctorArguments {
  const { given, rest, problems } = collectFlags(ALL_FLAGS, argv)
  const isFlag = (argument: string) => argument.startsWith('-')
  const strange = rest
    .filter(isFlag)
    .map((flag) => noSuchFlag(flag.split('=', 1)[0] ?? '', ALL_FLAGS))
  const names = rest.filter((each) => !isFlag(each))
  const wanted = namesIn(given, 'client')
  return {
    url: names[0] ?? '',
    clients: wanted.length === 0 ? CLIENTS : CLIENTS.filter(({ name }) => wanted.includes(name)),
    given,
    problems: [
      ...problems,
      ...strange,
      // The value of an unknown flag is only wrong because the flag is.
      ...(strange.length > 0 ? [] : urlProblems(names)),
      ...clientProblems(wanted),
    ],
  }
}
