/**
 * Formats problems with the configuration.
 *
 * @module
 */
import type { ConfigurationProblem } from '../errors.js'

/** A block for each problem: place and problem, and below it what to do. Ends with a line break. */
export function formatProblems(problems: readonly ConfigurationProblem[]): string {
  return problems.map(({ path, message, hint }) => `${path}: ${message}\n  → ${hint}\n`).join('')
}
