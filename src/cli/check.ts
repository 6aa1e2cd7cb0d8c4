/**
 * The command `check`: the effective configuration, and the source of each value.
 *
 * @module
 */
import { stringify } from 'yaml'
import { readConfiguration, type ConfigurationInput } from '../config/read-configuration.js'
import {
  effectiveConfiguration,
  nestEffective,
  originsOf,
  type EffectiveConfiguration,
  type EffectivePart,
  type EffectiveSetting,
} from '../config/effective.js'
import { memberOf } from '../config/names.js'
import { redactCommand } from '../config/redacted.js'
import { ISSUER, ISSUERS, RESOURCES } from '../config/setting-lists.js'
import { scalarOf } from './policy/shown.js'
import { formatProblems } from './problems.js'
import { splitArguments } from './split-arguments.js'

/** Where a command reads and writes. Texts are whole lines. */
export interface CheckIo {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly readFile?: NonNullable<ConfigurationInput['readFile']>
}

const oneLine = { blockQuote: false, lineWidth: 0 } as const

/** What nobody sees, and every space but the usual one: without quotes, YAML readers may drop it. */
const HIDDEN = /\p{C}|(?! )\p{Z}/u

/**
 * A config file that means the same from any folder. Settings without a fixed value appear as
 * comments.
 */
function formatYaml(
  { resources, ...top }: EffectiveConfiguration,
  command: readonly string[] | undefined,
): string {
  const scalar = (value: unknown) =>
    HIDDEN.test(String(value)) ? scalarOf(String(value)) : stringify(value, oneLine).trimEnd()
  const lines: string[] = []
  const add = (indent: string, name: string, { setting, value, origin }: EffectiveSetting) => {
    if (value === undefined) {
      if (setting.default !== undefined) lines.push(`${indent}# ${name}: ${setting.default}`)
    } else if (typeof value === 'object') {
      const inner = indent.replace('-', ' ')
      lines.push(`${indent}${name}: # ${origin}`)
      lines.push(...value.map((each) => `${inner}  - ${scalar(each)}`))
    } else lines.push(`${indent}${name}: ${scalar(value)} # ${origin}`)
  }
  const addItem = (indent: string, own: readonly EffectiveSetting[]) => {
    own.forEach((each, index) =>
      add(`${indent}${index === 0 ? '- ' : '  '}`, memberOf(each.setting.path), each),
    )
  }
  const addPart = (indent: string, { settings, issuers }: EffectivePart, start = indent) => {
    let group = ''
    settings.forEach((each, index) => {
      const { path } = each.setting
      const [first = '', member] = path.split('.')
      if (member !== undefined && group !== first) lines.push(`${indent}${first}:`)
      group = member === undefined ? '' : first
      const own = index === 0 ? start : indent
      add(member === undefined ? own : `${indent}  `, member ?? first, each)
      if (path !== ISSUER || issuers.length === 0) return
      lines.push(`${indent}  ${memberOf(ISSUERS)}:`)
      for (const issuer of issuers) addItem(`${indent}    `, issuer)
    })
  }
  addPart('', top)
  if (resources.length > 0) lines.push(`${RESOURCES}:`)
  for (const resource of resources) addPart('    ', resource, '  - ')
  // A config file has a command only in a resource.
  if (command !== undefined) lines.push(`# -- ${redactCommand(command).map(scalar).join(' ')}`)
  return `${lines.join('\n')}\n`
}

function formatJson(
  effective: EffectiveConfiguration,
  command: readonly string[] | undefined,
): string {
  const shown = {
    settings: nestEffective(effective),
    origins: originsOf(effective),
    ...(command !== undefined && { command: redactCommand(command) }),
  }
  return `${JSON.stringify(shown, undefined, 2)}\n`
}

/**
 * Validates as `serve` does, and prints the effective configuration: YAML that is a config file, or
 * the same as data with `--json`. If anything is wrong, it prints no configuration.
 *
 * @param argv the arguments after `check`
 * @returns the exit code: 0, or 2 when there are problems, which go to stderr
 */
export async function runCheck(
  argv: readonly string[],
  env: ConfigurationInput['env'],
  { stdout, stderr, readFile }: CheckIo,
): Promise<number> {
  const { own, tail } = splitArguments(argv)
  const configuration = await readConfiguration({
    argv: [...own.filter((argument) => argument !== '--json'), ...tail],
    env,
    ...(readFile !== undefined && { readFile }),
  })
  const { problems, warnings } = configuration
  for (const warning of warnings) stderr(`warning: ${warning}\n`)
  if (problems.length > 0) {
    stderr(formatProblems(problems))
    return 2
  }
  const effective = effectiveConfiguration(configuration)
  const { command } = configuration
  const isJson = own.includes('--json')
  stdout(isJson ? formatJson(effective, command) : formatYaml(effective, command))
  return 0
}
