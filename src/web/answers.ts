/**
 * Answers that a guard writes itself, and the events that say why.
 *
 * @module
 */
import { whereThrown, type Emit } from '../events.js'
import { answerHeaders, errorBody } from '../rs/decision.js'

/** A complete answer: send it, and nothing else. */
export interface GuardAnswer {
  readonly outcome: 'answer'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The status of a refusal that is sent in another form: what log, audit and metrics count. */
  readonly standsFor?: number
}

/** The parts of a request that every answer depends on. */
export interface AnsweredRequest {
  readonly origin: string | undefined
  /** The request id in events and answers. Default: made when needed. */
  readonly requestId?: string | undefined
}

export interface AnswersOptions {
  readonly emit: Emit | undefined
  readonly nextRequestId: () => string
  /** Headers that let an allowed browser origin read an answer; empty for others. */
  readonly corsHeaders: (origin: string | undefined) => Readonly<Record<string, string>>
}

export function answer(status: number, headers: Record<string, string>, body = ''): GuardAnswer {
  return { outcome: 'answer', status, headers, body }
}

/** A bug, or a mistake of the server's developer. */
export function serverError(requestId: string, description: string, cors = {}): GuardAnswer {
  const headers = { ...answerHeaders(requestId), ...cors }
  return answer(500, headers, errorBody('server_error', description))
}

/** The answers for one resource. */
export class Answers {
  readonly emit: Emit | undefined
  readonly corsHeaders: AnswersOptions['corsHeaders']
  readonly #nextRequestId: () => string

  constructor({ emit, nextRequestId, corsHeaders }: AnswersOptions) {
    this.emit = emit
    this.corsHeaders = corsHeaders
    this.#nextRequestId = nextRequestId
  }

  /** The id of a request, for an answer and the event that belongs to it. */
  idOf({ requestId }: AnsweredRequest): string {
    return requestId ?? this.#nextRequestId()
  }

  /** An answer that an allowed browser origin can read. */
  give(
    request: AnsweredRequest,
    requestId: string,
    status: number,
    body: string,
    headers: Readonly<Record<string, string>> = {},
  ): GuardAnswer {
    const cors = this.corsHeaders(request.origin)
    return answer(status, { ...answerHeaders(requestId), ...headers, ...cors }, body)
  }

  /** A bug must neither open the guard nor show its stack to a client: 500, and an event. */
  fail(
    error: unknown,
    request: AnsweredRequest,
    description: string = 'Internal error',
  ): GuardAnswer {
    const requestId = this.idOf(request)
    this.emit?.({ type: 'request.failed', requestId, where: whereThrown(error) })
    return serverError(requestId, description, this.corsHeaders(request.origin))
  }

  /** A request whose body cannot be read or authorized. */
  refuseUnread(
    request: AnsweredRequest,
    status: number,
    reason: string,
    body: string,
    headers?: Readonly<Record<string, string>>,
  ): GuardAnswer {
    const requestId = this.idOf(request)
    this.emit?.({ type: 'operation.unreadable', requestId, reason })
    return this.give(request, requestId, status, body, headers)
  }
}
