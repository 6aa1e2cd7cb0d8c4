/**
 * The kinds of values that settings have. Each is a zod schema that carries what help, config file
 * and docs/settings.md need.
 *
 * @module
 */
import * as z from 'zod'
import type { SettingDetails } from './setting.js'
import { formatDuration, formatSize, parseDuration, parsePort, parseSize } from './values.js'

export const details: z.core.$ZodRegistry<SettingDetails> = z.registry<SettingDetails>()

const EMPTY = 'is empty'
const GIVE_OR_OMIT = 'give it a value, or leave it out'

/** What every kind needs. */
type Basics = Pick<
  SettingDetails,
  | 'section'
  | 'inFlags'
  | 'description'
  | 'perIssuer'
  | 'perResource'
  | 'becomes'
  | 'onlyWhen'
  | 'needs'
  | 'inStdio'
>

interface TextDetails
  extends
    Basics,
    Partial<
      Pick<SettingDetails, 'default' | 'hint' | 'required' | 'defaultInGateway' | 'file' | 'secret'>
    > {
  readonly placeholder: string
  /** What is wrong with a value, if anything. Must not repeat it. */
  readonly fault?: (value: string) => string | undefined
}

const TEXT_JSON = { type: ['string', 'number'], minLength: 1 }

/** The fault of one value as zod takes it. */
function faultCheck(fault: TextDetails['fault']) {
  return (value: string, context: z.core.$RefinementCtx<string>): void => {
    const message = value === '' ? undefined : fault?.(value)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  }
}

export function text({ fault, ...about }: TextDetails): z.ZodOptional<z.ZodString> {
  const schema = z.string().min(1, EMPTY).superRefine(faultCheck(fault)).optional()
  const fixed = { kind: 'text', hint: GIVE_OR_OMIT, json: TEXT_JSON } as const
  return schema.register(details, { ...fixed, ...about })
}

/** A text that has a fixed default. */
export function textOr(
  fallback: string,
  { fault, ...about }: TextDetails,
): z.ZodDefault<z.ZodString> {
  const schema = z.string().min(1, EMPTY).superRefine(faultCheck(fault)).default(fallback)
  return schema.register(details, {
    kind: 'text',
    hint: `leave it out for ${fallback}`,
    json: TEXT_JSON,
    default: fallback,
    fixedDefault: fallback,
    ...about,
  })
}

export function texts({
  fault,
  ...about
}: TextDetails &
  Pick<SettingDetails, 'toOption'> & { readonly kind?: 'list' | 'words' }): z.ZodOptional<
  z.ZodArray<z.ZodString>
> {
  const schema = z
    .array(z.string().min(1, EMPTY))
    .min(1, EMPTY)
    .superRefine((values, context) => {
      for (const [index, value] of values.entries()) {
        const reason = value === '' ? undefined : fault?.(value)
        // By its number, because the value may be a secret typed into the wrong place.
        const message = `value ${index + 1} ${reason}`
        if (reason !== undefined) context.addIssue({ code: 'custom', message })
      }
    })
    .optional()
  const fixed = { kind: 'list', hint: GIVE_OR_OMIT, json: TEXT_JSON } as const
  return schema.register(details, { ...fixed, ...about })
}

/** One of several words; the first is the default. */
export function choice<Value extends string>(
  values: readonly [Value, ...Value[]],
  about: Basics & { readonly placeholder?: string },
  fallback: Value = values[0],
): z.ZodDefault<z.ZodType<Value>> {
  const schema: z.ZodType<Value> = z.enum(values, { error: `must be ${values.join(' or ')}` })
  return schema
    .default(() => fallback)
    .register(details, {
      kind: 'text',
      placeholder: values.join('|'),
      default: fallback,
      fixedDefault: fallback,
      hint: `leave it out for ${fallback}`,
      json: { enum: values },
      ...about,
    })
}

export function toggle(about: Basics, fallback = false): z.ZodDefault<z.ZodType<boolean>> {
  const schema: z.ZodType<boolean> = z.stringbool({
    truthy: ['true', '1'],
    falsy: ['false', '0'],
    error: 'must be true or false',
  })
  return schema.default(fallback).register(details, {
    kind: 'toggle',
    placeholder: '',
    default: fallback ? 'on' : 'off',
    fixedDefault: fallback,
    hint: '1 and 0 are accepted, too',
    json: { type: 'boolean' },
    ...about,
  })
}

interface Range {
  readonly fallback: number
  readonly max: number
  /** Whether zero is refused. */
  readonly positive?: boolean
}

const DURATION_JSON = { type: ['string', 'integer'], pattern: '^\\d{1,9}(ms|s|m|h)?$', minimum: 0 }

/** Seconds. */
export function duration(
  { fallback, max, positive = false }: Range,
  { description, ...about }: Basics,
): z.ZodDefault<z.ZodType<number>> {
  const number = z.number('is not a duration').max(max, `is more than ${formatDuration(max)}`)
  const schema: z.ZodType<number> = z
    .string()
    .transform(parseDuration)
    .pipe(positive ? number.positive('must be more than 0') : number)
  return schema.default(fallback).register(details, {
    kind: 'text',
    description: `${description}, at most ${formatDuration(max)}`,
    placeholder: 'TIME',
    default: formatDuration(fallback),
    fixedDefault: formatDuration(fallback),
    hint: `500ms, 30s, 10m, 24h; a bare number is seconds; the default is ${formatDuration(fallback)}`,
    json: DURATION_JSON,
    write: formatDuration,
    ...about,
  })
}

/** Bytes. */
export function size(
  { fallback, max }: Range,
  { description, ...about }: Basics,
): z.ZodDefault<z.ZodType<number>> {
  const schema: z.ZodType<number> = z
    .string()
    .transform(parseSize)
    .pipe(
      z
        .number('is not a size')
        .positive('must be more than 0')
        .max(max, `is more than ${formatSize(max)}`),
    )
  return schema.default(fallback).register(details, {
    kind: 'text',
    description: `${description}, at most ${formatSize(max)}`,
    placeholder: 'SIZE',
    default: formatSize(fallback),
    fixedDefault: formatSize(fallback),
    hint: `64KiB, 4MiB; a bare number is bytes; the default is ${formatSize(fallback)}`,
    json: { type: ['string', 'integer'], pattern: '^\\d{1,9}(KiB|MiB|GiB)?$', minimum: 1 },
    write: formatSize,
    ...about,
  })
}

/** A whole number. */
export function count(
  { fallback, max, positive = false }: Range,
  about: Basics,
): z.ZodDefault<z.ZodType<number>> {
  const least = positive ? 1 : 0
  const schema: z.ZodType<number> = z
    .string()
    .transform((value) => (/^\d{1,9}$/.test(value) ? Number(value) : undefined))
    .pipe(
      z.number('is not a number').min(least, 'must be more than 0').max(max, `is more than ${max}`),
    )
  return schema.default(fallback).register(details, {
    kind: 'text',
    placeholder: 'NUMBER',
    default: String(fallback),
    fixedDefault: fallback,
    hint: `${least} to ${max}; the default is ${fallback}`,
    json: { type: ['integer', 'string'], pattern: '^\\d{1,9}$', minimum: least, maximum: max },
    ...about,
  })
}

const PORT_HINT = '0 to 65535; 0 picks a free one'
const PORT_JSON = { type: ['integer', 'string'], minimum: 0, maximum: 65_535 }

export function port(fallback: number, about: Basics): z.ZodDefault<z.ZodType<number>> {
  const schema: z.ZodType<number> = z.string().transform(parsePort).pipe(z.number('is not a port'))
  return schema.default(fallback).register(details, {
    kind: 'text',
    placeholder: 'PORT',
    default: String(fallback),
    fixedDefault: fallback,
    hint: PORT_HINT,
    json: { ...PORT_JSON, pattern: '^\\d{1,5}$' },
    ...about,
  })
}

/** A port, or `off`, which is the default and `undefined`. */
export function portOrOff(about: Basics): z.ZodOptional<z.ZodType<number | undefined>> {
  const schema: z.ZodType<number | undefined> = z
    .string()
    // NaN: neither a port nor `off`, which is `undefined`.
    .transform((value) => (value === 'off' ? undefined : (parsePort(value) ?? Number.NaN)))
    .pipe(z.number('is not a port').optional())
  return schema.optional().register(details, {
    kind: 'text',
    placeholder: 'PORT|off',
    default: 'off',
    fixedDefault: 'off',
    hint: PORT_HINT,
    json: { ...PORT_JSON, pattern: '^(\\d{1,5}|off)$' },
    ...about,
  })
}
