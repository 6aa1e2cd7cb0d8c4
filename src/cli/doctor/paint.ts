/**
 * Colours for a terminal.
 *
 * @module
 */

const CODES = { red: 31, green: 32, yellow: 33, cyan: 36, bold: 1, dim: 2 } as const

export type Colour = keyof typeof CODES

/** Colours a text. Without colours it gives the text back. */
export type Paint = (colour: Colour, text: string) => string

export function createPaint(isColoured: boolean): Paint {
  if (!isColoured) return (_colour, text) => text
  return (colour, text) => `\u001b[${CODES[colour]}m${text}\u001b[0m`
}
