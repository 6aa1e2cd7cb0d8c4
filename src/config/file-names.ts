/**
 * The files that settings name.
 *
 * @module
 */
import { resolve } from 'node:path'
import { byPath, type GivenValue, type GivenValues, type Setting } from './setting.js'
import { splitPair } from './values.js'

function withAbsoluteFile(file: Setting['file'], text: string, folder: string): string {
  // A dash is not a file: it means the log output.
  if (file === 'whole') return text === '' || text === '-' ? text : resolve(folder, text)
  const [name, value] = (file === undefined ? undefined : splitPair(text)) ?? []
  return name === undefined || value === undefined ? text : `${name}=${resolve(folder, value)}`
}

/**
 * Makes file names absolute, so that they mean the same from any folder.
 *
 * @param folder the folder to which they are relative
 */
export function withAbsoluteFiles(
  settings: readonly Setting[],
  given: GivenValues,
  folder: string,
): GivenValues {
  const known = byPath(settings)
  const entries = [...given].map(([path, { value, source }]): [string, GivenValue] => {
    const file = known.get(path)?.file
    const absolute = (each: string) => withAbsoluteFile(file, each, folder)
    return [
      path,
      { value: typeof value === 'string' ? absolute(value) : value.map(absolute), source },
    ]
  })
  return new Map(entries)
}
