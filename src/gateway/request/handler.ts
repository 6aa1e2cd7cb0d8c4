/**
 * What happens to a request, in order: form, size, host, path; then origin and token by the gate; then encoding
 * and method; then, in the stateless era or with a policy, its message; then it is forwarded.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { quoted } from '../../errors.js'
import { whereThrown } from '../../events.js'
import type { Gate, GateAnswer, GateOutcome, GateRequest } from '../../web/gate.js'
import { answer, refuseOrigin } from '../../web/gate.js'
import { isStateless } from '../../mcp/protocol-revision.js'
import { NO_JSON_IN_UTF8 } from '../../web/media-type.js'
import type { OperationsRequest } from '../../web/operation-gate.js'
import { ENDPOINT_METHODS, type Origins } from '../../web/origins.js'
import { errorAnswer, isGone, onceOver, sendAnswer, unreadOf, type OwnAnswer } from './answer.js'
import { Place, type Admission } from './admission.js'
import type { AuditTrail } from '../audit.js'
import type { AdmittedRequest, OpenRequest } from './backend.js'
import { readBody, tooManyRequests } from './body.js'
import { ANYBODY, callerOf, type Caller } from './caller.js'
import type { GatewayEventListener, RequestRefused } from '../events.js'
import { isJudgeable, judgeMessage, judgeUnread, type MessageRefusal } from './message.js'
import type { HeadReader, RequestHead } from './head.js'
import type { FindSite } from '../routes.js'
import { RPC, rpcError } from '../../mcp/rpc-error.js'
import { rpcErrorAnswer } from './rpc-answer.js'
import type { Site } from '../site.js'
import { parseTarget, type RequestTarget } from './target.js'
import { cutAnswer } from './turns.js'

export interface RequestHandlerOptions {
  /** The resource that a path and a host lead to. */
  readonly findSite: FindSite<Site>
  /** Before it is known which resource a request is for. */
  readonly readHead: HeadReader
  readonly isHostAllowed: (host: string) => boolean
  readonly randomUUID: () => string
  /** Bytes of a body that must be judged. */
  readonly maxBody: number
  readonly isDraining: () => boolean
  /** How much each caller may take. */
  readonly admission: Admission
  /** A request waits for its token to be judged; the function is called when it does not any more. */
  readonly onWaiting: () => () => void
  readonly emit: GatewayEventListener | undefined
  readonly audit: AuditTrail | undefined
  /** The request goes on. It begins when it is told to. */
  readonly open: (site: Site, admitted: AdmittedRequest) => OpenRequest
}

export type RequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  expectation?: Expectation,
) => void

/** What the client expects before it sends its body (RFC 9110 §10.1.1). */
type Expectation = 'nothing' | '100-continue' | 'unknown'

function ignore(): void {
  // What is written to an answer that has ended is of no interest to anybody.
}

class GatewayRequest implements GateRequest {
  readonly method: string
  readonly path: string
  readonly requestId: string
  readonly mounted = false
  readonly head: RequestHead

  constructor(method: string, path: string, requestId: string, head: RequestHead) {
    this.method = method
    this.path = path
    this.requestId = requestId
    this.head = head
  }

  get authorization(): RequestHead['authorization'] {
    return this.head.authorization
  }
  get origin(): string | undefined {
    return this.head.origin
  }
  get requestedHeaders(): string | undefined {
    return this.head.requestedHeaders
  }
}

const FORWARDED_METHODS = new Set(['GET', 'POST', 'DELETE'])
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE'])

export function createRequestHandler(options: RequestHandlerOptions): RequestHandler {
  const { findSite, readHead, emit, randomUUID } = options

  return function handle(request, response, expectation = 'nothing') {
    const expectsContinue = expectation === '100-continue'
    const startedAt = performance.now()
    const requestId = randomUUID()
    const method = request.method ?? 'GET'
    let head = readHead(request.rawHeaders)
    options.audit?.begin(requestId, head)
    /** The resource that the request is for, once that is known, where there are several. */
    let tag: string | undefined
    /** What became of it, where it went on: then it tells of its end itself. */
    let opened: OpenRequest | undefined
    let isToldLeft = false
    let place: Place | undefined
    response.on('error', ignore)
    if (options.isDraining()) response.shouldKeepAlive = false

    function send({ status, headers, body }: OwnAnswer): void {
      if (isGone(request, response)) return tellLeft()
      place?.leave()
      sendAnswer(
        request,
        response,
        { status, headers: { ...headers, 'X-Request-Id': requestId }, body },
        request.complete ? 0 : unreadOf(head, expectation !== 'nothing'),
      )
      if (emit === undefined) return
      onceOver(request, response, (isSent) => {
        const end = isSent ? 'whole' : 'client left'
        const seconds = (performance.now() - startedAt) / 1000
        const from = 'gateway'
        emit({ type: 'request.completed', requestId, method, status, from, end, seconds }, tag)
      })
    }

    function refuse(
      refusal: Omit<RequestRefused, 'type' | 'requestId'>,
      error: string,
      description: string,
      headers: Readonly<Record<string, string>> = {},
    ): void {
      emit?.({ type: 'request.refused', requestId, ...refusal }, tag)
      send(errorAnswer(refusal.status, requestId, error, description, headers))
    }

    /** What is no request as HTTP wants it. */
    function refuseForm(reason: string, headers?: Readonly<Record<string, string>>): void {
      refuse(
        { status: 400, code: 'ERR_REQUEST_MALFORMED', reason },
        'invalid_request',
        'The request is malformed',
        headers,
      )
    }

    /** Of a client that left before there was an answer. */
    function tellLeft(): void {
      if (isToldLeft || opened !== undefined) return
      isToldLeft = true
      place?.leave()
      options.audit?.leave(requestId)
      const seconds = (performance.now() - startedAt) / 1000
      const end = 'client left'
      const from = 'gateway'
      emit?.({ type: 'request.completed', requestId, method, status: 0, from, end, seconds }, tag)
    }

    /** A bug of ours must neither leave the request open nor end the process. */
    function crash(error: unknown): void {
      opened?.giveUp()
      emit?.({ type: 'request.failed', requestId, where: whereThrown(error) }, tag)
      if (response.headersSent) return cutAnswer(response)
      const failed = errorAnswer(500, requestId, 'server_error', 'Internal error')
      if (opened === undefined) send(failed)
      else sendAnswer(request, response, failed, unreadOf(head, expectation !== 'nothing'))
    }

    function guard(step: () => void): void {
      try {
        step()
      } catch (error) {
        crash(error)
      }
    }

    function goOn(site: Site, admitted: AdmittedRequest): void {
      if (isGone(request, response)) return tellLeft()
      opened = options.open(site, admitted)
      opened.begin()
    }

    /** The client sent what is no message, or not the one that its header fields name. */
    function refuseMessage(
      { code, reason, id, text }: MessageRefusal,
      headers: Readonly<Record<string, string>>,
    ): void {
      const isMismatch = code === RPC.headerMismatch
      emit?.(
        {
          type: 'request.refused',
          requestId,
          status: 400,
          code: isMismatch ? 'ERR_HEADER_MISMATCH' : 'ERR_BODY_UNREADABLE',
          reason,
        },
        tag,
      )
      send(rpcErrorAnswer(400, requestId, rpcError(id, code, text), headers))
    }

    /** Judges what is in a body, by its era and by the policy. */
    function judgeBody(
      gate: Gate | undefined,
      { caller: { authenticated } }: AdmittedRequest,
      body: Buffer,
      asked: OperationsRequest,
    ): GateAnswer | MessageRefusal | Pick<AdmittedRequest, 'message' | 'filter'> {
      const operations = gate?.operations
      const message = isStateless(asked.protocolVersion) ? judgeMessage(body, head) : undefined
      if (message !== undefined && 'text' in message) {
        if (authenticated !== undefined) operations?.countRefusal(authenticated)
        return message
      }
      if (operations === undefined || authenticated === undefined) {
        return { message, filter: undefined }
      }
      const permission =
        message === undefined
          ? operations.judge(authenticated, body, asked)
          : (operations.throttle(authenticated, asked) ??
            operations.judgeMessages(authenticated, [message], asked))
      if ('messages' in permission) options.audit?.read(requestId, permission.messages)
      return 'outcome' in permission ? permission : { message, filter: permission.filter }
    }

    /** Reads the message, where it must be judged, and forwards what was judged. */
    function forward(site: Site, admitted: AdmittedRequest): void {
      const { gate } = site
      const { corsHeaders, caller } = admitted
      const operations = gate?.operations
      const { authenticated } = caller
      if (method !== 'POST') {
        // What was lost of a stream of events may be any answer.
        const isStream = method === 'GET' && authenticated !== undefined
        const filter = isStream ? operations?.filterFor(authenticated) : undefined
        return goOn(site, filter === undefined ? admitted : { ...admitted, filter })
      }
      const unread = judgeUnread(head, operations !== undefined)
      if (unread === 'as it is') return goOn(site, admitted)
      if (unread !== 'to be read') return refuseMessage(unread, corsHeaders)
      if (!isJudgeable(head)) {
        return refuse(
          { status: 415, code: 'ERR_BODY_UNREADABLE', reason: NO_JSON_IN_UTF8 },
          'unsupported_media_type',
          NO_JSON_IN_UTF8,
          corsHeaders,
        )
      }
      const asked = { origin: head.origin, requestId, protocolVersion: head.protocolVersion }
      if (operations !== undefined && authenticated !== undefined) {
        const throttled = operations.throttle(authenticated, asked)
        if (throttled !== undefined) return send(throttled)
      }
      const read = options.onWaiting()
      let isRead = false
      const isFirst = () => {
        if (isRead) return false
        isRead = true
        return true
      }
      // A request that ends well is closed too, and later.
      request.once('close', () => {
        if (!isFirst()) return
        read()
        tellLeft()
      })
      function settleBody(body: Buffer): void {
        if (isGone(request, response)) return tellLeft()
        try {
          const judged = judgeBody(gate, admitted, body, asked)
          if ('text' in judged) refuseMessage(judged, corsHeaders)
          else if ('outcome' in judged) send(judged)
          else goOn(site, { ...admitted, body, ...judged })
        } catch (error) {
          // A policy that is a function may throw; what it did not allow is not forwarded.
          if (gate === undefined || opened !== undefined) throw error
          send(gate.fail(error, { origin: head.origin, requestId }))
        }
      }
      readBody(
        admitted,
        options.maxBody,
        (body) => {
          if (!isFirst()) return
          guard(() => settleBody(body))
          read()
        },
        ({ refusal, error, description, headers }) => {
          if (!isFirst()) return
          refuse(refusal, error, description, { ...corsHeaders, ...headers })
          read()
        },
      )
    }

    function admit(site: Site, target: RequestTarget, caller: Caller): void {
      options.audit?.identify(requestId, caller)
      // Who left while we waited for keys asks for nothing any more.
      if (isGone(request, response)) return tellLeft()
      const corsHeaders = site.origins.corsHeaders(head.origin)
      const { contentEncoding } = head
      if (WITHOUT_BODY.has(method) && head.hasBody) {
        // It means nothing (RFC 9110 §9.3.1), and a server that does not read it takes it for the next request.
        const reason = `a body that comes with ${method}`
        return refuse(
          { status: 400, code: 'ERR_BODY_UNREADABLE', reason },
          'invalid_request',
          'Only POST brings a body',
          corsHeaders,
        )
      }
      const repeated = head.repeated.find((name) => {
        // Those of a POST are a mismatch, and a session that is bound to its caller is unknown.
        if (name === 'mcp-protocol-version') return method !== 'POST'
        return name !== 'mcp-session-id' || site.gate === undefined
      })
      if (repeated !== undefined) return refuseForm(`several ${repeated} fields`, corsHeaders)
      if (!FORWARDED_METHODS.has(method)) {
        const reason = `method ${quoted(method, 20)}`
        return refuse(
          { status: 405, code: 'ERR_METHOD_NOT_ALLOWED', reason },
          'method_not_allowed',
          'The MCP endpoint takes GET, POST and DELETE',
          { ...corsHeaders, Allow: ENDPOINT_METHODS },
        )
      }
      if (contentEncoding !== undefined && !/^identity$/i.test(contentEncoding)) {
        const reason = `Content-Encoding ${quoted(contentEncoding, 40)}`
        return refuse(
          { status: 415, code: 'ERR_BODY_ENCODED', reason },
          'unsupported_media_type',
          'The body must not be encoded',
          // RFC 9110 §15.5.16: says that it is the coding, not the type.
          { ...corsHeaders, 'Accept-Encoding': 'identity' },
        )
      }
      const entered = options.admission.enter(caller.principalKey ?? '')
      if (!(entered instanceof Place)) {
        const { refusal, error, description, headers } = tooManyRequests(entered)
        return refuse(refusal, error, description, { ...corsHeaders, ...headers })
      }
      place = entered
      forward(site, {
        request,
        response,
        head,
        query: target.query,
        requestId,
        caller,
        corsHeaders,
        expectsContinue,
        body: undefined,
        message: undefined,
        filter: undefined,
        startedAt,
        place,
        fail: crash,
      })
    }

    function settle(site: Site, gate: Gate, target: RequestTarget, outcome: GateOutcome): void {
      if (outcome === undefined) return notFound()
      if (outcome.outcome === 'answer') return send(outcome)
      admit(site, target, callerOf(outcome, gate.resourceServer))
    }

    function notFound(): void {
      // Browser clients look for documents that are not ours, and must be able to see that there are none.
      const cors = { 'Access-Control-Allow-Origin': '*' }
      send(errorAnswer(404, requestId, 'not_found', 'There is nothing here', cors))
    }

    function dispatch(): void {
      if (head.isTooLarge) {
        return refuse(
          {
            status: 431,
            code: 'ERR_HEADERS_TOO_LARGE',
            reason: 'header fields of more than 32 KiB',
          },
          'header_fields_too_large',
          'The header fields are too large',
        )
      }
      const target = parseTarget(request.url ?? '')
      if (target === undefined) return refuseForm('the target is not in origin form')
      if (head.isCoded) return refuseForm('a transfer coding other than chunked')
      if (head.hosts !== 1) return refuseForm(`${head.hosts} Host fields`)
      if (!options.isHostAllowed(head.host)) {
        return refuse(
          {
            status: 403,
            code: 'ERR_HOST_FOREIGN',
            reason: `Host ${quoted(head.host)}`,
            hint: 'if clients reach it by this name: --allow-host',
          },
          'host_not_allowed',
          'This server is not known under this name',
        )
      }
      if (expectation === 'unknown') {
        const reason = `Expect ${quoted(request.headers.expect, 40)}`
        return refuse(
          { status: 417, code: 'ERR_REQUEST_MALFORMED', reason },
          'expectation_failed',
          'Only 100-continue can be expected here',
        )
      }
      const { path } = target
      const site = findSite(path, head.host)
      if (site === undefined) return notFound()
      tag = site.tag
      // Which header fields go on is its own affair.
      if (site.readHead !== readHead) head = site.readHead(request.rawHeaders)
      // What we go by, or set, would not be there for the next hop (RFC 9110 §7.6.1).
      if (head.nominated !== undefined) return refuseForm('Connection names a field of ours')
      const { gate, origins } = site
      if (gate !== undefined) {
        const outcome = gate.handle(new GatewayRequest(method, path, requestId, head))
        if (!(outcome instanceof Promise)) return settle(site, gate, target, outcome)
        // The gate's promise does not reject: it answers 500 for what it did not expect.
        const judged = options.onWaiting()
        void outcome.then((settled) => {
          guard(() => settle(site, gate, target, settled))
          judged()
        })
        return
      }
      const { origin } = head
      if (origin !== undefined && !origins.isAllowed(origin)) {
        emit?.({ type: 'origin.refused', requestId, origin: quoted(origin) }, tag)
        return send(refuseOrigin(requestId))
      }
      if (method === 'OPTIONS') return send(preflight(origins, head))
      admit(site, target, ANYBODY)
    }

    guard(dispatch)
  }
}

function preflight(origins: Origins, head: RequestHead): GateAnswer {
  return answer(204, origins.preflightHeaders(head.origin, head.requestedHeaders))
}
