/**
 * The permission to proceed: the caller, their operations, and the rules for the answer.
 *
 * @module
 */
import { isOpenEnded } from '../mcp/open-ended.js'
import type { AnswerFilter } from '../policy/list-filter.js'
import { toAuthInfo } from '../rs/auth-info.js'
import type { Visitor } from '../rs/anonymous.js'
import type { Authenticated } from '../rs/decision.js'
import type { ResourceServer } from '../rs/resource-server.js'
import { setQuietTimer } from '../rs/token-watch.js'
import type { AuthInfo, VerifiedAccessToken } from '../types.js'
import { answer, type AnsweredRequest, type Answers, type GuardAnswer } from './answers.js'
import type { BoundSessions, NamedSession } from './bound-sessions.js'
import { finishResponse, type AnswerRules, type OnStreamEnd } from './finished-response.js'
import type { GuardRequest } from './guard-request.js'
import type { Entered } from './operation-guard.js'

/** The settings that all permissions of one guard share. */
export interface PermissionContext {
  readonly resourceServer: ResourceServer
  readonly answers: Answers
  /** `undefined` without keys. */
  readonly sessions: BoundSessions | undefined
  /** Milliseconds that an answer to a POST may continue after the end of its token. */
  readonly streamGrace: number
  /** The 401 for a request that was admitted without a token. */
  demandToken(request: AnsweredRequest, reason: string): GuardAnswer
  /** Watches an answer without a token. */
  watchAnonymous(onEnd: () => void): () => void
}

/**
 * An endless stream ends with its token, or its time without one; an answer to a request that was
 * let in gets extra time.
 */
function watchStream(
  watch: (onEnd: () => void) => () => void,
  request: GuardRequest,
  grace: number,
  onEnd: OnStreamEnd,
): () => void {
  let clear: () => void
  clear = watch(() => {
    const { method, protocolVersion, rpcMethod } = request
    if (isOpenEnded({ method, version: protocolVersion, rpcMethod })) onEnd('end')
    else clear = setQuietTimer(() => onEnd('cut'), grace)
  })
  return () => clear()
}

const NOT_A_SESSION_ID = 'an Mcp-Session-Id that is not valid'

export class Permission implements AnswerRules {
  readonly outcome = 'permitted'
  /**
   * The bytes that were authorized: the handler must get exactly these. `undefined`: no body was
   * read.
   */
  readonly body: Uint8Array | undefined
  readonly filter: AnswerFilter | undefined
  /** The origin of the browser that sent the request. */
  readonly origin: string | undefined
  readonly #context: PermissionContext
  readonly #request: GuardRequest
  /** `undefined` for a caller without a token. */
  readonly #authenticated: Authenticated | undefined
  readonly #visitor: Visitor
  readonly #session: NamedSession | undefined

  constructor(
    context: PermissionContext,
    request: GuardRequest,
    visitor: Visitor,
    { body, filter }: Entered,
    session: NamedSession | undefined,
  ) {
    this.body = body
    this.filter = filter
    this.origin = request.origin
    this.#context = context
    this.#request = request
    this.#visitor = visitor
    this.#authenticated = visitor.outcome === 'anonymous' ? undefined : visitor
    this.#session = session
  }

  /** Whether this guard gave it. */
  isOf(guard: PermissionContext): boolean {
    return this.#context === guard
  }

  /** `undefined` for a caller without a token: a policy with anonymous rules let them in. */
  get token(): VerifiedAccessToken | undefined {
    return this.#authenticated?.token
  }
  /** A new `AuthInfo` of the MCP SDK; `undefined` for a caller without a token. */
  get authInfo(): AuthInfo | undefined {
    const authenticated = this.#authenticated
    return authenticated && toAuthInfo(authenticated.token, authenticated.bearer)
  }
  /**
   * The value that the handler must find in `Mcp-Session-Id`: its own id. `undefined`: the field
   * stays unchanged.
   */
  get sessionId(): string | undefined {
    return this.#session?.id
  }
  get bindsSessions(): boolean {
    return this.#context.sessions !== undefined
  }
  get corsHeaders(): Readonly<Record<string, string>> {
    return this.#context.answers.corsHeaders(this.origin)
  }

  sealSession(id: string): string | undefined {
    const { sessions, answers } = this.#context
    const visible = sessions?.seal(this.#visitor, id, this.#session)
    if (visible === undefined) answers.fail(new TypeError(NOT_A_SESSION_ID), { origin: undefined })
    return visible
  }

  watch(onEnd: OnStreamEnd): () => void {
    const context = this.#context
    const authenticated = this.#authenticated
    const watch = (onOver: () => void) =>
      authenticated === undefined
        ? context.watchAnonymous(onOver)
        : context.resourceServer.watch(authenticated, onOver)
    return watchStream(watch, this.#request, context.streamGrace, onEnd)
  }

  fail(error: unknown): GuardAnswer {
    return this.#context.answers.fail(error, { origin: this.origin })
  }

  /**
   * Requires scopes beyond the base ones.
   *
   * @returns the 403 to send, with a challenge that names base scopes and these together, or the 401
   * for a caller without a token; `undefined`: proceed
   */
  requireScopes(scopes: readonly string[]): GuardAnswer | undefined {
    const { token } = this
    if (token === undefined) {
      return this.#context.demandToken({ origin: this.origin }, 'the route needs scopes')
    }
    const denied = this.#context.resourceServer.authorize(token, scopes)
    if (denied === undefined) return undefined
    return answer(denied.status, { ...denied.headers, ...this.corsHeaders }, denied.body)
  }

  /**
   * Prepares the handler's answer, on runtimes with `Response`: its session is sealed, the browser
   * may read it, its lists are filtered, and it ends with its token.
   *
   * @returns the same response if nothing changes
   */
  finish(response: Response): Response | Promise<Response> {
    return finishResponse(this, response)
  }
}
