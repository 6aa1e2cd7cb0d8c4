/**
 * Prepares a `Response` for the client: its session is sealed, a browser may read it, its lists are
 * filtered, and it ends with its token.
 *
 * @module
 */
import type { AnswerFilter } from '../policy/list-filter.js'
import type { GuardAnswer } from './answers.js'
import { SESSION_FIELD } from './bound-sessions.js'
import { endableStream } from './endable-stream.js'
import { isEventStream } from './media-type.js'
import { filterResponse } from './filtered-response.js'
import { addCorsHeaders } from './origins.js'

/** `cut`: the answer must not look complete. */
export type OnStreamEnd = (how: 'end' | 'cut') => void

/** The rules for the answer to an admitted request. */
export interface AnswerRules {
  /** The filter for its lists; `undefined`: they pass unchanged. */
  readonly filter: AnswerFilter | undefined
  /** Whether sessions are bound to their caller. */
  readonly bindsSessions: boolean
  /** The origin of the browser that sent the request. */
  readonly origin: string | undefined
  /** Headers that let the browser of this request read the answer; empty for others. */
  readonly corsHeaders: Readonly<Record<string, string>>
  /** The session id that the client sees; `undefined` if the handler's is invalid. */
  sealSession(id: string): string | undefined
  /**
   * Watches the token while an event stream continues.
   *
   * @param onEnd called once, when the stream must end: normally, or cut in the middle of an answer
   * @returns ends the watch
   */
  watch(onEnd: OnStreamEnd): () => void
  /** Replaces an answer that cannot be filtered: 500, and an event. */
  fail(error: unknown): GuardAnswer
}

/** @param method of the request: an answer to HEAD has no body */
export function toResponse({ status, headers, body }: GuardAnswer, method?: string): Response {
  const isEmpty = body === '' || method === 'HEAD'
  return new Response(isEmpty ? null : body, { status, headers: { ...headers } })
}

/** The header fields to change, with their new values; `undefined` removes one. */
function changedFields(
  rules: AnswerRules,
  headers: Headers,
): readonly (readonly [name: string, value: string | undefined])[] {
  const id = rules.bindsSessions ? headers.get(SESSION_FIELD) : null
  // Others must not see the handler's own id, which might open the session elsewhere.
  const session = id === null ? [] : [[SESSION_FIELD, rules.sealSession(id)] as const]
  const current = (name: string) => headers.get(name) ?? undefined
  return [...session, ...addCorsHeaders(rules.corsHeaders, current)]
}

function withFields(rules: AnswerRules, response: Response): Response {
  if (!rules.bindsSessions && rules.origin === undefined) return response
  const changed = changedFields(rules, response.headers)
  if (changed.length === 0) return response
  // Never change the handler's own response: it may return the same object to somebody else.
  const copy = response.bodyUsed ? response : new Response(response.body, response)
  for (const [name, value] of changed) {
    if (value === undefined) copy.headers.delete(name)
    else copy.headers.set(name, value)
  }
  return copy
}

/** An answer that cannot be filtered is not sent. */
async function filterLists(
  rules: AnswerRules,
  filter: AnswerFilter,
  response: Response,
): Promise<Response> {
  const fail = (error: unknown) => rules.fail(error)
  try {
    return await filterResponse(response, filter, fail)
  } catch (error) {
    return toResponse(fail(error))
  }
}

function limitStream(rules: AnswerRules, response: Response): Response {
  // `@hono/node-server` makes a real `Response` with a stream when somebody reads `body`, which
  // halves its rate. So the type comes first.
  if (!isEventStream(response.headers.get('content-type') ?? '')) return response
  const { body } = response
  if (body === null) return response
  return new Response(
    endableStream(body, (onEnd) => rules.watch(onEnd)),
    response,
  )
}

/** @returns the same response if nothing changes */
export function finishResponse(
  rules: AnswerRules,
  response: Response,
): Response | Promise<Response> {
  const addressed = withFields(rules, response)
  if (rules.filter === undefined) return limitStream(rules, addressed)
  return filterLists(rules, rules.filter, addressed).then((filtered) =>
    limitStream(rules, filtered),
  )
}
