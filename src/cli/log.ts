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

async function prettyStream(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty')
  return pretty({
    destination: STDERR,
    sync: true,
    colorize: process.stderr.hasColors?.() ?? false,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  })
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
