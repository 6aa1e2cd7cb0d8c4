/**
 * Text in HTML and XML.
 *
 * @module
 */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A text in which no parser finds markup, in an element or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

/** Flags, with the punctuation around them: it stays in the same line. */
const FLAGS = /(\(?)(?<![\w-])(--[a-z][a-z-]+)([).,;:]*)/g

/** The same, but the name of a flag is never broken at its hyphens. */
export function escapeWithFlags(text: string): string {
  return escapeHtml(text).replace(FLAGS, '<span class="flag">$1<code>$2</code>$3</span>')
}
