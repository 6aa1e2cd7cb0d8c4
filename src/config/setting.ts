/**
 * What is known of a setting, and how a value comes to it.
 *
 * @module
 */

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
