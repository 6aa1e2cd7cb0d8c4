/**
 * How messages name a file, and why it could not be read.
 *
 * @module
 */
import { codeOf } from '../base/error-code.js'
import { quoted } from '../errors.js'
import { looksSecret } from './redacted.js'

/** The content of a text file; throws when it cannot be read. */
export type ReadFile = (path: string) => string

/**
 * A file name in one line, whatever its characters. People write a secret where its file is asked for; what looks like
 * one is not shown.
 */
export function shownFile(file: string): string {
  return looksSecret(file) ? 'the file' : quoted(file, 300).slice(1, -1)
}

/** `ca.pem cannot be read (ENOENT)`: nothing of the content. */
export function readFault(file: string, error: unknown, otherwise?: string): string {
  return `${shownFile(file)} ${readReason(error, otherwise)}`
}

/** `cannot be read (ENOENT)`, for a message that names the file already. */
export function readReason(error: unknown, otherwise?: string): string {
  return `cannot be read (${codeOf(error, otherwise)})`
}
