/**
 * The mode of files: only their owner may read secrets, and only their owner may write what opens a
 * resource.
 *
 * @module
 */
import type { Stats } from 'node:fs'

/** Everybody but the owner. */
const OTHERS = 0o077
const OTHERS_WRITE = 0o022

function shownMode({ mode }: Stats): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

/** Why others could change such a file. A system without modes finds nothing wrong. */
export function sharedFileFault(
  stats: Stats,
  platform: NodeJS.Platform = process.platform,
): string | undefined {
  if (platform === 'win32' || (stats.mode & OTHERS_WRITE) === 0) return undefined
  return `has the mode ${shownMode(stats)}, so that others can write it`
}

/** What is wrong with such a file. A system without modes finds nothing wrong. */
export function ownerFileFault(
  stats: Stats,
  platform: NodeJS.Platform = process.platform,
): string | undefined {
  if (!stats.isFile()) return 'is not a regular file'
  if (platform === 'win32' || (stats.mode & OTHERS) === 0) return undefined
  return `has the mode ${shownMode(stats)}, so that others can use it`
}
