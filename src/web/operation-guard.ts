/**
 * Authorizes a request once its body has arrived; shared by all hosts.
 *
 * @module
 */
import {
  holdTheSame,
  readMessages,
  type RpcBody,
  type RpcMessage,
  type Unreadable,
} from '../mcp/message.js'
import type { MirroredHeaders } from '../mcp/mirrored-headers.js'
import { operationsOf, UnclearOperation, type McpOperation } from '../mcp/operation.js'
import { isBehind, isStateless } from '../mcp/protocol-revision.js'
import { RPC, rpcError } from '../mcp/rpc-error.js'
import { readStatelessMessage, type InvalidMessage } from '../mcp/stateless-message.js'
import { isListMethod, type AnswerFilter } from '../policy/list-filter.js'
import { countedKey, namesOf, type Visitor } from '../rs/anonymous.js'
import { errorBody, type Denied } from '../rs/decision.js'
import type { OperationAuthority } from '../rs/operation-authority.js'
import { authorizeAnonymous } from './anonymous-operations.js'
import type { AnsweredRequest, Answers, GuardAnswer } from './answers.js'
import { bodyTooLong, needlessBody, revisionFault, type FormFault } from './form-fault.js'
import type { GuardRequest } from './guard-request.js'
import { takeIn } from './message-intake.js'
import { PolicyFilters } from './policy-filters.js'
import { Quotas, type LimitUse } from './quotas.js'
import { asToolResult, type RefusalForm } from './refusal-form.js'
import { RefusalRate } from './refusal-rate.js'
import { arrivalOf, usesOf } from './limit-uses.js'

/** The parts of a request that show its operations. */
export interface OperationsRequest extends AnsweredRequest {
  /** `MCP-Protocol-Version`. */
  readonly protocolVersion: string | undefined
  /** The fields that mirror the body; `undefined`: there are none. */
  readonly mirrored?: MirroredHeaders | undefined
  /** `User-Agent`. It is read only where the form of a refusal depends on the client. */
  readonly userAgent?: string | undefined
}

/** HTTP methods that carry no message: a body is then refused. */
const WITHOUT_MESSAGE = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS'])

/**
 * Whether the operation of a request with this HTTP method depends on its body, or on having none.
 */
export function bringsMessage(method: string): boolean {
  return !WITHOUT_MESSAGE.has(method)
}

/** The messages of a body. */
export type ReadMessages = Pick<RpcBody, 'messages' | 'hasAnswers'>

/** Messages that may proceed. */
export interface AllowedMessages {
  readonly messages: readonly RpcMessage[]
  /** The filter for the answer; `undefined`: it passes unchanged. */
  readonly filter: AnswerFilter | undefined
}

/** A request that may proceed, by the checks so far. */
export interface Entered {
  /** The bytes that were authorized; `undefined`: none were. */
  readonly body: Uint8Array | undefined
  readonly filter: AnswerFilter | undefined
}

export interface OperationGuardOptions {
  readonly authority: OperationAuthority
  readonly answers: Answers
  readonly now: () => number
  /** The size limit of a body, in bytes. */
  readonly maxBody: number
  /** How a client hears that a tool needs a login or a scope. */
  readonly refusalForm: RefusalForm
}

/**
 * The one version in which a body may hold several messages (HDR-09); a client that names no
 * version may mean this one.
 */
const BATCH_VERSION = '2025-03-26'

/** In one request: more than real clients send at once, and each is authorized. */
const MOST_OPERATIONS = 1000
/**
 * The total length of all names and URIs of a request. Each character is compared with every
 * pattern, so a large body and a hundred rules could block the thread for seconds.
 */
const MOST_COMPARED = 128 * 1024

/** The message for the client; the reason is in the log. */
const UNREADABLE = 'The body is not a valid JSON-RPC message'
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
    ? new UnclearOperation('a URI has a user that no rule names')
    : operations
}

/** The id in an answer about all messages of a body. */
function idOf(messages: readonly RpcMessage[]): string {
  return messages.length === 1 ? (messages[0] as RpcMessage).id : 'null'
}

function invalid(reason: string): InvalidMessage {
  return { code: RPC.invalidRequest, reason, id: 'null', text: UNREADABLE }
}

function textOf({ code }: Unreadable): string {
  return code === RPC.invalidParams ? UNCLEAR_NAMES : UNREADABLE
}

/** The messages in a body, as its protocol revision allows them. */
function readAllowed(body: Uint8Array, request: OperationsRequest): ReadMessages | InvalidMessage {
  const { protocolVersion } = request
  const mirrored = isStateless(protocolVersion) ? request.mirrored : undefined
  if (mirrored !== undefined) {
    const message = readStatelessMessage(body, mirrored)
    return 'text' in message ? message : { messages: [message], hasAnswers: false }
  }
  const read = readMessages(body)
  if ('code' in read) return { ...read, text: textOf(read) }
  const { messages, isBatch } = read
  if (isBatch && (protocolVersion ?? BATCH_VERSION) !== BATCH_VERSION) {
    return invalid('a batch, in a protocol revision without batches')
  }
  if (isStateless(protocolVersion) && messages.length !== 1) {
    return invalid('a response, in a protocol revision without server requests')
  }
  return read
}

/** @param sent the bytes that arrived, if a handler may see them besides a parser's result */
function messagesOf(
  body: Uint8Array,
  request: OperationsRequest,
  sent: Uint8Array | undefined,
): ReadMessages | InvalidMessage {
  const read = readAllowed(body, request)
  if ('code' in read) return read
  const { messages } = read
  if (sent !== undefined && !holdTheSame(body, sent)) {
    return invalid('the parsed body names other operations than its bytes')
  }
  if (messages.some(({ params }) => isBehind(request.protocolVersion, params))) {
    const [code, text] = [RPC.headerMismatch, OLDER_VERSION]
    return { code, reason: text, id: idOf(messages), text }
  }
  return read
}

/** Validates the messages of requests, and authorizes their operations with a policy. */
export class OperationGuard {
  readonly maxBody: number
  readonly #authority: OperationAuthority
  readonly #answers: Answers
  readonly #rate: RefusalRate
  readonly #quotas: Quotas
  /** Apart, so that callers from many addresses take no bucket of a user. */
  readonly #anonymousQuotas: Quotas
  readonly #filters: PolicyFilters
  readonly #refusalForm: RefusalForm

  constructor({ authority, answers, now, maxBody, refusalForm }: OperationGuardOptions) {
    this.#refusalForm = refusalForm
    this.maxBody = maxBody
    this.#authority = authority
    this.#answers = answers
    this.#rate = new RefusalRate(now)
    this.#quotas = new Quotas(now)
    this.#anonymousQuotas = new Quotas(now)
    this.#filters = new PolicyFilters(authority)
  }

  /**
   * Takes all steps: presence of a body → throttle and arrival → form → length → messages →
   * operations and their scopes.
   *
   * @returns the request that may proceed, or the answer that refuses it
   * @throws errors of reading the body and of a policy function
   */
  enter(
    visitor: Visitor,
    request: GuardRequest,
  ): GuardAnswer | Entered | Promise<GuardAnswer | Entered> {
    if (request.method === 'POST') return this.#enterWithMessage(visitor, request)
    if (!this.#authority.hasPolicy) return this.#refuseRevision(request) ?? AS_IT_IS
    const brings = request.bringsBody()
    return brings instanceof Promise
      ? brings.then((settled) => this.#enterOther(visitor, request, settled))
      : this.#enterOther(visitor, request, brings)
  }

  /** For any method but POST, with a policy. */
  #enterOther(
    visitor: Visitor,
    request: GuardRequest,
    hasBody: boolean,
  ): GuardAnswer | Entered | Promise<GuardAnswer | Entered> {
    const { method } = request
    if (hasBody) return this.#refuse(needlessBody(method), request)
    // A method that brings a message is counted with its body.
    if (bringsMessage(method)) return this.#enterWithMessage(visitor, request)
    const refused = this.#refuseRevision(request) ?? this.countArrival(visitor, request)
    if (refused !== undefined) return refused
    // The lost part of an event stream may be any answer.
    return method === 'GET' ? { body: undefined, filter: this.filterFor(visitor) } : AS_IT_IS
  }

  #refuseRevision(request: GuardRequest): GuardAnswer | undefined {
    const fault = revisionFault(request.protocolVersion)
    return fault && this.#refuse(fault, request)
  }

  #enterWithMessage(
    visitor: Visitor,
    request: GuardRequest,
  ): GuardAnswer | Entered | Promise<GuardAnswer | Entered> {
    const intake = takeIn(this.#authority.hasPolicy ? this : undefined, visitor, request)
    if (intake === 'as it is') return AS_IT_IS
    if (intake === 'to be read') return this.#enterBody(visitor, request)
    return 'outcome' in intake ? intake : this.#refuse(intake, request)
  }

  async #enterBody(visitor: Visitor, request: GuardRequest): Promise<GuardAnswer | Entered> {
    const body = await request.readBody(this.maxBody)
    if (body === undefined) return this.#refuse(bodyTooLong(this.maxBody), request)
    const { bodyBeside } = request
    if (!this.#authority.hasPolicy) {
      // A proxy that routes or authorizes by the mirrored fields must see what the handler reads.
      const read = messagesOf(body, request, bodyBeside)
      return 'code' in read ? this.#refuse(read, request) : { body, filter: undefined }
    }
    const authorized = this.authorize(visitor, body, request, bodyBeside)
    return 'outcome' in authorized ? authorized : { body, filter: authorized.filter }
  }

  /**
   * 429 before a body is read: for a caller who was refused too often, or beyond the limit for
   * callers without a token.
   */
  admit(visitor: Visitor, request: AnsweredRequest): GuardAnswer | undefined {
    return this.#throttle(visitor, request) ?? this.countArrival(visitor, request)
  }

  /** 429 for a caller who was refused too often. */
  #throttle(visitor: Visitor, request: AnsweredRequest): GuardAnswer | undefined {
    const rate = this.#rate
    const wait = rate.isIdle ? undefined : rate.waitOf(countedKey(visitor))
    if (wait === undefined) return undefined
    const answers = this.#answers
    const requestId = answers.idOf(request)
    const { issuer, subject, clientId } = namesOf(visitor)
    answers.emit?.({ type: 'operation.throttled', requestId, issuer, subject, clientId, ...wait })
    const body = errorBody('too_many_requests', 'Too many requests of this caller were refused')
    const headers = { 'Retry-After': String(wait.retryAfter) }
    return answers.give(request, requestId, 429, body, headers)
  }

  #countRefusal(visitor: Visitor): void {
    this.#rate.count(countedKey(visitor))
  }

  /**
   * Reads and authorizes a body as the handler sees it.
   *
   * @param sent the bytes that arrived, if a handler may see them besides a parser's result
   * @throws errors of a policy function
   */
  authorize(
    visitor: Visitor,
    body: Uint8Array,
    request: OperationsRequest,
    sent?: Uint8Array,
  ): GuardAnswer | AllowedMessages {
    const read = this.read(visitor, body, request, sent)
    if ('outcome' in read) return read
    if ('code' in read) return this.refuseMessage(read, request)
    return this.authorizeMessages(visitor, read.messages, request)
  }

  /** The first half of {@link authorize}. A body that is refused counts as a refusal. */
  read(
    visitor: Visitor,
    body: Uint8Array,
    request: OperationsRequest,
    sent?: Uint8Array,
  ): GuardAnswer | InvalidMessage | ReadMessages {
    // Requests that arrived together with the one too many had not been counted on arrival.
    const throttled = this.#throttle(visitor, request)
    if (throttled !== undefined) return throttled
    const read = messagesOf(body, request, sent)
    // Finding this out costs as much as authorizing.
    if ('code' in read) this.#countRefusal(visitor)
    else if (read.hasAnswers && visitor.outcome === 'anonymous' && !visitor.hasSession) {
      return this.demandToken(request, 'an answer without a session needs a token')
    }
    return read
  }

  /** The second half of {@link authorize}. */
  authorizeMessages(
    visitor: Visitor,
    messages: readonly RpcMessage[],
    request: OperationsRequest,
  ): GuardAnswer | AllowedMessages {
    const authority = this.#authority
    const operations = operationsOfAll(messages, (each) => authority.isOfForeignUser(each))
    if (operations instanceof UnclearOperation) {
      const { reason } = operations
      const unclear = { code: RPC.invalidParams, reason, id: idOf(messages), text: UNCLEAR_NAMES }
      // As with a body that cannot be read.
      this.#countRefusal(visitor)
      return this.refuseMessage(unclear, request)
    }
    const denied = this.#denialOf(visitor, operations, request)
    if (denied !== undefined) {
      const result = asToolResult(denied, messages, this.#refusalForm, request, this.#answers)
      return result ?? this.#answerOf(denied, request)
    }
    const limited = this.#limit(visitor, operations, request)
    if (limited !== undefined) return limited
    const isList = messages.some(({ method }) => isListMethod(method))
    return { messages, filter: isList ? this.filterFor(visitor) : undefined }
  }

  #denialOf(
    visitor: Visitor,
    operations: readonly McpOperation[],
    { requestId, protocolVersion }: OperationsRequest,
  ): Denied | undefined {
    const authority = this.#authority
    if (visitor.outcome === 'anonymous') {
      return authorizeAnonymous(visitor, operations, authority, this.#answers, requestId)
    }
    const asked = { requestId, protocolVersion }
    const denied = authority.authorizeOperations(visitor.token, operations, asked)
    if (denied !== undefined) this.#countRefusal(visitor)
    return denied
  }

  #answerOf({ status, headers, body }: Denied, { origin }: AnsweredRequest): GuardAnswer {
    const cors = this.#answers.corsHeaders(origin)
    return { outcome: 'answer', status, headers: { ...headers, ...cors }, body }
  }

  /** 401 for a request without a token. */
  demandToken(request: AnsweredRequest, reason: string): GuardAnswer {
    return this.#answerOf(this.#authority.demandToken(request.requestId, reason), request)
  }

  /**
   * One use for each request without a token, whatever becomes of it.
   *
   * @returns the 429 beyond the limit for callers without a token
   */
  countArrival(visitor: Visitor, request: AnsweredRequest): GuardAnswer | undefined {
    const { policy } = this.#authority
    if (visitor.outcome !== 'anonymous' || policy?.publicPart === undefined) return undefined
    return this.#take([arrivalOf(policy.publicPart, visitor)], visitor, request)
  }

  /** 429 for a use beyond a limit of the policy. No operation is counted then. */
  #limit(
    visitor: Visitor,
    operations: readonly McpOperation[],
    request: AnsweredRequest,
  ): GuardAnswer | undefined {
    const { policy } = this.#authority
    if (policy === undefined || (!policy.hasLimits && visitor.outcome !== 'anonymous')) {
      return undefined
    }
    return this.#take(usesOf(policy, visitor, operations), visitor, request)
  }

  #take(
    uses: readonly LimitUse[],
    visitor: Visitor,
    request: AnsweredRequest,
  ): GuardAnswer | undefined {
    const isAnonymous = visitor.outcome === 'anonymous'
    const reached = (isAnonymous ? this.#anonymousQuotas : this.#quotas).take(uses)
    if (reached === undefined) return undefined
    const { limit, retryAfter, isFirst } = reached
    const answers = this.#answers
    const requestId = answers.idOf(request)
    answers.emit?.({
      type: 'operation.limited',
      requestId,
      ...namesOf(visitor),
      limit: limit.text,
      retryAfter,
      isFirst,
    })
    const body = errorBody('too_many_requests', `The limit is ${limit.text}`)
    return answers.give(request, requestId, 429, body, { 'Retry-After': String(retryAfter) })
  }

  /**
   * The filter of a stream that answers no single request and could repeat any answer
   * (`Last-Event-ID`).
   */
  filterFor(visitor: Visitor): AnswerFilter | undefined {
    return this.#filters.filterFor(visitor)
  }

  /** 400 with an error of JSON-RPC. */
  refuseMessage({ code, reason, id, text }: InvalidMessage, request: AnsweredRequest): GuardAnswer {
    return this.#answers.refuseUnread(request, 400, reason, rpcError(id, code, text))
  }

  #refuse(fault: FormFault | InvalidMessage, request: AnsweredRequest): GuardAnswer {
    if ('text' in fault) return this.refuseMessage(fault, request)
    const { status, reason, error, description, headers } = fault
    const body = errorBody(error, description)
    return this.#answers.refuseUnread(request, status, reason, body, headers)
  }
}
