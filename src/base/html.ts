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

/** A text that no parser takes for markup, in an element or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

/** Flags with the marks around them, which stay in the line of the flag. */
const FLAGS = /(\(?)(?<![\w-])(--[a-z][a-z-]+)([).,;:]*)/g

/** The same. A name of a flag is not broken at its hyphens. */
export function escapeWithFlags(text: string): string {
  return escapeHtml(text).replace(FLAGS, '<span class="flag">$1<code>$2</code>$3</span>')
}
