/**
 * Whether a command exists, before it is needed.
 *
 * @module
 */
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** The file that a command would start without a shell; `undefined` if no such file exists. */
export async function findExecutable(
  name: string,
  path: string | undefined,
): Promise<string | undefined> {
  const isPath = name.includes('/')
  // Without a PATH the system uses its default.
  const folders = (path ?? '/bin:/usr/bin').split(delimiter)
  const places = isPath ? [name] : folders.map((folder) => join(folder, name))
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
