/**
 * The text of `--help` of a command with flags of its own.
 *
 * @module
 */
import { settingLines } from '../config/help.js'
import type { Setting } from '../config/setting.js'

/** How long a line may be. */
export const COLUMNS = 100

/** Ends with a line break. */
export function commandHelp(text: string, flags: readonly Setting[]): string {
  const lines = flags.length === 0 ? [] : ['', 'Flags:', ...settingLines(flags, COLUMNS)]
  return `${[text, ...lines].join('\n')}\n`
}
