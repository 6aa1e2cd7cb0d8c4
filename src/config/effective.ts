/**
 * The effective configuration, as a config file.
 *
 * @module
 */
import type { Configuration } from './configuration.js'
import type { ConfiguredIssuer } from './issuers.js'
import { memberOf } from './names.js'
import { redactCommand, redactUrl } from './redacted.js'
import type { ConfiguredResource } from './resources.js'
import { valueOf, type Settings } from './setting-table.js'
import {
  FILE_RESOURCE_SETTINGS,
  FILE_SETTINGS,
  LISTED_ISSUER_SETTINGS,
  ISSUER,
  ISSUERS,
  RESOURCES,
} from './setting-lists.js'
import type { GivenValues, Setting } from './setting.js'

/** The setting whose value is a command with its arguments. */
const COMMAND = 'command'

type FileValue = string | number | boolean | readonly string[]

export interface EffectiveSetting {
  readonly setting: Setting
  /** `undefined` when the default is not a fixed value. */
  readonly value: FileValue | undefined
  /** A flag, an environment name, a place in a file, or `default`. */
  readonly origin: string
}

function effective(setting: Setting, settings: Settings, given: GivenValues): EffectiveSetting {
  const { path, write } = setting
  const value = valueOf(settings, path)
  const spelled = write === undefined || value === undefined ? value : write(value as number)
  return {
    setting,
    value: redact(path, spelled as FileValue | undefined),
    origin: given.get(path)?.source ?? 'default',
  }
}

/** People paste this output into issues and chats, and they write keys into URLs and commands. */
function redact(path: string, value: FileValue | undefined): FileValue | undefined {
  if (typeof value === 'string') return redactUrl(value)
  if (typeof value !== 'object') return value
  return path === COMMAND ? redactCommand(value) : value.map(redactUrl)
}

/** The settings at one level of a config file, and the issuers listed there. */
export interface EffectivePart {
  readonly settings: readonly EffectiveSetting[]
  /** The own settings of each issuer, its name first. Empty when there is no list. */
  readonly issuers: readonly (readonly EffectiveSetting[])[]
}

/** Everything that a config file can say. Secrets are not included: settings name the files that hold them. */
export interface EffectiveConfiguration extends EffectivePart {
  /** The own settings of each resource. Empty when there is no list. */
  readonly resources: readonly EffectivePart[]
}

/** The settings that each listed issuer has itself. */
function effectiveIssuers(issuers: readonly ConfiguredIssuer[]): EffectivePart['issuers'] {
  return issuers
    .filter(({ own }) => own.size > 0)
    .map(({ settings, own }) =>
      LISTED_ISSUER_SETTINGS.filter(({ path }) => own.has(path)).map((setting) => {
        const { value, ...rest } = effective(setting, settings, own)
        return { ...rest, value: setting.path === ISSUER ? settings.oauth.issuer?.[0] : value }
      }),
    )
}

function effectiveResource({ settings, own, issuers }: ConfiguredResource): EffectivePart {
  return {
    settings: FILE_RESOURCE_SETTINGS.filter(
      // The place of the list of issuers.
      ({ path }) => own.has(path) || (path === ISSUER && own.has(ISSUERS)),
    ).map((setting) => effective(setting, settings, own)),
    issuers: own.has(ISSUERS) ? effectiveIssuers(issuers) : [],
  }
}

export function effectiveConfiguration({
  settings,
  given,
  issuers,
  resources,
}: Configuration): EffectiveConfiguration {
  const areListed = given.has(RESOURCES)
  // With several resources, a setting of one resource has no value and no default at the top.
  const isAtTop = ({ perResource }: Setting) => !(areListed && perResource === 'only')
  return {
    settings: FILE_SETTINGS.filter(isAtTop).map((setting) => effective(setting, settings, given)),
    issuers: effectiveIssuers(issuers),
    resources: areListed ? resources.map(effectiveResource) : [],
  }
}

function nestPart({ settings, issuers }: EffectivePart): Record<string, unknown> {
  const root: Record<string, unknown> = {}
  for (const { setting, value } of settings) {
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

/** The nested form, without settings that have no value. */
export function nestEffective({
  resources,
  ...top
}: EffectiveConfiguration): Record<string, unknown> {
  const root = nestPart(top)
  return resources.length === 0 ? root : { ...root, [RESOURCES]: resources.map(nestPart) }
}

function originsOfPart({ settings, issuers }: EffectivePart, place: string): [string, string][] {
  const own = (list: readonly EffectiveSetting[], nameOf: (path: string) => string) =>
    list
      .filter(({ value }) => value !== undefined)
      .map(({ setting, origin }): [string, string] => [nameOf(setting.path), origin])
  return [
    ...own(settings, (path) => place + path),
    ...issuers.flatMap((issuer, index) =>
      own(issuer, (path) => `${place}${ISSUERS}[${index}].${memberOf(path)}`),
    ),
  ]
}

/** Where each value came from, by its path in the nested form. */
export function originsOf({ resources, ...top }: EffectiveConfiguration): Record<string, string> {
  return Object.fromEntries([
    ...originsOfPart(top, ''),
    ...resources.flatMap((part, index) => originsOfPart(part, `${RESOURCES}[${index}].`)),
  ])
}
