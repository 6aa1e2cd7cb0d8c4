/**
 * The log: lines for programs, or for people on a terminal. To stderr, because stdout is output.
 *
 * @module
 */
import type { Writable } from 'node:stream'
import { pino, type Logger } from 'pino'
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

async function loadPretty(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty')
  return prettyFactory({
    colorize: process.stderr.hasColors?.() ?? false,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  }) as (line: string) => string
}

/**
 * Every line is written at once, as long as its reader keeps up: what happened last before an end is what one wants to
 * know. Lines for a reader that does not read are dropped, counted and told.
 *
 * @param target default: stderr
 */
export async function createLog(
  { level, format }: LogOptions,
  target: Writable = process.stderr,
): Promise<Log> {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY)
  const toText = isPretty ? await loadPretty() : (line: string) => line
  const writer = new LineWriter(target, (lost) => {
    logger.warn({ lost }, 'lines of the log are lost: its reader does not keep up')
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
