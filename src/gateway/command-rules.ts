/**
 * Whether a command can be what is behind a resource.
 *
 * @module
 */

/** Why not, or `undefined`. */
export function commandFault(_command: readonly string[]): string | undefined {
  return 'a stdio server behind HTTP is not available in this version yet'
}
