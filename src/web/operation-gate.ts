/**
 * What a request asks for, judged once its body is there: shared by all hosts.
 *
 * @module
 */
import { quoted } from '../errors.js'
import type { Emit } from '../events.js'
import { callerKey } from '../rs/caller-key.js'
import { isContentCoded } from './content-coding.js'
import { answerHeaders, errorBody, type Authenticated } from '../rs/decision.js'
import { isBehind, isStateless } from '../mcp/protocol-revision.js'
import type { GateAnswer } from './gate.js'
import { isListMethod, ListFilter } from '../policy/list-filter.js'
import { ListMemory } from '../policy/list-memory.js'
import { isJsonInUtf8, NO_JSON_IN_UTF8 } from './media-type.js'
import { holdTheSame, readMessages, type RpcMessage, type Unreadable } from '../mcp/message.js'
import { operationsOf, UnclearOperation, type McpOperation } from '../mcp/operation.js'
import { RefusalRate } from './refusal-rate.js'
import type { ResourceServer } from '../rs/resource-server.js'
import { RPC, rpcError } from '../mcp/rpc-error.js'

/** The parts of a request that decide about what it asks for. */
export interface OperationsRequest {
  readonly origin: string | undefined
  readonly requestId?: string | undefined
  /** `MCP-Protocol-Version`. */
  readonly protocolVersion: string | undefined
}

/** Methods of HTTP that bring no message, whoever handles them: a body is then too much. */
const WITHOUT_MESSAGE = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS'])

/** Whether a request of this HTTP method asks for something by its body, or by having none. */
export function bringsMessage(method: string): boolean {
  return !WITHOUT_MESSAGE.has(method)
}

/** Messages that may go on. */
export interface Permission {
  readonly messages: readonly RpcMessage[]
  /** What the answer must be filtered by; `undefined`: it passes as it is. */
  readonly filter: ListFilter | undefined
}

export interface OperationGate {
  /** Bytes of a body that is read. */
  readonly maxBody: number
  /** 400 for a body that comes with another method than POST: nobody judges it, and a handler may read it. */
  refuseMethod(method: string, request: OperationsRequest): GateAnswer
  /** 415 for a body that is encoded, or is not JSON in UTF-8: nobody would read what was judged (HDR-08). */
  refuseForm(
    fields: {
      readonly contentEncoding: string | undefined
      readonly contentType: string | undefined
    },
    request: OperationsRequest,
  ): GateAnswer | undefined
  /** 413. */
  refuseLength(request: OperationsRequest): GateAnswer
  /** 429 for a caller who was refused too often, before anything of his is read. */
  throttle(authenticated: Authenticated, request: OperationsRequest): GateAnswer | undefined
  /**
   * Reads and judges a body, as the handler sees it.
   *
   * @param sent the bytes that came, where a handler may see them beside what somebody made of them
   * @throws whatever a policy throws that is a function
   */
  judge(
    authenticated: Authenticated,
    body: Uint8Array,
    request: OperationsRequest,
    sent?: Uint8Array,
  ): GateAnswer | Permission
  /** The same, of messages that were read, and of a caller who was not refused too often. */
  judgeMessages(
    authenticated: Authenticated,
    messages: readonly RpcMessage[],
    request: OperationsRequest,
  ): GateAnswer | Permission
  /** One more refusal of a caller, for what was found out elsewhere. */
  countRefusal(authenticated: Authenticated): void
  /** For a stream that answers no single request and could bring any answer again (`Last-Event-ID`). */
  filterFor(authenticated: Authenticated): ListFilter | undefined
}

export interface OperationGateOptions {
  readonly resourceServer: ResourceServer
  readonly now: () => number
  readonly emit: Emit | undefined
  readonly nextRequestId: () => string
  readonly corsHeaders: (origin: string | undefined) => Readonly<Record<string, string>>
  /** Bytes. */
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

function operationsOfAll(
  messages: readonly RpcMessage[],
  isOfForeignUser: ResourceServer['isOfForeignUser'],
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

export function createOperationGate(options: OperationGateOptions): OperationGate {
  const { resourceServer, emit, nextRequestId, corsHeaders } = options
  const rate = new RefusalRate(options.now)
  const memory = new ListMemory()

  function answer(
    status: number,
    requestId: string,
    body: string,
    { origin }: OperationsRequest,
    headers: Readonly<Record<string, string>> = {},
  ): GateAnswer {
    const all = { ...answerHeaders(requestId), ...headers, ...corsHeaders(origin) }
    return { outcome: 'answer', status, headers: all, body }
  }

  function throttle(
    authenticated: Authenticated,
    request: OperationsRequest,
  ): GateAnswer | undefined {
    const wait = rate.isIdle ? undefined : rate.waitOf(callerKey(authenticated))
    if (wait === undefined) return undefined
    const { issuer, subject, clientId } = authenticated.token
    const requestId = request.requestId ?? nextRequestId()
    emit?.({ type: 'operation.throttled', requestId, issuer, subject, clientId, ...wait })
    const body = errorBody('too_many_requests', 'Too many requests of this caller were refused')
    return answer(429, requestId, body, request, { 'Retry-After': String(wait.retryAfter) })
  }

  /** Of what cannot be judged. */
  function refuse(
    status: number,
    reason: string,
    body: string,
    request: OperationsRequest,
    headers?: Readonly<Record<string, string>>,
  ): GateAnswer {
    const requestId = request.requestId ?? nextRequestId()
    emit?.({ type: 'operation.unreadable', requestId, reason })
    return answer(status, requestId, body, request, headers)
  }

  /** It costs as much to find out as what is judged, and counts as a refusal. */
  function refuseUnreadable(
    { code, reason, id }: Unreadable,
    authenticated: Authenticated,
    request: OperationsRequest,
  ): GateAnswer {
    countRefusal(authenticated)
    const text = code === RPC.invalidParams ? UNCLEAR_NAMES : UNREADABLE
    return refuse(400, reason, rpcError(id, code, text), request)
  }

  function refuseBody(
    status: number,
    error: string,
    description: string,
    request: OperationsRequest,
    headers?: Readonly<Record<string, string>>,
  ): GateAnswer {
    return refuse(status, description, errorBody(error, description), request, headers)
  }

  function refuseMethod(method: string, request: OperationsRequest): GateAnswer {
    const body = errorBody('invalid_request', 'Only POST brings a body')
    return refuse(400, `a body that comes with ${quoted(method, 20)}`, body, request)
  }

  function refuseForm(
    { contentEncoding, contentType }: Parameters<OperationGate['refuseForm']>[0],
    request: OperationsRequest,
  ): GateAnswer | undefined {
    const error = 'unsupported_media_type'
    if (isContentCoded(contentEncoding)) {
      const headers = { 'Accept-Encoding': 'identity' }
      return refuseBody(415, error, 'The body must not be encoded', request, headers)
    }
    return isJsonInUtf8(contentType) ? undefined : refuseBody(415, error, NO_JSON_IN_UTF8, request)
  }

  function refuseLength(request: OperationsRequest): GateAnswer {
    const description = `The body is larger than ${options.maxBody} bytes`
    return refuseBody(413, 'content_too_large', description, request)
  }

  function countRefusal(authenticated: Authenticated): void {
    rate.count(callerKey(authenticated))
  }

  function filterFor({ token }: Authenticated): ListFilter | undefined {
    if (!resourceServer.filtersLists) return undefined
    return new ListFilter(
      (operation) => resourceServer.mayUse(token, operation),
      memory,
      resourceServer.sameUse(token),
    )
  }

  function judgeMessages(
    authenticated: Authenticated,
    messages: readonly RpcMessage[],
    request: OperationsRequest,
  ): GateAnswer | Permission {
    const { protocolVersion } = request
    const operations = operationsOfAll(messages, resourceServer.isOfForeignUser)
    if (operations instanceof UnclearOperation) {
      const id = messages.length === 1 ? (messages[0] as RpcMessage).id : 'null'
      const unclear = { code: RPC.invalidParams, reason: operations.reason, id }
      return refuseUnreadable(unclear, authenticated, request)
    }
    const { requestId } = request
    const denied = resourceServer.authorizeOperations(authenticated.token, operations, {
      requestId,
      protocolVersion,
    })
    if (denied !== undefined) {
      countRefusal(authenticated)
      const headers = { ...denied.headers, ...corsHeaders(request.origin) }
      return { outcome: 'answer', status: denied.status, headers, body: denied.body }
    }
    const isList = messages.some(({ method }) => isListMethod(method))
    return { messages, filter: isList ? filterFor(authenticated) : undefined }
  }

  function judge(
    authenticated: Authenticated,
    body: Uint8Array,
    request: OperationsRequest,
    sent?: Uint8Array,
  ): GateAnswer | Permission {
    // Those that came together with the one that was too much had not been counted when they came.
    const throttled = throttle(authenticated, request)
    if (throttled !== undefined) return throttled
    const read = readMessages(body)
    if ('code' in read) return refuseUnreadable(read, authenticated, request)
    const refuseMessages = (reason: string) => {
      const unclear = { code: RPC.invalidRequest, reason, id: 'null' }
      return refuseUnreadable(unclear, authenticated, request)
    }
    const { messages, isBatch } = read
    const { protocolVersion = BATCH_VERSION } = request
    if (isBatch && protocolVersion !== BATCH_VERSION) {
      return refuseMessages('a batch, in a version without them')
    }
    if (isStateless(request.protocolVersion) && messages.length !== 1) {
      return refuseMessages('an answer, in a version without requests of servers')
    }
    if (sent !== undefined && !holdTheSame(body, sent)) {
      return refuseMessages('what a body parser made of the body asks for something else')
    }
    if (messages.some(({ params }) => isBehind(request.protocolVersion, params))) {
      const reason = 'MCP-Protocol-Version does not match the body'
      const id = messages.length === 1 ? (messages[0] as RpcMessage).id : 'null'
      countRefusal(authenticated)
      return refuse(400, reason, rpcError(id, RPC.headerMismatch, reason), request)
    }
    return judgeMessages(authenticated, messages, request)
  }

  const { maxBody } = options
  return {
    maxBody,
    refuseMethod,
    refuseForm,
    refuseLength,
    throttle,
    judge,
    judgeMessages,
    countRefusal,
    filterFor,
  }
}
