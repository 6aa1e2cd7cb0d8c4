/**
 * Whether a command exists, before it is needed.
 *
 * @module
 */
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** What Windows appends to the name of a program. It appends `.cmd` only in a shell. */
const WINDOWS_ENDINGS = ['', '.com', '.exe']

/** The file that a command would start without a shell; `undefined` if no such file exists. */
export async function findExecutable(
  name: string,
  path: string | undefined,
  platform: NodeJS.Platform = process.platform,
): Promise<string | undefined> {
  const isWindows = platform === 'win32'
  const isPath = name.includes('/') || (isWindows && name.includes('\\'))
  // Without a PATH the system uses its default.
  const folders = (path ?? '/bin:/usr/bin').split(delimiter)
  const files = isPath ? [name] : folders.map((folder) => join(folder, name))
  const endings = isWindows ? WINDOWS_ENDINGS : ['']
  const places = files.flatMap((file) => endings.map((ending) => `${file}${ending}`))
  for (const place of places) {
    try {
      await access(place, constants.X_OK)
      return place
    } catch {
      // Try the next one.
    }
  }
  return undefined
}
