/**
 * Filters lists in answers by the current policy: a policy can be replaced while a stream is open.
 *
 * @module
 */
import type { McpOperation } from '../mcp/operation.js'
import { ListFilter, type AnswerFilter } from '../policy/list-filter.js'
import { ListMemory } from '../policy/list-memory.js'
import type { OperationPolicy } from '../policy/policy.js'
import type { OperationAuthority } from '../rs/operation-authority.js'
import type { Visitor } from '../rs/anonymous.js'

/** Uses the current policy for each message. */
class CurrentFilter implements AnswerFilter {
  readonly #filters: PolicyFilters
  readonly #visitor: Visitor

  constructor(filters: PolicyFilters, visitor: Visitor) {
    this.#filters = filters
    this.#visitor = visitor
  }

  filter(bytes: Uint8Array): readonly Uint8Array[] {
    return this.#filters.filter(bytes, this.#visitor)
  }
}

/** All callers without a token see the same lists. */
const NOBODY: object = Object.freeze({})

export class PolicyFilters {
  readonly #authority: OperationAuthority
  #policy: OperationPolicy | undefined
  #lists = new ListMemory()

  constructor(authority: OperationAuthority) {
    this.#authority = authority
  }

  /** The filter for an answer; `undefined`: lists pass unchanged. */
  filterFor(visitor: Visitor): AnswerFilter | undefined {
    return this.#authority.policy?.filtersLists === true
      ? new CurrentFilter(this, visitor)
      : undefined
  }

  /** As {@link AnswerFilter.filter}: only what the token may use now. */
  filter(bytes: Uint8Array, visitor: Visitor): readonly Uint8Array[] {
    const { policy } = this.#authority
    if (policy === undefined) return [bytes]
    if (visitor.outcome === 'anonymous') return this.#filterPublic(bytes, policy)
    const { token } = visitor
    const mayUse = (operation: McpOperation) => {
      const { denial, scopes } = policy.authorize(operation, token)
      return denial === undefined && policy.hierarchy.missing(token.scopes, scopes).length === 0
    }
    // Tokens with the same scopes see the same lists.
    const caller = policy.dependsOnScopesAlone ? token.scopes : undefined
    return new ListFilter(mayUse, this.#listsOf(policy), caller).filter(bytes)
  }

  /** What needs no token. */
  #filterPublic(bytes: Uint8Array, policy: OperationPolicy): readonly Uint8Array[] {
    const mayUse = (operation: McpOperation) => policy.publicPart?.includes(operation) === true
    return new ListFilter(mayUse, this.#listsOf(policy), NOBODY).filter(bytes)
  }

  /** Lists are remembered as one policy filtered them. */
  #listsOf(policy: OperationPolicy): ListMemory {
    if (policy !== this.#policy) this.#lists = new ListMemory()
    this.#policy = policy
    return this.#lists
  }
}
