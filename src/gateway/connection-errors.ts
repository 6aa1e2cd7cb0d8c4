/**
 * What comes over a connection and is no request, or not one in time.
 *
 * @module
 */
import type { Socket } from 'node:net'
import { errorAnswer, type OwnAnswer } from './answer.js'
import type { RequestRefused, RequestRefusedCode } from './events.js'

interface Wording {
  readonly status: number
  readonly phrase: string
  readonly code: RequestRefusedCode
  readonly error: string
  readonly description: string
}

const MALFORMED: Wording = {
  status: 400,
  phrase: 'Bad Request',
  code: 'ERR_REQUEST_MALFORMED',
  error: 'invalid_request',
  description: 'The request is malformed',
}
const TOO_LARGE: Wording = {
  status: 431,
  phrase: 'Request Header Fields Too Large',
  code: 'ERR_HEADERS_TOO_LARGE',
  error: 'header_fields_too_large',
  description: 'The header fields are too large',
}
const TOO_SLOW: Wording = {
  status: 408,
  phrase: 'Request Timeout',
  code: 'ERR_REQUEST_TIMEOUT',
  error: 'request_timeout',
  description: 'The request did not come in time',
}

function wordingOf(code: string | undefined): Wording {
  if (code === 'HPE_HEADER_OVERFLOW') return TOO_LARGE
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return TOO_SLOW
  return MALFORMED
}

function asText({ status, headers, body }: OwnAnswer, phrase: string): string {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${phrase}\r\n${fields.join('')}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
}

/** The client left, also in the middle of a body. */
const GONE = new Set(['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE'])

/** Node keeps the answer that is due on this connection here; its own handler looks at it, too. */
interface AnsweringSocket extends Socket {
  readonly _httpMessage?: {
    readonly headersSent: boolean
    readonly req: { readonly complete: boolean }
  } | null
}

/** Whether what we say now would be taken for the answer to an earlier request, or for a part of its body. */
function isAnswerDue({ _httpMessage: due }: AnsweringSocket): boolean {
  return due !== null && due !== undefined && (due.headersSent || due.req.complete)
}

/**
 * Answers and closes the connection, or where an earlier answer is due only closes it.
 *
 * @returns what happened, or `undefined` when the client just left
 */
export function refuseConnection(
  error: NodeJS.ErrnoException,
  socket: AnsweringSocket,
  randomUUID: () => string,
): RequestRefused | undefined {
  const { code } = error
  if (code === undefined || GONE.has(code) || !socket.writable) {
    socket.destroy()
    return undefined
  }
  const wording = wordingOf(code)
  const requestId = randomUUID()
  if (isAnswerDue(socket)) socket.destroySoon()
  else {
    const answer = errorAnswer(wording.status, requestId, wording.error, wording.description)
    // Both directions are done with after this.
    socket.end(asText(answer, wording.phrase), () => socket.destroy())
  }
  return {
    type: 'request.refused',
    requestId,
    status: wording.status,
    code: wording.code,
    reason: code,
  }
}
