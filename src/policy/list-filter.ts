/**
 * Filters lists of tools, prompts, resources and templates to what a token may use. The rest of an
 * answer stays byte for byte as the server wrote it.
 *
 * @module
 */
import {
  isAtEnd,
  readElements,
  readMembers,
  replaceSpans,
  skipValue,
  type Replacement,
  type Span,
} from '../base/json-spans.js'
import type { ListMemory, ListNaming, WriteMember } from './list-memory.js'
import { comparableName, type McpOperation, type McpTarget } from '../mcp/operation.js'
import { canonicalTemplate } from '../mcp/uri-template.js'

/**
 * An answer that is not JSON-RPC, or has duplicate members: an answer that cannot be filtered is
 * not sent.
 */
export class UnfilterableAnswer extends Error {
  override readonly name = 'UnfilterableAnswer'
}

interface ListKind extends ListNaming {
  /** The operation of using an entry. */
  readonly method: string
  readonly target: McpTarget
}

const LISTS: Readonly<Record<string, ListKind>> = {
  tools: { method: 'tools/call', target: 'tool', member: 'name' },
  prompts: { method: 'prompts/get', target: 'prompt', member: 'name' },
  resources: { method: 'resources/read', target: 'resource', member: 'uri' },
  resourceTemplates: { method: 'resources/read', target: 'resource', member: 'uriTemplate' },
}
/** Tools whose login is told: in place of what the server says about it. */
const TOLD_TOOLS: ListKind = { ...(LISTS['tools'] as ListKind), replaced: 'securitySchemes' }
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

/** Filters the lists in the messages of one answer. */
export interface AnswerFilter {
  /**
   * A message, or a batch of them.
   *
   * @returns the same bytes if nothing changes, else pieces of the new text
   * @throws {UnfilterableAnswer}
   */
  filter(bytes: Uint8Array): readonly Uint8Array[]
}

export class ListFilter implements AnswerFilter {
  readonly #mayUse: (operation: McpOperation) => boolean
  readonly #memory: ListMemory
  readonly #caller: object | undefined
  readonly #tellLogin: WriteMember | undefined

  /**
   * @param mayUse every method throws what it throws
   * @param memory of the same resource
   * @param caller one object for all callers with equal results of `mayUse`; compared by identity
   * @param tellLogin says of a tool which logins it needs; in the same way for all callers of one memory
   */
  constructor(
    mayUse: (operation: McpOperation) => boolean,
    memory: ListMemory,
    caller?: object,
    tellLogin?: WriteMember,
  ) {
    this.#mayUse = mayUse
    this.#memory = memory
    this.#caller = caller
    this.#tellLogin = tellLogin
  }

  filter(bytes: Uint8Array): readonly Uint8Array[] {
    const batch = readElements(bytes)
    if (batch === undefined) return replaceSpans(bytes, this.#edits(bytes, 0, true))
    return replaceSpans(
      bytes,
      batch.flatMap(({ start }) => this.#edits(bytes, start, false)),
    )
  }

  /** @param isAlone nothing may follow it */
  #edits(bytes: Uint8Array, start: number, isAlone: boolean): readonly Replacement[] {
    const edits: Replacement[] = []
    const message = readMembers(bytes, start, isResult, (_name, at) => {
      return this.#enterResult(bytes, at, edits)
    })
    if (message === undefined || (isAlone && !isAtEnd(bytes, message.end))) {
      throw new UnfilterableAnswer('the answer is not a JSON-RPC message, or has two results')
    }
    return edits.sort((one, other) => one.span.start - other.span.start)
  }

  #enterResult(bytes: Uint8Array, start: number, edits: Replacement[]): number {
    const lists: Replacement[] = []
    const read = readMembers(bytes, start, isOfList, (name, at) => {
      const kind = name === 'tools' && this.#tellLogin !== undefined ? TOLD_TOOLS : LISTS[name]
      return kind === undefined ? skipValue(bytes, at) : this.#enterList(bytes, at, kind, lists)
    })
    if (read === undefined) {
      throw new UnfilterableAnswer('the result is not an object, or names a list twice')
    }
    if (lists.length > 0) edits.push(...lists, ...privacy(read.members, start))
    return read.end
  }

  /** The list in its order, without entries that the token may not use. */
  #enterList(bytes: Uint8Array, start: number, kind: ListKind, lists: Replacement[]): number {
    const list = this.#memory.read(bytes, start, kind)
    if (list === undefined) throw new UnfilterableAnswer('what should be a list is not one')
    const end = start + list.bytes.length
    const write = kind.replaced === undefined ? undefined : this.#tellLogin
    const text = [list.select((name) => this.#isShown(name, kind), this.#caller, write)]
    lists.push({ span: { start, end }, text })
    return end
  }

  #isShown(value: unknown, { method, target, member }: ListKind): boolean {
    const isTemplate = member === 'uriTemplate' && typeof value === 'string'
    const name = isTemplate ? canonicalTemplate(value) : comparableName(target, value)
    return name !== undefined && this.#mayUse({ method, target, name })
  }
}

/**
 * A list made for one token is not shared (STA-07): on all pages, whether or not anything was
 * removed. Only revisions with a cache lifetime have a cache scope.
 */
function privacy(members: ReadonlyMap<string, Span>, result: number): readonly Replacement[] {
  const scope = members.get('cacheScope')
  if (scope !== undefined) return [{ span: scope, text: '"private"' }]
  if (!members.has('ttlMs')) return []
  const start = result + 1
  return [{ span: { start, end: start }, text: '"cacheScope":"private",' }]
}
