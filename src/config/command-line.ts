/**
 * The gateway's own command line, where every argument must be understood, and the command after `--`.
 *
 * @module
 */
import type { ConfigurationProblem } from '../errors.js'
import type { GivenValues, Setting } from './setting.js'
import { collectFlags, noSuchFlag } from './sources.js'

interface CommandLine {
  readonly given: GivenValues
  /** The arguments after `--`; `undefined` without `--`. */
  readonly command: readonly string[] | undefined
  readonly problems: readonly ConfigurationProblem[]
}

function isFlag(argument: string): boolean {
  return argument.startsWith('-') && argument !== '-'
}

/** Unknown flags and other unused arguments. They may hold secrets and are not shown. */
export function collectCommandLine(
  settings: readonly Setting[],
  argv: readonly string[],
): CommandLine {
  const end = argv.indexOf('--')
  const own = end < 0 ? argv : argv.slice(0, end)
  const { given, places, problems } = collectFlags(settings, own)
  const strays = places.flatMap((place) => {
    const argument = own[place] ?? ''
    if (isFlag(argument)) return [noSuchFlag(argument.split('=', 1)[0] ?? '', settings)]
    const before = own[place - 1] ?? ''
    const isValue = places.includes(place - 1) && isFlag(before) && !before.includes('=')
    // The value of an unknown flag is only wrong because the flag is.
    if (isValue) return []
    return [
      {
        path: `argument ${place + 1}`,
        message: 'is neither a flag nor its value',
        hint: 'a flag takes one value; a command to start comes after --',
      },
    ]
  })
  return {
    given,
    command: end < 0 ? undefined : argv.slice(end + 1),
    problems: [...problems, ...strays],
  }
}
