/**
 * The command `key` and those below it.
 *
 * @module
 */
import { createHash, randomBytes } from 'node:crypto'
import { quoted, type ConfigurationProblem } from '../../errors.js'
import { shownFile } from '../../config/named-file.js'
import type { GivenValues } from '../../config/setting.js'
import { didYouMean } from '../../config/sources.js'
import type { ApiKey } from '../../rs/api-keys.js'
import { formatApiKey } from '../../token/api-key.js'
import { collectArguments } from '../arguments.js'
import { CommandFault } from '../command-fault.js'
import type { CommandIo } from '../command-io.js'
import { jsonText, shownScalar } from '../policy/shown.js'
import { formatProblems } from '../problems.js'
import { asksForHelp } from '../split-arguments.js'
import { parseDays, SHAPES, type KeyCommand } from './arguments.js'
import { openKeysFile, type KeysFile } from './file.js'
import { keyHelp } from './help.js'

/** Exit code for bad usage and bad files. */
const USAGE = 2
const HELP = 'mcp-gatehouse key --help'
const DAY = 86_400_000
const COMMANDS = Object.keys(SHAPES) as readonly KeyCommand[]

export interface KeyIo extends Pick<CommandIo, 'stdout' | 'stderr'> {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Default: of the system. */
  readonly randomBytes?: (size: number) => Buffer
}

type Outcome = number | readonly ConfigurationProblem[]

function textOf(given: GivenValues, path: string): string | undefined {
  const value = given.get(path)?.value
  return typeof value === 'string' ? value : undefined
}

function listOf(given: GivenValues, path: string): readonly string[] {
  const value = given.get(path)?.value
  return Array.isArray(value) ? (value as string[]) : []
}

/** The day on which a key ends, in UTC. */
function endAfter(days: number, now: number): string {
  return new Date(now + days * DAY).toISOString().slice(0, 10)
}

function missing(given: GivenValues): readonly ConfigurationProblem[] {
  return ['subject', 'resource'].flatMap((path) =>
    given.has(path) ? [] : [{ path: `--${path}`, message: 'is missing', hint: HELP }],
  )
}

function sha256Of(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

/** The new key, its entry, and what is wrong with the arguments. */
function makeKey(given: GivenValues, io: KeyIo) {
  const days = parseDays(textOf(given, 'days'))
  const isEndless = given.has('noExpiry')
  const problems = [...missing(given)]
  if (days === undefined) {
    const hint = 'a whole number from 1 to 3660'
    problems.push({ path: '--days', message: 'is not a number of days', hint })
  }
  if (isEndless && given.has('days')) {
    problems.push({ path: '--no-expiry', message: 'is given together with --days', hint: HELP })
  }
  const random = (io.randomBytes ?? randomBytes)(32)
  const key = formatApiKey(random.toString('base64url'))
  const digest = sha256Of(key)
  const scopes = listOf(given, 'scopes')
  const entry: ApiKey = {
    id: textOf(given, 'id') ?? `key-${digest.slice(0, 8)}`,
    digest,
    subject: textOf(given, 'subject') ?? '',
    ...(scopes.length > 0 && { scopes: scopes.join(' ') }),
    resources: listOf(given, 'resource'),
    expires: isEndless ? 'never' : endAfter(days ?? 1, io.now()),
  }
  return { key, entry, problems }
}

function describe({ subject, scopes, resources, expires }: Omit<ApiKey, 'digest'>): string {
  const what = scopes === undefined ? 'no scopes' : shownScalar(String(scopes))
  return `for ${shownScalar(subject)}; opens ${resources.map((each) => shownScalar(each)).join(', ')}; ${what}; ends ${expires}`
}

function addKey(file: string, given: GivenValues, io: KeyIo): Outcome {
  const { key, entry, problems } = makeKey(given, io)
  if (problems.length > 0) return problems
  const opened = openKeysFile(file, true)
  if (!('save' in opened)) return opened
  opened.add(entry)
  const faults = opened.save()
  if (faults.length > 0) return faults
  io.stdout(`${key}\n`)
  io.stderr(`key ${entry.id} ${describe(entry)}\n`)
  io.stderr(`it is shown this once; ${shownFile(file)} holds only its SHA-256\n`)
  if (entry.expires === 'never') {
    io.stderr('warning: it never ends; anybody who finds it can use it until you revoke it\n')
  }
  return 0
}

function stateOf({ expires }: Pick<ApiKey, 'expires'>, now: number): 'valid' | 'ended' {
  return expires === 'never' || Date.parse(expires) > now ? 'valid' : 'ended'
}

function listKeys({ keys }: KeysFile, given: GivenValues, io: KeyIo): Outcome {
  const now = io.now()
  if (given.has('json')) {
    const listed = keys.map((key) => ({ ...key, digest: undefined, state: stateOf(key, now) }))
    io.stdout(jsonText(listed))
    return 0
  }
  for (const key of keys) {
    io.stdout(`${key.id} ${describe(key)}${stateOf(key, now) === 'ended' ? ' (ended)' : ''}\n`)
  }
  if (keys.length === 0) io.stderr('the file holds no keys\n')
  return 0
}

function revokeKey(file: KeysFile, id: string, io: KeyIo): Outcome {
  if (!file.remove(id)) {
    const known = file.keys.map((key) => key.id)
    const hint = known.length === 0 ? 'the file holds no keys' : didYouMean(id, known)
    return [{ path: quoted(id).slice(1, -1), message: 'is no key of the file', hint }]
  }
  const faults = file.save()
  if (faults.length > 0) return faults
  io.stderr(`key ${id} was revoked; a running gateway refuses it within ten seconds\n`)
  return 0
}

function run(argv: readonly string[], io: KeyIo): Outcome {
  const [name = ''] = argv
  if (asksForHelp(argv) || name === 'help') {
    io.stdout(keyHelp())
    return 0
  }
  const command = COMMANDS.find((each) => each === name)
  if (command === undefined) {
    const hint = name === '' ? COMMANDS.join(', ') : didYouMean(name, COMMANDS)
    const path = name === '' ? 'key' : `key ${quoted(name).slice(1, -1)}`
    return [{ path, message: name === '' ? 'needs a command' : 'no such command', hint }]
  }
  const { names, given, problems } = collectArguments(SHAPES[command], argv.slice(1), [], HELP)
  if (problems.length > 0) return problems
  const [file = '', id = ''] = names
  if (command === 'new') return addKey(file, given, io)
  const opened = openKeysFile(file, false)
  if (!('save' in opened)) return opened
  return command === 'list' ? listKeys(opened, given, io) : revokeKey(opened, id, io)
}

/**
 * @param argv the arguments after `key`
 * @returns the exit code: 0; 1 if the file cannot be read or written; 2 with problems, which go to
 * stderr
 */
export function runKey(argv: readonly string[], io: KeyIo): number {
  try {
    const outcome = run(argv, io)
    if (typeof outcome === 'number') return outcome
    io.stderr(formatProblems(outcome))
    return USAGE
  } catch (error) {
    if (!(error instanceof CommandFault)) throw error
    io.stderr(`${error.message}\n  → ${error.hint}\n`)
    return 1
  }
}
