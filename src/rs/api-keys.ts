/**
 * API keys beside the tokens of authorization servers. Only their digests are known here. A key is
 * judged by the same rules as a token: audience, end, scopes, policy.
 *
 * @module
 */
import { isJsonObject, isPlainObject } from '../base/json.js'
import type { OptionChecker, OptionPath } from '../base/option-checker.js'
import { parseHttpUrl } from '../base/http.js'
import { quoted, Refusal } from '../errors.js'
import type { AccessTokenFacts } from '../token/access-token.js'
import { isWholeApiKey } from '../token/api-key.js'
import { parseScopes } from '../token/scopes.js'

/** One API key, without the key itself. */
export interface ApiKey {
  /** Its name in logs, lists and `X-Gatehouse-Client-Id`: letters, digits, `.`, `_` and `-`. */
  readonly id: string
  /** SHA-256 of the whole key, in 64 hexadecimal digits. */
  readonly digest: string
  /** The person or machine that it stands for. */
  readonly subject: string
  /** As a token would hold them. Default: none. */
  readonly scopes?: string | readonly string[]
  /** The resources that it opens, each as it is published. */
  readonly resources: readonly string[]
  /** When it ends: a date or a time of ISO 8601 in UTC (`2027-03-01`), or `never`. */
  readonly expires: string
}

/** API keys that are accepted beside tokens. */
export interface ApiKeysDocument {
  /** Names these keys in the issuer of their callers, `urn:mcp-gatehouse:keys:NAME`. Default `main`. */
  readonly name?: string
  readonly keys: readonly ApiKey[]
}

/** The facts of a key, as a token would give them. */
interface CheckedKey {
  /** SHA-256 as `base/digest.ts` writes it. */
  readonly digest: string
  readonly facts: AccessTokenFacts
}

export interface CheckedApiKeys {
  readonly issuer: string
  readonly keys: readonly CheckedKey[]
}

const ISSUER = 'urn:mcp-gatehouse:keys:'
const NAME = /^[\w.-]{1,64}$/
const DIGEST = /^[\da-f]{64}$/
const TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?Z)?$/
const NEVER = 'never'

/** Whether the callers of this issuer hold API keys. */
export function isKeyIssuer(issuer: string): boolean {
  return issuer.startsWith(ISSUER)
}

function fromHex(hex: string): string {
  return hex.replace(/../g, (byte) => String.fromCharCode(Number.parseInt(byte, 16)))
}

/** Seconds since 1970; `undefined` for a key that does not expire; `NaN` for a text that is not a time. */
function endOf(expires: string): number | undefined {
  if (expires === NEVER) return undefined
  const time = TIME.test(expires) ? new Date(expires) : new Date(Number.NaN)
  // There is no 31st of February, though it can be read.
  const isDay = !Number.isNaN(time.getTime()) && time.toISOString().startsWith(expires.slice(0, 10))
  return isDay ? Math.floor(time.getTime() / 1000) : Number.NaN
}

/** Whether a value is a text of this form. */
function fits(form: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && form.test(value)
}

function isEnd(value: unknown): boolean {
  return typeof value === 'string' && !Number.isNaN(endOf(value))
}

function isUrlList(value: unknown): boolean {
  const isOne = (each: unknown) => parseHttpUrl(each) !== undefined
  return Array.isArray(value) && value.length > 0 && value.every(isOne)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 256 && !/\p{Cc}/u.test(value)
}

/** A member of an entry, what it must be, and an example. */
type MemberCheck = readonly [
  name: string,
  isRight: (value: unknown) => boolean,
  must: string,
  example: string,
]

const MEMBERS: readonly MemberCheck[] = [
  ['id', fits(NAME), 'must be letters, digits, ., _ and -', 'id: ci-2027'],
  ['digest', fits(DIGEST), 'must be SHA-256 in 64 hex digits', 'mcp-gatehouse key new writes it'],
  ['subject', isText, 'must be a text', 'subject: ci'],
  [
    'scopes',
    (value = []) => parseScopes(value) !== undefined,
    'must be scopes',
    'scopes: mcp:read mcp:write',
  ],
  ['resources', isUrlList, 'must be a list of URLs', 'resources: [https://mcp.example.com/mcp]'],
  ['expires', isEnd, 'must be a date, a time in UTC, or never', 'expires: 2027-03-01'],
]

function toKey(issuer: string, key: ApiKey): CheckedKey {
  const { id, digest, subject, resources, expires } = key
  const scopes = parseScopes(key.scopes ?? []) ?? []
  const expiresAt = endOf(expires)
  const end = expiresAt === undefined ? {} : { exp: expiresAt }
  const claims = { iss: issuer, sub: subject, client_id: id, scope: scopes.join(' '), ...end }
  return {
    digest: fromHex(digest),
    facts: Object.freeze({
      key: undefined,
      algorithm: undefined,
      kind: 'opaque',
      issuer,
      subject,
      user: undefined,
      clientId: id,
      scopes: Object.freeze([...scopes]),
      audience: Object.freeze([...resources]),
      expiresAt,
      validFrom: 0,
      bound: false,
      introspection: { claims: Object.freeze(claims), validUntil: Number.POSITIVE_INFINITY },
    }),
  }
}

/** Checks keys, and reports every problem with its place. */
export function checkApiKeys(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
): CheckedApiKeys | undefined {
  if (value === undefined) return undefined
  const { name = 'main', keys } = isPlainObject(value) ? value : {}
  if (!isPlainObject(value) || !Array.isArray(keys)) {
    checker.problem(path, 'must have a list of keys', '{ name, keys: […] }')
    return undefined
  }
  checker.unknownNames(path, value, ['name', 'keys'])
  if (!fits(NAME)(name)) {
    checker.problem([...path, 'name'], 'must be letters, digits, ., _ and -', 'main')
  }
  const seen = new Map<unknown, number>()
  const usable = (keys as readonly unknown[]).filter((entry, index) => {
    const place = [...path, 'keys', index]
    if (!isJsonObject(entry)) {
      checker.problem(place, 'must be an entry', 'mcp-gatehouse key new writes one')
      return false
    }
    checker.unknownNames(
      place,
      entry,
      MEMBERS.map(([member]) => member),
    )
    const faults = MEMBERS.filter(([member, isRight]) => !isRight(entry[member]))
    for (const [member, , must, example] of faults) {
      checker.problem([...place, member], must, example)
    }
    for (const member of ['id', 'digest']) {
      const before = seen.get(entry[member])
      if (before !== undefined) {
        checker.problem([...place, member], `is that of keys[${before}]`, 'each needs its own')
      } else seen.set(entry[member], index)
    }
    return faults.length === 0
  }) as readonly ApiKey[]
  const issuer = ISSUER + String(name)
  return { issuer, keys: usable.map((key) => toKey(issuer, key)) }
}

/** Compares digests of one length without telling where they differ. */
function isSame(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at)
  return difference === 0
}

/** Characters of a digest by which keys are found before they are compared. */
const START = 2

function byStart(keys: readonly CheckedKey[]): ReadonlyMap<string, readonly CheckedKey[]> {
  const found = new Map<string, CheckedKey[]>()
  for (const key of keys) {
    const start = key.digest.slice(0, START)
    const others = found.get(start)
    if (others === undefined) found.set(start, [key])
    else others.push(key)
  }
  return found
}

/** The keys of a resource server. */
export class ApiKeys {
  readonly #resource: string
  readonly #now: () => number
  #issuer: string | undefined
  #byStart: ReadonlyMap<string, readonly CheckedKey[]> = new Map()

  /** @param now milliseconds since 1970 */
  constructor(resource: string, now: () => number, keys: CheckedApiKeys | undefined) {
    this.#resource = resource
    this.#now = now
    this.replace(keys)
  }

  /** Judges by these keys from now on. */
  replace(keys: CheckedApiKeys | undefined): void {
    this.#issuer = keys?.issuer
    this.#byStart = byStart(keys?.keys ?? [])
  }

  /**
   * The verdict on a key, at this moment: nothing of it is remembered.
   *
   * @param digest SHA-256 of the key
   */
  judge(key: string, digest: string): AccessTokenFacts | Refusal {
    const issuer = this.#issuer
    if (issuer === undefined) {
      return new Refusal('ERR_KEY_UNKNOWN', 'an API key, and no keys are configured here')
    }
    if (!isWholeApiKey(key)) {
      return new Refusal('ERR_KEY_MALFORMED', 'not a whole API key: its checksum is wrong', issuer)
    }
    const facts = this.#find(digest)
    if (facts === undefined) {
      return new Refusal('ERR_KEY_UNKNOWN', 'no entry for this API key: it was revoked', issuer)
    }
    return this.#refusalOf(facts) ?? facts
  }

  #find(digest: string): AccessTokenFacts | undefined {
    const near = this.#byStart.get(digest.slice(0, START)) ?? []
    return near.find((each) => isSame(each.digest, digest))?.facts
  }

  #refusalOf({ issuer, clientId, audience, expiresAt }: AccessTokenFacts): Refusal | undefined {
    const name = `API key ${quoted(clientId)}`
    if (!audience.includes(this.#resource)) {
      const reason = `${name} is for ${audience
        .slice(0, 5)
        .map((each) => quoted(each))
        .join(', ')}`
      return new Refusal('ERR_TOKEN_AUDIENCE', reason, issuer)
    }
    if (expiresAt !== undefined && expiresAt * 1000 <= this.#now()) {
      const end = new Date(expiresAt * 1000).toISOString()
      return new Refusal('ERR_TOKEN_EXPIRED', `${name} ended at ${end}`, issuer)
    }
    return undefined
  }
}
