/** The reference at the end of an `error_description`, by which user and operator find the same request. */
const REFERENCE = / \(ref ([^()"]+)\)(?=")/g

/** A body or a challenge as it would be for any request. */
export function withoutReference(text: string): string {
  return text.replace(REFERENCE, '')
}

/** All references of a text, in their order. */
export function referencesIn(text: string): string[] {
  return [...text.matchAll(REFERENCE)].map(([, reference = '']) => reference)
}
