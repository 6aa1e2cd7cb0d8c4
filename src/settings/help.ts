/**
 * The lines of a `--help`.
 *
 * @module
 */
import { environmentNameOf, flagOf } from './names.js'
import type { Setting } from './schema.js'

function defaultOf(setting: Setting): string {
  if (setting.default !== undefined) return `default: ${setting.default}`
  return setting.required === true ? 'required with --auth oauth' : 'default: none'
}

/** One line for each setting, and one that tells how the environment spells them. */
export function helpLines(settings: readonly Setting[]): readonly string[] {
  const rows = settings.map((setting) => {
    const { path, kind, placeholder, description } = setting
    const notes = [...(kind === 'list' ? ['repeatable'] : []), defaultOf(setting)].join('; ')
    return [`  ${flagOf(path)} ${placeholder}`.trimEnd(), `${description} (${notes})`] as const
  })
  const width = Math.max(...rows.map(([usage]) => usage.length)) + 2
  const lines = rows.map(([usage, meaning]) => usage.padEnd(width) + meaning)
  const [{ path } = { path: 'auth' }] = settings.slice(-1)
  return [
    ...lines,
    `  In the environment: ${flagOf(path)} is ${environmentNameOf(path)}; lists with blanks or commas`,
    '  between. A flag comes before the environment. TIME is 500ms, 30s, 10m or 24h.',
  ]
}
