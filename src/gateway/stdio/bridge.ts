/**
 * Serves a stdio command as an MCP server over HTTP. Raw messages pass both ways. There is one
 * child for each session, and one for each caller whose clients have no sessions.
 *
 * @module
 */
import { isUtf8 } from 'node:buffer'
import { shortDigest } from '../../base/digest.js'
import type { Clock } from '../clock.js'
import type { EventSubject } from '../events.js'
import type { Backend, BackendState } from '../request/backend.js'
import type { Caller } from '../request/caller.js'
import { readBody, refuseInstead } from '../request/body.js'
import { sessionMark } from '../../web/anonymous-session.js'
import { isStateless, STATEFUL_VERSIONS } from '../../mcp/protocol-revision.js'
import { identityEnvironment } from '../identity.js'
import { LISTEN } from '../../mcp/open-ended.js'
import { RPC } from '../../mcp/rpc-error.js'
import { looksLikeJson } from '../../web/media-type.js'
import { unknownSession } from '../request/unknown-session.js'
import { isMarked } from './broken-message.js'
import { StdioRequest, type StdioRequestContext } from './request.js'
import type { OpenChannel } from './channel.js'
import { ChildChannel } from './child-channel.js'
import type { ChildEvent } from './events.js'
import { findExecutable } from './executable.js'
import type { ChildLimits } from './limits.js'
import type { RawMessage } from './raw-message.js'
import { readPost, type Post } from './post.js'
import {
  refuseBody,
  refuseBusy,
  refuseIds,
  refuseMethod,
  refuseMismatch,
  refuseNoSession,
  refuseRoom,
  refuseStreams,
  refuseType,
  refuseVersion,
  refuseWaiting,
  refuseWith,
} from './refusals.js'
import type { NoRoom } from './child-pool.js'
import type { ChildPools } from './child-pools.js'
import { Session } from './session.js'
import { SharedChild, type Discovery } from './shared-child.js'
import { Verdicts } from './verdicts.js'
import { WarmUp } from './warm-up.js'
import { withheldHint } from './withheld-variables.js'

export interface BridgeOptions {
  readonly command: readonly string[]
  /** The part of our environment that every child gets. */
  readonly environment: Readonly<Record<string, string>>
  readonly limits: ChildLimits
  /** Whether it is run once before the first client needs it. */
  readonly isWarmed: boolean
  /** Shared by all commands of a gateway, which have one limit. */
  readonly childPools: ChildPools
  /** Seconds that an answer to a POST may continue after its token has ended. */
  readonly streamGrace: number
  /** Bytes of a request's body. */
  readonly maxBody: number
  /** Milliseconds without a byte taken, after which a reader is cut. */
  readonly stalled: number
  /** Milliseconds between two comments on a silent event stream; 0: none are sent. */
  readonly keepAlive: number
  readonly clock: Clock
  /** Unpredictable text: the ids of sessions. */
  readonly randomUUID: () => string
  readonly emit: ((event: ChildEvent, about?: EventSubject) => void) | undefined
}

/** The child of a caller without sessions. */
interface Shared {
  readonly child: SharedChild
  /** The revisions that it speaks, once known; `undefined` if it is unusable and ends. */
  readonly versions: Promise<readonly string[] | undefined>
}

const HINT =
  'a session ends when its command ends, when it is idle, or when this process ends; replicas need sticky sessions'

const COLD = '--child-warm runs the command before the first client needs it'

/** An event about a command does not belong to one request. */
const OF_NO_REQUEST = {
  caller: undefined,
  rpcMethod: undefined,
  target: undefined,
  operations: undefined,
  path: undefined,
  decision: undefined,
}

/** Milliseconds after a failure until the command is warmed up again. */
const WARM_UP_AGAIN = 60_000

class Bridge {
  readonly #options: BridgeOptions
  readonly #sessions = new Map<string, Session>()
  /** By caller. */
  readonly #shared = new Map<string, Shared>()
  /** Callers whose child does not support stateless revisions. */
  readonly #verdicts: Verdicts
  /** Sessions whose client left before their first answer, by caller: one for each. */
  readonly #abandoned = new Map<string, Session>()
  #warmUp: WarmUp | undefined
  /** The last one, if it failed. */
  #failedWarmUp: WarmUp | undefined

  constructor(options: BridgeOptions) {
    this.#options = options
    this.#verdicts = new Verdicts(options.clock.now)
  }

  begin(request: StdioRequest): void {
    const { head } = request.admitted
    const { method } = request.admitted.request
    if (method === 'POST') return this.#read(request)
    if (isStateless(head.protocolVersion)) return refuseMethod(request)
    const session = this.#sessionOf(request)
    if (session === undefined || refuseUnknownVersion(request, session)) return
    if (method === 'DELETE') {
      void session.end({ reason: 'the client ended the session' })
      return request.sendNothing(204)
    }
    if (!session.listen(request, head.lastEventId)) {
      refuseStreams(request)
    }
  }

  /** Runs the command once, without a caller. It counts for nobody's limit. */
  warmUp(): void {
    const { limits, clock, emit } = this.#options
    const label = 'warm-up'
    const options = { label, limits, clock, emit }
    this.#warmUp = new WarmUp(options, this.#startChild(undefined, label))
  }

  /** Whether the command is there, and could be warmed up if it was to be. */
  async probe(): Promise<BackendState> {
    const { command, environment } = this.#options
    const found = await findExecutable(command[0] ?? '', environment['PATH'])
    if (found === undefined) {
      return { ok: false, reason: 'there is no such command', hint: undefined }
    }
    const failure = this.#warmUpFailure()
    const reason = failure && `--child-warm failed: ${failure.reason}`
    return { ok: failure === undefined, reason, hint: failure?.fault?.hint }
  }

  /**
   * Why the command could not be warmed up. After a while it is tried again: a registry that was
   * away is back, and without that nobody would be sent here.
   */
  #warmUpFailure(): WarmUp['failure'] {
    const last = this.#warmUp
    if (last?.isRunning === true) return this.#failedWarmUp?.failure
    const failure = last?.failure
    this.#failedWarmUp = failure && last
    if (failure !== undefined && this.#options.clock.now() - failure.at >= WARM_UP_AGAIN) {
      this.warmUp()
    }
    return failure
  }

  async close(): Promise<void> {
    await Promise.all([this.#warmUp?.close(), this.#options.childPools.close()])
  }

  #read(request: StdioRequest): void {
    const { maxBody } = this.#options
    const { admitted } = request
    const { contentType } = admitted.head
    if (contentType !== undefined && !looksLikeJson(contentType)) {
      return refuseType(request)
    }
    if (admitted.body !== undefined) return this.#post(request, admitted.body)
    readBody(
      admitted,
      maxBody,
      (body) => {
        // An exception in a callback of the request would end the process.
        try {
          this.#post(request, body)
        } catch (error) {
          admitted.fail(error)
        }
      },
      (refused) => refuseInstead(admitted, refused),
    )
  }

  #post(request: StdioRequest, body: Buffer): void {
    const version = request.admitted.head.protocolVersion
    const post = isUtf8(body) ? readPost(body, version) : 'unparsable'
    if (post === 'unparsable') {
      const reason = isMarked(body) ? 'the body begins with a byte order mark' : undefined
      return refuseBody(request, 'Parse error', RPC.parseError, reason)
    }
    if (post === 'too many') {
      return refuseBody(request, 'A batch has at most 1000 messages')
    }
    const mayBatch = version === undefined || version === '2025-03-26'
    if (post === 'invalid' || (post.isBatch && !mayBatch)) {
      return refuseBody(request, 'Invalid request')
    }
    if (post.isBehind) {
      const [first, ...rest] = post.messages
      return refuseMismatch(request, rest.length === 0 ? first : undefined)
    }
    const { body: judged, record } = request.admitted
    if (judged === undefined) record.read(post.asked)
    if (isStateless(version)) {
      this.#postStateless(request, post, version as string).catch(request.admitted.fail)
    } else this.#postStateful(request, post)
  }

  #postStateful(request: StdioRequest, { messages, isBatch }: Post): void {
    const [first] = messages
    const isOpening = messages.some(({ method }) => method === 'initialize')
    const { sessionId } = request.admitted.head
    if (sessionId === undefined && isOpening && !isBatch && first?.kind === 'request') {
      return this.#openSession(request, first)
    }
    const session = this.#sessionOf(request, first)
    if (session === undefined || refuseUnknownVersion(request, session, first)) return
    if (session.isCongested) return refuseBusy(request)
    const requests = messages.filter(({ kind }) => kind === 'request')
    if (requests.length === 0) {
      session.notify(messages)
      return request.sendNothing(202)
    }
    const keys = requests.map(({ idKey }) => idKey ?? '')
    if (new Set(keys).size < keys.length || keys.some((key) => session.isWaiting(key))) {
      return refuseIds(request, requests)
    }
    if (!session.makeRoom(requests.length)) return refuseWaiting(request, requests)
    session.post(request, messages, isBatch)
  }

  /**
   * The session that the request names, if it belongs to its caller. Otherwise the answer is the
   * same as for a session that does not exist.
   */
  #sessionOf(request: StdioRequest, message?: RawMessage): Session | undefined {
    const { head, caller } = request.admitted
    const { sessionId: id } = head
    if (id === undefined) {
      refuseNoSession(request, message)
      return undefined
    }
    const session = this.#sessions.get(id)
    if (session?.callerKey === caller.key) return session
    refuseWith(request, unknownSession(id, HINT))
    return undefined
  }

  #openSession(request: StdioRequest, message: RawMessage): void {
    if (this.#resume(request, message)) return
    const { limits, clock, randomUUID } = this.#options
    const noRoom = this.#makeRoom(request)
    if (noRoom !== undefined) return refuseRoom(request, noRoom, message)
    const { caller } = request.admitted
    const id = sessionMark(caller.key) + randomUUID()
    const options = {
      ...this.#optionsFor(request, id),
      id,
      onOpened: () => clearTimer(),
      onEnd: (ended: Promise<void>) => {
        clearTimer()
        this.#sessions.delete(id)
        if (this.#abandoned.get(session.callerKey) === session) {
          this.#abandoned.delete(session.callerKey)
        }
        this.#options.childPools.remove(session, ended)
      },
    }
    const session: Session = new Session(options, this.#startChild(caller, options.label))
    this.#sessions.set(id, session)
    this.#options.childPools.add(session)
    const clearTimer = clock.setTimer(() => {
      session.endSilent(limits.startTimeout)
    }, limits.startTimeout * 1000)
    this.#watchStart(request, session)
    session.open(request, message)
  }

  /**
   * The start of a session goes on when its client leaves: clients wait for a shorter time than a
   * download takes, and try again.
   */
  #watchStart(request: StdioRequest, session: Session): void {
    request.whenOver((isWhole) => {
      if (isWhole) return
      if (!session.isOpening || this.#abandoned.has(session.callerKey)) {
        // Nobody else knows its id.
        return void session.end({ reason: 'the client left before the session began' })
      }
      this.#abandoned.set(session.callerKey, session)
      session.abandon(this.#options.isWarmed ? undefined : COLD)
    })
  }

  /**
   * Lets a retry have the answer of the start that its caller abandoned.
   *
   * @returns whether it has
   */
  #resume(request: StdioRequest, message: RawMessage): boolean {
    const { caller } = request.admitted
    const session = this.#abandoned.get(caller.key)
    if (session === undefined || !isNamed(caller) || !session.opensWith(message)) return false
    this.#abandoned.delete(caller.key)
    this.#watchStart(request, session)
    session.reopen(request, message)
    return true
  }

  async #postStateless(request: StdioRequest, { messages }: Post, version: string): Promise<void> {
    const [message] = messages as [RawMessage]
    const { key } = request.admitted.caller
    if (message.kind !== 'request') {
      const shared = this.#shared.get(key)
      await shared?.versions
      if (shared?.child.isCongested === true) return refuseBusy(request)
      if (message.kind === 'notification') shared?.child.notify(message)
      return request.sendNothing(202)
    }
    const isStatefulOnly = this.#verdicts.has(key)
    const noRoom = isStatefulOnly || this.#shared.has(key) ? undefined : this.#makeRoom(request)
    if (noRoom !== undefined) return refuseRoom(request, noRoom, message)
    const shared = isStatefulOnly ? undefined : this.#sharedOf(request)
    // The use begins now: a child that we wait for is in use.
    shared?.child.idleTimer.enter(request)
    const versions = await shared?.versions
    // If the client left meanwhile, its end has been reported already, and we would wait for ever.
    if (request.isAnswered) return
    if (shared === undefined || versions?.includes(version) !== true) {
      return refuseVersion(request, message, version, versions ?? STATEFUL_VERSIONS)
    }
    if (shared.child.isCongested) return refuseBusy(request)
    if (message.method === LISTEN) {
      request.isOpenEnded = true
      request.endWithToken = () => shared.child.endSubscription(request)
    }
    shared.child.send(request, message)
  }

  #sharedOf(request: StdioRequest): Shared {
    const { caller } = request.admitted
    const { key } = caller
    const known = this.#shared.get(key)
    if (known !== undefined) return known
    const options = {
      ...this.#optionsFor(request, key),
      onEnd: (ended: Promise<void>) => {
        if (this.#shared.get(key)?.child === child) this.#shared.delete(key)
        this.#options.childPools.remove(child, ended)
      },
    }
    const child: SharedChild = new SharedChild(options, this.#startChild(caller, options.label))
    this.#options.childPools.add(child)
    const versions = child.discover().then((discovery) => this.#versionsOf(child, discovery))
    const shared = { child, versions }
    this.#shared.set(key, shared)
    return shared
  }

  #versionsOf(child: SharedChild, discovery: Discovery): readonly string[] | undefined {
    if (typeof discovery !== 'string') return discovery
    // A child that was only slow, or crashed, may support it next time.
    const isVerdict = discovery === 'unknown'
    if (isVerdict) this.#verdicts.add(child.callerKey)
    const verb = isVerdict ? 'does not support' : 'could not say whether it supports'
    void child.end({ reason: `the command ${verb} a stateless protocol revision` })
    return undefined
  }

  #makeRoom({ admitted: { caller } }: StdioRequest): NoRoom | undefined {
    const { childPools, limits } = this.#options
    const { key: callerKey, principalKey } = caller
    return childPools.makeRoom({ callerKey, principalKey }, limits)
  }

  #optionsFor({ admitted: { caller } }: StdioRequest, labelled: string) {
    const { limits, clock } = this.#options
    const { key: callerKey, principalKey } = caller
    const emit = this.#emitFor(caller)
    return { callerKey, principalKey, label: shortDigest(labelled), limits, clock, emit }
  }

  /** Emits events about the child of a caller. */
  #emitFor(caller: Caller | undefined): ((event: ChildEvent) => void) | undefined {
    const { emit } = this.#options
    const { authenticated, visitor } = caller ?? {}
    if (emit === undefined || visitor === undefined) return emit
    const { user, subject, clientId } = authenticated?.token ?? {}
    const anonymous = authenticated === undefined ? 'anonymous' : undefined
    const about = { ...OF_NO_REQUEST, user, subject, clientId, caller: anonymous } as const
    return (event) => emit(event, about)
  }

  /** Starts the command as a child that serves this caller alone; nobody without one. */
  #startChild(caller: Caller | undefined, label: string): OpenChannel {
    const { command, environment, limits, clock } = this.#options
    const identity = caller?.authenticated && identityEnvironment(caller.authenticated.token)
    const options = {
      command,
      environment: { ...environment, ...identity },
      label,
      hintFor: (said: string) => withheldHint(process.env, environment, said),
      maxMessage: limits.maxMessage,
      emit: this.#emitFor(caller),
      clock,
    }
    return (listener) => new ChildChannel(options, listener)
  }
}

/**
 * Refuses an unknown version that was not negotiated either (2025-06-18, "Protocol Version
 * Header").
 */
function refuseUnknownVersion(
  request: StdioRequest,
  session: Session,
  message?: RawMessage,
): boolean {
  const version = request.admitted.head.protocolVersion
  const isKnown =
    version === undefined || STATEFUL_VERSIONS.includes(version) || version === session.version
  if (!isKnown) refuseVersion(request, message, version, STATEFUL_VERSIONS, RPC.serverError)
  return !isKnown
}

/** Whether another token of it is certain to be of the same person and client. */
function isNamed({ authenticated }: Caller): boolean {
  const { subject, clientId } = authenticated?.token ?? {}
  return subject !== undefined && clientId !== undefined
}

export function createBridge(options: BridgeOptions): Backend {
  const bridge = new Bridge(options)
  const context: StdioRequestContext = {
    clock: options.clock,
    maxQueue: options.limits.queue,
    grace: options.streamGrace * 1000,
    stalled: options.stalled,
    keepAlive: options.keepAlive,
  }
  const [file = ''] = options.command
  return {
    readsMessages: true,
    label: file,
    headers: undefined,
    warm() {
      if (options.isWarmed) bridge.warmUp()
      return Promise.resolve()
    },
    open: (admitted) => new StdioRequest(context, admitted, (each) => bridge.begin(each)),
    probe: () => bridge.probe(),
    close: () => bridge.close(),
  }
}
