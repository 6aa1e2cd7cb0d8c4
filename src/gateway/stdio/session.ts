/**
 * A session, in the revisions that have sessions: one child, and the one client that opened it.
 *
 * @module
 */
import { RPC } from '../../mcp/rpc-error.js'
import type { Clock } from '../clock.js'
import { IdleTimer } from './idle-timer.js'
import type { Channel, OpenChannel } from './channel.js'
import type { ChildEvent } from './events.js'
import type { StdioRequest } from './request.js'
import { EventStream, EventWindow, parseEventId } from './event-stream.js'
import type { ChildLimits } from './limits.js'
import { findSpan, keyAt, rename, type RawMessage } from './raw-message.js'
import { TransientMap } from '../request/transients.js'
import { Outbox } from './outbox.js'
import { Reply } from './reply.js'
import { valueAt } from '../../base/json-spans.js'
import { exitOf, failAll, flawOf, type PooledChild, type ChildEnd } from './pooled-child.js'
import { tooLarge, type BrokenMessage } from './broken-message.js'
import { Dialogue, type WaitingRequest } from './dialogue.js'

const ABANDONED =
  'its client left before the first answer, which is there now: the next start should be quicker'

/** How many streams a client may have opened by GET at once. */
const MAX_READERS = 8
/** How many streams without a reader are kept. */
const MAX_LEFT = 64
/** How many requests may wait for an answer while their client is there. */
const MAX_WAITING = 1_024
/**
 * How many may wait whose client has left, or has cancelled them. Many servers never answer a
 * cancelled request.
 */
const MAX_UNWANTED = 256

export interface SessionOptions {
  readonly id: string
  readonly callerKey: string
  readonly principalKey: string | undefined
  /** The session's name in the log: not a secret. */
  readonly label: string
  readonly limits: ChildLimits
  readonly clock: Clock
  readonly emit: ((event: ChildEvent) => void) | undefined
  /** Its server has answered for the first time. */
  readonly onOpened: () => void
  /** `ended` settles when no part of it runs any more. */
  readonly onEnd: (ended: Promise<void>) => void
}

export class Session implements PooledChild {
  readonly isSession = true
  readonly id: string
  readonly callerKey: string
  readonly principalKey: string | undefined
  readonly idleTimer: IdleTimer
  /** The request that opens it, until its answer. */
  #opening: RawMessage | undefined
  /** The version that the server agreed to speak. */
  version: string | undefined
  readonly #options: SessionOptions
  readonly #channel: Channel
  readonly #dialogue: Dialogue<WaitingRequest>
  readonly #outbox: Outbox
  readonly #window: EventWindow
  /** Streams by the name in the ids of their events. */
  readonly #streams = new TransientMap<string, EventStream>()
  readonly #readers = new Set<EventStream>()
  /** Replies that their client no longer wants. */
  readonly #cancelled = new WeakSet<Reply>()
  readonly #progress = new TransientMap<string, Reply>()
  #streamCount = 0
  #ended: Promise<void> | undefined

  constructor(options: SessionOptions, openChannel: OpenChannel) {
    const { id, callerKey, principalKey, limits, clock } = options
    this.id = id
    this.callerKey = callerKey
    this.principalKey = principalKey
    this.#options = options
    this.#window = new EventWindow(limits.queue)
    this.#outbox = new Outbox(limits.queue, (message) => this.#refuse(message))
    const onIdle = () => void this.end({ reason: 'idle' })
    this.idleTimer = new IdleTimer(clock, limits.idle * 1000, onIdle)
    this.#channel = openChannel({
      isWaiting: () => this.#dialogue.size > 0,
      onMessage: (message) => this.#onMessage(message),
      onBroken: (message) => this.#onBroken(message),
      onEndless: () => void this.end(flawOf(tooLarge(limits.maxMessage))),
      onEnd: (reason, exitCode) => void this.end(exitOf(reason, exitCode)),
    })
    this.#dialogue = new Dialogue(this.#channel, limits.queue)
  }

  /** More waits for the child than is allowed. */
  get isCongested(): boolean {
    return this.#dialogue.isCongested
  }

  /** Whether a request with this id waits for its answer. */
  isWaiting(idKey: string): boolean {
    return this.#dialogue.get(idKey) !== undefined
  }

  /**
   * Whether this many more requests may wait for their answers. To make room, the oldest requests
   * that nobody waits for fail. Those of the newest such POST stay, however many they are: its
   * client may be about to resume its stream.
   */
  makeRoom(count: number): boolean {
    if (this.#dialogue.size + count <= MAX_UNWANTED) return true
    const unwanted = this.#unwanted()
    const newest = [...unwanted.keys()].at(-1)
    let left = [...unwanted.values()].reduce((sum, each) => sum + each, 0)
    for (const [reply, size] of unwanted) {
      if (left <= MAX_UNWANTED || reply === newest) break
      left -= size
      reply.fail(200, 'No client waited for the answer', undefined)
    }
    return this.#dialogue.size - left + count <= MAX_WAITING
  }

  /** Its server has not answered yet. */
  get isOpening(): boolean {
    return this.#opening !== undefined
  }

  /** Sends the request that opens it. */
  open(request: StdioRequest, message: RawMessage): void {
    this.#opening = message
    const key = message.idKey ?? ''
    this.#dialogue.ask(key, this.#openingRequest(request, message, key), message.bytes)
  }

  /** Whether the answer to the request that opens it is also the answer to this one. */
  opensWith({ bytes, params }: RawMessage): boolean {
    const asked = this.#opening?.params
    if (this.#opening === undefined || asked === undefined || params === undefined) return false
    const same = this.#opening.bytes.subarray(asked.start, asked.end)
    return same.equals(bytes.subarray(params.start, params.end))
  }

  /**
   * Its client has left, and the answer may still be of use.
   *
   * @param hint for the operator
   */
  abandon(hint: string | undefined): void {
    const { emit, label } = this.#options
    emit?.({ type: 'start.abandoned', child: label, ...(hint !== undefined && { hint }) })
  }

  /** Sends the answer to another client of the same caller. */
  reopen(request: StdioRequest, message: RawMessage): void {
    const { emit, label } = this.#options
    emit?.({ type: 'start.resumed', child: label })
    const key = this.#opening?.idKey ?? ''
    this.#dialogue.replace(key, this.#openingRequest(request, message, key))
  }

  /**
   * Sends requests, and whatever comes with them. None of them may have the id of a request that
   * still waits.
   */
  post(request: StdioRequest, messages: readonly RawMessage[], isBatch: boolean): void {
    this.idleTimer.enter(request)
    this.#channel.watch(request)
    const requests = messages.filter(({ kind }) => kind === 'request')
    const ids = requests.map(({ idText }) => idText)
    const keys = requests.map(({ idKey }) => idKey ?? '')
    const reply = new Reply(request, {
      ids,
      isBatch,
      isPlain: false,
      headers: {},
      clock: this.#options.clock,
      startStream: () => this.#openStream(request),
      onDone: () => this.#forget(reply, keys),
    })
    for (const { kind, bytes, params, idKey = '', idText: id } of messages) {
      if (kind !== 'request') {
        this.#dialogue.say(bytes)
        continue
      }
      const progressKey = keyAt(bytes, findSpan(bytes, params, '_meta', 'progressToken'))
      if (progressKey !== undefined) this.#progress.set(progressKey, reply)
      this.#dialogue.ask(idKey, { reply, id }, bytes)
    }
    this.#outbox.addReply(reply)
  }

  /** Sends messages that get no answer: notifications, and answers to requests of the server. */
  notify(messages: readonly RawMessage[]): void {
    this.idleTimer.touch()
    for (const message of messages) {
      this.#dialogue.say(message.bytes)
      if (message.method === 'notifications/cancelled') this.#onCancelled(message)
    }
  }

  /**
   * Opens a stream for messages that answer nothing, or resumes one that was cut.
   *
   * @returns false when the client has too many
   */
  listen(request: StdioRequest, lastEventId: string | undefined): boolean {
    const last = lastEventId === undefined ? undefined : parseEventId(lastEventId)
    const known = last && this.#streams.get(last.stream)
    const read = [...this.#readers].filter(({ isRead }) => isRead)
    if (known === undefined && read.length >= MAX_READERS) return false
    this.idleTimer.enter(request)
    this.#channel.watch(request)
    // The rest of an answer to a POST has the same time limit as the answer.
    request.isOpenEnded = known === undefined || this.#readers.has(known)
    request.startStream()
    if (known !== undefined) known.attach(request, last?.number)
    const stream = known ?? this.#openStream(request)
    if (known === undefined) this.#readers.add(stream)
    if (this.#readers.has(stream)) this.#outbox.addReader(stream)
    request.greet()
    return true
  }

  /** Ends it, because its server did not answer in time. */
  endSilent(seconds: number): void {
    void this.end(this.#dialogue.endOfSilence(seconds))
  }

  end(end: ChildEnd): Promise<void> {
    if (this.#ended !== undefined) return this.#ended
    this.#ended = this.#channel.stop()
    this.#opening = undefined
    this.idleTimer.close()
    const { emit, label, onEnd } = this.#options
    onEnd(this.#ended)
    emit?.({ type: 'session.ended', child: label, reason: end.reason })
    failAll(new Set([...this.#dialogue.waiting].map(([, { reply }]) => reply)), end)
    for (const stream of this.#streams.values()) stream.end()
    return this.#ended
  }

  #openStream(request: StdioRequest): EventStream {
    this.#streamCount++
    const stream = new EventStream(String(this.#streamCount), this.#window)
    this.#streams.set(stream.name, stream)
    stream.attach(request)
    // Clients before 2025-11-25 read every event as a message.
    const { protocolVersion = '' } = request.admitted.head
    if (protocolVersion >= '2025-11-25') stream.prime()
    this.#dropStreams()
    return stream
  }

  /**
   * Drops streams that were left or have ended, except the last ones, which may still be resumed.
   */
  #dropStreams(): void {
    const left = [...this.#streams.values()].filter(
      (stream) => stream.isEnded || (!stream.isRead && this.#readers.has(stream)),
    )
    for (const stream of left.slice(0, -MAX_LEFT)) {
      this.#streams.delete(stream.name)
      this.#readers.delete(stream)
      this.#outbox.removeReader(stream)
    }
  }

  #onMessage(message: RawMessage): void {
    const { kind, bytes, method, params } = message
    if (kind === 'response') return this.#onAnswer(message)
    const progressKey =
      method === 'notifications/progress'
        ? keyAt(bytes, findSpan(bytes, params, 'progressToken'))
        : undefined
    const reply = progressKey === undefined ? undefined : this.#progress.get(progressKey)
    if (reply?.isOpen === true) reply.send(bytes)
    else this.#outbox.deliver(message)
  }

  #onAnswer(message: RawMessage): void {
    const request = this.#dialogue.take(message)
    if (request === undefined) return this.#onStray(message)
    const { bytes, id, idText } = message
    const { reply } = request
    const isHeard = !this.isOpening || reply.isRead
    reply.answer(request.id, idText === request.id ? bytes : rename(bytes, [[id, request.id]]))
    if (this.isOpening) this.#opened(message, isHeard)
  }

  #onStray(message: RawMessage): void {
    const broken = this.#dialogue.explain(message)
    if (broken !== undefined) this.#onBroken(broken)
  }

  #onBroken(message: BrokenMessage): void {
    const isLost = this.isOpening && message.kind === 'response'
    if (isLost || !this.#dialogue.failBroken(message)) void this.end(flawOf(message.flaw))
  }

  /** The answer is sent alone, with the id of the session. */
  #openingRequest(request: StdioRequest, { idText }: RawMessage, key: string): WaitingRequest {
    this.idleTimer.enter(request)
    this.#channel.watch(request)
    const reply = new Reply(request, {
      ids: [idText],
      isBatch: false,
      isPlain: true,
      headers: { 'Mcp-Session-Id': this.id },
      clock: this.#options.clock,
      startStream: () => this.#openStream(request),
      onDone: () => this.#forget(reply, [key]),
    })
    return { reply, id: idText }
  }

  /** @param isHeard whether its client was there */
  #opened({ bytes, result, error }: RawMessage, isHeard: boolean): void {
    this.#opening = undefined
    this.#options.onOpened()
    if (!isHeard) return void this.end({ reason: ABANDONED })
    const span = findSpan(bytes, result, 'protocolVersion')
    const version = span && valueAt(bytes, span)
    if (typeof version === 'string') this.version = version
    if (error !== undefined) void this.end({ reason: 'initialize was refused' })
  }

  #forget(reply: Reply, keys: readonly string[]): void {
    this.#outbox.removeReply(reply)
    // Some requests of a batch are answered before its last one, and their ids may be in use again.
    for (const key of keys) {
      if (this.#dialogue.get(key)?.reply === reply) this.#dialogue.forget(key)
    }
    if (this.#progress.size === 0) return
    for (const [key, each] of this.#progress) if (each === reply) this.#progress.delete(key)
  }

  /** The answer may still arrive, and is delivered then. */
  #onCancelled({ bytes, params }: RawMessage): void {
    const key = keyAt(bytes, findSpan(bytes, params, 'requestId'))
    const reply = key === undefined ? undefined : this.#dialogue.get(key)?.reply
    if (reply?.isSingle === true) this.#cancelled.add(reply)
  }

  /** Replies that nobody waits for, the oldest first, with the number of open requests of each. */
  #unwanted(): ReadonlyMap<Reply, number> {
    const open = new Map<Reply, number>()
    for (const [, { reply }] of this.#dialogue.waiting) {
      if (reply.isRead && !this.#cancelled.has(reply)) continue
      open.set(reply, (open.get(reply) ?? 0) + 1)
    }
    return open
  }

  /**
   * Refuses a request of the server that nobody will ever see, so that the server does not wait.
   */
  #refuse({ kind, idText }: Pick<RawMessage, 'kind' | 'idText'>): void {
    if (kind === 'request') this.#dialogue.refuse(idText, RPC.serverError, 'No client listens')
  }
}
