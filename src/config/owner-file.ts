/**
 * The mode of files with secrets: only their owner may read them.
 *
 * @module
 */
import type { Stats } from 'node:fs'

/** Everybody but the owner. */
const OTHERS = 0o077

/** What is wrong with such a file. A system without modes finds nothing wrong. */
export function ownerFileFault(
  stats: Stats,
  platform: NodeJS.Platform = process.platform,
): string | undefined {
  if (!stats.isFile()) return 'is not a regular file'
  if (platform === 'win32' || (stats.mode & OTHERS) === 0) return undefined
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0')
  return `has the mode ${mode}, so that others can use it`
}
