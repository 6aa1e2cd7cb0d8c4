/**
 * The arguments of a command with flags of its own: names, and flags from a table.
 *
 * @module
 */
import type { ConfigurationProblem } from '../errors.js'
import { SETTINGS } from '../config/setting-lists.js'
import type { GivenValues, Setting } from '../config/setting.js'
import { collectFlags, noSuchFlag } from '../config/sources.js'

/** The names and flags that a command takes. */
export interface ArgumentShape {
  /** Required names. */
  readonly names: readonly string[]
  /** One optional name. */
  readonly optional?: string
  readonly flags: readonly Setting[]
}

export interface CollectedArguments {
  readonly names: readonly string[]
  readonly given: GivenValues
  readonly problems: readonly ConfigurationProblem[]
}

/** A flag of a command that is not a setting of the gateway. */
export function ownFlag(
  about: Pick<Setting, 'path' | 'kind' | 'placeholder' | 'description' | 'default' | 'hint'>,
): Setting {
  return { section: 'Operation', json: {}, ...about }
}

/** A flag that takes a text, without a default. */
export function textFlag(
  path: string,
  placeholder: string,
  description: string,
  hint: string,
): Setting {
  return ownFlag({ path, kind: 'text', placeholder, description, hint })
}

/** A flag without a value. */
export function toggleFlag(path: string, description: string): Setting {
  const hint = 'give it without a value'
  return ownFlag({ path, kind: 'toggle', placeholder: '', description, default: 'off', hint })
}

export const JSON_FLAG: Setting = toggleFlag('json', 'print JSON')

/** Flags of the gateway that mean the same to a command. None of them is required there. */
export function gatewayFlags(...paths: readonly string[]): readonly Setting[] {
  return SETTINGS.filter(({ path }) => paths.includes(path)).map((setting) => ({
    ...setting,
    required: false,
  }))
}

/**
 * Takes names and flags from a command line.
 *
 * @param argv without what comes after `--`
 * @param more names that came after `--`: there, a name may begin with `-`
 * @param help how to ask for the help of this command
 */
export function collectArguments(
  { names: required, optional, flags }: ArgumentShape,
  argv: readonly string[],
  more: readonly string[],
  help: string,
): CollectedArguments {
  const { given, rest, problems } = collectFlags(flags, argv)
  const isFlag = (argument: string) => argument.startsWith('-') && argument !== '-'
  const strange = rest.filter(isFlag).map((flag) => noSuchFlag(flag.split('=', 1)[0] ?? '', flags))
  const names = [...rest.filter((each) => !isFlag(each)), ...more]
  const wanted = required.length + (optional === undefined ? 0 : 1)
  const counted: ConfigurationProblem[] = required
    .slice(names.length)
    .map((name) => ({ path: name, message: 'is missing', hint: help }))
  // The value of an unknown flag is unexpected only because the flag is unknown.
  if (names.length > wanted && strange.length === 0) {
    const hint = 'quote a name that contains blanks'
    counted.push({ path: `argument ${wanted + 1}`, message: 'is unexpected', hint })
  }
  return { names, given, problems: [...problems, ...strange, ...counted] }
}
