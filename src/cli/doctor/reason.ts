/**
 * Why a client connects, or why not, for a cell of a table.
 *
 * @module
 */
import type { Verdict } from './verdict.js'

const WAYS = {
  cimd: 'by its metadata document',
  dcr: 'registers itself',
  manual: 'people type a client id',
} as const

export function reasonOf({ connects, registration, why }: Verdict): string {
  if (why.length > 0) return why.join('. ')
  if (connects === 'with a client id' || registration === undefined) return ''
  return WAYS[registration]
}
