/**
 * Collecting what was given on the command line and in the environment, each value with its origin.
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
import type { GivenValue, Setting } from './schema.js'
import { closestName } from './suggestion.js'
import { splitList, splitWords } from './values.js'

/** By path. */
export type GivenValues = ReadonlyMap<string, GivenValue>

interface CollectedFlags {
  readonly given: GivenValues
  /** What is not ours, in order. */
  readonly rest: string[]
  readonly problems: readonly ConfigurationProblem[]
}

interface CollectedEnvironment {
  readonly given: GivenValues
  readonly warnings: readonly string[]
}

/** Flags that begin so are ours, also those that do not exist. */
const OWN_FLAGS = '--oauth-'

function byPath(settings: readonly Setting[]): ReadonlyMap<string, Setting> {
  return new Map(settings.map((setting) => [setting.path, setting]))
}

function didYouMean(name: string, names: readonly string[]): string {
  const closest = closestName(name, names)
  return closest === undefined ? 'see --help for those that exist' : `did you mean ${closest}?`
}

/**
 * Takes the flags of the settings out of a command line. Nothing after `--` is looked at. Values are
 * never part of a problem: somebody may have typed a secret.
 */
export function collectFlags(
  settings: readonly Setting[],
  argv: readonly string[],
): CollectedFlags {
  const known = byPath(settings)
  const given = new Map<string, GivenValue>()
  const rest: string[] = []
  const problems: ConfigurationProblem[] = []

  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? ''
    if (argument === '--') {
      rest.push(...argv.slice(index))
      break
    }
    const equals = argument.indexOf('=')
    const flag = equals < 0 ? argument : argument.slice(0, equals)
    const setting = known.get(pathOfFlag(flag) ?? '')
    if (setting === undefined) {
      if (flag.startsWith(OWN_FLAGS)) {
        const hint = didYouMean(
          flag,
          settings.map(({ path }) => flagOf(path)),
        )
        problems.push({ path: quoted(flag).slice(1, -1), message: 'no such flag', hint })
      } else rest.push(argument)
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
      const repair = kind === 'words' ? 'give it once, with blanks between' : 'keep one'
      problems.push({ path: flag, message: 'is given more than once', hint: repair })
    } else if (kind === 'list') {
      given.set(path, { value: [...(before?.value ?? []), value], source: flag })
    } else {
      given.set(path, { value: kind === 'words' ? splitWords(value) : value, source: flag })
    }
  }
  return { given, rest, problems }
}

/**
 * Takes the settings out of an environment. An unknown name of ours is a warning and no problem, because
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
    const setting = known.get(pathOfEnvironmentName(name) ?? '')
    if (setting !== undefined) {
      const isList = setting.kind === 'list' || setting.kind === 'words'
      given.set(setting.path, { value: isList ? splitList(value) : value, source: name })
    } else if (!(name.endsWith('_PORT') && value.startsWith('tcp://'))) {
      const hint = didYouMean(
        name,
        settings.map(({ path }) => environmentNameOf(path)),
      )
      warnings.push(`${quoted(name).slice(1, -1)}: no such setting, it does nothing (${hint})`)
    }
  }
  return { given, warnings }
}
