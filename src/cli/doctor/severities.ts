/**
 * The severities of findings.
 *
 * @module
 */
import type { Severity } from '../../advice/finding-kind.js'

/** In the order in which people read them. */
export const SEVERITIES: readonly Severity[] = ['error', 'warning', 'note']
