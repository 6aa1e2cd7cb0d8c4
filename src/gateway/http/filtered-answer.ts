/**
 * The header fields of an answer whose lists are filtered.
 *
 * @module
 */
import { isFactOfBody, PRIVATE_FIELDS } from '../../policy/answer-rewriter.js'

/** The head of an answer that is sent after its body was filtered. */
export interface HeldHead {
  readonly status: number
  readonly phrase: string
  /** Alternating names and values. */
  readonly headers: string[]
}

/** @param headers alternating names and values */
export function headersOfFiltered(headers: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    if (!isFactOfBody(name)) kept.push(name, headers[i + 1] ?? '')
  }
  return [...kept, ...PRIVATE_FIELDS.flat()]
}
