/**
 * The lines of a `--help`.
 *
 * @module
 */
import { environmentNameOf, flagOf } from './names.js'
import { requirementOf, type Setting } from './setting.js'

/** The notes in parentheses in the help. */
function notesOf(setting: Setting): string {
  const fallback = `default: ${setting.default ?? 'none'}`
  const notes = [
    ...(setting.kind === 'list' ? ['repeatable'] : []),
    setting.default === undefined ? (requirementOf(setting) ?? fallback) : fallback,
  ]
  return `(${notes.join('; ')})`
}

/** Breaks a text between words. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`
    } else lines.push(word)
  }
  return lines
}

/**
 * For each setting: what to type, and beside it what it means.
 *
 * @param columns how long a line may be
 */
export function settingLines(settings: readonly Setting[], columns: number): readonly string[] {
  const rows = settings.map((setting) => {
    const usage = `  ${flagOf(setting.path)} ${setting.placeholder}`.trimEnd()
    return [usage, `${setting.description} ${notesOf(setting)}`] as const
  })
  const width = Math.max(...rows.map(([usage]) => usage.length)) + 2
  return rows.flatMap(([usage, meaning]) =>
    wrap(meaning, columns - width).map(
      (line, index) => (index === 0 ? usage : '').padEnd(width) + line,
    ),
  )
}

/** The lines of all settings, and how the environment spells them. */
export function helpLines(settings: readonly Setting[]): readonly string[] {
  const [{ path } = { path: 'auth' }] = settings.slice(-1)
  return [
    ...settingLines(settings, 100),
    `  In the environment: ${flagOf(path)} is ${environmentNameOf(path)}; separate lists by blanks`,
    '  or commas. A flag takes precedence over the environment. TIME is 500ms, 30s, 10m or 24h.',
  ]
}
