/**
 * How the doctor shows what others chose.
 *
 * @module
 */
import { redactUrl } from '../../config/redacted.js'

const MOST_CHARACTERS = 600

/** A text for people. No character in it can act on a terminal. */
export function printable(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?')
  return clean.length > MOST_CHARACTERS ? `${clean.slice(0, MOST_CHARACTERS)}...` : clean
}

/** A URL without the values of its query: they may be keys. */
export function shownUrl(url: string): string {
  return printable(redactUrl(url))
}
