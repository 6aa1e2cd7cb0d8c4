/**
 * What becomes of a `Response` on its way to the client: its session is sealed, a browser may read it, its lists are
 * filtered, and it ends with its token.
 *
 * @module
 */
import type { ListFilter } from '../policy/list-filter.js'
import type { GuardAnswer } from './answers.js'
import { SESSION_FIELD } from './bound-sessions.js'
import { endableStream, isEventStream } from './endable-stream.js'
import { filterResponse } from './filtered-response.js'
import { addCorsHeaders } from './origins.js'

/** `cut`: what was sent must not look like all of it. */
export type OnStreamEnd = (how: 'end' | 'cut') => void

/** What holds for the answer to a request that was let in. */
export interface AnswerRules {
  /** What its lists are filtered by; `undefined`: they pass as they are. */
  readonly filter: ListFilter | undefined
  /** Whether sessions are bound to their caller. */
  readonly bindsSessions: boolean
  /** Of the browser that sent the request. */
  readonly origin: string | undefined
  /** Headers that let the browser of this request read the answer; empty for others. */
  readonly corsHeaders: Readonly<Record<string, string>>
  /** What the client is to see of the handler's session id; `undefined` for what is no id. */
  sealSession(id: string): string | undefined
  /**
   * Watches the token while a stream of events goes on.
   *
   * @param onEnd called once, when the stream has to end: as one that has no end, or in the midst of an answer
   * @returns ends the watch
   */
  watch(onEnd: OnStreamEnd): () => void
  /** What the client gets in place of an answer that cannot be filtered: 500, and an event. */
  fail(error: unknown): GuardAnswer
}

/** @param method of the request: an answer to HEAD has no body */
export function toResponse({ status, headers, body }: GuardAnswer, method?: string): Response {
  const isEmpty = body === '' || method === 'HEAD'
  return new Response(isEmpty ? null : body, { status, headers: { ...headers } })
}

/** The header fields that change, with their new values; `undefined` removes one. */
function changedFields(
  rules: AnswerRules,
  headers: Headers,
): readonly (readonly [name: string, value: string | undefined])[] {
  const id = rules.bindsSessions ? headers.get(SESSION_FIELD) : null
  // The handler's id must not be seen by others, who might be let in by it elsewhere.
  const session = id === null ? [] : [[SESSION_FIELD, rules.sealSession(id)] as const]
  const current = (name: string) => headers.get(name) ?? undefined
  return [...session, ...addCorsHeaders(rules.corsHeaders, current)]
}

function withFields(rules: AnswerRules, response: Response): Response {
  if (!rules.bindsSessions && rules.origin === undefined) return response
  const changed = changedFields(rules, response.headers)
  if (changed.length === 0) return response
  // Never the handler's own: it may give the same one to somebody else.
  const copy = response.bodyUsed ? response : new Response(response.body, response)
  for (const [name, value] of changed) {
    if (value === undefined) copy.headers.delete(name)
    else copy.headers.set(name, value)
  }
  return copy
}

/** What cannot be filtered is not shown. */
async function filterLists(
  rules: AnswerRules,
  filter: ListFilter,
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
  const { body } = response
  if (body === null || !isEventStream(response.headers.get('content-type') ?? '')) return response
  return new Response(
    endableStream(body, (onEnd) => rules.watch(onEnd)),
    response,
  )
}

/** @returns the same response where nothing changes */
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
