/**
 * Reads the body of a request, whole and up to a limit.
 *
 * @module
 */
import { errorAnswer, sendAnswer, unreadOf, type Refused } from './answer.js'
import { Transform } from 'node:stream'
import { Pieces } from '../../base/pieces.js'
import { RPC, rpcError } from '../../mcp/rpc-error.js'
import { bodyTooLong } from '../../web/form-fault.js'
import type { Overload } from './admission.js'
import type { AdmittedRequest } from './backend.js'
import { refusedFor } from './form.js'
import { rpcErrorAnswer } from './rpc-answer.js'
import { cutAnswer } from './turns.js'

/** The refusal of a body that is too large. */
export function bodyTooLarge(maxBody: number): Refused {
  const { refusal, ...texts } = refusedFor(bodyTooLong(maxBody))
  return { refusal: { ...refusal, hint: '--max-body sets the limit' }, ...texts }
}

/** The refusal of a request beyond the limits. */
export function tooManyRequests({ reason, hint }: Overload): Refused {
  return {
    refusal: { status: 429, code: 'ERR_REQUESTS_TOO_MANY', reason, hint },
    error: 'too_many_requests',
    description: 'Too many requests are under way',
    headers: { 'Retry-After': '1' },
  }
}

/**
 * Refuses a request instead of forwarding it, or cuts an answer that has begun. Nothing else may be
 * sent.
 */
export function refuseInstead(
  { request, response, record, corsHeaders, head, expectsContinue, clock }: AdmittedRequest,
  { refusal, error, description, headers }: Refused,
): void {
  record.refuse(refusal)
  if (response.headersSent) return cutAnswer(response)
  sendAnswer(
    request,
    response,
    errorAnswer(refusal.status, record.id, error, description, { ...corsHeaders, ...headers }),
    request.complete ? 0 : unreadOf(head, expectsContinue),
    clock,
  )
}

/** 400 for a body that is not JSON-RPC; nothing of it was forwarded. */
export function refuseNoJson({
  request,
  response,
  record,
  corsHeaders,
  head,
  expectsContinue,
  clock,
}: AdmittedRequest): void {
  const reason = 'the body is neither a JSON object nor a list'
  record.refuse({ status: 400, code: 'ERR_BODY_UNREADABLE', reason })
  const body = rpcError('null', RPC.parseError, 'The body is neither a JSON object nor a list')
  sendAnswer(
    request,
    response,
    rpcErrorAnswer(400, record.id, body, corsHeaders),
    request.complete ? 0 : unreadOf(head, expectsContinue),
    clock,
  )
}

const BODY_TOO_LARGE = new Error('the body is too large')

/** Passes a body on, and counts it. */
export function createCounter(maxBody: number, onTooLarge: () => void): Transform {
  let size = 0
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      size += chunk.length
      if (size <= maxBody) return callback(null, chunk)
      onTooLarge()
      callback(BODY_TOO_LARGE)
    },
  })
  counter.on('error', () => undefined)
  return counter
}

/**
 * Reads a body whose size nothing else checks.
 *
 * @param onBody not called for a body that is cut short
 * @param onRefused called once, instead of `onBody`
 */
export function readBody(
  {
    request,
    response,
    head,
    expectsContinue,
    place,
  }: Pick<AdmittedRequest, 'request' | 'response' | 'head' | 'expectsContinue' | 'place'>,
  maxBody: number,
  onBody: (body: Buffer) => void,
  onRefused: (refused: Refused) => void,
): void {
  if (!head.hasBody) return onBody(Buffer.alloc(0))
  if (head.contentLength !== undefined && head.contentLength > maxBody) {
    return onRefused(bodyTooLarge(maxBody))
  }
  if (expectsContinue) response.writeContinue()
  const pieces = new Pieces<Buffer>(Buffer.concat)
  let size = 0
  function onData(chunk: Buffer): void {
    size += chunk.length
    const overload = size <= maxBody ? place.hold(chunk.length) : undefined
    if (size <= maxBody && overload === undefined) {
      pieces.add(chunk)
      return
    }
    request.off('data', onData).off('end', onEnd)
    pieces.clear()
    onRefused(overload === undefined ? bodyTooLarge(maxBody) : tooManyRequests(overload))
  }
  function onEnd(): void {
    onBody(pieces.take())
  }
  request.on('data', onData).on('end', onEnd)
}
