/**
 * The arguments of `clients`: its own flags, names, and settings of the gateway.
 *
 * @module
 */
import type { ConfigurationProblem } from '../../errors.js'
import { SETTINGS } from '../../config/setting-lists.js'
import type { Setting } from '../../config/setting.js'
import { collectFlags, didYouMean } from '../../config/sources.js'
import { JSON_FLAG, ownFlag } from '../arguments.js'
import { splitArguments } from '../split-arguments.js'
import { isServerUrl } from './deployments.js'
import { KNOWN_CLIENTS, knownClient, type KnownClient } from './page.js'

export const FLAGS: readonly Setting[] = [
  ownFlag({
    path: 'clientId',
    kind: 'text',
    placeholder: 'ID',
    description: 'a client that is registered at the identity provider',
    default: 'clients register themselves',
    hint: 'the id that it has there',
  }),
  JSON_FLAG,
]

export interface ClientsArguments {
  readonly url: string | undefined
  /** `undefined`: all. */
  readonly client: KnownClient | undefined
  readonly clientId: string | undefined
  readonly isJson: boolean
  /** The rest: settings of the gateway. */
  readonly argv: readonly string[]
  readonly problems: readonly ConfigurationProblem[]
}

function unknownClient(name: string): ConfigurationProblem {
  const names = KNOWN_CLIENTS.map(({ client }) => client.name)
  const hint = didYouMean(name, names)
  // An argument may be a secret in the wrong place: it is not shown.
  return {
    path: 'NAME',
    message: 'is neither a client nor the URL of a server',
    hint: hint.startsWith('did') ? hint : `a URL with https://, or one of ${names.join(', ')}`,
  }
}

/** Takes out the arguments of this command. The rest is for the configuration, with all of its problems. */
export function readClientsArguments(argv: readonly string[]): ClientsArguments {
  const { given, rest, problems } = collectFlags(FLAGS, argv)
  const { places } = collectFlags(SETTINGS, splitArguments(rest).own)
  const isFlag = (place: number) => (rest[place] ?? '').startsWith('-')
  // The value of an unknown flag is unexpected only because the flag is unknown.
  const isValue = (place: number) =>
    places.includes(place - 1) && isFlag(place - 1) && !(rest[place - 1] ?? '').includes('=')
  const names = places.filter((place) => !isFlag(place) && !isValue(place))
  const texts = names.map((place) => rest[place] ?? '')
  const urls = texts.filter(isServerUrl)
  const others = texts.filter((text) => !isServerUrl(text))
  const clients = others.flatMap((name) => knownClient(name) ?? [])
  const left = rest.filter((_, place) => !names.includes(place))
  const [url] = urls
  const counted: ConfigurationProblem[] =
    urls.length > 1 || clients.length > 1
      ? [{ path: 'NAME', message: 'is given more than once', hint: 'one URL, one client' }]
      : []
  const mixed: ConfigurationProblem[] =
    url !== undefined && left.length > 0
      ? [{ path: 'URL', message: 'is given together with settings', hint: 'keep one' }]
      : []
  const clientId = given.get('clientId')?.value
  return {
    url,
    client: clients[0],
    clientId: typeof clientId === 'string' ? clientId : undefined,
    isJson: given.has('json'),
    argv: left,
    problems: [
      ...problems,
      ...others.filter((name) => knownClient(name) === undefined).map(unknownClient),
      ...counted,
      ...mixed,
    ],
  }
}
