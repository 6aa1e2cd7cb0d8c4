/**
 * Introspection answers that several processes share, so that one of them asks for all. A store
 * that fails or is slow costs a call to the authorization server, never a refusal, and is left
 * alone for a while.
 *
 * @module
 */
import type { AnswerStore } from '../base/answer-store.js'
import { Availability } from '../base/availability.js'
import { withDeadline } from '../base/deadline.js'
import { sha256 } from '../base/digest.js'
import { isJsonObject, type JsonObject } from '../base/json.js'
import { AuthorizationServerError } from '../errors.js'
import { isModest } from './http-answer.js'

/** Milliseconds that the store may take; after that the authorization server is asked instead. */
const LONGEST = 500

/** An answer and its expiry, in milliseconds since 1970. */
export interface SharedAnswer {
  readonly claims: JsonObject
  readonly validUntil: number
}

export interface SharedAnswersOptions {
  readonly store: AnswerStore
  readonly issuer: string
  /** The client that these answers are for: another client may get different ones. */
  readonly namespace: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds; never runs backwards. */
  readonly steadyNow: () => number
  /** Milliseconds; an answer that claims to be valid for longer is not believed. */
  readonly cacheFor: number
  /** Reported once for each pause. */
  readonly onFailure: (reason: string, retryIn: number) => void
}

/** Not the message, which may quote what was stored. */
function describeError(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  return 'code' in error ? `${error.name} ${String(error.code).slice(0, 40)}` : error.name
}

/** Anything may be thrown, also what cannot be told: that must cost no more than another failure. */
function reasonOf(error: unknown): string {
  try {
    if (error instanceof AuthorizationServerError) return error.message
    return `the store of answers failed: ${describeError(error)}`
  } catch {
    return 'the store of answers failed'
  }
}

function parseAnswer(text: string): SharedAnswer | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isJsonObject(value)) return undefined
  const { claims, validUntil } = value
  if (!isJsonObject(claims) || typeof validUntil !== 'number' || !isModest(claims)) return undefined
  return { claims, validUntil }
}

export class SharedAnswers {
  readonly #options: SharedAnswersOptions
  readonly #availability: Availability

  constructor(options: SharedAnswersOptions) {
    this.#options = options
    this.#availability = new Availability({ now: options.steadyNow })
  }

  /** The answer that some process got; `undefined` if there is none to trust. */
  async get(digest: string): Promise<SharedAnswer | undefined> {
    const { store, now, cacheFor } = this.#options
    const key = await this.#keyOf(digest)
    const text = await this.#attempt(() => store.get(key))
    const answer = text === undefined ? undefined : parseAnswer(text)
    if (answer === undefined) return undefined
    const age = answer.validUntil - now()
    return age > 0 && age <= cacheFor ? answer : undefined
  }

  async set(digest: string, answer: SharedAnswer): Promise<void> {
    const { store, now } = this.#options
    const keep = answer.validUntil - now()
    if (keep <= 0) return
    const key = await this.#keyOf(digest)
    await this.#attempt(() => store.set(key, JSON.stringify(answer), keep))
  }

  async #keyOf(digest: string): Promise<string> {
    // A digest is one character a byte.
    const name = await sha256(`${this.#options.namespace}\n${digest}`)
    return `introspection:${btoa(name)}`
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (!this.#availability.mayCall(true)) return undefined
    const call = this.#availability.begin(true)
    try {
      const value = await withDeadline(work(), LONGEST, () => this.#error('did not answer in time'))
      this.#availability.answered()
      return value
    } catch (error) {
      this.#fail(call, reasonOf(error))
      return undefined
    } finally {
      this.#availability.end(call)
    }
  }

  #fail(call: ReturnType<Availability['begin']>, reason: string): void {
    const before = this.#availability.fault
    const failure = { error: this.#error(reason), passes: true }
    const fault = this.#availability.failedBefore(call, failure)
    if (fault === before) return
    this.#options.onFailure(reason, fault.retryAt - this.#options.steadyNow())
  }

  #error(reason: string): AuthorizationServerError {
    const { issuer } = this.#options
    return new AuthorizationServerError('ERR_INTROSPECTION_UNAVAILABLE', issuer, reason)
  }
}
