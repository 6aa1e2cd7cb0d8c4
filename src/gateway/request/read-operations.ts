/**
 * The operations of a request, as its record keeps them.
 *
 * @module
 */
import {
  MOST_OPERATIONS,
  operationsOf,
  type AskedMessage,
  tellOperations,
  UnclearOperation,
  type ReportedOperation,
} from '../../mcp/operation.js'

/** An operation of a record. */
export interface AuditedOperation {
  readonly method: string
  /** The name of the tool or prompt, or the URI of the resource; cut after 512 characters. */
  readonly name?: string
  /** The arguments of a tool call, if they are recorded. */
  readonly arguments?: unknown
}

/** Which operations of a request are kept until it ends. */
export type Kept = 'nothing' | 'operations' | 'operations and arguments'

export function withoutAbsentNames(
  reported: readonly ReportedOperation[],
): readonly AuditedOperation[] {
  return reported.map(({ method, name }) => (name === undefined ? { method } : { method, name }))
}

/** The operations of a message. For an ambiguous message, only the method. */
function operationsIn({ method, params }: AskedMessage, kept: Kept): readonly AuditedOperation[] {
  const operations = operationsOf(method, params)
  const known = operations instanceof UnclearOperation ? [{ method, name: undefined }] : operations
  const hasArguments = kept === 'operations and arguments'
  const given = hasArguments && method === 'tools/call' ? params?.['arguments'] : undefined
  const told = withoutAbsentNames(tellOperations(known))
  return given === undefined ? told : told.map((each) => ({ ...each, arguments: given }))
}

export function readOperations(
  messages: readonly AskedMessage[],
  kept: Kept,
): readonly AuditedOperation[] {
  return messages
    .slice(0, MOST_OPERATIONS)
    .flatMap((message) => operationsIn(message, kept))
    .slice(0, MOST_OPERATIONS)
}
