/**
 * The one child of a caller whose clients use a stateless revision. Several of them may use the
 * same ids at the same time, so we rename ids, progress tokens and subscriptions on its side.
 *
 * @module
 */
import { ANONYMOUS_KEY } from '../../rs/anonymous.js'
import { STATELESS_SINCE } from '../../mcp/protocol-revision.js'
import { RPC } from '../../mcp/rpc-error.js'
import { lastResult, SUBSCRIPTION_ID } from '../../mcp/subscription.js'
import type { Clock } from '../clock.js'
import { IdleTimer } from './idle-timer.js'
import type { Channel, OpenChannel } from './channel.js'
import type { ChildEvent } from './events.js'
import type { StdioRequest } from './request.js'
import type { ChildLimits } from './limits.js'
import { errorCodeOf, findSpan, keyAt, rename, type RawMessage } from './raw-message.js'
import { Outbox } from './outbox.js'
import { Reply } from './reply.js'
import { exitOf, failAll, flawOf, type PooledChild, type ChildEnd } from './pooled-child.js'
import { tooLarge, type BrokenMessage } from './broken-message.js'
import { Dialogue, type WaitingRequest } from './dialogue.js'
import { textAt, valueAt, type Span } from '../../base/json-spans.js'

/** The statuses of errors that say something about the request as a whole (2026-07-28, "Streamable HTTP"). */
const STATUSES = new Map([
  [RPC.methodNotFound, 404],
  [-32_021, 400],
  [RPC.unsupportedVersion, 400],
])
/**
 * Errors which mean that a command does not know our question, and never will. The TypeScript SDK
 * v1 answers "no such method". The Python SDK 1.x validates against all the requests that it knows,
 * and answers "invalid params". The Go SDK, before it knew the question, answers 0, because the
 * question came before `initialize`. Others call that an invalid request. An error that refuses the
 * version without a list of others is a refusal, too. Other errors may be temporary.
 */
const NOT_KNOWN = new Set<number | undefined>([
  RPC.methodNotFound,
  RPC.invalidParams,
  RPC.invalidRequest,
  RPC.unsupportedVersion,
  0,
])
/** The id of our own question. */
const PROBE = '"gatehouse"'

interface SharedRequest extends WaitingRequest {
  readonly idKey: string | undefined
  /** As the client wrote it. */
  readonly progressToken: string | undefined
}

/**
 * The versions that the command says it speaks. `unknown`: it does not know the question.
 * `unanswered`: it cannot say now.
 */
export type Discovery = readonly string[] | 'unknown' | 'unanswered'

export interface SharedChildOptions {
  readonly callerKey: string
  readonly principalKey: string | undefined
  /** The child's name in the log: not a secret. */
  readonly label: string
  readonly limits: ChildLimits
  readonly clock: Clock
  readonly emit: ((event: ChildEvent) => void) | undefined
  /** `ended` settles when no part of it runs any more. */
  readonly onEnd: (ended: Promise<void>) => void
}

function probe(): string {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': STATELESS_SINCE,
    'io.modelcontextprotocol/clientInfo': { name: 'mcp-gatehouse', version: '0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const params = JSON.stringify({ _meta: meta })
  return `{"jsonrpc":"2.0","id":${PROBE},"method":"server/discover","params":${params}}`
}

function statusOf(message: RawMessage): number {
  const code = errorCodeOf(message)
  return (code === undefined ? undefined : STATUSES.get(code)) ?? 200
}

export class SharedChild implements PooledChild {
  readonly isSession = false
  readonly callerKey: string
  readonly principalKey: string | undefined
  readonly idleTimer: IdleTimer
  readonly #options: SharedChildOptions
  readonly #channel: Channel
  readonly #outbox: Outbox
  /** The key of a request is that of our id, which is also our progress token. */
  readonly #dialogue: Dialogue<SharedRequest>
  #lastId = 0
  #ended: Promise<void> | undefined
  #onDiscovered: ((discovery: Discovery) => void) | undefined

  constructor(options: SharedChildOptions, openChannel: OpenChannel) {
    const { callerKey, principalKey, limits, clock } = options
    this.callerKey = callerKey
    this.principalKey = principalKey
    this.#options = options
    this.#outbox = new Outbox(limits.queue, () => undefined)
    const onIdle = () => void this.end({ reason: 'idle' })
    this.idleTimer = new IdleTimer(clock, limits.idle * 1000, onIdle)
    this.#channel = openChannel({
      isWaiting: () => this.#onDiscovered !== undefined || this.#dialogue.size > 0,
      onMessage: (message) => this.#onMessage(message),
      onBroken: (message) => this.#onBroken(message),
      onEndless: () => void this.end(flawOf(tooLarge(limits.maxMessage))),
      onEnd: (reason, exitCode) => void this.end(exitOf(reason, exitCode)),
    })
    this.#dialogue = new Dialogue(this.#channel, limits.queue)
  }

  get isCongested(): boolean {
    return this.#dialogue.isCongested
  }

  /** Whether its callers have no token, so that they may be anybody. */
  get #isOfStrangers(): boolean {
    return this.callerKey === ANONYMOUS_KEY
  }

  /**
   * Asks which versions the command speaks. We write the question ourselves: a client's request
   * could be one to which the command names none.
   */
  discover(): Promise<Discovery> {
    return new Promise<Discovery>((resolve) => {
      const { clock, limits } = this.#options
      const { startTimeout } = limits
      const onSilent = () => void this.end(this.#dialogue.endOfSilence(startTimeout))
      const clearTimer = clock.setTimer(onSilent, startTimeout * 1000)
      this.#onDiscovered = (discovery) => {
        clearTimer()
        this.#onDiscovered = undefined
        resolve(discovery)
      }
      this.#dialogue.say(Buffer.from(probe()))
    })
  }

  /** Sends a request. The request has already entered the idle timer. */
  send(request: StdioRequest, { bytes, id, idText, idKey, params }: RawMessage): void {
    this.#channel.watch(request)
    this.#lastId++
    const ours = String(this.#lastId)
    const key = `number:${ours}`
    const progressSpan = findSpan(bytes, params, '_meta', 'progressToken')
    const reply = new Reply(request, {
      ids: [idText],
      isBatch: false,
      isPlain: false,
      headers: {},
      clock: this.#options.clock,
      startStream: () => ({
        // The request of a client that leaves is forgotten.
        isRead: true,
        send: (line) => request.writeEvent(line),
        end: () => request.endStream(),
      }),
      onDone: () => {
        this.#dialogue.forget(key)
        this.#outbox.removeReply(reply)
      },
    })
    const progressToken = progressSpan && textAt(bytes, progressSpan)
    this.#dialogue.ask(
      key,
      { reply, id: idText, idKey, progressToken },
      rename(bytes, [
        [id, ours],
        [progressSpan, ours],
      ]),
    )
    this.#outbox.addReply(reply)
    // In these revisions a client cancels a request by leaving it (2026-07-28,
    // "Cancellation").
    request.whenOver(() => {
      if (!this.#dialogue.forget(key)) return
      this.#outbox.removeReply(reply)
      this.#cancel(ours)
    })
  }

  notify({ bytes, method, params }: RawMessage): void {
    // Callers without a token cannot be told apart: one could cancel the call of another.
    if (this.#isOfStrangers) return
    this.idleTimer.touch()
    if (method !== 'notifications/cancelled') return this.#dialogue.say(bytes)
    const span = findSpan(bytes, params, 'requestId')
    const wanted = keyAt(bytes, span)
    const meant = [...this.#dialogue.waiting].filter(([, { idKey }]) => idKey === wanted)
    // Two clients of one user may have the same id under way: the target is ambiguous.
    if (meant.length !== 1) return
    const [key = ''] = meant[0] ?? []
    this.#dialogue.say(rename(bytes, [[span, key.slice('number:'.length)]]))
  }

  /**
   * Ends a subscription whose reader may no longer read it, as its server would (2026-07-28,
   * "Graceful Closure").
   */
  endSubscription(request: StdioRequest): void {
    for (const [, { reply, id }] of this.#dialogue.waiting) {
      if (reply.request !== request || !request.isStream) continue
      reply.send(Buffer.from(lastResult(id)))
    }
    request.end()
  }

  end(end: ChildEnd): Promise<void> {
    if (this.#ended !== undefined) return this.#ended
    this.#ended = this.#channel.stop()
    this.idleTimer.close()
    const { emit, label, onEnd } = this.#options
    onEnd(this.#ended)
    emit?.({ type: 'session.ended', child: label, reason: end.reason })
    this.#onDiscovered?.('unanswered')
    failAll(
      [...this.#dialogue.waiting].map(([, { reply }]) => reply),
      end,
    )
    return this.#ended
  }

  #cancel(id: string): void {
    const text = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`
    this.#dialogue.say(Buffer.from(text))
  }

  #onMessage(message: RawMessage): void {
    const { kind, idText, params } = message
    if (kind === 'response') return this.#onAnswer(message)
    if (kind === 'request') {
      // In stateless revisions servers ask within their answers. A client without a session could
      // not reply to this.
      const text = 'Not supported in this protocol revision'
      return this.#dialogue.refuse(idText, RPC.serverError, text)
    }
    this.#onNotification(message, params)
  }

  #onAnswer(message: RawMessage): void {
    const { bytes, id, idText, result, error } = message
    if (this.#onDiscovered !== undefined) {
      // With the id null, the command could not read our question: it got nothing else.
      const isOurs = idText === PROBE || (idText === 'null' && error !== undefined)
      if (isOurs) return this.#discovered(message)
    }
    const request = this.#dialogue.take(message)
    if (request === undefined) return this.#onStray(message)
    const subscription = findSpan(bytes, result, '_meta', SUBSCRIPTION_ID)
    const line = rename(bytes, [
      [id, request.id],
      [subscription, request.id],
    ])
    request.reply.answer(request.id, line, statusOf(message))
  }

  #onStray(message: RawMessage): void {
    const broken = this.#dialogue.explain(message)
    if (broken !== undefined) this.#onBroken(broken)
  }

  #onBroken(message: BrokenMessage): void {
    const isLost = this.#onDiscovered !== undefined && message.kind === 'response'
    if (isLost || !this.#dialogue.failBroken(message)) void this.end(flawOf(message.flaw))
  }

  #onNotification(message: RawMessage, params: Span | undefined): void {
    const { bytes, method } = message
    const isProgress = method === 'notifications/progress'
    const span = isProgress
      ? findSpan(bytes, params, 'progressToken')
      : findSpan(bytes, params, '_meta', SUBSCRIPTION_ID)
    const key = keyAt(bytes, span)
    if (key === undefined) {
      // It could be about the call of another stranger.
      if (!this.#isOfStrangers) this.#outbox.deliver(message)
      return
    }
    const route = this.#dialogue.get(key)
    // The message belongs to a request that is over: nobody waits for it.
    if (route === undefined || !route.reply.isOpen) return
    const { id, progressToken } = route
    route.reply.send(rename(bytes, [[span, isProgress ? (progressToken ?? id) : id]]))
  }

  #discovered(message: RawMessage): void {
    const { bytes, result, error } = message
    // A command that speaks only later versions says so with an error.
    const span =
      errorCodeOf(message) === RPC.unsupportedVersion
        ? findSpan(bytes, error, 'data', 'supported')
        : findSpan(bytes, result, 'supportedVersions')
    const versions = span && valueAt(bytes, span)
    const isList = Array.isArray(versions) && versions.every((each) => typeof each === 'string')
    if (isList) return this.#onDiscovered?.(versions)
    const mayKnow = error !== undefined && !NOT_KNOWN.has(errorCodeOf(message))
    this.#onDiscovered?.(mayKnow ? 'unanswered' : 'unknown')
  }
}
