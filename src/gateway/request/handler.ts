/**
 * Handles a request, in this order: form, size, health check, host, path; then origin and token by the guard;
 * then method and encoding; then, in a stateless revision or with a policy, its message in the order
 * of `web/message-intake.ts`; then it is forwarded.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { answer, type GuardAnswer } from '../../web/answers.js'
import type { Guard, HeadOutcome } from '../../web/guard.js'
import { isStateless } from '../../mcp/protocol-revision.js'
import { takeIn } from '../../web/message-intake.js'
import { answerByOrigin } from '../../web/origin-check.js'
import {
  errorAnswer,
  isGone,
  onceOver,
  sendAnswer,
  unreadOf,
  type OwnAnswer,
  type Refused,
} from './answer.js'
import type { Clock } from '../clock.js'
import { Place, type Admission } from './admission.js'
import type { AdmittedRequest } from './backend.js'
import { readBody, tooManyRequests } from './body.js'
import { AnonymousCaller, ANYBODY, callerOf, type Caller } from './caller.js'
import {
  checkCoding,
  checkEndpointForm,
  checkExpectation,
  checkForm,
  checkHost,
  checkNeedlessBody,
  checkNominated,
  refusedFor,
  type Expectation,
} from './form.js'
import { GatewayRequest, MessageRequest } from './guard-request.js'
import { typesFault } from './message.js'
import { readStatelessMessage, type InvalidMessage } from '../../mcp/stateless-message.js'
import type { HeadReader, RequestHead } from './head.js'
import type { FindRoute } from '../find-route.js'
import { RPC, rpcError } from '../../mcp/rpc-error.js'
import { overhear } from './overheard-body.js'
import type { OpenRequest } from './open-request.js'
import type { RequestRecord } from './record.js'
import type { Records } from './records.js'
import { rpcErrorAnswer } from './rpc-answer.js'
import type { Route } from '../route.js'
import type { RequestTarget } from './target.js'
import { cutAnswer } from './turns.js'
import type { UnservedPaths } from './unserved-paths.js'

export interface RequestHandlerOptions {
  /** Finds the resource for a path and a host. */
  readonly findRoute: FindRoute<Route>
  /** This path answers 200 to everybody, whatever the host; `undefined`: no path does. */
  readonly healthPath: string | undefined
  /** Reads the head before the resource of a request is known. */
  readonly readHead: HeadReader
  readonly isHostAllowed: (host: string) => boolean
  readonly randomUUID: () => string
  /** The size limit of a body that must be read, in bytes. */
  readonly maxBody: number
  /** The limits for callers. */
  readonly admission: Admission
  /** The limits for bodies that are read while they pass; `undefined`: none is read. */
  readonly overhearing: OverhearingLimits | undefined
  /** The records of all requests. */
  readonly records: Records
  readonly unservedPaths: UnservedPaths
  readonly clock: Clock
}

interface OverhearingLimits {
  /** Separate from the limits of requests: what is overheard takes no room from what is forwarded. */
  readonly admission: Admission
  /** Bytes. */
  readonly maxBody: number
}

export type RequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  expectation?: Expectation,
) => void

function ignore(): void {
  // Writes to an ended answer do not matter.
}

/** A body whose message must be read before the request may proceed. */
interface Awaited {
  readonly route: Route
  readonly admitted: AdmittedRequest
  readonly asked: MessageRequest
}

/** One request in the gateway, until it is answered or forwarded. */
class Passage {
  readonly #options: RequestHandlerOptions
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #expectation: Expectation
  readonly #method: string
  readonly #record: RequestRecord
  #head: RequestHead
  #place: Place | undefined
  #opened: OpenRequest | undefined
  /** The body has arrived or was refused, or the client is gone: the first of these decides. */
  #isBodySettled = false

  constructor(
    options: RequestHandlerOptions,
    request: IncomingMessage,
    response: ServerResponse,
    expectation: Expectation,
  ) {
    const { records, randomUUID, readHead } = options
    this.#options = options
    this.#request = request
    this.#response = response
    this.#expectation = expectation
    this.#method = request.method ?? 'GET'
    this.#head = readHead(request.rawHeaders)
    this.#record = records.begin(randomUUID(), this.#method, this.#head)
    response.on('error', ignore)
    if (records.isDraining) response.shouldKeepAlive = false
  }

  begin(): void {
    this.#guard(() => this.#dispatch())
  }

  // The steps, in order.

  #dispatch(): void {
    const { findRoute, readHead, isHostAllowed } = this.#options
    const target = checkForm(this.#request, this.#head)
    if ('refusal' in target) return this.#refuse(target)
    if (this.#isHealthCheck(target)) return this.#answerHealth()
    const unmeant =
      checkHost(this.#head, isHostAllowed) ?? checkExpectation(this.#request, this.#expectation)
    if (unmeant !== undefined) return this.#refuse(unmeant)
    const route = findRoute(target.path, this.#head.host)
    if (route === undefined) return this.#sayNotFound(target)
    this.#record.resource = route.resourceLabel
    this.#record.path = target.path
    // Each resource decides which header fields it forwards.
    if (route.readHead !== readHead) this.#head = route.readHead(this.#request.rawHeaders)
    const nominated = checkNominated(this.#head)
    if (nominated !== undefined) return this.#refuse(nominated)
    if (route.guard === undefined) this.#admitAnybody(route, target)
    else this.#askGuard(route, route.guard, target)
  }

  /** Without tokens only the origin is checked. */
  #admitAnybody(route: Route, target: RequestTarget): void {
    const asked = new GatewayRequest(this.#request, target.path, this.#record.id, this.#head)
    const answered = answerByOrigin(route.origins, asked, {
      idOf: () => this.#record.id,
      emit: (event) => this.#record.report(event),
    })
    if (answered === undefined) this.#admit(route, target, ANYBODY)
    else this.#send(answered)
  }

  #askGuard(route: Route, guard: Guard, target: RequestTarget): void {
    const asked = new GatewayRequest(this.#request, target.path, this.#record.id, this.#head)
    const outcome = guard.handle(asked)
    if (!(outcome instanceof Promise)) return this.#settle(route, guard, target, outcome)
    this.#record.wait()
    // The promise of the guard does not reject: it answers 500 for an unexpected error.
    void outcome.then((settled) => {
      this.#guard(() => this.#settle(route, guard, target, settled))
      this.#record.waitNoMore()
    })
  }

  #settle(route: Route, guard: Guard, target: RequestTarget, outcome: HeadOutcome): void {
    if (outcome === undefined) return this.#sayNotFound(target)
    if (outcome.outcome === 'answer') return this.#send(outcome)
    const caller =
      outcome.outcome === 'anonymous'
        ? new AnonymousCaller(outcome, guard)
        : callerOf(outcome, guard.resourceServer, route.claims)
    this.#admit(route, target, caller)
  }

  #admit(route: Route, target: RequestTarget, caller: Caller): void {
    this.#record.identify(caller)
    // A client that left while we waited for keys gets nothing.
    if (this.#isGone) return this.#leave()
    const corsHeaders = route.origins.corsHeaders(this.#head.origin)
    const fault =
      checkEndpointForm(this.#method, this.#head, route.guard !== undefined) ??
      (this.#isJudged(route) ? undefined : checkCoding(this.#head))
    if (fault !== undefined) return this.#refuse(fault, corsHeaders)
    const entered = this.#options.admission.enter(caller.countedAs)
    if (!(entered instanceof Place)) return this.#refuse(tooManyRequests(entered), corsHeaders)
    this.#place = entered
    this.#forward(route, {
      request: this.#request,
      response: this.#response,
      head: this.#head,
      query: target.query,
      record: this.#record,
      caller,
      corsHeaders,
      expectsContinue: this.#expectation === '100-continue',
      body: undefined,
      message: undefined,
      filter: undefined,
      place: entered,
      clock: this.#options.clock,
      fail: (error) => this.#crash(error),
    })
  }

  /** Whether its message is judged by a policy: then the caller is, before its form. */
  #isJudged({ guard }: Route): boolean {
    return this.#method === 'POST' && guard?.operations !== undefined
  }

  /** Reads the message if necessary, and forwards the bytes that were read. */
  #forward(route: Route, admitted: AdmittedRequest): void {
    if (this.#method !== 'POST') return this.#forwardOther(route, admitted)
    const { corsHeaders, caller } = admitted
    const asked = new MessageRequest(this.#record.id, this.#head)
    const intake = takeIn(route.guard?.operations, caller.visitor, asked)
    if (intake === 'to be read') return this.#awaitBody({ route, admitted, asked })
    if (intake === 'as it is') return this.#forwardUnread(route, admitted)
    if ('outcome' in intake) return this.#send(intake)
    if ('text' in intake) return this.#refuseMessage(intake, corsHeaders)
    this.#refuse(refusedFor(intake), corsHeaders)
  }

  #forwardUnread(route: Route, admitted: AdmittedRequest): void {
    const fault = typesFault(this.#head)
    if (fault === undefined) this.#goOn(route, admitted)
    else this.#refuseMessage(fault, admitted.corsHeaders)
  }

  /** For any method but POST. */
  #forwardOther(route: Route, admitted: AdmittedRequest): void {
    const operations = route.guard?.operations
    const { visitor } = admitted.caller
    if (operations === undefined || visitor === undefined) return this.#goOn(route, admitted)
    const asked = { origin: this.#head.origin, requestId: this.#record.id }
    const limited = operations.countArrival(visitor, asked)
    if (limited !== undefined) return this.#send(limited)
    // The lost part of an event stream may be any answer.
    const filter = this.#method === 'GET' ? operations.filterFor(visitor) : undefined
    this.#goOn(route, filter === undefined ? admitted : { ...admitted, filter })
  }

  #awaitBody(awaited: Awaited): void {
    this.#record.wait()
    // A request that succeeds is closed too, but later.
    this.#request.once('close', () => this.#settleBodyOnce(() => this.#leave()))
    readBody(
      awaited.admitted,
      this.#options.maxBody,
      (body) => this.#settleBodyOnce(() => this.#guard(() => this.#settleBody(awaited, body))),
      (refused) => this.#settleBodyOnce(() => this.#refuse(refused, awaited.admitted.corsHeaders)),
    )
  }

  #settleBodyOnce(step: () => void): void {
    if (this.#isBodySettled) return
    this.#isBodySettled = true
    step()
    this.#record.waitNoMore()
  }

  #settleBody(awaited: Awaited, body: Buffer): void {
    if (this.#isGone) return this.#leave()
    const { route, admitted, asked } = awaited
    try {
      const authorized = this.#authorizeBody(awaited, body)
      if ('text' in authorized) this.#refuseMessage(authorized, admitted.corsHeaders)
      else if ('outcome' in authorized) this.#send(authorized)
      else this.#goOn(route, { ...admitted, body, ...authorized })
    } catch (error) {
      // A policy function may throw; the request is then not forwarded.
      if (route.guard === undefined || this.#opened !== undefined) throw error
      this.#send(route.guard.fail(error, asked))
    }
  }

  /** Validates the messages of a body by their revision, and authorizes their operations. */
  #authorizeBody(
    { route, admitted, asked }: Awaited,
    body: Buffer,
  ): GuardAnswer | InvalidMessage | Pick<AdmittedRequest, 'message' | 'filter'> {
    const operations = route.guard?.operations
    const { visitor } = admitted.caller
    if (operations === undefined || visitor === undefined) {
      const message = readStatelessMessage(body, asked.mirrored)
      return 'text' in message ? message : { message, filter: undefined }
    }
    const read = operations.read(visitor, body, asked)
    if ('outcome' in read) return read
    const isMirrored = isStateless(asked.protocolVersion)
    // The record of a stateless message says whether its fields do not match it.
    if ('code' in read) return isMirrored ? read : operations.refuseMessage(read, asked)
    const permission = operations.authorizeMessages(visitor, read.messages, asked)
    if ('outcome' in permission) return permission
    this.#record.read(permission.messages)
    return { message: isMirrored ? read.messages[0] : undefined, filter: permission.filter }
  }

  #goOn({ backend }: Route, admitted: AdmittedRequest): void {
    if (this.#isGone) return this.#leave()
    this.#record.allow(admitted.message)
    const opened = backend.open(admitted)
    this.#opened = opened
    this.#record.goOn(opened)
    opened.begin()
    // Afterwards, so that the body is forwarded before it is read.
    const { overhearing } = this.#options
    if (overhearing !== undefined && !backend.readsMessages) this.#overhear(admitted, overhearing)
  }

  /** Reads what no other part reads, for the audit. */
  #overhear(
    { request, response, head, caller, body }: AdmittedRequest,
    { admission, maxBody }: OverhearingLimits,
  ): void {
    if (this.#method !== 'POST' || body !== undefined) return
    const enter = () => {
      const place = admission.enter(caller.countedAs)
      return place instanceof Place ? place : undefined
    }
    const onOver = (leave: () => void) => onceOver(request, response, leave)
    overhear({ request, head, enter, maxBody, onOver }, (known) =>
      this.#guard(() => this.#record.overhear(known)),
    )
  }

  // The ends.

  get #isGone(): boolean {
    return isGone(this.#request, this.#response)
  }

  /** The end of a request whose client left before an answer. */
  #leave(): void {
    if (this.#opened !== undefined) return
    this.#place?.leave()
    this.#record.leave()
  }

  #isHealthCheck({ path }: RequestTarget): boolean {
    const isRead = this.#method === 'GET' || this.#method === 'HEAD'
    return isRead && path === this.#options.healthPath
  }

  /** Whatever the Host: load balancers ask by address. It says nothing but that the process runs. */
  #answerHealth(): void {
    const fault =
      checkExpectation(this.#request, this.#expectation) ??
      checkNominated(this.#head) ??
      checkNeedlessBody(this.#method, this.#head)
    if (fault !== undefined) return this.#refuse(fault)
    const headers = { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' }
    this.#send(answer(200, headers, 'ok\n'))
  }

  #sayNotFound({ path }: RequestTarget): void {
    const { unservedPaths } = this.#options
    const resource = unservedPaths.report(this.#record, path, this.#head.host)
    // Another website's page must not learn what runs on this machine.
    const isShown = resource !== undefined && this.#head.origin === undefined
    const place = isShown ? `; the MCP endpoint is ${resource}` : ''
    // Browser clients look for documents that we do not have, and must be able to read the 404.
    const cors = { 'Access-Control-Allow-Origin': '*' }
    const description = `There is nothing here${place}`
    this.#send(errorAnswer(404, this.#record.id, 'not_found', description, cors))
  }

  #refuse(
    { refusal, error, description, headers }: Refused,
    corsHeaders?: Readonly<Record<string, string>>,
  ): void {
    this.#record.refuse(refusal)
    const fields = { ...corsHeaders, ...headers }
    this.#send(errorAnswer(refusal.status, this.#record.id, error, description, fields))
  }

  /** The client sent an invalid message, or not the one that its header fields name. */
  #refuseMessage(
    { code, reason, id, text }: InvalidMessage,
    headers: Readonly<Record<string, string>>,
  ): void {
    const isMismatch = code === RPC.headerMismatch
    this.#record.refuse({
      status: 400,
      code: isMismatch ? 'ERR_HEADER_MISMATCH' : 'ERR_BODY_UNREADABLE',
      reason,
    })
    this.#send(rpcErrorAnswer(400, this.#record.id, rpcError(id, code, text), headers))
  }

  #send({ status, headers, body, standsFor = status }: OwnAnswer): void {
    if (this.#isGone) return this.#leave()
    this.#place?.leave()
    const fields = { ...headers, 'X-Request-Id': this.#record.id }
    const unread = this.#request.complete ? 0 : this.#unread
    const { clock } = this.#options
    sendAnswer(this.#request, this.#response, { status, headers: fields, body }, unread, clock)
    onceOver(this.#request, this.#response, (isSent) =>
      this.#record.close(standsFor, isSent ? 'whole' : 'client left'),
    )
  }

  get #unread(): number | undefined {
    return unreadOf(this.#head, this.#expectation !== 'nothing')
  }

  #guard(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#crash(error)
    }
  }

  /** A bug must neither leave the request open nor end the process. */
  #crash(error: unknown): void {
    this.#opened?.giveUp()
    this.#record.fail(error)
    if (this.#response.headersSent) return cutAnswer(this.#response)
    this.#record.answerInPlace()
    const failed = errorAnswer(500, this.#record.id, 'server_error', 'Internal error')
    if (this.#opened === undefined) this.#send(failed)
    else sendAnswer(this.#request, this.#response, failed, this.#unread, this.#options.clock)
  }
}

export function createRequestHandler(options: RequestHandlerOptions): RequestHandler {
  return function handle(request, response, expectation = 'nothing') {
    new Passage(options, request, response, expectation).begin()
  }
}
