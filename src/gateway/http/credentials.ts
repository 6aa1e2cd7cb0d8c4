/**
 * The headers that an embedder's function gives for one request. We ask for them, wait for them and
 * check them. They are kept no longer than the request, and no message shows them.
 *
 * @module
 */
import { AuthorizationServerError, quoted } from '../../errors.js'
import { isThenable, whereThrown } from '../../events.js'
import { principalOf } from '../../rs/principal.js'
import type { Authenticated } from '../../rs/decision.js'
import type { Clock } from '../clock.js'
import type { UpstreamCredentials } from '../options.js'
import type { Caller } from '../request/caller.js'
import type { UpstreamFault } from '../request/upstream-fault.js'
import { comparableHeader, operatorHeaderFault } from './operator-headers.js'

/** Seconds until a retry may help, if the error does not say it. */
const RETRY_AFTER = 5

const TOO_LATE: UpstreamFault = {
  code: 'ERR_UPSTREAM_CREDENTIALS',
  reason: 'upstreamCredentials gave no headers in time',
  hint: 'it may take as long as upstreamTimeout says',
}

export interface CredentialsSource {
  readonly ask: UpstreamCredentials
  /** Milliseconds that the function may take. */
  readonly timeout: number
  readonly clock: Clock
}

/** Alternating names and values, or why there are none. */
export type GivenCredentials = readonly string[] | UpstreamFault

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}

/** Without the message of the error, which could quote a credential. */
function faultOfError(error: unknown): UpstreamFault {
  if (!(error instanceof AuthorizationServerError)) {
    const reason = `upstreamCredentials failed: ${whereThrown(error)}`
    return { code: 'ERR_UPSTREAM_CREDENTIALS', reason }
  }
  const { issuer, retryAfter } = error
  return {
    code: 'ERR_UPSTREAM_CREDENTIALS_UNAVAILABLE',
    reason: `upstreamCredentials: ${quoted(issuer)} is unavailable`,
    retryAfter: isSeconds(retryAfter) ? Math.ceil(retryAfter) : RETRY_AFTER,
  }
}

/** A problem names a header by its position: a wrong name may be a credential. */
function invalid(what: string): UpstreamFault {
  return { code: 'ERR_UPSTREAM_CREDENTIALS', reason: `upstreamCredentials gave ${what}` }
}

/** `Headers` or a `Map` have no headers as properties: the request would be sent without them. */
function isRecord(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Fields that say what a request asks for, or which session it uses. They were checked before. */
const CHECKED = /^(?:mcp-|content-type$)/

/** @param value one line of text */
function credentialFault(name: string, value: unknown): string | undefined {
  if (CHECKED.test(comparableHeader(name))) return 'belongs to the request that was checked'
  // They authenticate the connection (RFC 4559 §6), which other callers use as well.
  if (/^(?:negotiate|ntlm)\b/i.test(String(value))) return 'authenticates a connection'
  return undefined
}

function checkGiven(given: unknown): GivenCredentials {
  if (!isRecord(given)) return invalid('no object of headers')
  const headers: string[] = []
  const names = new Set<string>()
  for (const [name, value] of Object.entries(given)) {
    const fault = operatorHeaderFault(name, value) ?? credentialFault(name, value)
    if (fault !== undefined) return invalid(`header ${names.size + 1}, which ${fault}`)
    names.add(comparableHeader(name))
    headers.push(name, value as string)
  }
  return names.size * 2 === headers.length ? headers : invalid('one header twice')
}

/** Credentials that have not come yet. */
export class PendingCredentials {
  readonly #given: PromiseLike<unknown>
  readonly #controller: AbortController
  readonly #source: CredentialsSource
  #settle: ((given: GivenCredentials) => void) | undefined
  #clearTimer: (() => void) | undefined

  constructor(given: PromiseLike<unknown>, controller: AbortController, source: CredentialsSource) {
    this.#given = given
    this.#controller = controller
    this.#source = source
  }

  /** @param settle called once; never after {@link cancel} */
  wait(settle: (given: GivenCredentials) => void): void {
    const { clock, timeout } = this.#source
    this.#settle = settle
    this.#clearTimer = clock.setTimer(() => {
      this.#end(TOO_LATE)
      this.#controller.abort()
    }, timeout)
    void Promise.resolve(this.#given)
      .then(checkGiven)
      .catch(faultOfError)
      .then((given) => this.#end(given))
  }

  /** Nobody waits any more. */
  cancel(): void {
    this.#end(undefined)
    this.#controller.abort()
  }

  #end(given: GivenCredentials | undefined): void {
    const settle = this.#settle
    this.#settle = undefined
    this.#clearTimer?.()
    if (given !== undefined) settle?.(given)
  }
}

/** Calls the function once. It may answer at once: then no promise is made. */
export function askForCredentials(
  source: CredentialsSource,
  caller: Caller,
): GivenCredentials | PendingCredentials {
  // Options with a source but without tokens are refused.
  const { token, bearer } = caller.authenticated as Authenticated
  const controller = new AbortController()
  try {
    const given: unknown = source.ask(
      { token, bearer, principal: principalOf(token) },
      caller.resource,
      controller.signal,
    )
    return isThenable(given) ? new PendingCredentials(given, controller, source) : checkGiven(given)
  } catch (error) {
    return faultOfError(error)
  }
}
