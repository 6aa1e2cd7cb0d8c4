/**
 * What is known of a setting, and how a value comes to it.
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
 * The options that settings become. `endpoint` and `tokens`: of the middleware, without tokens too or not. `issuer`: of
 * an authorization server; `asked`: of one that is asked about tokens; `introspector`: how it is asked. `gateway`: of
 * the gateway itself. `server`: of the server behind a resource; `upstream`: of one that is reached by HTTP;
 * `children`: of one that we start.
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
  /** Stands for the value in the help. */
  readonly placeholder: string
  /** The default as the help shows it, also where it follows from other settings. */
  readonly default?: string
  /** The default as a config file spells it, where it is a fixed value. */
  readonly fixedDefault?: string | number | boolean
  /** `true`: must be given with `auth` oauth. A text: the condition in words, for {@link requirementOf}. */
  readonly required?: boolean | string
  /** The gateway's default where `./flags` has none; then it is not required there in general. */
  readonly defaultInGateway?: string
  /** What to write instead of a value that is wrong. */
  readonly hint: string
  /** Where in the text a file is named: everywhere, or in what follows the `=`. */
  readonly file?: 'whole' | 'after ='
  /**
   * Whether an issuer in a config file may have its own. `only`: it makes sense for one issuer alone. `too`: at the
   * top it holds for all that have none of their own.
   */
  readonly perIssuer?: 'only' | 'too'
  /**
   * Whether a resource in a config file may have its own. `only`: where there are several, it stands nowhere else.
   * `too`: at the top it holds for all that have none of their own. `alone`: it exists there alone, as no flag.
   */
  readonly perResource?: 'only' | 'too' | 'alone'
  /**
   * The option that it becomes. With a `file` what that holds becomes the option; otherwise the value does. Settings
   * without one are for the command line alone, or several become something together.
   */
  readonly becomes?: OptionName
  /**
   * Without what it does nothing. `tokens`: with `--auth oauth`; `client`: with a client at the issuer, too; `command`:
   * where we start a command; `child`: where that speaks stdio.
   */
  readonly needs?: 'tokens' | 'client' | 'command' | 'child'
  /** Whether it does something with `--transport stdio`. */
  readonly inStdio?: boolean
  /** When it becomes the option: where somebody gave it, or with tokens. Default: always. */
  readonly onlyWhen?: 'given' | 'tokens'
  /** A secret: it comes from the environment alone, and is shown nowhere. */
  readonly secret?: boolean
  /** One value of it in a config file, as JSON Schema. */
  readonly json: Readonly<Record<string, unknown>>
  /** A value as a config file spells it, where that is not the value itself. */
  readonly write?: (value: number) => string
}

/** What is known of a setting without its value. */
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

/** When a setting must be given, for help and README; `undefined`: never. */
export function requirementOf({ required }: Setting): string | undefined {
  if (required === undefined || required === false) return undefined
  return `required ${required === true ? 'with --auth oauth' : required}`
}
