/**
 * What the messages of a request ask for, as its record keeps it.
 *
 * @module
 */
import {
  MOST_OPERATIONS,
  operationsOf,
  tellOperations,
  UnclearOperation,
  type ToldOperation,
} from '../../mcp/operation.js'
import type { RpcMessage } from '../../mcp/message.js'

/** An operation of a record. */
export interface AuditedOperation {
  readonly method: string
  /** Of the tool or prompt, the URI of the resource; what is longer than 512 characters is cut. */
  readonly name?: string
  /** Of a tool's call, where they are asked for. */
  readonly arguments?: unknown
}

/** What is kept of the operations of a request until it ends. */
export type Kept = 'nothing' | 'operations' | 'operations and arguments'

export function withoutAbsentNames(told: readonly ToldOperation[]): readonly AuditedOperation[] {
  return told.map(({ method, name }) => ({ method, ...(name !== undefined && { name }) }))
}

/** The operations of a message that was allowed, so that all of it is clear. */
function operationsIn({ method, params }: RpcMessage, kept: Kept): readonly AuditedOperation[] {
  const operations = operationsOf(method, params)
  const known = operations instanceof UnclearOperation ? [{ method, name: undefined }] : operations
  const hasArguments = kept === 'operations and arguments'
  const given = hasArguments && method === 'tools/call' ? params?.['arguments'] : undefined
  return withoutAbsentNames(tellOperations(known)).map((each) => ({
    ...each,
    ...(given !== undefined && { arguments: given }),
  }))
}

export function readOperations(
  messages: readonly RpcMessage[],
  kept: Kept,
): readonly AuditedOperation[] {
  return messages
    .slice(0, MOST_OPERATIONS)
    .flatMap((message) => operationsIn(message, kept))
    .slice(0, MOST_OPERATIONS)
}
