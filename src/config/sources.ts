/**
 * Collects the values of command line and environment, each with its origin.
 *
 * @module
 */
import { quoted, type ConfigurationProblem } from '../errors.js'
import {
  ENVIRONMENT_PREFIX,
  environmentNameOf,
  flagOf,
  pathOfEnvironmentName,
  pathOfFlag,
} from './names.js'
import { byPath, type GivenValue, type GivenValues, type Setting } from './setting.js'
import { closestName } from './suggestion.js'
import { splitList, splitWords } from './values.js'

interface CollectedFlags {
  readonly given: GivenValues
  /** Arguments that are not the gateway's, in order. */
  readonly rest: string[]
  /** The position of each of those in the command line. */
  readonly places: readonly number[]
  readonly problems: readonly ConfigurationProblem[]
}

interface CollectedEnvironment {
  readonly given: GivenValues
  readonly warnings: readonly string[]
}

/** The hint for a name that does not exist. */
export function didYouMean(name: string, names: readonly string[]): string {
  const closest = closestName(name, names)
  return closest === undefined ? 'see --help for all settings' : `did you mean ${closest}?`
}

export function noSuchFlag(flag: string, settings: readonly Setting[]): ConfigurationProblem {
  const flags = settings.map(({ path }) => flagOf(path))
  const hint = didYouMean(flag, flags)
  return { path: quoted(flag).slice(1, -1), message: 'no such flag', hint }
}

/**
 * Takes the flags of the settings out of a command line. Nothing after `--` is read. Values are
 * never part of a problem, because they may be secrets.
 *
 * @param ownPrefix flags with this prefix are ours, even if they do not exist
 */
export function collectFlags(
  settings: readonly Setting[],
  argv: readonly string[],
  ownPrefix?: string,
): CollectedFlags {
  const known = byPath(settings)
  const given = new Map<string, GivenValue>()
  const places: number[] = []
  const problems: ConfigurationProblem[] = []

  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? ''
    if (argument === '--') {
      for (let place = index; place < argv.length; place++) places.push(place)
      break
    }
    const equals = argument.indexOf('=')
    const flag = equals < 0 ? argument : argument.slice(0, equals)
    const setting = known.get(pathOfFlag(flag) ?? '')
    if (setting === undefined) {
      if (ownPrefix !== undefined && flag.startsWith(ownPrefix)) {
        problems.push(noSuchFlag(flag, settings))
      } else places.push(index)
      continue
    }

    const { path, kind, hint } = setting
    let value = equals < 0 ? undefined : argument.slice(equals + 1)
    if (value === undefined && kind === 'toggle') value = 'true'
    if (value === undefined) {
      const next = argv[index + 1]
      if (next === undefined || next.startsWith('--')) {
        problems.push({ path: flag, message: 'needs a value', hint })
        continue
      }
      value = next
      index++
    }
    const before = given.get(path)
    if (before !== undefined && kind !== 'list') {
      const repair = kind === 'words' ? 'give it once, separated by blanks' : 'keep one'
      problems.push({ path: flag, message: 'is given more than once', hint: repair })
    } else if (kind === 'list') {
      given.set(path, { value: [...(before?.value ?? []), value], source: flag })
    } else {
      given.set(path, { value: kind === 'words' ? splitWords(value) : value, source: flag })
    }
  }
  return { given, rest: places.map((place) => argv[place] ?? ''), places, problems }
}

/**
 * Takes the settings out of an environment. An unknown name with our prefix is only a warning, because
 * Kubernetes injects such names for a service that is called mcp-gatehouse.
 */
export function collectEnvironment(
  settings: readonly Setting[],
  env: Readonly<Record<string, string | undefined>>,
): CollectedEnvironment {
  const known = byPath(settings)
  const given = new Map<string, GivenValue>()
  const warnings: string[] = []

  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !name.startsWith(ENVIRONMENT_PREFIX)) continue
    // Kubernetes injects this for a service that is called mcp-gatehouse.
    if (name.endsWith('_PORT') && value.startsWith('tcp://')) continue
    const setting = known.get(pathOfEnvironmentName(name) ?? '')
    if (setting !== undefined) {
      const isList = setting.kind === 'list' || setting.kind === 'words'
      given.set(setting.path, { value: isList ? splitList(value) : value, source: name })
    } else {
      const hint = didYouMean(
        name,
        settings.map(({ path }) => environmentNameOf(path)),
      )
      warnings.push(`${quoted(name).slice(1, -1)}: no such setting, it has no effect (${hint})`)
    }
  }
  return { given, warnings }
}
