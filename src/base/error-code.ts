/**
 * The code of an error of the runtime, such as `ENOENT`. Its message may quote what it was about.
 *
 * @module
 */

/** @param otherwise for an error without a code */
export function codeOf(error: unknown, otherwise = 'unknown reason'): string {
  return error instanceof Error && 'code' in error ? String(error.code) : otherwise
}
