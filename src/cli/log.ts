/**
 * The log: lines for programs, or for people on a terminal. To stderr, because stdout is output.
 *
 * @module
 */
import { pino, type DestinationStream, type Logger } from 'pino'

export interface LogOptions {
  readonly level: string
  readonly format: 'auto' | 'json' | 'pretty'
}

const STDERR = 2

/** What ends a line, moves the cursor, hides, or turns the direction of text. */
const UNSEEN = /[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g

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

async function prettyStream(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty')
  const stream = pretty({
    destination: STDERR,
    sync: true,
    colorize: process.stderr.hasColors?.() ?? false,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  })
  return { write: (line) => stream.write(tameLine(line)) }
}

/** Every line is written at once: what happened last before an end is what one wants to know. */
export async function createLogger({ level, format }: LogOptions): Promise<Logger> {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY)
  const stream = isPretty ? await prettyStream() : pino.destination({ dest: STDERR, sync: true })
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  )
}
