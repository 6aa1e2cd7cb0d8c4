/**
 * Invalid and late requests on a connection.
 *
 * @module
 */
import { errorAnswer, type OwnAnswer } from './answer.js'
import type { RequestRefusedCode } from '../../errors.js'
import type { RequestRefused } from '../events.js'
import {
  closeAfter,
  cutConnection,
  cutHalf,
  isDeaf,
  lastDue,
  type AnsweringSocket,
} from './turns.js'

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
  description: 'The request did not arrive in time',
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

/** The client left, perhaps in the middle of a body. */
const GONE = new Set(['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE'])

/**
 * Answers and closes the connection; if an earlier answer is due, closes it after that.
 *
 * @returns what happened, or `undefined` when the client just left
 */
export function refuseConnection(
  error: NodeJS.ErrnoException,
  socket: AnsweringSocket,
  randomUUID: () => string,
): RequestRefused | undefined {
  const { code } = error
  // Further errors on an ignored connection were already reported once.
  if (isDeaf(socket)) return undefined
  if (code === undefined || GONE.has(code) || !socket.writable) {
    cutConnection(socket)
    return undefined
  }
  const wording = wordingOf(code)
  const requestId = randomUUID()
  const due = lastDue(socket)
  const { code: refusedCode } = wording
  const unsent = { type: 'request.refused', requestId, code: refusedCode, reason: code } as const
  // An answer now would be read as the answer to an earlier request.
  if (due?.req.complete === true) {
    closeAfter(socket, due)
    return unsent
  }
  // The body of the request being answered is broken: neither can be completed.
  if (due?.headersSent === true) {
    cutHalf(socket)
    socket.destroySoon()
    return unsent
  }
  const answer = errorAnswer(wording.status, requestId, wording.error, wording.description)
  // Both directions end after this.
  socket.end(asText(answer, wording.phrase), () => socket.destroy())
  return { ...unsent, status: wording.status }
}
