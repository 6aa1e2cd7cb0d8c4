/** The browser in which people open the pages. It is not ours to install: `.ci/run` does that on a bare machine. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { needed } from '../support/prepare.js'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * The path of the program.
 *
 * @throws {Error} with one sentence that says what is needed
 */
export function chromiumPath(): string {
  const { CHROMIUM, PATH = '' } = process.env
  const folders = PATH.split(delimiter)
  const candidates = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  const found = CHROMIUM === undefined ? candidates.find(isProgram) : CHROMIUM
  if (found !== undefined && isProgram(found)) return found
  throw needed(
    'The tests of pages need Chromium or Chrome: install it (on Debian: apt-get install chromium fonts-dejavu-core), or name its program in CHROMIUM.',
  )
}

/** What Vitest calls before the tests. */
export function setup(): void {
  chromiumPath()
}
