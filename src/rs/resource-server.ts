/**
 * The resource server: the one place where credentials, keys, tokens and scopes come together, in an
 * order that no caller can change. It returns data; hosts send it.
 *
 * @module
 */
import {
  protectedResourceMetadataUrl,
  type ProtectedResourceMetadata,
} from '../discovery/protected-resource.js'
import { createKeySet, type KeySetStatus } from '../discovery/key-set.js'
import { sha256, sha256Sync } from '../base/digest.js'
import { isolatesRequests, type RequestContext } from '../base/runtime.js'
import { AuthorizationServerError, BearerTokenError, quoted, Refusal } from '../errors.js'
import { createEmit, whereThrown } from '../events.js'
import { hintFor, type HintClues } from '../advice/hints.js'
import { deepFreeze } from '../base/json.js'
import { settingsOf } from '../base/option-checker.js'
import { createOperationPolicy } from '../policy/policy.js'
import type {
  AccessTokenVerifier,
  Runtime,
  TokenIntrospector,
  VerifiedAccessToken,
} from '../types.js'
import { toVerifiedAccessToken, type AccessTokenFacts } from '../token/access-token.js'
import { MAX_TOKEN_LENGTH, parseBearer } from '../token/bearer.js'
import { deny, unavailable, type Authenticated, type Decision, type Denied } from './decision.js'
import { parseJwt } from '../token/jwt.js'
import type { ResourceServerOptions } from './options.js'
import { createRequestIds } from './request-id.js'
import { isStateless } from '../mcp/protocol-revision.js'
import { tellOperations, type McpOperation } from '../mcp/operation.js'
import { ScopeHierarchy } from '../token/scope-hierarchy.js'
import { uniteScopes } from '../token/scopes.js'
import { checkResourceServer, type ResourceServerSettings } from './settings.js'
import { TokenVerifier } from './token-verifier.js'
import { watchToken, type Standing } from './token-watch.js'

/** The parts of a request that the decision depends on. Members may be getters: each is read only when needed. */
export interface AuthenticationRequest extends RequestContext {
  /** The `Authorization` field: one value, or all of them where the host keeps them apart. */
  readonly authorization: string | readonly string[] | undefined
  /** Names the request in events and in `X-Request-Id`. Default: made when needed. */
  readonly requestId?: string | undefined
}

/** The parts of a request that a challenge for more scopes depends on. */
export interface OperationRequest extends Omit<AuthenticationRequest, 'authorization'> {
  /** `MCP-Protocol-Version`: clients before 2026-07-28 lose the scopes that a challenge does not repeat (SCP-03). */
  readonly protocolVersion?: string | undefined
}

/** Protects one resource. Made once, used for every request. */
export interface ResourceServer extends AccessTokenVerifier {
  /** The identifier, as configured. */
  readonly resource: string
  /** Base scopes. */
  readonly scopes: readonly string[]
  /** The document to publish, frozen. */
  readonly metadata: ProtectedResourceMetadata
  /** Where clients are told to find it. */
  readonly metadataUrl: string
  /** Whether there is a policy, so that what requests ask for must be judged, too. */
  readonly hasPolicy: boolean
  /** Whether lists are to show only what a token may use. */
  readonly filtersLists: boolean
  /**
   * Judges the credentials of a request and its base scopes. Answers at once, without a promise, for a
   * token whose signature was checked before. Does not throw for anything that a client can send.
   *
   * @param baseScopes `later`: {@link authorizeOperations} follows, and judges them together with what operations need
   */
  authenticate(
    request: AuthenticationRequest,
    baseScopes?: 'now' | 'later',
  ): Decision | Promise<Decision>
  /**
   * Judges further scopes of an authenticated request.
   *
   * @returns the 403 to send, naming base scopes and these in one challenge, or `undefined`
   */
  authorize(
    token: VerifiedAccessToken,
    scopes: readonly string[],
    request?: Omit<AuthenticationRequest, 'authorization'>,
  ): Denied | undefined
  /**
   * Judges what an authenticated request asks for: base scopes and what the policy wants, all operations together.
   *
   * @returns the 403 to send, or `undefined`
   * @throws whatever a policy throws that is a function; then nothing was allowed
   */
  authorizeOperations(
    token: VerifiedAccessToken,
    operations: readonly McpOperation[],
    request?: OperationRequest,
  ): Denied | undefined
  /** What stands for all tokens that may use the same; `undefined`: nothing but the token itself. */
  sameUse(token: VerifiedAccessToken): object | undefined
  /**
   * Whether a token may use something, for lists that show nothing else.
   *
   * @throws whatever a policy throws that is a function
   */
  mayUse(token: VerifiedAccessToken, operation: McpOperation): boolean
  /** Whether an operation names a user in its URI that no rule spells: it is not judged, and refused by 400. */
  isOfForeignUser(operation: McpOperation): boolean
  /**
   * Watches the token of a request while its answer goes on: it is judged again at its end, when the authorization
   * server's answer about it is too old, and once a minute. An authorization server that is away ends nothing before
   * the token's own end.
   *
   * @param onEnd called once, when a request with this token would not be let in any more; `token.ended` says why
   * @returns ends the watch
   */
  watch(
    authenticated: Authenticated,
    onEnd: () => void,
    request?: Omit<AuthenticationRequest, 'authorization'>,
  ): () => void
  /**
   * Fetches the keys of every issuer now: at a start that should not wait for the first token, or after a
   * file of keys was replaced. Never rejects; what failed is an event and in {@link status}, and old keys stay.
   */
  refreshKeys(): Promise<void>
  /** For health checks and metrics. */
  status(): ResourceServerStatus
}

export interface ResourceServerStatus {
  /** The keys of those issuers whose tokens may be JWTs, in the configured order. */
  readonly issuers: readonly KeySetStatus[]
  /** Those authorization servers that are asked about tokens. */
  readonly introspectors: readonly ReturnType<NonNullable<TokenIntrospector['status']>>[]
  /** How many tokens are remembered. */
  readonly rememberedTokens: number
}

const PREFIX = 'Bearer '

/** For the operator's log. */
function describeOperation(operation: McpOperation | undefined): string {
  if (operation === undefined) return 'nothing'
  const { method, name } = operation
  return name === undefined ? quoted(method, 60) : `${quoted(method, 60)} ${quoted(name)}`
}

/**
 * Makes an MCP server's resource server. It does no I/O until the first token arrives, so an identity
 * provider that is down does not stop the start.
 *
 * @throws {ConfigurationError} with every problem of the options
 *
 * @example
 * ```ts
 * import { createResourceServer } from 'mcp-gatehouse'
 *
 * const resourceServer = createResourceServer({
 *   resource: 'https://mcp.example.com/mcp',
 *   authorizationServers: 'https://sso.example.com/realms/mcp',
 *   scopes: ['mcp:tools'],
 * })
 * const decision = await resourceServer.authenticate({ authorization: 'Bearer …' })
 * if (decision.outcome === 'authenticated') console.log(decision.token.subject)
 * else console.log(decision.status, decision.headers, decision.body)
 * ```
 */
export function createResourceServer(options: ResourceServerOptions): ResourceServer {
  return createResourceServerWith(settingsOf(checkResourceServer(options)), options, createKeySet)
}

/**
 * Of checked settings, and with keys from elsewhere: several resource servers may share them.
 *
 * @throws {ConfigurationError} when a function that makes an introspector does
 */
export function createResourceServerWith(
  settings: ResourceServerSettings,
  options: Pick<ResourceServerOptions, keyof Runtime | 'onEvent'>,
  keySetFor: typeof createKeySet,
): ResourceServer {
  const { resource, scopes } = settings
  const policy = createOperationPolicy(settings.policy)
  const hierarchy = policy?.hierarchy ?? new ScopeHierarchy()
  const baseScopes = new Set(scopes)
  const now = options.now ?? Date.now
  const fetchFunction = options.fetch ?? ((url, init) => fetch(url, init))
  const nextRequestId = createRequestIds(options.randomUUID)
  const emit = createEmit(options.onEvent)
  const metadataUrl = protectedResourceMetadataUrl(resource)
  const onlyIssuer = settings.issuers.length === 1 ? settings.issuers[0]?.policy.issuer : undefined
  const metadata = deepFreeze(structuredClone(settings.metadata)) as ProtectedResourceMetadata

  const tokens = new TokenVerifier(
    settings,
    { now, fetch: fetchFunction, emit, isolated: isolatesRequests() },
    keySetFor,
  )

  function refuse(
    refusal: Refusal,
    requestId: string | undefined,
    scope: readonly string[],
    clues: HintClues = {},
  ): Denied {
    const { code, reason, issuer } = refusal
    const denied = deny(code, requestId ?? nextRequestId(), metadataUrl, scope)
    if (emit !== undefined) {
      const hint = refusal.hint ?? hintFor(code, { issuer: issuer ?? onlyIssuer, ...clues })
      emit({
        type: 'request.denied',
        requestId: denied.requestId,
        status: denied.status,
        code,
        reason,
        ...(issuer !== undefined && { issuer }),
        ...(hint !== undefined && { hint }),
      })
    }
    return denied
  }

  /** For advice alone. */
  function cluesOf(token: string): HintClues {
    return {
      token,
      claims: () => {
        const jwt = parseJwt(token)
        return jwt instanceof Refusal ? undefined : jwt.claims
      },
    }
  }

  function fail(error: unknown, requestId: string = nextRequestId()): Decision {
    if (!(error instanceof AuthorizationServerError)) throw error
    const { code, issuer, message: reason } = error
    const retryAfter = error.retryAfter ?? tokens.retryAfter(issuer)
    emit?.({ type: 'request.unavailable', requestId, code, reason, issuer, retryAfter })
    return unavailable(code, requestId, retryAfter)
  }

  /** Scopes come last: an expired token is a 401 whatever it was granted. */
  function admit(
    facts: AccessTokenFacts,
    bearer: string,
    request: AuthenticationRequest,
    when: 'now' | 'later',
    wasRemembered: boolean,
  ): Decision {
    const token = toVerifiedAccessToken(facts, bearer)
    const isOpen = scopes.length === 0 || when === 'later'
    const denied = isOpen ? undefined : judgeScopes(token, [], request, bearer)
    if (denied !== undefined) return denied
    emit?.({ type: 'request.authenticated', issuer: facts.issuer, remembered: wasRemembered })
    return { outcome: 'authenticated', token, bearer }
  }

  /** @param unseen the credentials, where they were looked for already, and their digest */
  async function authenticateSlowly(
    request: AuthenticationRequest,
    authorization: AuthenticationRequest['authorization'],
    when: 'now' | 'later',
    unseen?: { readonly text: string; readonly digest: string },
  ): Promise<Decision> {
    const bearer = parseBearer(authorization)
    if (bearer instanceof Refusal) return refuse(bearer, request.requestId, scopes)
    const digest = bearer === unseen?.text ? unseen.digest : await sha256(bearer)
    try {
      const facts = await tokens.verify(bearer, digest, request)
      if (facts instanceof Refusal) {
        return refuse(facts, request.requestId, scopes, cluesOf(bearer))
      }
      return admit(facts, bearer, request, when, false)
    } catch (error) {
      return fail(error, request.requestId)
    }
  }

  function authenticate(
    request: AuthenticationRequest,
    when: 'now' | 'later' = 'now',
  ): Decision | Promise<Decision> {
    const { authorization } = request
    // Only a token that passed every check is remembered, and equal digests are equal bytes: so a hit
    // needs no look at its characters.
    if (
      sha256Sync !== undefined &&
      typeof authorization === 'string' &&
      authorization.length <= MAX_TOKEN_LENGTH &&
      authorization.startsWith(PREFIX)
    ) {
      const bearer = authorization.slice(PREFIX.length)
      const digest = sha256Sync(bearer)
      const facts = tokens.recall(digest, request)
      if (facts instanceof Refusal) {
        return refuse(facts, request.requestId, scopes, cluesOf(bearer))
      }
      if (facts !== undefined) return admit(facts, bearer, request, when, true)
      return authenticateSlowly(request, authorization, when, { text: bearer, digest })
    }
    return authenticateSlowly(request, authorization, when)
  }

  function judgeScopes(
    token: VerifiedAccessToken,
    required: readonly string[],
    request: Omit<AuthenticationRequest, 'authorization'>,
    bearer?: string,
  ): Denied | undefined {
    const needed = uniteScopes(scopes, required)
    const missing = hierarchy.missing(token.scopes, needed)
    if (missing.length === 0) return undefined
    const reason = `lacks ${missing.join(' ')}`
    const refusal = new Refusal('ERR_SCOPE_INSUFFICIENT', reason, token.issuer)
    // All of them, granted ones too: clients before 2026-07-28 lose what a challenge does not repeat.
    const clues = { token: bearer, claims: () => token.claims, missing }
    return refuse(refusal, request.requestId, needed, clues)
  }

  function authorize(
    token: VerifiedAccessToken,
    required: readonly string[],
    request: Omit<AuthenticationRequest, 'authorization'> = {},
  ): Denied | undefined {
    return judgeScopes(token, required, request)
  }

  /** Relevant scopes that the token has, for clients that ask for what a challenge names and for nothing else. */
  function challengeScopes(
    token: VerifiedAccessToken,
    needed: readonly string[],
    protocolVersion: string | undefined,
  ): readonly string[] {
    if (isStateless(protocolVersion)) return needed
    const kept = token.scopes.filter((scope) => baseScopes.has(scope) || policy?.isKnown(scope))
    return uniteScopes(needed, kept)
  }

  function authorizeOperations(
    token: VerifiedAccessToken,
    operations: readonly McpOperation[],
    request: OperationRequest = {},
  ): Denied | undefined {
    let needed = scopes
    let denied: { readonly operation: McpOperation; readonly denial: string } | undefined
    for (const operation of operations) {
      const verdict = policy?.judge(operation, token)
      if (verdict === undefined) continue
      needed = uniteScopes(needed, verdict.scopes)
      if (verdict.denial !== undefined) denied ??= { operation, denial: verdict.denial }
    }
    const missing = hierarchy.missing(token.scopes, needed)
    const isAllowed = denied === undefined && missing.length === 0
    const requestId = emit === undefined && isAllowed ? '' : (request.requestId ?? nextRequestId())
    emit?.({
      type: 'operation.judged',
      requestId,
      outcome: isAllowed ? 'allowed' : 'denied',
      operations: tellOperations(operations),
      issuer: token.issuer,
      subject: token.subject,
      clientId: token.clientId,
      scopesNeeded: needed,
      scopesHeld: token.scopes,
    })
    if (isAllowed) return undefined
    // Another login would not help, so that none is asked for, whatever scopes are lacking as well (SCP-07).
    if (denied !== undefined) {
      const reason = `${describeOperation(denied.operation)}: ${denied.denial}`
      return refuse(new Refusal('ERR_OPERATION_DENIED', reason, token.issuer), requestId, [])
    }
    const [first] = operations
    const what = operations.length === 1 ? ` for ${describeOperation(first)}` : ''
    const refusal = new Refusal(
      'ERR_SCOPE_INSUFFICIENT',
      `lacks ${missing.join(' ')}${what}`,
      token.issuer,
    )
    const challenged = challengeScopes(token, needed, request.protocolVersion)
    return refuse(refusal, requestId, challenged, { claims: () => token.claims, missing })
  }

  function sameUse(token: VerifiedAccessToken): object | undefined {
    return policy?.judgesScopesAlone === true ? token.scopes : undefined
  }

  function mayUse(token: VerifiedAccessToken, operation: McpOperation): boolean {
    const verdict = policy?.judge(operation, token)
    if (verdict === undefined) return true
    if (verdict.denial !== undefined) return false
    return hierarchy.missing(token.scopes, verdict.scopes).length === 0
  }

  function endOf(expiresAt: number | undefined, issuer: string): number | undefined {
    const trusted = settings.issuers.find(({ policy }) => policy.issuer === issuer)
    const tolerance = trusted?.policy.clockTolerance ?? 0
    return expiresAt === undefined ? undefined : (expiresAt + tolerance) * 1000
  }

  async function judgeAgain(bearer: string): Promise<Standing | Refusal> {
    const digest = await sha256(bearer)
    const facts = tokens.recall(digest) ?? (await tokens.verify(bearer, digest))
    if (facts instanceof Refusal) return facts
    const { issuer, expiresAt } = facts
    const missing = hierarchy.missing(facts.scopes, scopes)
    if (missing.length > 0) {
      return new Refusal('ERR_SCOPE_INSUFFICIENT', `lacks ${missing.join(' ')}`, issuer)
    }
    return { endsAt: endOf(expiresAt, issuer), askAgainAt: tokens.askAgainAt(facts) }
  }

  /** Its looks are no requests, and so are none of their events. */
  function watch(
    { token, bearer }: Authenticated,
    onEnd: () => void,
    { requestId = nextRequestId() }: Omit<AuthenticationRequest, 'authorization'> = {},
  ): () => void {
    const { issuer, expiresAt } = token
    return watchToken({
      standing: { endsAt: endOf(expiresAt, issuer), askAgainAt: undefined },
      judge: () => judgeAgain(bearer),
      now,
      onEnd(why) {
        if (why instanceof Error) {
          emit?.({ type: 'request.failed', requestId, where: whereThrown(why) })
        } else {
          const { code, reason } =
            why === 'ended' ? new Refusal('ERR_TOKEN_EXPIRED', 'it has come to its end') : why
          emit?.({ type: 'token.ended', requestId, code, reason, issuer })
        }
        onEnd()
      },
    })
  }

  /** Who calls this gets no {@link Decision}, so that the reasons are told here. */
  async function verifyAccessToken(token: string): Promise<VerifiedAccessToken> {
    const text: unknown = token
    const bearer =
      typeof text === 'string'
        ? parseBearer(`${PREFIX}${text}`)
        : new Refusal('ERR_CREDENTIALS_MALFORMED', `a token that is a ${typeof text}`)
    try {
      const facts =
        bearer instanceof Refusal ? bearer : await tokens.verify(bearer, await sha256(bearer))
      if (!(facts instanceof Refusal)) return toVerifiedAccessToken(facts, bearer as string)
      refuse(facts, undefined, scopes, bearer instanceof Refusal ? {} : cluesOf(bearer))
      throw new BearerTokenError(facts.code, facts.reason)
    } catch (error) {
      if (error instanceof AuthorizationServerError) fail(error)
      throw error
    }
  }

  async function refreshKeys(): Promise<void> {
    await Promise.allSettled(tokens.keySets.map((keys) => keys.refresh()))
  }

  function status(): ResourceServerStatus {
    return {
      issuers: tokens.keySets.map((keys) => keys.status()),
      introspectors: tokens.introspectors.flatMap((each) => each.status?.() ?? []),
      rememberedTokens: tokens.remembered,
    }
  }

  return Object.freeze({
    resource,
    scopes,
    metadata,
    metadataUrl,
    hasPolicy: policy !== undefined,
    filtersLists: policy?.filtersLists === true,
    authenticate,
    authorize,
    authorizeOperations,
    sameUse,
    mayUse,
    isOfForeignUser: (operation: McpOperation) => policy?.isOfForeignUser(operation) === true,
    verifyAccessToken,
    watch,
    refreshKeys,
    status,
  })
}
