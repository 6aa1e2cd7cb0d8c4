/**
 * What a request asks for, judged once its body is there: shared by all hosts.
 *
 * @module
 */
import { quoted } from '../errors.js'
import { holdTheSame, readMessages, type RpcMessage, type Unreadable } from '../mcp/message.js'
import type { MirroredHeaders } from '../mcp/mirrored-headers.js'
import { operationsOf, UnclearOperation, type McpOperation } from '../mcp/operation.js'
import { isBehind, isStateless } from '../mcp/protocol-revision.js'
import { RPC, rpcError } from '../mcp/rpc-error.js'
import { readStatelessMessage, type InvalidMessage } from '../mcp/stateless-message.js'
import { isListMethod, ListFilter } from '../policy/list-filter.js'
import { ListMemory } from '../policy/list-memory.js'
import { callerKey } from '../rs/caller-key.js'
import { errorBody, type Authenticated } from '../rs/decision.js'
import type { OperationAuthority } from '../rs/operation-authority.js'
import type { AnsweredRequest, Answers, GuardAnswer } from './answers.js'
import { isContentCoded } from './content-coding.js'
import type { GuardRequest } from './guard-request.js'
import { isJsonInUtf8, NO_JSON_IN_UTF8 } from './media-type.js'
import { RefusalRate } from './refusal-rate.js'

/** The parts of a request that decide about what it asks for. */
export interface OperationsRequest extends AnsweredRequest {
  /** `MCP-Protocol-Version`. */
  readonly protocolVersion: string | undefined
  /** The fields that mirror the body; `undefined` where they were compared before, or where there are none. */
  readonly mirrored?: MirroredHeaders | undefined
}

/** The header fields that say how a body is to be read. */
interface BodyForm {
  readonly contentEncoding: string | undefined
  readonly contentType: string | undefined
}

/** Methods of HTTP that bring no message, whoever handles them: a body is then too much. */
const WITHOUT_MESSAGE = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS'])

/** Whether a request of this HTTP method asks for something by its body, or by having none. */
export function bringsMessage(method: string): boolean {
  return !WITHOUT_MESSAGE.has(method)
}

/** Messages that may go on. */
export interface AllowedMessages {
  readonly messages: readonly RpcMessage[]
  /** What the answer must be filtered by; `undefined`: it passes as it is. */
  readonly filter: ListFilter | undefined
}

/** A request that may go on, as far as it was looked at. */
export interface Entered {
  /** The bytes that were judged; `undefined`: none were. */
  readonly body: Uint8Array | undefined
  readonly filter: ListFilter | undefined
}

export interface OperationGuardOptions {
  readonly authority: OperationAuthority
  readonly answers: Answers
  readonly now: () => number
  /** Bytes of a body that is read. */
  readonly maxBody: number
}

/** The one version in which a body may hold several messages (HDR-09); a client that names none may mean it. */
const BATCH_VERSION = '2025-03-26'

/** However they arrive: more than anybody asks for at once, and each is judged. */
const MOST_OPERATIONS = 1000
/**
 * Of all names and URIs of a request together. Each of their characters is compared with every pattern, and a body has
 * room for so many of them that a policy of a hundred rules would keep the thread for seconds.
 */
const MOST_COMPARED = 128 * 1024

/** What a client is told; the reason is in the log. */
const UNREADABLE = 'The body is not a JSON-RPC message that can be judged'
const UNCLEAR_NAMES =
  'A name or a URI in the request is not acceptable, or there are too many of them'
const OLDER_VERSION = 'MCP-Protocol-Version does not match the body'

const AS_IT_IS: Entered = Object.freeze({ body: undefined, filter: undefined })

function operationsOfAll(
  messages: readonly RpcMessage[],
  isOfForeignUser: (operation: McpOperation) => boolean,
): readonly McpOperation[] | UnclearOperation {
  const operations: McpOperation[] = []
  let compared = 0
  for (const { method, params } of messages) {
    const each = operationsOf(method, params, MOST_OPERATIONS - operations.length)
    if (each instanceof UnclearOperation) return each
    for (const operation of each) {
      compared += method.length + (operation.name?.length ?? 0)
      operations.push(operation)
    }
    if (compared > MOST_COMPARED) return new UnclearOperation('its names are too long together')
  }
  return operations.some(isOfForeignUser)
    ? new UnclearOperation('a URI names a user that no rule spells')
    : operations
}

/** The id that an answer about all messages of a body names. */
function idOf(messages: readonly RpcMessage[]): string {
  return messages.length === 1 ? (messages[0] as RpcMessage).id : 'null'
}

function invalid(reason: string): InvalidMessage {
  return { code: RPC.invalidRequest, reason, id: 'null', text: UNREADABLE }
}

function textOf({ code }: Unreadable): string {
  return code === RPC.invalidParams ? UNCLEAR_NAMES : UNREADABLE
}

/** The messages that stand in a body, as its protocol revision allows them. */
function readAllowed(
  body: Uint8Array,
  { protocolVersion, mirrored }: OperationsRequest,
): readonly RpcMessage[] | InvalidMessage {
  if (mirrored !== undefined && isStateless(protocolVersion)) {
    const message = readStatelessMessage(body, mirrored)
    return 'text' in message ? message : [message]
  }
  const read = readMessages(body)
  if ('code' in read) return { ...read, text: textOf(read) }
  const { messages, isBatch } = read
  if (isBatch && (protocolVersion ?? BATCH_VERSION) !== BATCH_VERSION) {
    return invalid('a batch, in a version without them')
  }
  if (isStateless(protocolVersion) && messages.length !== 1) {
    return invalid('an answer, in a version without requests of servers')
  }
  return messages
}

/** @param sent the bytes that came, where a handler may see them beside what somebody made of them */
function messagesOf(
  body: Uint8Array,
  request: OperationsRequest,
  sent: Uint8Array | undefined,
): readonly RpcMessage[] | InvalidMessage {
  const messages = readAllowed(body, request)
  if ('code' in messages) return messages
  if (sent !== undefined && !holdTheSame(body, sent)) {
    return invalid('what a body parser made of the body asks for something else')
  }
  if (messages.some(({ params }) => isBehind(request.protocolVersion, params))) {
    const [code, text] = [RPC.headerMismatch, OLDER_VERSION]
    return { code, reason: text, id: idOf(messages), text }
  }
  return messages
}

/** Validates the messages of requests, and judges with a policy what they ask for. */
export class OperationGuard {
  readonly maxBody: number
  readonly #authority: OperationAuthority
  readonly #answers: Answers
  readonly #rate: RefusalRate
  readonly #memory = new ListMemory()

  constructor({ authority, answers, now, maxBody }: OperationGuardOptions) {
    this.maxBody = maxBody
    this.#authority = authority
    this.#answers = answers
    this.#rate = new RefusalRate(now)
  }

  /**
   * All steps: presence of a body → throttle → form → length → messages → operations and their scopes.
   *
   * @returns what may go on, or the answer that refuses it
   * @throws whatever reading the body, and a policy that is a function, throw
   */
  enter(
    authenticated: Authenticated,
    request: GuardRequest,
  ): GuardAnswer | Entered | Promise<GuardAnswer | Entered> {
    if (!this.#authority.hasPolicy) return this.#enterUnjudged(request)
    if (request.method === 'POST') return this.#enterWithBody(authenticated, request)
    const brings = request.bringsBody()
    return brings instanceof Promise
      ? brings.then((settled) => this.#enterOther(authenticated, request, settled))
      : this.#enterOther(authenticated, request, brings)
  }

  /** Without a policy: before 2026-07-28 no field mirrors anything that a host could go by. */
  #enterUnjudged(request: GuardRequest): Entered | Promise<GuardAnswer | Entered> {
    if (request.method !== 'POST' || !isStateless(request.protocolVersion)) return AS_IT_IS
    return this.#enterStateless(request)
  }

  /** A proxy that routes or allows by the fields that mirror the body must get what the handler reads in it. */
  async #enterStateless(request: GuardRequest): Promise<GuardAnswer | Entered> {
    const refusal = this.refuseForm(request, request)
    if (refusal !== undefined) return refusal
    const body = await request.readBody(this.maxBody)
    if (body === undefined) return this.refuseLength(request)
    const messages = messagesOf(body, request, request.bodyBeside)
    if ('code' in messages) return this.#refuseMessage(messages, request)
    return { body, filter: undefined }
  }

  /** Any method but POST. */
  #enterOther(
    authenticated: Authenticated,
    request: GuardRequest,
    hasBody: boolean,
  ): GuardAnswer | Entered | Promise<GuardAnswer | Entered> {
    const { method } = request
    if (hasBody) return this.refuseMethod(method, request)
    // What was lost of a stream of events may be any answer.
    if (method === 'GET') return { body: undefined, filter: this.filterFor(authenticated) }
    return bringsMessage(method) ? this.#enterWithBody(authenticated, request) : AS_IT_IS
  }

  async #enterWithBody(
    authenticated: Authenticated,
    request: GuardRequest,
  ): Promise<GuardAnswer | Entered> {
    const refusal = this.throttle(authenticated, request) ?? this.refuseForm(request, request)
    if (refusal !== undefined) return refusal
    const body = await request.readBody(this.maxBody)
    if (body === undefined) return this.refuseLength(request)
    const authorized = this.authorize(authenticated, body, request, request.bodyBeside)
    return 'outcome' in authorized ? authorized : { body, filter: authorized.filter }
  }

  /** 400 for a body that comes with another method than POST: nobody judges it, and a handler may read it. */
  refuseMethod(method: string, request: AnsweredRequest): GuardAnswer {
    const body = errorBody('invalid_request', 'Only POST brings a body')
    const reason = `a body that comes with ${quoted(method, 20)}`
    return this.#answers.refuseUnread(request, 400, reason, body)
  }

  /** 415 for a body that is encoded, or is not JSON in UTF-8: nobody would read what was judged (HDR-08). */
  refuseForm(
    { contentEncoding, contentType }: BodyForm,
    request: AnsweredRequest,
  ): GuardAnswer | undefined {
    if (isContentCoded(contentEncoding)) {
      const text = 'The body must not be encoded'
      const body = errorBody('unsupported_media_type', text)
      const headers = { 'Accept-Encoding': 'identity' }
      return this.#answers.refuseUnread(request, 415, text, body, headers)
    }
    if (isJsonInUtf8(contentType)) return undefined
    const body = errorBody('unsupported_media_type', NO_JSON_IN_UTF8)
    return this.#answers.refuseUnread(request, 415, NO_JSON_IN_UTF8, body)
  }

  /** 413. */
  refuseLength(request: AnsweredRequest): GuardAnswer {
    const text = `The body is larger than ${this.maxBody} bytes`
    return this.#answers.refuseUnread(request, 413, text, errorBody('content_too_large', text))
  }

  /** 429 for a caller who was refused too often, before anything of theirs is read. */
  throttle(authenticated: Authenticated, request: AnsweredRequest): GuardAnswer | undefined {
    const rate = this.#rate
    const wait = rate.isIdle ? undefined : rate.waitOf(callerKey(authenticated))
    if (wait === undefined) return undefined
    const { issuer, subject, clientId } = authenticated.token
    const answers = this.#answers
    const requestId = answers.idOf(request)
    answers.emit?.({ type: 'operation.throttled', requestId, issuer, subject, clientId, ...wait })
    const body = errorBody('too_many_requests', 'Too many requests of this caller were refused')
    const headers = { 'Retry-After': String(wait.retryAfter) }
    return answers.give(request, requestId, 429, body, headers)
  }

  /** One more refusal of a caller, for what was found out elsewhere too. */
  countRefusal(authenticated: Authenticated): void {
    this.#rate.count(callerKey(authenticated))
  }

  /**
   * Reads and judges a body, as the handler sees it.
   *
   * @param sent the bytes that came, where a handler may see them beside what somebody made of them
   * @throws whatever a policy throws that is a function
   */
  authorize(
    authenticated: Authenticated,
    body: Uint8Array,
    request: OperationsRequest,
    sent?: Uint8Array,
  ): GuardAnswer | AllowedMessages {
    // Those that came together with the one that was too much had not been counted when they came.
    const throttled = this.throttle(authenticated, request)
    if (throttled !== undefined) return throttled
    const messages = messagesOf(body, request, sent)
    if ('code' in messages) return this.#refuseMessage(messages, request, authenticated)
    return this.authorizeMessages(authenticated, messages, request)
  }

  /** The same, of messages that were read, and of a caller who was not refused too often. */
  authorizeMessages(
    authenticated: Authenticated,
    messages: readonly RpcMessage[],
    request: OperationsRequest,
  ): GuardAnswer | AllowedMessages {
    const authority = this.#authority
    const operations = operationsOfAll(messages, (each) => authority.isOfForeignUser(each))
    if (operations instanceof UnclearOperation) {
      const { reason } = operations
      const unclear = { code: RPC.invalidParams, reason, id: idOf(messages), text: UNCLEAR_NAMES }
      return this.#refuseMessage(unclear, request, authenticated)
    }
    const { requestId, protocolVersion } = request
    const asked = { requestId, protocolVersion }
    const denied = authority.authorizeOperations(authenticated.token, operations, asked)
    if (denied !== undefined) {
      this.countRefusal(authenticated)
      const { status, body } = denied
      const headers = { ...denied.headers, ...this.#answers.corsHeaders(request.origin) }
      return { outcome: 'answer', status, headers, body }
    }
    const isList = messages.some(({ method }) => isListMethod(method))
    return { messages, filter: isList ? this.filterFor(authenticated) : undefined }
  }

  /** For a stream that answers no single request and could bring any answer again (`Last-Event-ID`). */
  filterFor({ token }: Authenticated): ListFilter | undefined {
    const authority = this.#authority
    if (!authority.filtersLists) return undefined
    return new ListFilter(
      (operation) => authority.mayUse(token, operation),
      this.#memory,
      authority.sameUse(token),
    )
  }

  /** @param authenticated with a policy: it costs as much to find out as what is judged, and counts as a refusal */
  #refuseMessage(
    { code, reason, id, text }: InvalidMessage,
    request: AnsweredRequest,
    authenticated?: Authenticated,
  ): GuardAnswer {
    if (authenticated !== undefined) this.countRefusal(authenticated)
    return this.#answers.refuseUnread(request, 400, reason, rpcError(id, code, text))
  }
}
