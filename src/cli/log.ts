/**
 * The log: lines for programs, or for people on a terminal. It goes to stderr, because stdout is
 * for output.
 *
 * @module
 */
import type { Writable } from 'node:stream'
import { pino, type Logger } from 'pino'
import { quoted } from '../errors.js'
import { isColoured } from './coloured.js'
import { LineWriter } from './line-writer.js'

export interface LogOptions {
  readonly level: string
  readonly format: 'auto' | 'json' | 'pretty'
}

export interface Log {
  readonly logger: Logger
  /**
   * Where its lines go. Lines from elsewhere use it too, because they must not wait for a reader
   * either.
   */
  readonly writer: LineWriter
}

/** Characters that end a line, move the cursor, hide text, or change its direction. */
const UNSEEN =
  /[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g

/**
 * A line of JSON for people on a terminal. Text that somebody else chose must not act on the
 * terminal: without this, its JSON escapes would become characters again when the line is shown.
 */
export function tameLine(line: string): string {
  return line
    .replace(/\\(?:u([\da-f]{4})|(.))/gi, (escape, code: string | undefined, short: string) => {
      if (code === undefined) return /["\\/]/.test(short) ? escape : ' '
      const character = String.fromCharCode(Number.parseInt(code, 16))
      return character < ' ' || character.search(UNSEEN) >= 0 ? '?' : escape
    })
    .replace(UNSEEN, '?')
}

/**
 * The members that people see besides the message. The others are for programs, and for `debug`.
 */
const ABOUT = [
  'code',
  'user',
  'subject',
  'clientId',
  'caller',
  'rpcMethod',
  'target',
  'resource',
  'requestId',
] as const
/** Members whose values others choose: they are quoted and cut. */
const CHOSEN: ReadonlySet<string> = new Set(['user', 'subject', 'clientId', 'rpcMethod', 'target'])
/** These members stay, because losses and failures must not be hidden. */
const KEPT = ['where', 'lost', 'suppressed', 'audit'] as const

/** Characters. A longer one would fill the log. */
const LONGEST_URL = 2_000

/** Whether a client id is the URL of its metadata document (CIMD). It is shown whole. */
export function isDocumentUrl(clientId: string): boolean {
  return clientId.startsWith('https://') && clientId.length <= LONGEST_URL
}

/** Characters of a value that others choose, on a terminal. */
const SHOWN = 80

/** The message, then who and what it is about, then the hint on its own line. */
function messageOf(line: Readonly<Record<string, unknown>>): string {
  const about = ABOUT.flatMap((name) => {
    const value = line[name]
    if (typeof value !== 'string') return []
    if (!CHOSEN.has(name)) return value
    const isWhole = name === 'clientId' && isDocumentUrl(value)
    return quoted(value, isWhole ? value.length : SHOWN)
  })
  const kept = KEPT.flatMap((name) => {
    return line[name] === undefined ? [] : `  ${name}=${JSON.stringify(line[name])}`
  })
  const hint = typeof line['hint'] === 'string' ? `\n    → ${line['hint']}` : ''
  const place = about.length > 0 ? `  [${about.join(' · ')}]` : ''
  return `${String(line['msg'])}${place}${kept.join('')}${hint}`
}

/** @param level at `debug`, all members of a line are shown */
async function loadPretty(level: string): Promise<(line: string) => string> {
  const { default: pinoPretty } = await import('pino-pretty')
  const format = pinoPretty.prettyFactory({
    colorize: isColoured(process.stderr, process.env),
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    hideObject: level !== 'debug',
    messageFormat: messageOf,
  }) as (line: string) => string
  // Without members, the formatter writes no line end.
  return (line) => `${format(tameLine(line)).trimEnd()}\n`
}

/**
 * Every line is written at once, as long as its reader keeps up: the last lines before an exit
 * matter most. Lines for a reader that does not read are dropped, counted and reported.
 *
 * @param target default: stderr
 */
export async function createLog(
  { level, format }: LogOptions,
  target: Writable = process.stderr,
): Promise<Log> {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY)
  const toText = isPretty ? await loadPretty(level) : (line: string) => line
  const writer = new LineWriter(target, (lost) => {
    logger.warn({ lost }, 'log lines were lost: the reader of the log does not keep up')
  })
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => writer.write(toText(line)) },
  )
  return { logger, writer }
}
