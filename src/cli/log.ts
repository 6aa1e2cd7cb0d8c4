/**
 * The log: lines for programs, or for people on a terminal. To stderr, because stdout is output.
 *
 * @module
 */
import type { Writable } from 'node:stream'
import { pino, type Logger } from 'pino'
import { quoted } from '../errors.js'
import { LineWriter } from './line-writer.js'

export interface LogOptions {
  readonly level: string
  readonly format: 'auto' | 'json' | 'pretty'
}

export interface Log {
  readonly logger: Logger
  /** Where its lines go: for those of others, which must not wait for a reader either. */
  readonly writer: LineWriter
}

/** What ends a line, moves the cursor, hides, or turns the direction of text. */
const UNSEEN =
  /[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g

/**
 * A line of JSON for people on a terminal, where nothing in a text that somebody else chose may act: its escapes would
 * be characters again before they are shown.
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

/** What people see of a line besides its message; the other members are for programs, and for `debug`. */
const ABOUT = ['code', 'subject', 'clientId', 'resource', 'requestId'] as const
/** Chosen by others: quoted and cut. */
const CHOSEN: ReadonlySet<string> = new Set(['subject', 'clientId'])
/** What is lost or failed must not be hidden: these members stay. */
const KEPT = ['where', 'lost', 'suppressed', 'audit'] as const

/** The message, who and what it is about, and the hint on a line of its own. */
function messageOf(line: Readonly<Record<string, unknown>>): string {
  const about = ABOUT.flatMap((name) => {
    const value = line[name]
    if (typeof value !== 'string') return []
    return CHOSEN.has(name) ? quoted(value, 80) : value
  })
  const kept = KEPT.flatMap((name) => {
    return line[name] === undefined ? [] : `  ${name}=${JSON.stringify(line[name])}`
  })
  const hint = typeof line['hint'] === 'string' ? `\n    → ${line['hint']}` : ''
  const place = about.length > 0 ? `  [${about.join(' · ')}]` : ''
  return `${String(line['msg'])}${place}${kept.join('')}${hint}`
}

/** @param level at `debug` all members of a line are shown */
async function loadPretty(level: string): Promise<(line: string) => string> {
  const { default: pinoPretty } = await import('pino-pretty')
  const format = pinoPretty.prettyFactory({
    colorize: process.stderr.hasColors?.() ?? false,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    hideObject: level !== 'debug',
    messageFormat: messageOf,
  }) as (line: string) => string
  // Without members it writes no line end.
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
