/**
 * The steps that a request with a message takes before its body is read, in every host:
 *
 * 1. callers who were refused too often, or beyond the limit for callers without a token
 * 2. the form of the body
 *
 * Then the host reads the body, up to a length (`bodyTooLong`), and `OperationGuard.read` goes on
 * with its messages.
 *
 * @module
 */
import { isStateless } from '../mcp/protocol-revision.js'
import type { InvalidMessage } from '../mcp/stateless-message.js'
import type { Visitor } from '../rs/anonymous.js'
import type { AnsweredRequest, GuardAnswer } from './answers.js'
import { codingFault, revisionMismatch, typeFault, type FormFault } from './form-fault.js'

/** The parts of a request that decide whether its body is read. */
export interface MessageHead extends AnsweredRequest {
  /** `MCP-Protocol-Version`; several fields are one list. */
  readonly protocolVersion: string | undefined
  readonly contentEncoding: string | undefined
  readonly contentType: string | undefined
}

/** What keeps a caller from being heard at all. */
export interface CallerLimits {
  /** 429 before a body is read. */
  admit(visitor: Visitor, request: AnsweredRequest): GuardAnswer | undefined
}

/** What becomes of a request: it is refused, or its body is read, or passes as it is. */
export type Intake = GuardAnswer | FormFault | InvalidMessage | 'to be read' | 'as it is'

/**
 * @param limits with a policy, which every message is judged by; `undefined`: before 2026-07-28 no
 * field mirrors the body, so it passes as it is
 * @param visitor `undefined` where no tokens are checked, and so without a policy
 */
export function takeIn(
  limits: CallerLimits | undefined,
  visitor: Visitor | undefined,
  request: MessageHead,
): Intake {
  const limited = visitor && limits?.admit(visitor, request)
  return limited ?? formOf(request, limits !== undefined)
}

function formOf(request: MessageHead, isJudged: boolean): Exclude<Intake, GuardAnswer> {
  const { protocolVersion } = request
  const mismatch = revisionMismatch(protocolVersion)
  if (!isJudged && !isStateless(protocolVersion)) return mismatch ?? 'as it is'
  return (
    codingFault(request.contentEncoding) ??
    mismatch ??
    typeFault(request.contentType) ??
    'to be read'
  )
}
