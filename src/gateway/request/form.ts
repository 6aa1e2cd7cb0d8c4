/**
 * Whether a request has a form that this server accepts: HTTP leaves some of it open, and servers
 * read some of it differently.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'
import { quoted } from '../../errors.js'
import { ENDPOINT_METHODS } from '../../web/origins.js'
import type { Refused } from './answer.js'
import type { RequestHead } from './head.js'
import { parseTarget, type RequestTarget } from './target.js'

/** What the client expects before it sends its body (RFC 9110 §10.1.1). */
export type Expectation = 'nothing' | '100-continue' | 'unknown'

const HEADERS_TOO_LARGE: Refused = {
  refusal: {
    status: 431,
    code: 'ERR_HEADERS_TOO_LARGE',
    reason: 'header fields of more than 32 KiB',
  },
  error: 'header_fields_too_large',
  description: 'The header fields are too large',
}

/** The refusal of a request that violates HTTP. */
function malformed(reason: string): Refused {
  return {
    refusal: { status: 400, code: 'ERR_REQUEST_MALFORMED', reason },
    error: 'invalid_request',
    description: 'The request is malformed',
  }
}

function foreignHost(host: string): Refused {
  return {
    refusal: {
      status: 403,
      code: 'ERR_HOST_FOREIGN',
      reason: `Host ${quoted(host)}`,
      hint: 'if clients use this name, add it with --allow-host',
    },
    error: 'host_not_allowed',
    description: 'This server does not accept this Host',
  }
}

function unknownExpectation(expect: string | undefined): Refused {
  const reason = `Expect ${quoted(expect, 40)}`
  return {
    refusal: { status: 417, code: 'ERR_REQUEST_MALFORMED', reason },
    error: 'expectation_failed',
    description: 'The only supported expectation is 100-continue',
  }
}

/** Form and size: checked before everything else. */
export function checkForm(request: IncomingMessage, head: RequestHead): RequestTarget | Refused {
  if (head.isTooLarge) return HEADERS_TOO_LARGE
  const target = parseTarget(request.url ?? '')
  if (target === undefined) return malformed('the target is not in origin form')
  if (head.isCoded) return malformed('a transfer coding other than chunked')
  if (head.hosts !== 1) return malformed(`${head.hosts} Host fields`)
  return target
}

/** The host: checked for every path but that of health checks. */
export function checkHost(
  head: RequestHead,
  isHostAllowed: (host: string) => boolean,
): Refused | undefined {
  if (!isHostAllowed(head.host)) return foreignHost(head.host)
  return undefined
}

export function checkExpectation(
  request: IncomingMessage,
  expectation: Expectation,
): Refused | undefined {
  return expectation === 'unknown' ? unknownExpectation(request.headers.expect) : undefined
}

/** A field that we read or set would be missing at the next hop (RFC 9110 §7.6.1). */
export function checkNominated({ nominated }: RequestHead): Refused | undefined {
  if (nominated === undefined) return undefined
  return malformed('Connection names a field that the gateway uses')
}

const FORWARDED_METHODS = new Set(['GET', 'POST', 'DELETE'])
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE'])

function needlessBody(method: string): Refused {
  return {
    refusal: {
      status: 400,
      code: 'ERR_BODY_UNREADABLE',
      reason: `a body with ${method}`,
    },
    error: 'invalid_request',
    description: 'Only POST may have a body',
  }
}

function unknownMethod(method: string): Refused {
  const reason = `method ${quoted(method, 20)}`
  return {
    refusal: { status: 405, code: 'ERR_METHOD_NOT_ALLOWED', reason },
    error: 'method_not_allowed',
    description: 'The MCP endpoint accepts GET, POST and DELETE',
    headers: { Allow: ENDPOINT_METHODS },
  }
}

function encodedBody(contentEncoding: string): Refused {
  const reason = `Content-Encoding ${quoted(contentEncoding, 40)}`
  return {
    refusal: { status: 415, code: 'ERR_BODY_ENCODED', reason },
    error: 'unsupported_media_type',
    description: 'The body must not be encoded',
    // RFC 9110 §15.5.16: shows that the coding is at fault, not the type.
    headers: { 'Accept-Encoding': 'identity' },
  }
}

/**
 * A body with a method other than POST. It has no meaning (RFC 9110 §9.3.1), and a server that does
 * not read it would parse it as the next request.
 */
export function checkNeedlessBody(method: string, head: RequestHead): Refused | undefined {
  if (WITHOUT_BODY.has(method) && head.hasBody) return needlessBody(method)
  return undefined
}

/**
 * What the MCP endpoint accepts: methods, repeated fields, encodings.
 *
 * @param bindsSessions if true, a session with several ids is refused as unknown
 */
export function checkEndpointForm(
  method: string,
  head: RequestHead,
  bindsSessions: boolean,
): Refused | undefined {
  const needless = checkNeedlessBody(method, head)
  if (needless !== undefined) return needless
  const repeated = head.repeated.find((name) => {
    // In a POST, a repeated field is a mismatch.
    if (name === 'mcp-protocol-version') return method !== 'POST'
    return name !== 'mcp-session-id' || !bindsSessions
  })
  if (repeated !== undefined) return malformed(`several ${repeated} fields`)
  if (!FORWARDED_METHODS.has(method)) return unknownMethod(method)
  const { contentEncoding } = head
  if (contentEncoding !== undefined && !/^identity$/i.test(contentEncoding)) {
    return encodedBody(contentEncoding)
  }
  return undefined
}
