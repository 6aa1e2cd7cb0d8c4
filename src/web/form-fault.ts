/**
 * Faults in the form of a request, found without reading its messages, and what each host says
 * about them.
 *
 * @module
 */
import { quoted, type RequestRefusedCode } from '../errors.js'
import { RPC } from '../mcp/rpc-error.js'
import type { InvalidMessage } from '../mcp/stateless-message.js'
import { isJsonInUtf8, NO_JSON_IN_UTF8 } from './media-type.js'

export interface FormFault {
  readonly status: number
  /** As the records of a gateway name it. */
  readonly code: RequestRefusedCode
  /** For the operator. */
  readonly reason: string
  /** For the client. */
  readonly error: string
  /** For the client. */
  readonly description: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A violation of HTTP. */
export function malformed(reason: string): FormFault {
  return {
    status: 400,
    code: 'ERR_REQUEST_MALFORMED',
    reason,
    error: 'invalid_request',
    description: 'The request is malformed',
  }
}

/** A body with a method other than POST: it is not authorized, but a server might read it. */
export function needlessBody(method: string): FormFault {
  return {
    status: 400,
    code: 'ERR_BODY_UNREADABLE',
    reason: `a body with ${quoted(method, 20)}`,
    error: 'invalid_request',
    description: 'Only POST may have a body',
  }
}

/** @param limit in bytes */
export function bodyTooLong(limit: number): FormFault {
  return {
    status: 413,
    code: 'ERR_BODY_TOO_LARGE',
    reason: `body of more than ${limit} bytes`,
    error: 'content_too_large',
    description: `The body is larger than ${limit} bytes`,
  }
}

/** A body with a coding: the server behind might read something else than we do (HDR-08). */
export function codingFault(contentEncoding: string | undefined): FormFault | undefined {
  if (contentEncoding === undefined || /^identity$/i.test(contentEncoding)) return undefined
  return {
    status: 415,
    code: 'ERR_BODY_ENCODED',
    reason: `Content-Encoding ${quoted(contentEncoding, 40)}`,
    error: 'unsupported_media_type',
    description: 'The body must not be encoded',
    // RFC 9110 §15.5.16: shows that the coding is at fault, not the type.
    headers: { 'Accept-Encoding': 'identity' },
  }
}

/** A body that is not JSON in UTF-8: the server behind might read something else than we do (HDR-08). */
export function typeFault(contentType: string | undefined): FormFault | undefined {
  if (isJsonInUtf8(contentType)) return undefined
  return {
    status: 415,
    code: 'ERR_BODY_UNREADABLE',
    reason: NO_JSON_IN_UTF8,
    error: 'unsupported_media_type',
    description: NO_JSON_IN_UTF8,
  }
}

/**
 * Whether there are several: fields of one name are one list (RFC 9110 §5.2), and readers choose
 * differently among its values.
 */
function isList(protocolVersion: string | undefined): boolean {
  return protocolVersion?.includes(',') === true
}

/** Several protocol revisions of a request without a message. */
export function revisionFault(protocolVersion: string | undefined): FormFault | undefined {
  return isList(protocolVersion) ? malformed('several mcp-protocol-version fields') : undefined
}

/** Several protocol revisions of a message: one of them does not match it. */
export function revisionMismatch(protocolVersion: string | undefined): InvalidMessage | undefined {
  if (!isList(protocolVersion)) return undefined
  const reason = 'several MCP-Protocol-Version fields'
  return { code: RPC.headerMismatch, reason, id: 'null', text: reason }
}
