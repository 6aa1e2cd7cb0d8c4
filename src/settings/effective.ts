/**
 * What holds in the end, in the words of a config file.
 *
 * @module
 */
import type { Configuration } from './configuration.js'
import { memberOf } from './names.js'
import { FILE_SETTINGS, ISSUER, type Settings } from './schema.js'
import type { GivenValues, Setting } from './setting.js'

type FileValue = string | number | boolean | readonly string[]

export interface EffectiveSetting {
  readonly setting: Setting
  /** `undefined` where the default is no fixed value. */
  readonly value: FileValue | undefined
  /** A flag, an environment name, a place in a file, or `default`. */
  readonly origin: string
}

function effective(setting: Setting, settings: Settings, given: GivenValues): EffectiveSetting {
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
}

/** All that a file can say. Secrets are not among them: settings name the files in which they are. */
export function effectiveSettings({ settings, given }: Configuration): readonly EffectiveSetting[] {
  return FILE_SETTINGS.map((setting) => effective(setting, settings, given))
}

/** What each listed issuer has of its own, its name first; empty where the config file lists none. */
export function effectiveIssuers({
  issuers,
}: Configuration): readonly (readonly EffectiveSetting[])[] {
  return issuers
    .filter(({ own }) => own.size > 0)
    .map(({ settings, own }) =>
      FILE_SETTINGS.filter(({ path }) => own.has(path)).map((setting) => {
        const { value, ...rest } = effective(setting, settings, own)
        return { ...rest, value: setting.path === ISSUER ? settings.oauth.issuer?.[0] : value }
      }),
    )
}

/** The nested form, without what has no value. */
export function nestEffective(
  effective: readonly EffectiveSetting[],
  issuers: readonly (readonly EffectiveSetting[])[],
): Record<string, unknown> {
  const root: Record<string, unknown> = {}
  for (const { setting, value } of effective) {
    if (value === undefined) continue
    const [name = '', member] = setting.path.split('.')
    if (member === undefined) root[name] = value
    else root[name] = { ...(root[name] as object | undefined), [member]: value }
  }
  if (issuers.length === 0) return root
  const listed = issuers.map((own) =>
    Object.fromEntries(own.map(({ setting, value }) => [memberOf(setting.path), value])),
  )
  return { ...root, oauth: { ...(root['oauth'] as object | undefined), issuers: listed } }
}
