/**
 * Warnings about answers that no MCP server gives: mostly of a wrong path, or of a proxy.
 *
 * @module
 */
import type { Clock } from '../clock.js'
import type { RequestRecord } from '../request/record.js'
import type { UpstreamFault } from '../request/upstream-fault.js'

/** Milliseconds between two warnings of one kind. */
const MINUTE = 60_000
const OLD_SERVER =
  'a server of 2024-11-05 (HTTP+SSE) cannot be used: switch it to Streamable HTTP, whose path is often /mcp'

interface Warning {
  readonly reason: string
  readonly hint: string
}

/** The facts of an answer that show who gave it. */
interface Answer {
  readonly method: string | undefined
  readonly status: number
  /** `Content-Type`. */
  readonly type: string | undefined
  /** The request named a session: the server may not know it (404). */
  readonly hasSession: boolean
  /** In a stateless revision a server answers 404 with JSON to a method that it does not have. */
  readonly isStateless: boolean
}

const ENDPOINT: Warning = {
  reason: 'it sent "event: endpoint", so it speaks MCP of 2024-11-05',
  hint: OLD_SERVER,
}

const IS_JSON = /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i
const IS_HTML = /^\s*(?:text\/html|application\/xhtml\+xml)\s*(?:;|$)/i

const RESET: Warning = {
  reason: 'it closed a connection that was in use again; the request was sent once more',
  hint: 'let it keep idle connections for more than 2 seconds (its keep-alive timeout)',
}

/** What is strange about an answer, or `undefined`. */
export function warningAbout({
  method,
  status,
  type = '',
  hasSession,
  isStateless,
}: Answer): Warning | undefined {
  // To other methods than POST a server may answer any error: it offers no stream, or ends no session.
  if (method !== 'POST' && status >= 400) return undefined
  if (status >= 500) {
    return { reason: `it answered ${status} to a POST`, hint: 'its own log says why' }
  }
  if (IS_HTML.test(type)) {
    const hint = 'this is a web page: --upstream must be the exact endpoint, often with /mcp'
    return { reason: `it answered ${status} with HTML`, hint }
  }
  const isJson = IS_JSON.test(type)
  if (status === 404 && !hasSession && !(isJson && isStateless)) {
    const hint = 'correct the path of --upstream: it must be the exact endpoint, often /mcp'
    return { reason: `it answered 404 ${isJson ? 'with' : 'without'} JSON`, hint }
  }
  if (isJson) return undefined
  if (status === 405) {
    const hint = `correct the path of --upstream; ${OLD_SERVER}`
    return { reason: 'it answered 405 without JSON to a POST', hint }
  }
  return undefined
}

export class UnexpectedAnswers {
  readonly #now: Clock['now']
  /** When each kind was reported last. There are few kinds: each has at most a status in it. */
  readonly #reported = new Map<string, number>()

  constructor({ now }: Clock) {
    this.#now = now
  }

  /** Warns if no MCP server answers like this. */
  check(record: RequestRecord, answer: Answer): void {
    const warning = warningAbout(answer)
    if (warning !== undefined) this.#report(record, warning)
  }

  /** Warns: the stream begins with `event: endpoint`. */
  reportEndpoint(record: RequestRecord): void {
    this.#report(record, ENDPOINT)
  }

  /** Warns: a kept connection was closed before an answer came. */
  reportReset(record: RequestRecord): void {
    this.#report(record, RESET)
  }

  /** The fault of an answer with this status: it fails each request, and is one warning a minute. */
  faultOf(status: number, fault: UpstreamFault): UpstreamFault {
    return this.#isRepeated(`fault ${status}`) ? { ...fault, isRepeated: true } : fault
  }

  #isRepeated(kind: string): boolean {
    const now = this.#now()
    const reportedAt = this.#reported.get(kind)
    if (reportedAt !== undefined && now - reportedAt < MINUTE) return true
    this.#reported.set(kind, now)
    return false
  }

  #report(record: RequestRecord, { reason, hint }: Warning): void {
    if (this.#isRepeated(reason)) return
    record.report({ type: 'upstream.unexpected', requestId: record.id, reason, hint })
  }
}
