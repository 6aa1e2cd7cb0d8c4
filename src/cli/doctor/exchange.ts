/**
 * One request of the doctor, and what came of it. It never throws, because silence is an observation, too.
 *
 * No redirect is followed, and no credentials are sent.
 *
 * @module
 */
import { isPlainHttp, networkReason, unlessAborted } from '../../base/http.js'
import { isJsonObject, type JsonObject } from '../../base/json.js'
import { isEventStream } from '../../web/media-type.js'

/** How the doctor reaches servers. */
export interface Network {
  readonly fetch: typeof fetch
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds for one request. */
  readonly patience: number
  /** Whether a URL must not be asked. Absent where nobody else chooses URLs. */
  readonly isForbidden?: (url: string) => Promise<boolean>
}

export interface Answer {
  readonly method: string
  readonly url: string
  readonly status: number
  readonly headers: Headers
  /** Its beginning: at most 256 KiB. For an event stream, everything up to its first event with data. */
  readonly text: string
  /** Milliseconds since 1970, by our clock, between request and answer. */
  readonly at: number
}

/** Why there is no answer. */
type SilenceKind = 'too-slow' | 'tls-not-spoken' | 'tls-fault' | 'unreachable'

interface Silence {
  readonly method: string
  readonly url: string
  readonly kind: SilenceKind
  /** In words, for the end of a sentence. */
  readonly reason: string
}

export type Exchange = Answer | Silence

export function isAnswer(exchange: Exchange | undefined): exchange is Answer {
  return exchange !== undefined && 'status' in exchange
}

const MOST_BYTES = 256 * 1024
/** The stream of a GET may be silent forever, so its head is the answer. */
const STREAM_PATIENCE = 1_000

/**
 * Waits for a whole event with data. Before it there may be one without, which only gives an id to
 * resume at. Nothing is read twice: a server may send an event that never ends, in small pieces.
 */
class FirstEvent {
  #rest = ''
  #last = ''

  /** @returns whether it has come */
  hear(piece: string): boolean {
    const seam = this.#last + piece
    this.#rest += piece
    this.#last = seam.slice(-3)
    if (!/\n\r?\n/.test(seam)) return false
    const events = this.#rest.split(/\r?\n\r?\n/)
    this.#rest = events.pop() ?? ''
    return events.some((event) => /^data: ?\S/m.test(event))
  }
}

const TLS_CODES = /CERT|SSL|TLS|UNABLE_TO_(?:GET|VERIFY)|ALTNAME|EPROTO/

function innermost(error: unknown): Error | undefined {
  let cause = error
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause
  return cause instanceof Error ? cause : undefined
}

function kindOf(error: unknown): SilenceKind {
  const cause = innermost(error)
  if (cause === undefined) return 'unreachable'
  if (isPlainHttp(cause)) return 'tls-not-spoken'
  const code = 'code' in cause ? String(cause.code) : ''
  if (/TIMEOUT|TIMEDOUT/.test(code)) return 'too-slow'
  return TLS_CODES.test(code) ? 'tls-fault' : 'unreachable'
}

async function readBeginning(
  response: Response,
  isStream: boolean,
  streamPatience: number | undefined,
): Promise<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) return ''
  const decoder = new TextDecoder()
  const first = new FirstEvent()
  let text = ''
  let size = 0
  const stop = () => void reader.cancel().catch(() => undefined)
  const isLimited = isStream && streamPatience !== undefined
  const timer = isLimited ? setTimeout(stop, streamPatience) : undefined
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return text + decoder.decode()
      size += value.byteLength
      const piece = decoder.decode(value, { stream: true })
      text += piece
      if (size < MOST_BYTES && !(isStream && first.hear(piece))) continue
      stop()
      return text.slice(0, MOST_BYTES)
    }
  } finally {
    clearTimeout(timer)
  }
}

const FORBIDDEN = 'was not asked: it is in a private network, and the server that names it is not'

/** Sends a request, and reads the beginning of its answer. */
export async function exchange(
  { fetch, now, patience, isForbidden = () => Promise.resolve(false) }: Network,
  url: string,
  { method = 'GET', ...init }: RequestInit = {},
): Promise<Exchange> {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(), patience)
  const began = now()
  try {
    if (await unlessAborted(isForbidden(url), limit.signal)) {
      return { method, url, kind: 'unreachable', reason: FORBIDDEN }
    }
    const response = await fetch(url, { ...init, method, redirect: 'manual', signal: limit.signal })
    const at = (began + now()) / 2
    const isStream = isEventStream(response.headers.get('content-type') ?? '')
    // The stream of a POST has the answer in it, so we wait for that.
    const streamPatience = method === 'POST' ? undefined : STREAM_PATIENCE
    const text = await readBeginning(response, isStream, streamPatience)
    return { method, url, status: response.status, headers: response.headers, text, at }
  } catch (error) {
    if (!limit.signal.aborted) {
      return { method, url, kind: kindOf(error), reason: networkReason(error) }
    }
    const reason = `did not answer within ${patience / 1000} s`
    return { method, url, kind: 'too-slow', reason }
  } finally {
    clearTimeout(timer)
  }
}

/** The JSON object of an answer, whatever its content type. */
export function jsonOf(exchange: Exchange | undefined): JsonObject | undefined {
  if (!isAnswer(exchange)) return undefined
  try {
    const value: unknown = JSON.parse(exchange.text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function isRedirect({ status }: Answer): boolean {
  return status >= 300 && status < 400 && status !== 304
}

/** Whether an answer is a web page. */
export function isPage({ headers, text }: Answer): boolean {
  const type = headers.get('content-type') ?? ''
  return /\bhtml\b/i.test(type) || /^\s*<(?:!doctype|html)/i.test(text)
}
