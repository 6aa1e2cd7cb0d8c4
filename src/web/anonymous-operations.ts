/**
 * Authorizes what a request without a token asks for.
 *
 * @module
 */
import { tellOperations, type McpOperation } from '../mcp/operation.js'
import type { Anonymous } from '../rs/anonymous.js'
import type { Denied } from '../rs/decision.js'
import { describeOperation, type OperationAuthority } from '../rs/operation-authority.js'
import type { Answers } from './answers.js'

/** What concerns other requests of the same session. */
const OF_A_SESSION = /^notifications\/(?:cancelled|progress)$/

/**
 * All operations together.
 *
 * @returns the 401 to send, the same as at a resource without public operations, or `undefined`
 */
export function authorizeAnonymous(
  { hasSession }: Anonymous,
  operations: readonly McpOperation[],
  authority: OperationAuthority,
  answers: Answers,
  requestId: string = answers.idOf({ origin: undefined }),
): Denied | undefined {
  if (!hasSession && operations.some(({ method }) => OF_A_SESSION.test(method))) {
    return authority.demandToken(requestId, 'a notification without its session needs a token')
  }
  const closed = operations.find((each) => authority.publicPart?.includes(each) !== true)
  answers.emit?.({
    type: 'operation.judged',
    requestId,
    outcome: closed === undefined ? 'allowed' : 'denied',
    operations: tellOperations(operations),
    issuer: undefined,
    subject: undefined,
    clientId: undefined,
    scopesNeeded: [],
    scopesHeld: [],
  })
  return closed === undefined
    ? undefined
    : authority.demandToken(requestId, `${describeOperation(closed)} needs a token`)
}
