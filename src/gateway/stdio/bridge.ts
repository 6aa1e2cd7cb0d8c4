/**
 * Serves a stdio command as an MCP server over HTTP. Raw messages pass both ways. There is one
 * child for each session, and one for each caller whose clients have no sessions.
 *
 * @module
 */
import { isUtf8 } from 'node:buffer'
import { shortDigest } from '../../base/digest.js'
import type { Clock } from '../clock.js'
import type { Backend } from '../request/backend.js'
import { readBody, refuseInstead } from '../request/body.js'
import { isStateless, STATEFUL_VERSIONS } from '../../mcp/protocol-revision.js'
import { identityEnvironment } from '../identity.js'
import { LISTEN } from '../../mcp/open-ended.js'
import { RPC } from '../../mcp/rpc-error.js'
import { unknownSession } from '../request/unknown-session.js'
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
import { silenceOf } from './pooled-child.js'
import type { NoRoom, ChildPool } from './child-pool.js'
import { Session } from './session.js'
import { SharedChild, type Discovery } from './shared-child.js'
import { Verdicts } from './verdicts.js'

export interface BridgeOptions {
  readonly command: readonly string[]
  /** The part of our environment that every child gets. */
  readonly environment: Readonly<Record<string, string>>
  readonly limits: ChildLimits
  /** Shared by all commands of a gateway, which have one limit. */
  readonly childPool: ChildPool
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
  readonly emit: ((event: ChildEvent) => void) | undefined
}

/** The child of a caller without sessions. */
interface Shared {
  readonly child: SharedChild
  /** The revisions that it speaks, once known; `undefined` if it is unusable and ends. */
  readonly versions: Promise<readonly string[] | undefined>
}

const HINT =
  'a session ends when its command ends, when it is idle, or when this process ends; replicas need sticky sessions'

class Bridge {
  readonly #options: BridgeOptions
  readonly #sessions = new Map<string, Session>()
  /** By caller. */
  readonly #shared = new Map<string, Shared>()
  /** Callers whose child does not support stateless revisions. */
  readonly #verdicts: Verdicts

  constructor(options: BridgeOptions) {
    this.#options = options
    this.#verdicts = new Verdicts(options.clock.now)
  }

  begin(exchange: StdioRequest): void {
    const { request, head } = exchange.admitted
    if (request.method === 'POST') return this.#read(exchange)
    if (isStateless(head.protocolVersion)) return refuseMethod(exchange)
    const session = this.#sessionOf(exchange)
    if (session === undefined || refuseUnknownVersion(exchange, session)) return
    if (request.method === 'DELETE') {
      void session.end({ reason: 'the client ended the session' })
      return exchange.sendNothing(204)
    }
    if (!session.listen(exchange, head.lastEventId)) {
      refuseStreams(exchange)
    }
  }

  async close(): Promise<void> {
    await this.#options.childPool.close()
  }

  #read(exchange: StdioRequest): void {
    const { maxBody } = this.#options
    const { admitted } = exchange
    const { contentType } = admitted.head
    if (contentType !== undefined && !/^application\/json\b/i.test(contentType)) {
      return refuseType(exchange)
    }
    if (admitted.body !== undefined) return this.#post(exchange, admitted.body)
    readBody(
      admitted,
      maxBody,
      (body) => {
        // An exception in a callback of the request would end the process.
        try {
          this.#post(exchange, body)
        } catch (error) {
          admitted.fail(error)
        }
      },
      (refused) => refuseInstead(admitted, refused),
    )
  }

  #post(exchange: StdioRequest, body: Buffer): void {
    const version = exchange.admitted.head.protocolVersion
    const post = isUtf8(body) ? readPost(body, version) : 'unparsable'
    if (post === 'unparsable') return refuseBody(exchange, 'Parse error', RPC.parseError)
    if (post === 'too many') {
      return refuseBody(exchange, 'A batch has at most 1000 messages')
    }
    const mayBatch = version === undefined || version === '2025-03-26'
    if (post === 'invalid' || (post.isBatch && !mayBatch)) {
      return refuseBody(exchange, 'Invalid request')
    }
    if (post.isBehind) {
      const [first, ...rest] = post.messages
      return refuseMismatch(exchange, rest.length === 0 ? first : undefined)
    }
    if (isStateless(version)) {
      this.#postStateless(exchange, post, version as string).catch(exchange.admitted.fail)
    } else this.#postStateful(exchange, post)
  }

  #postStateful(exchange: StdioRequest, { messages, isBatch }: Post): void {
    const [first] = messages
    const isOpening = messages.some(({ method }) => method === 'initialize')
    const { sessionId } = exchange.admitted.head
    if (sessionId === undefined && isOpening && !isBatch && first?.kind === 'request') {
      return this.#openSession(exchange, first)
    }
    const session = this.#sessionOf(exchange, first)
    if (session === undefined || refuseUnknownVersion(exchange, session, first)) return
    if (session.isCongested) return refuseBusy(exchange)
    const requests = messages.filter(({ kind }) => kind === 'request')
    if (requests.length === 0) {
      session.notify(messages)
      return exchange.sendNothing(202)
    }
    const keys = requests.map(({ idKey }) => idKey ?? '')
    if (new Set(keys).size < keys.length || keys.some((key) => session.isWaiting(key))) {
      return refuseIds(exchange)
    }
    if (!session.makeRoom(requests.length)) return refuseWaiting(exchange, requests)
    session.post(exchange, messages, isBatch)
  }

  /**
   * The session that the request names, if it belongs to its caller. Otherwise the answer is the
   * same as for a session that does not exist.
   */
  #sessionOf(exchange: StdioRequest, message?: RawMessage): Session | undefined {
    const { head, caller } = exchange.admitted
    const { sessionId: id } = head
    if (id === undefined) {
      refuseNoSession(exchange, message)
      return undefined
    }
    const session = this.#sessions.get(id)
    if (session?.callerKey === caller.key) return session
    refuseWith(exchange, unknownSession(id, HINT))
    return undefined
  }

  #openSession(exchange: StdioRequest, message: RawMessage): void {
    const { limits, clock, randomUUID } = this.#options
    const noRoom = this.#makeRoom(exchange)
    if (noRoom !== undefined) return refuseRoom(exchange, noRoom, message)
    const id = randomUUID()
    const options = {
      ...this.#optionsFor(exchange, id),
      id,
      onEnd: (ended: Promise<void>) => {
        this.#sessions.delete(id)
        this.#options.childPool.remove(session, ended)
      },
    }
    const session: Session = new Session(options, this.#startChild(exchange, options.label))
    this.#sessions.set(id, session)
    this.#options.childPool.add(session)
    const clearTimer = clock.setTimer(() => {
      void session.end(silenceOf(limits.startTimeout))
    }, limits.startTimeout * 1000)
    exchange.whenOver((isWhole) => {
      clearTimer()
      // Nobody else knows its id.
      if (!isWhole) void session.end({ reason: 'the client left before the session began' })
    })
    session.post(exchange, [message], false, { 'Mcp-Session-Id': id })
  }

  async #postStateless(exchange: StdioRequest, { messages }: Post, version: string): Promise<void> {
    const [message] = messages as [RawMessage]
    const { key } = exchange.admitted.caller
    if (message.kind !== 'request') {
      const shared = this.#shared.get(key)
      await shared?.versions
      if (shared?.child.isCongested === true) return refuseBusy(exchange)
      if (message.kind === 'notification') shared?.child.notify(message)
      return exchange.sendNothing(202)
    }
    const isStatefulOnly = this.#verdicts.has(key)
    const noRoom = isStatefulOnly || this.#shared.has(key) ? undefined : this.#makeRoom(exchange)
    if (noRoom !== undefined) return refuseRoom(exchange, noRoom, message)
    const shared = isStatefulOnly ? undefined : this.#sharedOf(exchange)
    // The use begins now: a child that we wait for is in use.
    shared?.child.idleTimer.enter(exchange)
    const versions = await shared?.versions
    // If the client left meanwhile, its end has been reported already, and we would wait for ever.
    if (exchange.isAnswered) return
    if (shared === undefined || versions?.includes(version) !== true) {
      return refuseVersion(exchange, message, version, versions ?? STATEFUL_VERSIONS)
    }
    if (shared.child.isCongested) return refuseBusy(exchange)
    if (message.method === LISTEN) {
      exchange.isOpenEnded = true
      exchange.endWithToken = () => shared.child.endSubscription(exchange)
    }
    shared.child.request(exchange, message)
  }

  #sharedOf(exchange: StdioRequest): Shared {
    const { key } = exchange.admitted.caller
    const known = this.#shared.get(key)
    if (known !== undefined) return known
    const options = {
      ...this.#optionsFor(exchange, key),
      onEnd: (ended: Promise<void>) => {
        if (this.#shared.get(key)?.child === child) this.#shared.delete(key)
        this.#options.childPool.remove(child, ended)
      },
    }
    const child: SharedChild = new SharedChild(options, this.#startChild(exchange, options.label))
    this.#options.childPool.add(child)
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
    const { childPool, limits } = this.#options
    const { key: callerKey, principalKey } = caller
    return childPool.makeRoom({ callerKey, principalKey }, limits)
  }

  #optionsFor({ admitted: { caller } }: StdioRequest, labelled: string) {
    const { limits, clock, emit } = this.#options
    const { key: callerKey, principalKey } = caller
    return { callerKey, principalKey, label: shortDigest(labelled), limits, clock, emit }
  }

  /** Starts the command as a child that serves this caller alone. */
  #startChild({ admitted: { caller } }: StdioRequest, label: string): OpenChannel {
    const { command, environment, limits, emit, clock } = this.#options
    const { authenticated } = caller
    const identity = authenticated && identityEnvironment(authenticated.token)
    const options = {
      command,
      environment: { ...environment, ...identity },
      label,
      maxMessage: limits.maxMessage,
      emit,
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
  exchange: StdioRequest,
  session: Session,
  request?: RawMessage,
): boolean {
  const version = exchange.admitted.head.protocolVersion
  const isKnown =
    version === undefined || STATEFUL_VERSIONS.includes(version) || version === session.version
  if (!isKnown) refuseVersion(exchange, request, version, STATEFUL_VERSIONS, RPC.serverError)
  return !isKnown
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
    label: file,
    headers: undefined,
    warm: () => Promise.resolve(),
    open: (admitted) => new StdioRequest(context, admitted, (each) => bridge.begin(each)),
    async probe() {
      const found = await findExecutable(file, options.environment['PATH'])
      const ok = found !== undefined
      return { ok, reason: ok ? undefined : 'there is no such command', hint: undefined }
    },
    close: () => bridge.close(),
  }
}
