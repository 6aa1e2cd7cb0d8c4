/**
 * The body of a request, read whole and no further than allowed.
 *
 * @module
 */
import { errorAnswer, sendAnswer, unreadOf, type Refused } from './answer.js'
import { Transform } from 'node:stream'
import { RPC, rpcError } from '../rs/rpc-error.js'
import type { AdmittedRequest, RequestObserver } from './backend.js'
import { rpcErrorAnswer } from './rpc-answer.js'

/** What is said of a body that is too large. */
export function bodyTooLarge(maxBody: number): Refused {
  return {
    refusal: {
      status: 413,
      code: 'ERR_BODY_TOO_LARGE',
      reason: `body of more than ${maxBody} bytes`,
      hint: '--max-body says how much is accepted',
    },
    error: 'content_too_large',
    description: `The body is larger than ${maxBody} bytes`,
  }
}

/** 413, or a cut where an answer has begun. The caller has seen to it that nothing else is sent. */
export function refuseBody(
  { request, response, requestId, corsHeaders, head, expectsContinue }: AdmittedRequest,
  maxBody: number,
  observer: RequestObserver,
): void {
  const { refusal, error, description } = bodyTooLarge(maxBody)
  observer.onRefused(requestId, refusal)
  if (response.headersSent) return void response.destroy()
  sendAnswer(
    request,
    response,
    errorAnswer(413, requestId, error, description, corsHeaders),
    unreadOf(head, expectsContinue),
  )
}

/** 400 for a body that is no JSON-RPC, of which nothing was forwarded. */
export function refuseNoJson(
  { request, response, requestId, corsHeaders, head, expectsContinue }: AdmittedRequest,
  observer: RequestObserver,
): void {
  const reason = 'the body is neither a JSON object nor a list'
  observer.onRefused(requestId, { status: 400, code: 'ERR_BODY_UNREADABLE', reason })
  const body = rpcError('null', RPC.parseError, 'The body is neither a JSON object nor a list')
  sendAnswer(
    request,
    response,
    rpcErrorAnswer(400, requestId, body, corsHeaders),
    request.complete ? 0 : unreadOf(head, expectsContinue),
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
 * Reads a body of a size that nobody else looked at.
 *
 * @param onBody not called for one that is cut short
 * @param onTooLarge called once, in place of `onBody`
 */
export function readBody(
  {
    request,
    response,
    head,
    expectsContinue,
  }: Pick<AdmittedRequest, 'request' | 'response' | 'head' | 'expectsContinue'>,
  maxBody: number,
  onBody: (body: Buffer) => void,
  onTooLarge: () => void,
): void {
  if (!head.hasBody) return onBody(Buffer.alloc(0))
  if (head.contentLength !== undefined && head.contentLength > maxBody) return onTooLarge()
  if (expectsContinue) response.writeContinue()
  const chunks: Buffer[] = []
  let size = 0
  function onData(chunk: Buffer): void {
    size += chunk.length
    if (size <= maxBody) {
      chunks.push(chunk)
      return
    }
    request.off('data', onData).off('end', onEnd)
    onTooLarge()
  }
  function onEnd(): void {
    onBody(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size))
  }
  request.on('data', onData).on('end', onEnd)
}
