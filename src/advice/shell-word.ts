/**
 * Texts for the command line of a shell.
 *
 * @module
 */

/** One word, whatever is in it. */
export function shellWord(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
