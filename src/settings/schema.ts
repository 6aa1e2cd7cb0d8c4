/**
 * The settings: the one place that knows their names, types, defaults and descriptions. Flags,
 * environment names and help follow from it.
 *
 * @module
 */
import * as z from 'zod'
import type { ConfigurationProblem } from '../errors.js'
import { formatDuration, parseDuration } from './values.js'

/**
 * How a setting is given. `text`: once. `list`: by repeated flags. `words`: once, with blanks between.
 * `toggle`: by the flag's presence.
 */
type SettingKind = 'text' | 'list' | 'words' | 'toggle'

interface SettingDetails {
  readonly kind: SettingKind
  readonly description: string
  /** Stands for the value in the help. */
  readonly placeholder: string
  /** The default as the help shows it, also where it follows from other settings. */
  readonly default?: string
  /** Must be given with `auth` oauth. */
  readonly required?: boolean
  /** What to write instead of a value that is wrong. */
  readonly hint: string
}

/** What is known of a setting without its value. */
export interface Setting extends SettingDetails {
  /** The name in the schema: `oauth.jwksMaxAge`. */
  readonly path: string
}

/** A value as it was given, and where: a flag or an environment name. */
export interface GivenValue {
  readonly value: string | readonly string[]
  readonly source: string
}

/** All values, by path. Durations are seconds. What is not given and has no fixed default is `undefined`. */
export interface Settings {
  readonly auth: 'none' | 'oauth'
  readonly resource?: string | undefined
  readonly resourceName?: string | undefined
  readonly resourceDocumentation?: string | undefined
  readonly allowOrigin?: readonly string[] | undefined
  readonly allowHttp?: readonly string[] | undefined
  readonly oauth: {
    readonly issuer?: readonly string[] | undefined
    readonly audience?: readonly string[] | undefined
    readonly scopes?: readonly string[] | undefined
    readonly discoveryUrl?: string | undefined
    readonly jwksUri?: string | undefined
    readonly jwksFile?: string | undefined
    readonly requireType: boolean
    readonly scopeClaim?: readonly string[] | undefined
    readonly clockTolerance: number
    readonly jwksMaxAge: number
    readonly jwksStaleFor: number
    readonly wait: number
  }
}

const EMPTY = 'is empty'
const GIVE_OR_OMIT = 'give it a value, or leave it out'

const details = z.registry<SettingDetails>()

interface TextDetails {
  readonly description: string
  readonly placeholder: string
  readonly default?: string
  readonly required?: boolean
  readonly hint?: string
}

function text(about: TextDetails): z.ZodOptional<z.ZodString> {
  const schema = z.string().min(1, EMPTY).optional()
  return schema.register(details, { kind: 'text', hint: GIVE_OR_OMIT, ...about })
}

function texts(
  about: TextDetails & { readonly kind?: SettingKind },
): z.ZodOptional<z.ZodArray<z.ZodString>> {
  const schema = z.array(z.string().min(1, EMPTY)).min(1, EMPTY).optional()
  return schema.register(details, { kind: 'list', hint: GIVE_OR_OMIT, ...about })
}

function choice<Value extends string>(
  values: readonly [Value, ...Value[]],
  description: string,
): z.ZodDefault<z.ZodType<Value>> {
  const [first] = values
  const schema: z.ZodType<Value> = z.enum(values, { error: `must be ${values.join(' or ')}` })
  return schema
    .default(() => first)
    .register(details, {
      kind: 'text',
      description,
      placeholder: values.join('|'),
      default: first,
      hint: `leave it out for ${first}`,
    })
}

function toggle(description: string): z.ZodDefault<z.ZodType<boolean>> {
  const schema: z.ZodType<boolean> = z.stringbool({
    truthy: ['true', '1'],
    falsy: ['false', '0'],
    error: 'must be true or false',
  })
  return schema.default(false).register(details, {
    kind: 'toggle',
    description,
    placeholder: '',
    default: 'off',
    hint: '1 and 0 do as well',
  })
}

function duration(
  fallback: number,
  max: number,
  description: string,
): z.ZodDefault<z.ZodType<number>> {
  const schema: z.ZodType<number> = z
    .string()
    .transform(parseDuration)
    .pipe(z.number('is not a duration').max(max, `is more than ${formatDuration(max)}`))
  return schema.default(fallback).register(details, {
    kind: 'text',
    description: `${description}, at most ${formatDuration(max)}`,
    placeholder: 'TIME',
    default: formatDuration(fallback),
    hint: `500ms, 30s, 10m, 24h; a bare number is seconds; the default is ${formatDuration(fallback)}`,
  })
}

const schema = z.object({
  auth: choice(['none', 'oauth'], 'oauth: every request needs a token'),
  resource: text({
    description: 'the MCP endpoint as clients type it',
    placeholder: 'URL',
    required: true,
    hint: 'the URL that users type: https://mcp.example.com/mcp',
  }),
  resourceName: text({ description: 'name that clients show to users', placeholder: 'NAME' }),
  resourceDocumentation: text({ description: 'page for developers', placeholder: 'URL' }),
  oauth: z.object({
    issuer: texts({
      description: 'exact issuer of the IdP',
      placeholder: 'URL',
      required: true,
      hint: 'the issuer of your identity provider: https://sso.example.com/realms/mcp',
    }),
    audience: texts({
      description: 'accepted aud value',
      placeholder: 'AUDIENCE',
      default: 'the resource',
    }),
    scopes: texts({
      kind: 'words',
      description: 'scopes that every request needs',
      placeholder: '"A B"',
    }),
    jwksUri: text({
      description: 'where the keys are',
      placeholder: 'URL',
      default: 'from discovery',
    }),
    discoveryUrl: text({
      description: 'where the metadata of the issuer is',
      placeholder: 'URL',
      default: 'its well-known places',
    }),
    jwksFile: text({
      description: 'keys from a file: the issuer is never contacted',
      placeholder: 'FILE',
    }),
    requireType: toggle('only tokens with the header typ: at+jwt'),
    scopeClaim: texts({
      description: 'claim that holds scopes',
      placeholder: 'NAME',
      default: 'scope, scp',
    }),
    clockTolerance: duration(30, 300, 'how far clocks may differ'),
    jwksMaxAge: duration(600, 86_400, 'when keys are fetched again'),
    jwksStaleFor: duration(86_400, 30 * 86_400, 'how long old keys serve'),
    wait: duration(3, 60, 'how long requests wait out a fault'),
  }),
  allowOrigin: texts({
    description: 'browser origin',
    placeholder: 'ORIGIN',
    default: 'loopback if the resource is',
  }),
  allowHttp: texts({
    description: 'host reached without TLS',
    placeholder: 'HOST',
    default: 'loopback hosts',
  }),
})

function settingsOf(shape: Readonly<Record<string, z.ZodType>>, prefix = ''): readonly Setting[] {
  return Object.entries(shape).flatMap(([name, member]) => {
    const path = prefix + name
    if (member instanceof z.ZodObject) return settingsOf(member.shape, `${path}.`)
    const about = details.get(member)
    if (about === undefined) throw new TypeError(`${path} has no details`)
    return [{ path, ...about }]
  })
}

/** Every setting, in the order of the help. */
export const SETTINGS: readonly Setting[] = settingsOf(schema.shape)

/** The nested form. Members that were not given are there as `undefined`. */
function nest(given: ReadonlyMap<string, GivenValue>): Record<string, unknown> {
  const root: Record<string, unknown> = {}
  for (const { path } of SETTINGS) {
    const [name = '', member] = path.split('.')
    const value = given.get(path)?.value
    if (member === undefined) root[name] = value
    else root[name] = { ...(root[name] as object | undefined), [member]: value }
  }
  return root
}

/**
 * Turns what was given into values. A value that is wrong becomes a problem and counts as not given, so
 * that everything else can still be judged.
 */
export function parseSettings(given: ReadonlyMap<string, GivenValue>): {
  readonly settings: Settings
  readonly problems: readonly ConfigurationProblem[]
} {
  const parsed = schema.safeParse(nest(given))
  if (parsed.success) return { settings: parsed.data, problems: [] }
  const right = new Map(given)
  const problems = SETTINGS.flatMap(({ path, hint }) => {
    const issue = parsed.error.issues.find((each) =>
      `${each.path.join('.')}.`.startsWith(`${path}.`),
    )
    if (issue === undefined) return []
    right.delete(path)
    return [{ path: given.get(path)?.source ?? path, message: issue.message, hint }]
  })
  return { settings: schema.parse(nest(right)), problems }
}
