/**
 * A stdio command as an MCP server on HTTP: raw messages both ways, one child for each session, and one for each
 * caller whose clients know no sessions.
 *
 * @module
 */
import { isUtf8 } from 'node:buffer'
import { shortDigest } from '../../base/digest.js'
import type { Clock } from '../clock.js'
import { errorAnswer } from '../request/answer.js'
import type { Backend } from '../request/backend.js'
import { readBody, refuseInstead } from '../request/body.js'
import { isStateless, STATEFUL_VERSIONS } from '../../mcp/protocol-revision.js'
import { identityEnvironment } from '../identity.js'
import { LISTEN } from '../../mcp/open-ended.js'
import { RPC } from '../../mcp/rpc-error.js'
import { unknownSession } from '../request/unknown-session.js'
import { Connection, type ConnectionContext } from './request.js'
import type { ChildEvent } from './events.js'
import { findExecutable } from './executable.js'
import type { ChildLimits } from './limits.js'
import type { RawMessage } from './raw-message.js'
import { readPost, type Post } from './post.js'
import {
  refuse,
  refuseBusy,
  refuseMethod,
  refuseRoom,
  refuseVersion,
  refuseWaiting,
} from './refusals.js'
import { silenceOf } from './pooled-child.js'
import type { NoRoom, Residents } from './child-pool.js'
import { Session } from './session.js'
import { SharedChild, type Discovery } from './shared-child.js'
import { Verdicts } from './verdicts.js'

export interface BridgeOptions {
  readonly command: readonly string[]
  /** What every child gets of our environment. */
  readonly environment: Readonly<Record<string, string>>
  readonly limits: ChildLimits
  /** Shared by all commands of a gateway, which have one bound together. */
  readonly residents: Residents
  /** Seconds that an answer to a POST may run on after its token has ended. */
  readonly streamGrace: number
  /** Bytes of a request's body. */
  readonly maxBody: number
  /** Milliseconds without a byte taken, after which a reader is cut. */
  readonly stalled: number
  readonly clock: Clock
  /** Unpredictable text: the ids of sessions. */
  readonly randomUUID: () => string
  readonly emit: ((event: ChildEvent) => void) | undefined
}

/** The child of a caller without sessions. */
interface Shared {
  readonly child: SharedChild
  /** What it speaks, once that is known; `undefined` when it is of no use, and ends. */
  readonly versions: Promise<readonly string[] | undefined>
}

const HINT =
  'sessions of a command end with it, when they are idle, and with this process; replicas need stickiness'

class Bridge {
  readonly #options: BridgeOptions
  readonly #sessions = new Map<string, Session>()
  /** By caller. */
  readonly #shared = new Map<string, Shared>()
  /** Callers whose child said that it does not know the era without sessions. */
  readonly #verdicts = new Verdicts()

  constructor(options: BridgeOptions) {
    this.#options = options
  }

  begin(connection: Connection): void {
    const { request, head } = connection.admitted
    if (request.method === 'POST') return this.#read(connection)
    if (isStateless(head.protocolVersion)) return refuseMethod(connection)
    const session = this.#sessionOf(connection)
    if (session === undefined || refuseUnknownVersion(connection, session)) return
    if (request.method === 'DELETE') {
      void session.end({ reason: 'its client ended it' })
      return connection.sendNothing(204)
    }
    if (!session.listen(connection, head.lastEventId)) {
      refuse(connection, 409, RPC.serverError, 'This session has too many streams')
    }
  }

  async close(): Promise<void> {
    await this.#options.residents.close()
  }

  #read(connection: Connection): void {
    const { maxBody } = this.#options
    const { admitted } = connection
    const { contentType } = admitted.head
    if (contentType !== undefined && !/^application\/json\b/i.test(contentType)) {
      return refuse(connection, 415, RPC.invalidRequest, 'Content-Type must be application/json')
    }
    if (admitted.body !== undefined) return this.#post(connection, admitted.body)
    readBody(
      admitted,
      maxBody,
      (body) => {
        // A throw in what the request calls would end the process.
        try {
          this.#post(connection, body)
        } catch (error) {
          admitted.fail(error)
        }
      },
      (refused) => refuseInstead(admitted, refused),
    )
  }

  #post(connection: Connection, body: Buffer): void {
    const version = connection.admitted.head.protocolVersion
    const post = isUtf8(body) ? readPost(body, version) : 'unparsable'
    if (post === 'unparsable') return refuse(connection, 400, RPC.parseError, 'Parse error')
    if (post === 'too many') {
      return refuse(connection, 400, RPC.invalidRequest, 'A batch has at most 1000 messages')
    }
    const mayBatch = version === undefined || version === '2025-03-26'
    if (post === 'invalid' || (post.isBatch && !mayBatch)) {
      return refuse(connection, 400, RPC.invalidRequest, 'Invalid request')
    }
    if (post.isBehind) {
      const text = 'MCP-Protocol-Version does not match the body'
      const [first, ...rest] = post.messages
      const named = rest.length === 0 ? first : undefined
      return refuse(connection, 400, RPC.headerMismatch, text, named)
    }
    if (isStateless(version)) {
      this.#postStateless(connection, post, version as string).catch(connection.admitted.fail)
    } else this.#postStateful(connection, post)
  }

  #postStateful(connection: Connection, { messages, isBatch }: Post): void {
    const [first] = messages
    const isOpening = messages.some(({ method }) => method === 'initialize')
    const { sessionId } = connection.admitted.head
    if (sessionId === undefined && isOpening && !isBatch && first?.kind === 'request') {
      return this.#openSession(connection, first)
    }
    const session = this.#sessionOf(connection, first)
    if (session === undefined || refuseUnknownVersion(connection, session, first)) return
    if (session.isCongested) return refuseBusy(connection)
    const requests = messages.filter(({ kind }) => kind === 'request')
    if (requests.length === 0) {
      session.notify(messages)
      return connection.sendNothing(202)
    }
    const keys = requests.map(({ idKey }) => idKey ?? '')
    if (new Set(keys).size < keys.length || keys.some((key) => session.isWaiting(key))) {
      return refuse(connection, 400, RPC.invalidRequest, 'This id is in use')
    }
    if (!session.makeRoom(requests.length)) return refuseWaiting(connection, requests)
    session.post(connection, messages, isBatch)
  }

  /** The session that the request names, if it is its caller's. Otherwise it is answered as if there were none. */
  #sessionOf(connection: Connection, message?: RawMessage): Session | undefined {
    const { head, caller, record, corsHeaders } = connection.admitted
    const { sessionId: id } = head
    if (id === undefined) {
      refuse(connection, 400, RPC.serverError, 'Mcp-Session-Id is missing', message)
      return undefined
    }
    const session = this.#sessions.get(id)
    if (session?.callerKey === caller.key) return session
    const { refusal, error, description } = unknownSession(id, HINT)
    record.refuse(refusal)
    connection.refuse(errorAnswer(404, record.id, error, description, corsHeaders))
    return undefined
  }

  #openSession(connection: Connection, message: RawMessage): void {
    const { limits, randomUUID } = this.#options
    const noRoom = this.#makeRoom(connection)
    if (noRoom !== undefined) return refuseRoom(connection, noRoom, message)
    const id = randomUUID()
    const session = new Session({
      ...this.#childOptions(connection, id),
      id,
      onEnd: (ended) => {
        this.#sessions.delete(id)
        this.#options.residents.remove(session, ended)
      },
    })
    this.#sessions.set(id, session)
    this.#options.residents.add(session)
    const timer = setTimeout(() => {
      void session.end(silenceOf(limits.startTimeout))
    }, limits.startTimeout * 1000)
    connection.whenOver((isWhole) => {
      clearTimeout(timer)
      // Nobody else was told its id.
      if (!isWhole) void session.end({ reason: 'its client left before it began' })
    })
    session.post(connection, [message], false, { 'Mcp-Session-Id': id })
  }

  async #postStateless(connection: Connection, { messages }: Post, version: string): Promise<void> {
    const [message] = messages as [RawMessage]
    const { key } = connection.admitted.caller
    if (message.kind !== 'request') {
      const shared = this.#shared.get(key)
      await shared?.versions
      if (shared?.child.isCongested === true) return refuseBusy(connection)
      if (message.kind === 'notification') shared?.child.notify(message)
      return connection.sendNothing(202)
    }
    const isStatefulOnly = this.#verdicts.has(key)
    const noRoom = isStatefulOnly || this.#shared.has(key) ? undefined : this.#makeRoom(connection)
    if (noRoom !== undefined) return refuseRoom(connection, noRoom, message)
    const shared = isStatefulOnly ? undefined : this.#sharedOf(connection)
    // From now on: a child whose first words are waited for is in use.
    shared?.child.attendance.enter(connection)
    const versions = await shared?.versions
    // Who left meanwhile will never be over again, and would be waited for without end.
    if (connection.isAnswered) return
    if (shared === undefined || versions?.includes(version) !== true) {
      return refuseVersion(connection, message, version, versions ?? STATEFUL_VERSIONS)
    }
    if (shared.child.isCongested) return refuseBusy(connection)
    if (message.method === LISTEN) {
      connection.isOpenEnded = true
      connection.endWithToken = () => shared.child.endSubscription(connection)
    }
    shared.child.request(connection, message)
  }

  #sharedOf(connection: Connection): Shared {
    const { key } = connection.admitted.caller
    const known = this.#shared.get(key)
    if (known !== undefined) return known
    const child: SharedChild = new SharedChild({
      ...this.#childOptions(connection, key),
      onEnd: (ended) => {
        if (this.#shared.get(key)?.child === child) this.#shared.delete(key)
        this.#options.residents.remove(child, ended)
      },
    })
    this.#options.residents.add(child)
    const versions = child.discover().then((discovery) => this.#judge(child, discovery))
    const shared = { child, versions }
    this.#shared.set(key, shared)
    return shared
  }

  #judge(child: SharedChild, discovery: Discovery): readonly string[] | undefined {
    if (typeof discovery !== 'string') return discovery
    // One that was only slow, or broke, may know it next time.
    const isVerdict = discovery === 'unknown'
    if (isVerdict) this.#verdicts.add(child.callerKey)
    const verb = isVerdict ? 'does not speak' : 'could not say whether it speaks'
    void child.end({ reason: `the command ${verb} the era without sessions` })
    return undefined
  }

  #makeRoom({ admitted: { caller } }: Connection): NoRoom | undefined {
    const { residents, limits } = this.#options
    const { key: callerKey, principalKey } = caller
    return residents.makeRoom({ callerKey, principalKey }, limits)
  }

  #childOptions({ admitted: { caller } }: Connection, labelled: string) {
    const { command, environment, limits, emit } = this.#options
    const { authenticated } = caller
    return {
      command,
      environment: {
        ...environment,
        ...(authenticated !== undefined && identityEnvironment(authenticated.token)),
      },
      callerKey: caller.key,
      principalKey: caller.principalKey,
      label: shortDigest(labelled),
      maxMessage: limits.maxMessage,
      limits,
      emit,
    }
  }
}

/** A version that nobody knows, and that was not agreed upon either (2025-06-18, "Protocol Version Header"). */
function refuseUnknownVersion(
  connection: Connection,
  session: Session,
  request?: RawMessage,
): boolean {
  const version = connection.admitted.head.protocolVersion
  const isKnown =
    version === undefined || STATEFUL_VERSIONS.includes(version) || version === session.version
  if (!isKnown) refuseVersion(connection, request, version, STATEFUL_VERSIONS, RPC.serverError)
  return !isKnown
}

export function createBridge(options: BridgeOptions): Backend {
  const bridge = new Bridge(options)
  const context: ConnectionContext = {
    clock: options.clock,
    maxQueue: options.limits.queue,
    grace: options.streamGrace * 1000,
    stalled: options.stalled,
  }
  const [file = ''] = options.command
  return {
    label: file,
    warm: () => Promise.resolve(),
    open: (admitted) => new Connection(context, admitted, (each) => bridge.begin(each)),
    async unreachable() {
      const found = await findExecutable(file, options.environment['PATH'])
      return found === undefined ? 'there is no such command' : undefined
    },
    close: () => bridge.close(),
  }
}
