/**
 * Examines a token as the gateway does, and lists what every rule says. The verdict comes from the
 * kernel itself, and the rules are the kernel's.
 *
 * @module
 */
import { decodeBase64urlText } from '../../base/base64url.js'
import { parseJsonObject, withoutNulls, type JsonObject } from '../../base/json.js'
import { OPTION_WORDS, settingsOf } from '../../base/option-checker.js'
import { createKeySet } from '../../discovery/key-set.js'
import { quoted, Refusal } from '../../errors.js'
import type { ResourceServerEvent } from '../../events.js'
import type { Decision } from '../../rs/decision.js'
import type { IssuerSettings } from '../../rs/issuer-settings.js'
import { ResourceServerCore } from '../../rs/resource-server.js'
import type { ResourceServerSettings } from '../../rs/settings.js'
import {
  ACCESS_TOKEN_RULES,
  readAccessToken,
  readIntrospection,
  type AccessTokenFacts,
  type TokenRequirements,
} from '../../token/access-token.js'
import { isApiKey } from '../../token/api-key.js'
import { parseJwt, type ParsedJwt } from '../../token/jwt.js'
import type { TokenIntrospection, TokenIntrospector, VerifiedAccessToken } from '../../types.js'
import { checkProtectedResource, type ProtectedResourceOptions } from '../../web/options.js'
import { describePass } from './passes.js'
import { remarksOn } from './remarks.js'

/** What one rule says. */
export interface RuleResult {
  readonly rule: string
  /** `unknown`: it could not be checked, because an earlier rule failed or the provider did not answer. */
  readonly result: 'pass' | 'fail' | 'unknown'
  readonly detail: string
}

export interface Examination {
  readonly resource: string
  readonly result: 'accepted' | 'refused' | 'undecided'
  /** The status of the answer that a client would get; 200 for a token that is accepted. */
  readonly status: number
  readonly code: string | undefined
  readonly reason: string | undefined
  /** The setting of the identity provider to check. */
  readonly hint: string | undefined
  readonly header: JsonObject | undefined
  readonly claims: JsonObject | undefined
  readonly introspection: JsonObject | undefined
  readonly rules: readonly RuleResult[]
  /** What is worth knowing, although the token is accepted. */
  readonly remarks: readonly string[]
}

export interface World {
  readonly now: () => number
  readonly fetch: typeof fetch | undefined
}

/** The steps before claims are read, by the codes with which they fail. */
const STEPS: ReadonlyMap<string, string> = new Map([
  ['ERR_CREDENTIALS_MISSING', 'form'],
  ['ERR_CREDENTIALS_MULTIPLE', 'form'],
  ['ERR_CREDENTIALS_MALFORMED', 'form'],
  ['ERR_TOKEN_TOO_LARGE', 'form'],
  ['ERR_TOKEN_MALFORMED', 'form'],
  ['ERR_TOKEN_OPAQUE', 'form'],
  ['ERR_TOKEN_ENCRYPTED', 'form'],
  ['ERR_TOKEN_ISSUER_UNTRUSTED', 'issuer'],
  ['ERR_TOKEN_ALGORITHM', 'signature'],
  ['ERR_TOKEN_KEY_UNKNOWN', 'signature'],
  ['ERR_TOKEN_SIGNATURE', 'signature'],
  ['ERR_TOKEN_INACTIVE', 'introspection'],
])

/** The verdict of the kernel, and what was seen on the way to it. */
interface Verdict {
  readonly decision: Decision
  readonly code: string | undefined
  readonly reason: string | undefined
  readonly hint: string | undefined
  readonly answer: TokenIntrospection | undefined
}

/** The same issuer. `keep` gets every answer of its introspector. */
function overhear(issuer: IssuerSettings, keep: (answer: TokenIntrospection) => void) {
  const { introspector } = issuer
  if (introspector === undefined) return issuer
  const listen = (one: TokenIntrospector): TokenIntrospector => ({
    async introspect(token) {
      const answer = await one.introspect(token)
      keep(answer)
      return answer
    },
    ...(one.status !== undefined && { status: one.status.bind(one) }),
  })
  const heard: IssuerSettings['introspector'] =
    typeof introspector === 'function'
      ? (context) => listen(introspector(context))
      : listen(introspector)
  return { ...issuer, introspector: heard }
}

async function judge(
  core: ResourceServerCore,
  events: readonly ResourceServerEvent[],
  token: string,
): Promise<Omit<Verdict, 'answer'>> {
  const decision = await core.authenticate({ authorization: `Bearer ${token}` })
  const told = events.find(
    (event) => event.type === 'request.denied' || event.type === 'request.unavailable',
  )
  if (told === undefined) return { decision, code: undefined, reason: undefined, hint: undefined }
  const hint = 'hint' in told ? told.hint : undefined
  return { decision, code: told.code, reason: told.reason, hint }
}

/** The header of a token that has one. */
function headerOf(token: string): JsonObject | undefined {
  const text = decodeBase64urlText(token.split('.', 1)[0] ?? '')
  return text === undefined ? undefined : parseJsonObject(text)
}

/** What the steps say, up to the step at which the kernel stopped. */
function stepResults(
  { decision, code = '', reason = '', answer }: Verdict,
  jwt: ParsedJwt | undefined,
): readonly RuleResult[] {
  const asked = jwt === undefined || answer !== undefined || code === 'ERR_TOKEN_INACTIVE'
  const steps = [
    ['form', jwt === undefined ? 'an opaque token' : 'a JWT'],
    ...(jwt === undefined ? [] : [['issuer', `iss is ${quoted(jwt.claims['iss'])}`]]),
    asked
      ? ['introspection', 'the authorization server says that it is active']
      : ['signature', describeKey(jwt)],
  ] as const
  const failed = STEPS.get(code)
  const last = failed ?? (decision.outcome === 'unavailable' ? steps.at(-1)?.[0] : undefined)
  const end = steps.findIndex(([rule]) => rule === last)
  return steps.map(([rule = '', detail = ''], at) => {
    if (end < 0 || at < end) return { rule, result: 'pass', detail }
    if (at > end) return { rule, result: 'unknown', detail: `not checked: ${last} failed` }
    return { rule, result: failed === undefined ? 'unknown' : 'fail', detail: reason }
  })
}

/** What the steps say about an API key, which has no claims of its own. */
function keyResults({ decision, code, reason = '' }: Verdict): readonly RuleResult[] {
  const isWhole = code !== 'ERR_KEY_MALFORMED'
  const form = { rule: 'form', result: isWhole ? 'pass' : 'fail' } as const
  if (!isWhole) {
    const entry = { rule: 'entry', result: 'unknown', detail: 'not checked: form failed' } as const
    return [{ ...form, detail: reason }, entry]
  }
  const rule = code === 'ERR_SCOPE_INSUFFICIENT' ? 'scopes' : 'entry'
  const said: RuleResult =
    decision.outcome === 'authenticated'
      ? { rule, result: 'pass', detail: describeEntry(decision.token) }
      : { rule, result: 'fail', detail: reason }
  return [{ ...form, detail: 'an API key' }, said]
}

function describeEntry({ clientId, subject, scopes }: VerifiedAccessToken): string {
  const held = scopes.length === 0 ? 'no scopes' : quoted(scopes.join(' '), 500)
  return `${quoted(clientId)}, for ${quoted(subject)}, has ${held}`
}

function describeKey(jwt: ParsedJwt | undefined): string {
  if (jwt === undefined) return ''
  const kid = jwt.kid === undefined ? 'no kid' : `kid ${quoted(jwt.kid, 64)}`
  return `${quoted(jwt.algorithm)}, ${kid}`
}

/** The issuer whose rules apply: the one that the token names, else the only one. */
function issuerFor(
  { issuers }: ResourceServerSettings,
  iss: unknown,
  decided: string | undefined,
): IssuerSettings | undefined {
  const named = issuers.find(({ requirements: { issuer } }) => issuer === iss || issuer === decided)
  return named ?? (issuers.length === 1 ? issuers[0] : undefined)
}

function readFacts(
  jwt: ParsedJwt | undefined,
  answer: TokenIntrospection | undefined,
  requirements: TokenRequirements,
): AccessTokenFacts | Refusal | undefined {
  const share = (list: readonly string[]) => list
  if (answer !== undefined) {
    const read = { ...answer, claims: withoutNulls(answer.claims) }
    return readIntrospection(read, jwt, requirements, share)
  }
  return jwt && readAccessToken(jwt, undefined, requirements, share)
}

/** What the rules about claims say, each by itself. */
function claimResults(
  facts: AccessTokenFacts | Refusal,
  requirements: TokenRequirements,
  at: number,
): readonly RuleResult[] {
  if (facts instanceof Refusal) return [{ rule: 'claims', result: 'fail', detail: facts.reason }]
  const shapes: RuleResult = { rule: 'claims', result: 'pass', detail: 'all can be read' }
  // The earlier step says the same about the issuer, and more.
  const rules = ACCESS_TOKEN_RULES.filter(({ name }) => name !== 'issuer')
  const results = rules.map(({ name: rule, check }): RuleResult => {
    const refusal = check(facts, requirements, at)
    return refusal === undefined
      ? { rule, result: 'pass', detail: describePass(rule, facts, at) }
      : { rule, result: 'fail', detail: refusal.reason }
  })
  return [shapes, ...results]
}

function scopeResult(
  facts: AccessTokenFacts,
  core: ResourceServerCore,
  needed: readonly string[],
): RuleResult {
  const missing = core.operations.missing(facts.scopes, needed)
  const held = facts.scopes.length === 0 ? 'has none' : `has ${quoted(facts.scopes.join(' '), 500)}`
  return missing.length === 0
    ? { rule: 'scopes', result: 'pass', detail: held }
    : { rule: 'scopes', result: 'fail', detail: `lacks ${quoted(missing.join(' '), 500)}; ${held}` }
}

/** @param options of one resource, without problems */
export async function examine(
  options: ProtectedResourceOptions,
  token: string,
  { now, fetch }: World,
): Promise<Examination> {
  const events: ResourceServerEvent[] = []
  const seen: { answer?: TokenIntrospection } = {}
  const checked = settingsOf(checkProtectedResource(options, OPTION_WORDS, 'elsewhere'))
  const keep = (answer: TokenIntrospection) => (seen.answer = answer)
  const settings = { ...checked, issuers: checked.issuers.map((each) => overhear(each, keep)) }
  const core = new ResourceServerCore(
    settings,
    { now, ...(fetch !== undefined && { fetch }), onEvent: (event) => events.push(event) },
    createKeySet,
  )
  const verdict = { ...(await judge(core, events, token)), answer: seen.answer }
  const { decision, code, reason, hint, answer } = verdict
  const parsed = isApiKey(token) ? undefined : parseJwt(token)
  const jwt = parsed instanceof Refusal ? undefined : parsed
  const told = events.find((event) => 'issuer' in event && event.issuer !== undefined)
  const decided = told !== undefined && 'issuer' in told ? told.issuer : undefined
  const issuer = issuerFor(settings, jwt?.claims['iss'], decided)
  const facts = issuer && readFacts(jwt, answer, issuer.requirements)
  const steps = isApiKey(token) ? keyResults(verdict) : stepResults(verdict, jwt)
  const isRead = facts !== undefined && !(facts instanceof Refusal)
  return {
    resource: settings.resource,
    result: { authenticated: 'accepted', denied: 'refused', unavailable: 'undecided' }[
      decision.outcome
    ] as Examination['result'],
    status: decision.outcome === 'authenticated' ? 200 : decision.status,
    code,
    reason,
    hint,
    header: jwt === undefined ? undefined : headerOf(token),
    claims: jwt?.claims,
    introspection: answer?.claims,
    rules: [
      ...steps,
      ...(facts === undefined || issuer === undefined
        ? []
        : claimResults(facts, issuer.requirements, now() / 1000)),
      ...(isRead ? [scopeResult(facts, core, settings.scopes)] : []),
    ],
    remarks: isRead && code === undefined ? remarksOn(facts, now() / 1000) : [],
  }
}
