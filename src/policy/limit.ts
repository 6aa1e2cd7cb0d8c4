/**
 * How often an operation may be used: the limits of a rule.
 *
 * @module
 */

/** Whose uses are counted together. */
const COUNTED = ['subject', 'client', 'tool', 'key'] as const
export type CountedBy = (typeof COUNTED)[number]

/** A limit as a rule has it. */
export interface PolicyLimit {
  /** Uses in a time: `20/min`; s, min, h or d. */
  readonly rate: string
  /** Uses at once, after a pause. Default: the number in `rate`. */
  readonly burst?: number
  /**
   * Whose uses count together. `subject`: those of a person or machine, whatever the client.
   * `client`: those of a client, for all its users. `tool`: as `subject`, but for each
   * tool, prompt or resource alone. `key`: those of an API key; tokens are not counted. Default
   * `subject`.
   */
  readonly per?: CountedBy
}

export interface CheckedLimit {
  /** Its place in the policy and what it says: equal limits of two rules count apart. */
  readonly id: string
  /** As people read it: `20/min per subject`. */
  readonly text: string
  /** Uses that are possible at once. */
  readonly burst: number
  /** Milliseconds for one more use. */
  readonly interval: number
  /** `address`: callers without a token, by where they come from. */
  readonly per: CountedBy | 'address'
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** The number of uses and the milliseconds of a rate. */
export function parseRate(
  text: unknown,
): { readonly uses: number; readonly time: number } | undefined {
  const [, number, unit = ''] = /^([1-9]\d{0,5})\/(s|min|h|d)$/.exec(String(text)) ?? []
  const time = UNITS[unit]
  return number === undefined || time === undefined ? undefined : { uses: Number(number), time }
}

export function isCountedBy(value: unknown): value is CountedBy {
  return (COUNTED as readonly unknown[]).includes(value)
}

/** A policy file gives every value as text. */
export function readBurst(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,7}$/.test(value) ? Number(value) : value
  const isOne = Number.isInteger(number) && (number as number) >= 1
  return isOne && (number as number) <= 1_000_000 ? (number as number) : undefined
}

/** @param place of the limit in the policy */
export function toLimit(
  place: string,
  { rate, burst, per = 'subject' }: Omit<PolicyLimit, 'per'> & Partial<Pick<CheckedLimit, 'per'>>,
  { uses, time }: NonNullable<ReturnType<typeof parseRate>>,
): CheckedLimit {
  const text = `${rate} per ${per}`
  return {
    id: `${place} ${text} ${burst}`,
    text,
    burst: burst ?? uses,
    interval: time / uses,
    per,
  }
}
