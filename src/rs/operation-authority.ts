/**
 * Authorizes operations: base scopes, the policy, and scopes that include others.
 *
 * @module
 */
import type { OptionChecker, OptionPath } from '../base/option-checker.js'
import { quoted, Refusal } from '../errors.js'
import type { Emit } from '../events.js'
import { tellOperations, type McpOperation } from '../mcp/operation.js'
import { isStateless } from '../mcp/protocol-revision.js'
import { createOperationPolicy, type OperationPolicy, type PublicPart } from '../policy/policy.js'
import type { AskedScopes } from '../token/asked-scopes.js'
import { ScopeHierarchy } from '../token/scope-hierarchy.js'
import { uniteScopes } from '../token/scopes.js'
import type { VerifiedAccessToken } from '../types.js'
import type { Denied } from './decision.js'
import { checkOperationPolicy, checkTwins } from './option-checks.js'
import type { Refusals } from './refusals.js'

/** The parts of a request that a challenge for more scopes depends on. */
export interface OperationRequest {
  /** The request id in events and in `X-Request-Id`. Default: made when needed. */
  readonly requestId?: string | undefined
  /** `MCP-Protocol-Version`: clients before 2026-07-28 lose the scopes that a challenge does not repeat (SCP-03). */
  readonly protocolVersion?: string | undefined
}

export interface OperationAuthorityOptions {
  /** Base scopes. */
  readonly scopes: readonly string[]
  readonly policy: OperationPolicy | undefined
  readonly refusals: Refusals
  /** Its forms change with the policy. */
  readonly askedScopes: AskedScopes
  readonly emit: Emit | undefined
  readonly nextRequestId: () => string
}

/** What a policy says about all operations of a request together. */
interface Needs {
  /** Includes the base scopes. */
  readonly scopes: readonly string[]
  readonly denied:
    | {
        readonly operation: McpOperation
        readonly denial: string
        readonly about: Refusal['about']
      }
    | undefined
}

/** For the operator's log. */
export function describeOperation(operation: McpOperation | undefined): string {
  if (operation === undefined) return 'nothing'
  const { method, name } = operation
  return name === undefined ? quoted(method, 60) : `${quoted(method, 60)} ${quoted(name)}`
}

export class OperationAuthority {
  readonly #options: OperationAuthorityOptions
  readonly #baseScopes: ReadonlySet<string>
  #policy: OperationPolicy | undefined
  #hierarchy: ScopeHierarchy

  constructor(options: OperationAuthorityOptions) {
    this.#options = options
    this.#policy = options.policy
    this.#hierarchy = options.policy?.hierarchy ?? new ScopeHierarchy()
    this.#baseScopes = new Set(options.scopes)
    if (options.policy !== undefined) options.askedScopes.use(options.policy.asks)
  }

  /** The policy of the moment. */
  get policy(): OperationPolicy | undefined {
    return this.#policy
  }

  /** Whether there is a policy, so that operations must be authorized. It never changes. */
  get hasPolicy(): boolean {
    return this.#policy !== undefined
  }

  /** What needs no token; `undefined`: everything needs one. */
  get publicPart(): PublicPart | undefined {
    return this.#policy?.publicPart
  }

  /**
   * Checks a policy that is to replace the present one.
   *
   * @returns `undefined` with problems
   */
  checkReplacement(
    checker: OptionChecker,
    path: OptionPath,
    value: unknown,
  ): OperationPolicy | undefined {
    const present = this.#policy
    if (present === undefined) {
      // Requests under way may rely on having none: base scopes are then judged earlier.
      checker.problem(path, 'replaces no policy', 'start with a policy: it can be replaced')
      return undefined
    }
    // Left out it would mean: no policy.
    const checked = checkOperationPolicy(checker, path, value ?? null)
    const { askedScopes } = this.#options
    checkTwins(checker, path, askedScopes, checked)
    const policy = createOperationPolicy(checked)
    if (policy !== undefined && policy.filtersLists !== present.filtersLists) {
      const hint = 'open answers would not follow; start again with the other policy'
      checker.problem([...path, 'lists'], 'cannot change while requests are served', hint)
    }
    if (policy?.publicPart !== undefined && present.publicPart === undefined) {
      const message = 'has anonymous rules, unlike the present policy'
      checker.problem([...path, 'rules'], message, 'start again with it')
    }
    return policy
  }

  /** From now on requests are authorized, and the lists of open streams are filtered, by this policy. */
  replacePolicy(policy: OperationPolicy): void {
    this.#policy = policy
    this.#hierarchy = policy.hierarchy
    this.#options.askedScopes.use(policy.asks)
  }

  /** The needed scopes that the token lacks. */
  missing(held: readonly string[], needed: readonly string[]): readonly string[] {
    return this.#hierarchy.missing(held, needed)
  }

  /** The base scopes and these, in the form in which clients ask for them. */
  askedFor(scopes: readonly string[]): readonly string[] {
    return this.#options.askedScopes.of(uniteScopes(this.#options.scopes, scopes))
  }

  /** @param bearer the token, for advice */
  authorize(
    token: VerifiedAccessToken,
    required: readonly string[],
    requestId: string | undefined,
    bearer?: string,
  ): Denied | undefined {
    const needed = uniteScopes(this.#options.scopes, required)
    const missing = this.missing(token.scopes, needed)
    if (missing.length === 0) return undefined
    const reason = `lacks ${missing.join(' ')}`
    const refusal = new Refusal('ERR_SCOPE_INSUFFICIENT', reason, token.issuer)
    // All scopes, also granted ones: clients before 2026-07-28 lose those that a challenge does not
    // repeat.
    const context = { token: bearer, claims: () => token.claims, missing }
    return this.#options.refusals.refuse(refusal, requestId, needed, context, token)
  }

  authorizeOperations(
    token: VerifiedAccessToken,
    operations: readonly McpOperation[],
    { requestId: given, protocolVersion }: OperationRequest,
  ): Denied | undefined {
    const { emit, nextRequestId } = this.#options
    const needs = this.#needsOf(token, operations)
    const missing = this.missing(token.scopes, needs.scopes)
    const isAllowed = needs.denied === undefined && missing.length === 0
    const requestId = emit === undefined && isAllowed ? '' : (given ?? nextRequestId())
    emit?.({
      type: 'operation.judged',
      requestId,
      outcome: isAllowed ? 'allowed' : 'denied',
      operations: tellOperations(operations),
      issuer: token.issuer,
      subject: token.subject,
      clientId: token.clientId,
      scopesNeeded: needs.scopes,
      scopesHeld: token.scopes,
    })
    if (isAllowed) return undefined
    if (needs.denied !== undefined) return this.#deny(token, needs.denied, requestId)
    const [first] = operations
    const what = operations.length === 1 ? ` for ${describeOperation(first)}` : ''
    const reason = `lacks ${missing.join(' ')}${what}`
    return this.#options.refusals.refuse(
      new Refusal('ERR_SCOPE_INSUFFICIENT', reason, token.issuer),
      requestId,
      this.#challengeScopes(token, needs.scopes, protocolVersion),
      { claims: () => token.claims, missing },
      token,
    )
  }

  /**
   * The 401 for a request without credentials.
   *
   * @param reason for the operator
   */
  demandToken(requestId: string | undefined, reason: string): Denied {
    const refusal = new Refusal('ERR_CREDENTIALS_MISSING', `no Authorization field: ${reason}`)
    return this.#options.refusals.refuse(refusal, requestId, undefined)
  }

  /**
   * Whether the operation's URI names a user that no rule contains: it is refused (400) without
   * being authorized.
   */
  isOfForeignUser(operation: McpOperation): boolean {
    return this.#policy?.isOfForeignUser(operation) === true
  }

  #needsOf(token: VerifiedAccessToken, operations: readonly McpOperation[]): Needs {
    let { scopes } = this.#options
    let denied: Needs['denied']
    for (const operation of operations) {
      const verdict = this.#policy?.authorize(operation, token)
      if (verdict === undefined) continue
      scopes = uniteScopes(scopes, verdict.scopes)
      const { denial, about } = verdict
      if (denial !== undefined) denied ??= { operation, denial, about }
    }
    return { scopes, denied }
  }

  /**
   * Another login would not help, so the challenge asks for none, even if scopes are missing too
   * (SCP-07).
   */
  #deny(
    token: VerifiedAccessToken,
    { operation, denial, about }: NonNullable<Needs['denied']>,
    requestId: string,
  ): Denied {
    const reason = `${describeOperation(operation)}: ${denial}`
    const refusal = new Refusal('ERR_OPERATION_DENIED', reason, token.issuer, { about })
    return this.#options.refusals.refuse(refusal, requestId, [], {}, token)
  }

  /**
   * Includes relevant scopes that the token has, for clients that request exactly the scopes of a
   * challenge.
   */
  #challengeScopes(
    token: VerifiedAccessToken,
    needed: readonly string[],
    protocolVersion: string | undefined,
  ): readonly string[] {
    if (isStateless(protocolVersion)) return needed
    const kept = token.scopes.filter(
      (scope) => this.#baseScopes.has(scope) || this.#policy?.isKnown(scope),
    )
    return uniteScopes(needed, kept)
  }
}
