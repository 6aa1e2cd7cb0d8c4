/**
 * The access log: one line for each call of a tool, each prompt and each resource that was let in.
 *
 * @module
 */
import type { EventSubject, RequestCompleted } from './events.js'

/** The methods that use what a server offers. */
const CALLS: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read'])

/** One line. */
export interface AccessLine {
  readonly text: string
  /** The method of the message; `undefined`: it was not read. */
  readonly rpcMethod: string | undefined
  /** The tool or prompt, or the URI of the resource. */
  readonly target: string | undefined
}

/** The query of a resource's URI may hold anything, such as a key or a search text. */
function withoutQuery(method: string, name: string | undefined): string | undefined {
  return method === 'resources/read' ? name?.replace(/[?#].*/s, '') : name
}

function lineAbout(
  { status, seconds, end }: RequestCompleted,
  what: string,
  rpcMethod?: string,
  target?: string,
): AccessLine {
  const ending = end === 'whole' ? '' : `, ${end}`
  const text = `${what}: ${status} in ${(seconds * 1000).toFixed(1)} ms${ending}`
  return { text, rpcMethod, target }
}

/**
 * The lines about a request that has ended: none if it was refused, because its refusal already has a
 * line; several for a batch. What header fields claim about a message does not count.
 */
export function accessLines(
  event: RequestCompleted,
  { decision, operations, path }: EventSubject,
): readonly AccessLine[] {
  if (decision !== 'allow') return []
  if (operations !== undefined) {
    return operations
      .filter(({ method }) => CALLS.has(method))
      .map(({ method, name }) => lineAbout(event, method, method, withoutQuery(method, name)))
  }
  // Only a POST brings a message.
  return event.method === 'POST' ? [lineAbout(event, `POST ${path ?? ''}`)] : []
}
