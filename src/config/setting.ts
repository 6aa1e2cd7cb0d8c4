/**
 * The table's entry for a setting, and the values that were given.
 *
 * @module
 */
import type { GatewayOwnOptions, ServerOptions } from '../gateway/options.js'
import type { ChildLimits } from '../gateway/stdio/limits.js'
import type { TokenIntrospectorOptions } from '../rs/introspector-settings.js'
import type { AuthorizationServerOptions } from '../rs/options.js'
import type { ProtectedResourceOptions } from '../web/options.js'

/**
 * How a setting is given. `text`: once. `list`: by repeated flags. `words`: once, with blanks between.
 * `toggle`: by the flag's presence.
 */
type SettingKind = 'text' | 'list' | 'words' | 'toggle'

/** Headings of the gateway's help, in its order. */
export const SECTIONS = [
  'Listening',
  'Upstream',
  'Command',
  'OAuth',
  'Browser and hosts',
  'Operation',
] as const

type Section = (typeof SECTIONS)[number]

type MiddlewareOptions = Omit<ProtectedResourceOptions, 'onEvent'>

/**
 * The groups of options that settings become.
 *
 * - `endpoint`, `tokens`: options of the middleware. Those of `endpoint` apply without tokens, too.
 * - `issuer`: options of an authorization server. `asked`: options of one with an introspector.
 *   `introspector`: the introspector's own options.
 * - `gateway`: options of the gateway itself.
 * - `server`: options of the server behind a resource. `upstream`: those for a server that is
 *   reached by HTTP. `children`: limits for one that we start.
 */
interface OptionGroups {
  readonly endpoint: MiddlewareOptions
  readonly tokens: MiddlewareOptions
  readonly issuer: AuthorizationServerOptions
  readonly asked: AuthorizationServerOptions
  readonly introspector: TokenIntrospectorOptions
  readonly gateway: GatewayOwnOptions
  readonly server: ServerOptions
  readonly upstream: ServerOptions
  readonly children: ChildLimits
}

export type OptionGroup = keyof OptionGroups
/** The options of a group. */
export type OptionsOf<Group extends OptionGroup> = OptionGroups[Group]

/** A group and the name of an option in it: `issuer.jwksUri`. */
type OptionName = {
  [Group in OptionGroup]: `${Group}.${keyof OptionGroups[Group] & string}`
}[OptionGroup]

export interface SettingDetails {
  readonly kind: SettingKind
  readonly section: Section
  /** Whether `./flags` has it. The gateway has all. */
  readonly inFlags?: boolean
  readonly description: string
  /** The word for the value in the help. */
  readonly placeholder: string
  /** The default as the help shows it. It may follow from other settings. */
  readonly default?: string
  /** The default as a config file spells it, when it is a fixed value. */
  readonly fixedDefault?: string | number | boolean
  /** `true`: must be given with `auth` oauth. A text: the condition in words, for {@link requirementOf}. */
  readonly required?: boolean | string
  /** The gateway's default when `./flags` has none. The gateway then does not require it. */
  readonly defaultInGateway?: string
  /** What to write instead of a wrong value. */
  readonly hint: string
  /** Which part of the value is a file name. */
  readonly file?: 'whole' | 'after ='
  /**
   * Whether an issuer in a config file may have its own. `only`: it makes sense for one issuer
   * alone. `too`: at the top it applies to all issuers that have none of their own. `alone`: it is
   * allowed only there, and there is no flag.
   */
  readonly perIssuer?: 'only' | 'too' | 'alone'
  /**
   * Whether a resource in a config file may have its own. `only`: with several resources, it is
   * allowed nowhere else. `too`: at the top it applies to all resources that have none of their
   * own. `alone`: it is allowed only there, and is not a flag.
   */
  readonly perResource?: 'only' | 'too' | 'alone'
  /**
   * The option that the value becomes. With `file`, the option that the file's content becomes. A
   * setting without an option is for the command line alone, or several such settings make one
   * option.
   */
  readonly becomes?: OptionName
  /** Makes the option, if that is not the value itself. */
  readonly toOption?: (values: readonly string[]) => unknown
  /**
   * What it needs to have an effect. `tokens`: `--auth oauth`. `client`: also a client id at the
   * issuer. `command`: a command that we start. `child`: a command that speaks stdio.
   */
  readonly needs?: 'tokens' | 'client' | 'command' | 'child'
  /** Whether it has an effect with `--transport stdio`. */
  readonly inStdio?: boolean
  /** When it becomes the option: only if it was given, or only with tokens. Default: always. */
  readonly onlyWhen?: 'given' | 'tokens'
  /** A secret: it comes from the environment alone, and is shown nowhere. */
  readonly secret?: boolean
  /** One value of it in a config file, as JSON Schema. */
  readonly json: Readonly<Record<string, unknown>>
  /** A value as a config file spells it, where that is not the value itself. */
  readonly write?: (value: number) => string
}

/** A setting, without its value. */
export interface Setting extends SettingDetails {
  /** The name in the schema: `oauth.jwksMaxAge`. */
  readonly path: string
}

/** A value as it was given, and where: a flag, an environment name, or a place in a file. */
export interface GivenValue {
  readonly value: string | readonly string[]
  readonly source: string
}

/** By path. */
export type GivenValues = ReadonlyMap<string, GivenValue>

export function byPath(settings: readonly Setting[]): ReadonlyMap<string, Setting> {
  return new Map(settings.map((setting) => [setting.path, setting]))
}

/** When a setting must be given, for help and docs/settings.md; `undefined`: never. */
export function requirementOf({ required }: Setting): string | undefined {
  if (required === undefined || required === false) return undefined
  return `required ${required === true ? 'with --auth oauth' : required}`
}
