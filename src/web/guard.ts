/**
 * The one path that a request takes, in every host. A host passes its request to the guard. Then it
 * sends the answer that it gets, or lets the request proceed. It decides nothing. The steps, in
 * this order:
 *
 * 1. the path: metadata, a guarded one, or another one
 * 2. the origin; a preflight is answered
 * 3. credentials and token, and base scopes unless operations are authorized; a request without
 *    credentials goes on if it may ask for something that needs no token
 * 4. what the request asks for (`OperationGuard.enter`): an unexpected body → callers who were
 *    refused too often → the form of the body (`message-intake.ts`) → its length → its messages →
 *    operations and their scopes
 * 5. the session
 *
 * Form, size and host of a request are checked before; only a server that owns its connections sees
 * them.
 *
 * @module
 */
import { createKeySet } from '../discovery/key-set.js'
import { MetadataMirror } from '../discovery/metadata-mirror.js'
import { quoted } from '../errors.js'
import { emitterFor } from '../rs/log-events.js'
import { errorBody, type Decision, type Denied } from '../rs/decision.js'
import type { Anonymous, Visitor } from '../rs/anonymous.js'
import type { OperationAuthority } from '../rs/operation-authority.js'
import { createRequestIds } from '../rs/request-id.js'
import type { ResourceServer, ResourceServerCore } from '../rs/resource-server.js'
import { setQuietTimer } from '../rs/token-watch.js'
import { answer, Answers, serverError, type AnsweredRequest, type GuardAnswer } from './answers.js'
import { isAnonymousSession } from './anonymous-session.js'
import { createBoundSessions, type BoundSessions, type NamedSession } from './bound-sessions.js'
import { ClientAddresses } from './client-address.js'
import { Endpoint } from './endpoint.js'
import type { GuardRequestHead, GuardRequest } from './guard-request.js'
import { bringsMessage, OperationGuard, type Entered } from './operation-guard.js'
import {
  createCheckedResourceServer,
  MAX_AUTHORIZED_BODY,
  type ProtectedResourceOptions,
  type SessionBinding,
} from './options.js'
import { MirroredMetadata } from './mirrored-metadata.js'
import { answerByOrigin } from './origin-check.js'
import { createOrigins, type Origins } from './origins.js'
import { Permission } from './permission.js'
import { isForPerson } from './person.js'
import { isMcpMessage, servesSomebody } from './unguarded.js'
import { SESSION_NOT_FOUND, unknownSessionReason } from './unknown-session.js'

/** `undefined`: the request is for another path and is not guarded. */
export type Passage = Permission | GuardAnswer | undefined

/** The result of the checks of a request's head. */
export type HeadOutcome = Visitor | GuardAnswer | undefined

const UNGUARDED_HINT =
  'give the resource and the route the same path, or put the guard on the route as well'
const SESSION_HINT = 'all processes need the same sessionKeys; new keys end all sessions'

/** For a client that has left: nobody reads this answer. */
const UNREAD: GuardAnswer = Object.freeze(answer(499, {}))

/** The HTTP methods of MCP. */
const ANONYMOUS_METHODS: ReadonlySet<string> = new Set(['POST', 'GET', 'DELETE'])

/** Checked after each wait: then nothing more is done for the request. */
function isGone(request: GuardRequest): boolean {
  return request.isGone === true
}

/** Guards one resource. Make it once and use it for every request. */
export class Guard {
  readonly resourceServer: ResourceServer
  /** Binds sessions to callers; `undefined` without keys. */
  readonly sessions: BoundSessions | undefined
  readonly answers: Answers
  /** Milliseconds that an answer to a POST may continue after the end of its token. */
  readonly streamGrace: number
  readonly #endpoint: Endpoint
  readonly #mirrored: MirroredMetadata | undefined
  readonly #core: ResourceServerCore
  readonly #origins: Origins
  readonly #addresses: ClientAddresses
  readonly #operations: OperationGuard
  #isSlashNoted = false

  /** @param core made from the same options */
  constructor(options: ProtectedResourceOptions, core: ResourceServerCore) {
    const { resource, metadata } = core.server
    const { path = new URL(resource).pathname, rootMetadata = true, sessionKeys } = options
    this.resourceServer = core.server
    this.#core = core
    this.#addresses = new ClientAddresses(options.trustedProxies ?? [])
    this.#origins = createOrigins(options.allowOrigins, resource)
    this.answers = new Answers({
      emit: emitterFor(options.onEvent, resource),
      nextRequestId: createRequestIds(options.randomUUID),
      corsHeaders: this.#origins.corsHeaders,
    })
    const mirror = core.mirrorOptions
    this.#mirrored = mirror && new MirroredMetadata(new MetadataMirror(mirror), this.answers)
    const mirrorMetadata = this.#mirrored !== undefined
    this.#endpoint = new Endpoint({ resource, metadata, path, rootMetadata, mirrorMetadata })
    this.#operations = new OperationGuard({
      authority: core.operations,
      answers: this.answers,
      now: options.now ?? Date.now,
      maxBody: options.maxBody ?? MAX_AUTHORIZED_BODY,
      refusalForm: options.refusalForm ?? 'http',
    })
    this.sessions = sessionKeys && createBoundSessions(sessionKeys, resource)
    this.streamGrace = (options.streamGrace ?? 300) * 1000
  }

  /** Decides who may do what. */
  get authority(): OperationAuthority {
    return this.#core.operations
  }

  /** Authorizes operations; `undefined` without a policy. */
  get operations(): OperationGuard | undefined {
    return this.#core.operations.hasPolicy ? this.#operations : undefined
  }

  /**
   * Takes all steps. It neither throws nor rejects: an unexpected error is a 500. Answers
   * synchronously for a token whose signature was checked before, if no body has to be read.
   */
  pass(request: GuardRequest): Passage | Promise<Passage> {
    const outcome = this.handle(request)
    return outcome instanceof Promise
      ? outcome.then((settled) => (isGone(request) ? UNREAD : this.#enter(request, settled)))
      : this.#enter(request, outcome)
  }

  /** Takes steps 1 to 3, which need only the head of a request. It neither throws nor rejects. */
  handle(request: GuardRequestHead): HeadOutcome | Promise<HeadOutcome> {
    try {
      const location = this.#endpoint.locate(request)
      if (location === 'elsewhere') return undefined
      if (location === 'mirror') return this.#mirrored?.serve(request)
      if (location !== 'guarded') return location
      if (request.path !== this.#endpoint.path) this.#noteSlash(request)
      return answerByOrigin(this.#origins, request, this.answers) ?? this.#verify(request)
    } catch (error) {
      return this.fail(error, request)
    }
  }

  /** Told once: both forms reach the endpoint, but only one is published. */
  #noteSlash(request: GuardRequestHead): void {
    const { emit } = this.answers
    const { resource } = this.resourceServer
    if (emit === undefined || this.#isSlashNoted || !this.#endpoint.isOtherSlash(request.path)) {
      return
    }
    this.#isSlashNoted = true
    const path = quoted(request.path)
    emit({
      type: 'path.slash',
      requestId: this.answers.idOf(request),
      resource,
      reason: `a client uses the path ${path}, and ${resource} is published: strict clients refuse metadata of another URL`,
      hint: `give clients the URL ${resource}`,
    })
  }

  /** Credentials and token. */
  #verify(request: GuardRequestHead): HeadOutcome | Promise<HeadOutcome> {
    const core = this.#core
    // Only a policy with anonymous rules costs the second look at the field.
    if (core.operations.publicPart !== undefined && request.authorization === undefined) {
      const anonymous = this.#anonymous(request)
      if (anonymous !== undefined) return anonymous
    }
    // With a policy, one challenge names base scopes and those of the operation (SCP-02), so the
    // body is needed.
    const isAuthorizedLater = core.operations.hasPolicy && bringsMessage(request.method)
    const decision = core.authenticate(request, isAuthorizedLater ? 'later' : 'now')
    if (!(decision instanceof Promise)) return this.#outcomeOf(decision, request)
    return decision.then(
      (settled) =>
        isForPerson(request, settled)
          ? this.#showPage(settled, request)
          : this.#outcomeOf(settled, request),
      (error: unknown) => this.fail(error, request),
    )
  }

  /**
   * A request without credentials that may ask for something that needs no token. Other methods
   * than POST need a session that began without a token.
   */
  #anonymous(request: GuardRequestHead): Anonymous | undefined {
    const { method, sessionId } = request
    const hasSession = sessionId !== undefined
    if (hasSession ? !isAnonymousSession(sessionId) : method !== 'POST') return undefined
    if (!ANONYMOUS_METHODS.has(method)) return undefined
    return { outcome: 'anonymous', address: this.#addresses.keyFor(request), hasSession }
  }

  /** A person gets the same refusal as a page. The page is loaded only when somebody needs it. */
  async #showPage(decision: Denied, request: GuardRequestHead): Promise<HeadOutcome> {
    const { resource, metadata } = this.resourceServer
    const { requestId } = decision
    const page = await import('./browser-page.js').catch(() => undefined)
    return page === undefined
      ? this.#outcomeOf(decision, request)
      : page.toPage(decision, { resource, name: metadata.resource_name, requestId })
  }

  #outcomeOf(decision: Decision, { origin }: GuardRequestHead): HeadOutcome {
    if (decision.outcome === 'authenticated') return decision
    const { status, headers, body } = decision
    // Without CORS headers a browser hides the challenge, and the client cannot learn where to log
    // in.
    return answer(
      status,
      origin === undefined ? headers : { ...headers, ...this.answers.corsHeaders(origin) },
      body,
    )
  }

  /** Takes steps 4 and 5, which need the caller. */
  #enter(request: GuardRequest, outcome: HeadOutcome): Passage | Promise<Passage> {
    if (outcome === undefined || outcome.outcome === 'answer') return outcome
    try {
      const entered = this.#operations.enter(outcome, request)
      if (!(entered instanceof Promise)) return this.#permit(request, outcome, entered)
      return entered
        .then((settled) => (isGone(request) ? UNREAD : this.#permit(request, outcome, settled)))
        .catch((error: unknown) => this.fail(error, request))
    } catch (error) {
      return this.fail(error, request)
    }
  }

  /** The last step: the session must belong to the caller. */
  #permit(request: GuardRequest, visitor: Visitor, entered: GuardAnswer | Entered): Passage {
    if ('outcome' in entered) return entered
    const session = this.#openSession(request, visitor)
    if (session !== undefined && 'outcome' in session) return session
    return new Permission(this, request, visitor, entered, session)
  }

  #openSession(request: GuardRequest, visitor: Visitor): NamedSession | GuardAnswer | undefined {
    const visible = this.sessions === undefined ? undefined : request.sessionId
    if (visible === undefined) return undefined
    const id = this.sessions?.open(visitor, visible)
    return id === undefined ? this.refuseSession(visible, request) : { visible, id }
  }

  /**
   * The answer when the session is not the caller's: always the same 404, and an event without the
   * id.
   */
  refuseSession(visible: string, request: AnsweredRequest): GuardAnswer {
    const answers = this.answers
    const requestId = answers.idOf(request)
    const { status, error, description } = SESSION_NOT_FOUND
    const reason = unknownSessionReason(visible)
    answers.emit?.({ type: 'session.refused', requestId, reason, hint: SESSION_HINT })
    return answers.give(request, requestId, status, errorBody(error, description))
  }

  /** As {@link ResourceServerCore.watchAnonymous}. */
  watchAnonymous(onEnd: () => void): () => void {
    return this.#core.watchAnonymous(onEnd)
  }

  /** The 401 for a request that was admitted without a token. */
  demandToken(request: AnsweredRequest, reason: string): GuardAnswer {
    return this.#operations.demandToken(request, reason)
  }

  /**
   * For a request that is not guarded, when it has been answered: tells of an MCP message that a handler answered
   * without a token.
   *
   * @param status of the answer
   */
  noteUnguarded(request: GuardRequest, status: number): void {
    const { emit } = this.answers
    if (emit === undefined || !servesSomebody(status) || !isMcpMessage(request)) return
    const path = quoted(request.path)
    emit({
      type: 'request.unguarded',
      requestId: this.answers.idOf(request),
      resource: this.resourceServer.resource,
      path,
      status,
      reason: `a POST to ${path} was answered ${status} without a token: this guard is for ${quoted(this.#endpoint.path)}`,
      hint: UNGUARDED_HINT,
    })
  }

  /** The answer after a bug, or a mistake of the server's developer: 500, and an event. */
  fail(error: unknown, request: AnsweredRequest, description?: string): GuardAnswer {
    return this.answers.fail(error, request, description)
  }
}

/**
 * @param keySetFor the source of keys, if several guards share them
 * @param setTimer for the watches of tokens
 * @param sessions who binds them to their caller
 * @throws {ConfigurationError} with every problem of the options
 */
export function createGuard(
  options: ProtectedResourceOptions,
  keySetFor: typeof createKeySet = createKeySet,
  setTimer: typeof setQuietTimer = setQuietTimer,
  sessions: SessionBinding = 'here',
): Guard {
  return new Guard(options, createCheckedResourceServer(options, keySetFor, setTimer, sessions))
}

/**
 * Requires scopes beyond the base ones, behind a guard. A mistake in the order of middleware must
 * not open a route, and the developer must be able to see it.
 *
 * @param seen the result of the guard for this request; the guard itself if the path is not guarded
 * @returns the answer to send; `undefined`: proceed
 */
export function refuseScopes(
  seen: Permission | Guard | undefined,
  scopes: readonly string[],
  request: AnsweredRequest,
): GuardAnswer | undefined {
  if (seen instanceof Permission) return seen.requireScopes(scopes)
  const description = 'requireScopes() needs protectedResource() before it, on the same path'
  if (seen !== undefined) return seen.fail(new TypeError(description), request, description)
  return serverError(request.requestId ?? crypto.randomUUID(), description)
}
