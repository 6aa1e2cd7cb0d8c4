/**
 * Lists of tools, prompts, resources and templates that show only what a token may use. The rest of an answer stays as
 * the server wrote it, byte for byte.
 *
 * @module
 */
import {
  isAtEnd,
  readElements,
  readMembers,
  replaceSpans,
  valueAt,
  type Replacement,
  type Span,
} from '../json-spans.js'
import type { McpOperation, McpTarget } from './operation.js'
import { canonicalUri } from './resource-uri.js'

/** An answer that is no JSON-RPC, or says something twice: what cannot be filtered is not shown. */
export class UnfilterableAnswer extends Error {
  override readonly name = 'UnfilterableAnswer'
}

interface ListKind {
  /** What using an entry would ask for. */
  readonly method: string
  readonly target: McpTarget
  /** The member of an entry that names it. */
  readonly member: string
}

const LISTS: Readonly<Record<string, ListKind>> = {
  tools: { method: 'tools/call', target: 'tool', member: 'name' },
  prompts: { method: 'prompts/get', target: 'prompt', member: 'name' },
  resources: { method: 'resources/read', target: 'resource', member: 'uri' },
  resourceTemplates: { method: 'resources/read', target: 'resource', member: 'uriTemplate' },
}
const LIST_METHODS = new Set([
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
])

/** Whether the answer to a request of this method is a list. */
export function isListMethod(method: string): boolean {
  return LIST_METHODS.has(method)
}

const isResult = (name: string): name is 'result' => name === 'result'
const isOfList = (name: string): name is string =>
  Object.hasOwn(LISTS, name) || name === 'cacheScope' || name === 'ttlMs'

/** The span within the whole of what was found in a part that begins at `offset`. */
function shifted({ start, end }: Span, offset: number): Span {
  return { start: start + offset, end: end + offset }
}

export class ListFilter {
  readonly #mayUse: (operation: McpOperation) => boolean

  /** @param mayUse what it throws, every method throws */
  constructor(mayUse: (operation: McpOperation) => boolean) {
    this.#mayUse = mayUse
  }

  /**
   * An answer as a whole: one message, or a batch of them.
   *
   * @returns the same bytes where there is nothing to change, else pieces of the new text
   * @throws {UnfilterableAnswer}
   */
  filter(bytes: Uint8Array): readonly Uint8Array[] {
    const batch = readElements(bytes)
    if (batch === undefined) return replaceSpans(bytes, this.#edits(bytes, 0, true))
    return replaceSpans(
      bytes,
      batch.flatMap(({ start }) => this.#edits(bytes, start, false)),
    )
  }

  /** @param isAlone nothing may stand after it */
  #edits(bytes: Uint8Array, start: number, isAlone: boolean): readonly Replacement[] {
    const message = readMembers(bytes, start, isResult)
    if (message === undefined || (isAlone && !isAtEnd(bytes, message.end))) {
      throw new UnfilterableAnswer('the answer is no JSON-RPC message, or has two results')
    }
    const result = message.members.get('result')
    // An error, a notification, or a request of the server.
    if (result === undefined) return []
    const members = readMembers(bytes, result.start, isOfList)?.members
    if (members === undefined) {
      throw new UnfilterableAnswer('the result is no object, or names a list twice')
    }
    const edits: Replacement[] = []
    let isList = false
    for (const [name, span] of members) {
      const kind = LISTS[name]
      if (kind === undefined) continue
      isList = true
      edits.push({ span, text: this.#kept(bytes, span, kind) })
    }
    if (isList) edits.push(...privacy(members, result))
    return edits.sort((one, other) => one.span.start - other.span.start)
  }

  /** The list with its order, and without what may not be used. */
  #kept(bytes: Uint8Array, span: Span, kind: ListKind): readonly Uint8Array[] {
    const entries = readElements(bytes.subarray(span.start, span.end))
    if (entries === undefined) throw new UnfilterableAnswer('what should be a list is none')
    const pieces: Uint8Array[] = [OPEN]
    for (const entry of entries) {
      const whole = shifted(entry, span.start)
      if (!this.#isShown(bytes, whole, kind)) continue
      if (pieces.length > 1) pieces.push(COMMA)
      pieces.push(bytes.subarray(whole.start, whole.end))
    }
    pieces.push(CLOSE)
    return pieces
  }

  #isShown(bytes: Uint8Array, entry: Span, { method, target, member }: ListKind): boolean {
    const read = readMembers(bytes, entry.start, (name): name is string => name === member)
    const span = read?.members.get(member)
    const value = span && valueAt(bytes, span)
    if (typeof value !== 'string') return false
    const name = target === 'resource' ? canonicalUri(value) : value
    return name !== undefined && this.#mayUse({ method, target, name })
  }
}

const encoder = new TextEncoder()
const OPEN = encoder.encode('[')
const COMMA = encoder.encode(',')
const CLOSE = encoder.encode(']')

/**
 * What was made for one token is no other's (STA-07), on all pages, whether anything is missing or not. Only the
 * revisions that know how long a list may be kept know for whom.
 */
function privacy(members: ReadonlyMap<string, Span>, result: Span): readonly Replacement[] {
  const scope = members.get('cacheScope')
  if (scope !== undefined) return [{ span: scope, text: '"private"' }]
  if (!members.has('ttlMs')) return []
  const start = result.start + 1
  return [{ span: { start, end: start }, text: '"cacheScope":"private",' }]
}
