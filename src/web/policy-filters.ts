/**
 * Filters lists in answers by the current policy: a policy can be replaced while a stream is open.
 *
 * @module
 */
import type { McpOperation } from '../mcp/operation.js'
import { ListFilter, type AnswerFilter } from '../policy/list-filter.js'
import { ListMemory, type WriteMember } from '../policy/list-memory.js'
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

/** What a list says about a tool that needs no token: to callers without one, and to users. */
type PublicLogin = 'no login' | 'login or not'
const NO_LOGIN = 'no login'
const LOGIN_OR_NOT = 'login or not'
const NOAUTH = { type: 'noauth' } as const

/** What is written for one side is never shown to the other. */
interface Lists {
  readonly ofUsers: ListMemory
  readonly ofNobody: ListMemory
}

function emptyLists(): Lists {
  return { ofUsers: new ListMemory(), ofNobody: new ListMemory() }
}

/** All callers without a token see the same lists. */
const NOBODY: object = Object.freeze({})

export class PolicyFilters {
  readonly #authority: OperationAuthority
  #policy: OperationPolicy | undefined
  #lists = emptyLists()

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
    const tellLogin = this.#tellLogin(policy, LOGIN_OR_NOT)
    const mayUse = (operation: McpOperation) => {
      const { denial, scopes } = policy.authorize(operation, token)
      return denial === undefined && policy.hierarchy.missing(token.scopes, scopes).length === 0
    }
    // Tokens with the same scopes see the same lists.
    const caller = policy.dependsOnScopesAlone ? token.scopes : undefined
    return new ListFilter(mayUse, this.#listsOf(policy).ofUsers, caller, tellLogin).filter(bytes)
  }

  /**
   * What needs no token, and the tools that a login opens: only of a tool can a list say that it
   * needs one.
   */
  #filterPublic(bytes: Uint8Array, policy: OperationPolicy): readonly Uint8Array[] {
    const { publicPart } = policy
    const mayUse = (operation: McpOperation) =>
      publicPart?.includes(operation) === true ||
      (operation.target === 'tool' && publicPart?.scopesOf(operation) !== undefined)
    const tellLogin = this.#tellLogin(policy, NO_LOGIN)
    const memory = this.#listsOf(policy).ofNobody
    return new ListFilter(mayUse, memory, NOBODY, tellLogin).filter(bytes)
  }

  /**
   * Says which logins a tool needs, as the Apps SDK of OpenAI names them (`securitySchemes`).
   *
   * @returns `undefined` without anonymous rules: then every tool needs the same
   */
  #tellLogin({ publicPart }: OperationPolicy, ofPublic: PublicLogin): WriteMember | undefined {
    if (publicPart === undefined) return undefined
    return (name) => {
      const operation = { method: 'tools/call', target: 'tool', name: String(name) } as const
      const scopes = this.#authority.askedFor(publicPart.scopesOf(operation) ?? [])
      const login = { type: 'oauth2', ...(scopes.length > 0 && { scopes }) }
      if (!publicPart.includes(operation)) return JSON.stringify([login])
      return JSON.stringify(ofPublic === NO_LOGIN ? [NOAUTH] : [NOAUTH, login])
    }
  }

  /** Lists are remembered as one policy filtered them. */
  #listsOf(policy: OperationPolicy): Lists {
    if (policy !== this.#policy) this.#lists = emptyLists()
    this.#policy = policy
    return this.#lists
  }
}
