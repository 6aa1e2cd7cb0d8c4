/**
 * Whether a request has a form that this server accepts: HTTP leaves some of it open, and servers
 * read some of it differently.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'
import { quoted } from '../../errors.js'
import {
  codingFault,
  malformed,
  needlessBody,
  revisionFault,
  type FormFault,
} from '../../web/form-fault.js'
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

/** A fault that every host refuses alike, as the gateway does it. */
export function refusedFor({
  status,
  code,
  reason,
  error,
  description,
  headers,
}: FormFault): Refused {
  const refusal = { status, code, reason }
  return { refusal, error, description, ...(headers !== undefined && { headers }) }
}

function violation(reason: string): Refused {
  return refusedFor(malformed(reason))
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
  if (target === undefined) return violation('the target is not in origin form')
  if (head.isCoded) return violation('a transfer coding other than chunked')
  if (head.hosts !== 1) return violation(`${head.hosts} Host fields`)
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
  return violation('Connection names a field that the gateway uses')
}

const FORWARDED_METHODS = new Set(['GET', 'POST', 'DELETE'])
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE'])

function unknownMethod(method: string): Refused {
  const reason = `method ${quoted(method, 20)}`
  return {
    refusal: { status: 405, code: 'ERR_METHOD_NOT_ALLOWED', reason },
    error: 'method_not_allowed',
    description: 'The MCP endpoint accepts GET, POST and DELETE',
    headers: { Allow: ENDPOINT_METHODS },
  }
}

/**
 * A body with a method other than POST. It has no meaning (RFC 9110 §9.3.1), and a server that does
 * not read it would parse it as the next request.
 */
export function checkNeedlessBody(method: string, head: RequestHead): Refused | undefined {
  if (WITHOUT_BODY.has(method) && head.hasBody) return refusedFor(needlessBody(method))
  return undefined
}

/** The fields that no reader would take alike if there were several of them. */
function repeatedField({ repeated }: RequestHead, bindsSessions: boolean): Refused | undefined {
  const name = repeated.find((each) => each !== 'mcp-session-id' || !bindsSessions)
  return name === undefined ? undefined : violation(`several ${name} fields`)
}

/**
 * What the MCP endpoint accepts: methods, repeated fields, encodings. The form of a message is
 * checked later, with the message.
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
  // A message with several revisions does not match one of them.
  const several = method === 'POST' ? undefined : revisionFault(head.protocolVersion)
  if (several !== undefined) return refusedFor(several)
  const repeated = repeatedField(head, bindsSessions)
  if (repeated !== undefined) return repeated
  return FORWARDED_METHODS.has(method) ? undefined : unknownMethod(method)
}

/** A body with a coding is not forwarded where nobody judges it either. */
export function checkCoding({ contentEncoding }: RequestHead): Refused | undefined {
  const fault = codingFault(contentEncoding)
  return fault && refusedFor(fault)
}
