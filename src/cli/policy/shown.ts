/**
 * Makes texts that somebody else chose safe for a line that people read, or a policy that programs
 * read.
 *
 * @module
 */

/** A word that YAML cannot take for something else. */
const PLAIN = /^(?!(?:null|true|false|yes|no|on|off|y|n)$)[a-z_][\w./-]*$/i

function escapeUnits(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    const unit = character.charCodeAt(at).toString(16)
    return `\\u${unit.padStart(4, '0')}`
  }).join('')
}

/**
 * A text that YAML and JSON read as exactly this text, in one line of characters that can be seen.
 * It has no quotes if it cannot be taken for something else.
 */
export function scalarOf(text: string): string {
  if (PLAIN.test(text)) return text
  return JSON.stringify(text).replace(/[\p{C}\p{Z}]/gu, (character) =>
    character === ' ' ? character : escapeUnits(character),
  )
}

/** The same, but cut: for people only. */
export function shownScalar(text: string, limit = 100): string {
  const short = Array.from(text.slice(0, 2 * limit))
    .slice(0, limit)
    .join('')
  return short === text ? scalarOf(text) : `${scalarOf(short)}…`
}

/** Data for programs, in lines that cannot act on a terminal. Ends with a line break. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2)
  return `${text.replace(/[\p{C}\p{Z}]/gu, (character) => (/[ \n]/.test(character) ? character : escapeUnits(character)))}\n`
}

/**
 * A text from somebody else, for the end of a line. Nothing in it ends the line or hides, and it is
 * not long.
 */
export function inOneLine(text: string, limit = 80): string {
  const clean = text
    .slice(0, 10 * limit)
    .replace(/[\p{C}\p{Z}\s]+/gu, ' ')
    .trim()
  const characters = [...clean]
  return characters.length > limit ? `${characters.slice(0, limit - 1).join('')}…` : clean
}
