/**
 * What holds in the end, in the words of a config file.
 *
 * @module
 */
import type { Configuration } from './configuration.js'
import { FILE_SETTINGS } from './schema.js'
import type { Setting } from './setting.js'

type FileValue = string | number | boolean | readonly string[]

export interface EffectiveSetting {
  readonly setting: Setting
  /** `undefined` where the default is no fixed value. */
  readonly value: FileValue | undefined
  /** A flag, an environment name, a place in a file, or `default`. */
  readonly origin: string
}

/** All that a file can say. Secrets are not among them: settings name the files in which they are. */
export function effectiveSettings({ settings, given }: Configuration): readonly EffectiveSetting[] {
  return FILE_SETTINGS.map((setting) => {
    const { path, write } = setting
    const [name = '', member = ''] = path.split('.')
    const own = (settings as unknown as Readonly<Record<string, unknown>>)[name]
    const value = member === '' ? own : (own as Readonly<Record<string, unknown>>)[member]
    return {
      setting,
      value: (write === undefined || value === undefined ? value : write(value as number)) as
        FileValue | undefined,
      origin: given.get(path)?.source ?? 'default',
    }
  })
}

/** The nested form, without what has no value. */
export function nestEffective(effective: readonly EffectiveSetting[]): Record<string, unknown> {
  const root: Record<string, unknown> = {}
  for (const { setting, value } of effective) {
    if (value === undefined) continue
    const [name = '', member] = setting.path.split('.')
    if (member === undefined) root[name] = value
    else root[name] = { ...(root[name] as object | undefined), [member]: value }
  }
  return root
}
