/**
 * The resource server: the one place where credentials, keys, tokens and scopes come together, in an
 * order that no caller can change. It returns data; hosts send it.
 *
 * @module
 */
import type { HintContext } from '../advice/hints.js'
import { sha256, sha256Sync } from '../base/digest.js'
import { deepFreeze } from '../base/json.js'
import { OptionChecker, settingsOf } from '../base/option-checker.js'
import { isolatesRequests, type RequestContext } from '../base/runtime.js'
import { createKeySet, type KeySetStatus } from '../discovery/key-set.js'
import type { MetadataMirrorOptions } from '../discovery/metadata-mirror.js'
import {
  protectedResourceMetadataUrl,
  type ProtectedResourceMetadata,
} from '../discovery/protected-resource.js'
import { AuthorizationServerError, BearerTokenError, Refusal } from '../errors.js'
import { whereThrown, type Emit } from '../events.js'
import { noteAnswerEnd } from './answer-end.js'
import { emitterFor } from './log-events.js'
import type { McpOperation } from '../mcp/operation.js'
import type { PolicyDocument } from '../policy/document.js'
import { createOperationPolicy, type AuthorizeOperation } from '../policy/policy.js'
import { AskedScopes } from '../token/asked-scopes.js'
import { isApiKey } from '../token/api-key.js'
import { toVerifiedAccessToken, type AccessTokenFacts } from '../token/access-token.js'
import { MAX_TOKEN_LENGTH, parseCredentials, type Credentials } from '../token/credentials.js'
import { parseJwt } from '../token/jwt.js'
import type {
  AccessTokenVerifier,
  RuntimeHooks,
  TokenIntrospector,
  VerifiedAccessToken,
} from '../types.js'
import { Advisor } from './advisor.js'
import { watchAnonymous } from './anonymous-watch.js'
import { checkApiKeys, isKeyIssuer, type ApiKeysDocument } from './api-keys.js'
import type { Authenticated, Decision, Denied } from './decision.js'
import { OperationAuthority, type OperationRequest } from './operation-authority.js'
import type { ResourceServerOptions } from './options.js'
import { Refusals } from './refusals.js'
import { createRequestIds } from './request-id.js'
import { checkResourceServer, type ResourceServerSettings } from './settings.js'
import { validateToken } from './token-validators.js'
import { TokenVerifier } from './token-verifier.js'
import { setQuietTimer, watchToken, type Standing } from './token-watch.js'

export type { OperationRequest } from './operation-authority.js'

/** The parts of a request that the decision depends on. Members may be getters: each is read only when needed. */
export interface AuthenticationRequest extends RequestContext {
  /** The `Authorization` field: one value, or all of them if the host keeps them apart. */
  readonly authorization: string | readonly string[] | undefined
  /** The request id in events and in `X-Request-Id`. Default: made when needed. */
  readonly requestId?: string | undefined
}

/** Protects one resource. Made once, used for every request. */
export interface ResourceServer extends AccessTokenVerifier {
  /** The identifier, as configured. */
  readonly resource: string
  /** Base scopes. */
  readonly scopes: readonly string[]
  /** The document to publish, frozen. */
  readonly metadata: ProtectedResourceMetadata
  /** The URL at which clients find it. */
  readonly metadataUrl: string
  /**
   * Verifies the credentials of a request and its base scopes. Answers synchronously for a token
   * whose signature was checked before. Does not throw for anything that a client can send.
   */
  authenticate(request: AuthenticationRequest): Decision | Promise<Decision>
  /**
   * Checks further scopes of an authenticated request.
   *
   * @returns the 403 to send, naming base scopes and these in one challenge, or `undefined`
   */
  authorize(
    token: VerifiedAccessToken,
    scopes: readonly string[],
    request?: Omit<AuthenticationRequest, 'authorization'>,
  ): Denied | undefined
  /**
   * Authorizes the operations of an authenticated request, all together: base scopes and the
   * policy.
   *
   * @returns the 403 to send, or `undefined`
   * @throws what the policy function throws; then nothing was allowed
   */
  authorizeOperations(
    token: VerifiedAccessToken,
    operations: readonly McpOperation[],
    request?: OperationRequest,
  ): Denied | undefined
  /**
   * Replaces the policy while requests are served, for example after its file has changed. Requests
   * are authorized by the new one from then on; one that was authorized before goes on. Lists in
   * answers that are still open, also in streams, show what the new one allows.
   *
   * @param policy as in the options. It can only replace a policy, and must have the same `lists`
   * @throws {ConfigurationError} with every problem; then the old policy stays
   *
   * @example
   * ```ts
   * import { createResourceServer } from 'mcp-gatehouse'
   *
   * const resourceServer = createResourceServer({
   *   resource: 'https://mcp.example.com/mcp',
   *   authorizationServers: 'https://sso.example.com/realms/mcp',
   *   policy: { rules: [{ tools: 'search', scopes: [] }], unmatched: 'deny' },
   * })
   * resourceServer.replacePolicy({
   *   rules: [{ tools: ['search', 'fetch'], scopes: [] }],
   *   unmatched: 'deny',
   * })
   * ```
   */
  replacePolicy(policy: PolicyDocument | AuthorizeOperation): void
  /**
   * Replaces all API keys while requests are served. A key that is missing now opens nothing any more, and open streams
   * of it end within a minute.
   *
   * @param keys as in the options
   * @throws {ConfigurationError} with every problem; then the old keys stay
   */
  replaceApiKeys(keys: ApiKeysDocument): void
  /**
   * Watches the token of a request while its answer goes on: it is verified again when it expires,
   * when its introspection answer is too old, and once a minute. An outage of the authorization
   * server ends nothing before the token expires.
   *
   * @param onEnd called once, when a request with this token would be refused; `token.ended` says
   * why
   * @returns ends the watch
   */
  watch(
    authenticated: Authenticated,
    onEnd: () => void,
    request?: Omit<AuthenticationRequest, 'authorization'>,
  ): () => void
  /**
   * Fetches the keys of every issuer now: at startup, before the first token, or after a file of
   * keys was replaced. Never rejects; a failure is an event and shows in {@link status}, and old
   * keys stay.
   */
  refreshKeys(): Promise<void>
  /** For health checks and metrics. */
  status(): ResourceServerStatus
}

export interface ResourceServerStatus {
  /** The keys of those issuers whose tokens may be JWTs, in the configured order. */
  readonly issuers: readonly KeySetStatus[]
  /** The authorization servers that introspect tokens. */
  readonly introspectors: readonly ReturnType<NonNullable<TokenIntrospector['status']>>[]
  /** How many tokens are cached. */
  readonly rememberedTokens: number
}

const PREFIX = 'Bearer '

/** For advice only. */
function contextOf(token: string, clock: HintContext['clock']): HintContext {
  return {
    token,
    clock,
    claims: () => {
      if (isApiKey(token)) return undefined
      const jwt = parseJwt(token)
      return jwt instanceof Refusal ? undefined : jwt.claims
    },
  }
}

/** Whether base scopes are checked now, or later together with those that operations need. */
type BaseScopes = 'now' | 'later'

/** A resource server with the members that only the guard of a host needs. */
export class ResourceServerCore {
  /** The public part. */
  readonly server: ResourceServer
  /** Who may do what. */
  readonly operations: OperationAuthority
  readonly #settings: ResourceServerSettings
  readonly #now: () => number
  readonly #fetch: typeof fetch
  readonly #setTimer: typeof setQuietTimer
  readonly #emit: Emit | undefined
  readonly #nextRequestId: () => string
  readonly #tokens: TokenVerifier
  readonly #refusals: Refusals

  /**
   * @param keySetFor the source of keys: several resource servers may share them
   * @param setTimer for the watches of tokens
   * @throws {ConfigurationError} when a function that makes an introspector does
   */
  constructor(
    settings: ResourceServerSettings,
    options: Pick<ResourceServerOptions, keyof RuntimeHooks | 'onEvent'>,
    keySetFor: typeof createKeySet,
    setTimer: typeof setQuietTimer = setQuietTimer,
  ) {
    const { resource, scopes } = settings
    const { now = Date.now, fetch: ownFetch = (url, init) => fetch(url, init) } = options
    this.#settings = settings
    this.#now = now
    this.#fetch = ownFetch
    this.#setTimer = setTimer
    const emit = emitterFor(options.onEvent, resource)
    this.#emit = emit
    this.#nextRequestId = createRequestIds(options.randomUUID)
    const runtime = { now, fetch: ownFetch, emit, isolated: isolatesRequests() }
    this.#tokens = new TokenVerifier(settings, runtime, keySetFor)
    const common = { emit, nextRequestId: this.#nextRequestId }
    const metadataUrl = protectedResourceMetadataUrl(resource)
    const askedScopes = new AskedScopes(settings.askedScopes)
    this.#refusals = new Refusals({
      ...common,
      askedScopes,
      metadataUrl,
      advisor: new Advisor(settings.issuers.map(({ requirements }) => requirements.issuer)),
      retryAfter: (issuer) => this.#tokens.retryAfter(issuer),
    })
    this.operations = new OperationAuthority({
      ...common,
      scopes,
      policy: createOperationPolicy(settings.policy),
      refusals: this.#refusals,
      askedScopes,
    })
    this.server = this.#toServer(metadataUrl)
  }

  /** How the metadata of the first published issuer is read; `undefined`: it is not mirrored. */
  get mirrorOptions(): MetadataMirrorOptions | undefined {
    const { issuers, allowHttp, jwksMaxAge, mirrorMetadata } = this.#settings
    const published = issuers.find(({ isPublished }) => isPublished)
    if (!mirrorMetadata || published === undefined) return undefined
    const { requirements, authorizationServer, discoveryUrl, reach } = published
    return {
      issuer: authorizationServer ?? requirements.issuer,
      accessTokenIssuer: requirements.issuer,
      discoveryUrl,
      allowHttp,
      fetch: reach?.(this.#fetch) ?? this.#fetch,
      now: this.#now,
      maxAge: jwksMaxAge,
      isolated: isolatesRequests(),
    }
  }

  /** As {@link ResourceServer.authenticate}. */
  authenticate(
    request: AuthenticationRequest,
    baseScopes: BaseScopes = 'now',
  ): Decision | Promise<Decision> {
    const { authorization } = request
    // Only a token that passed every check is cached, and equal digests mean equal bytes: a hit
    // needs no check of its characters, and no object for its credentials.
    if (
      sha256Sync === undefined ||
      typeof authorization !== 'string' ||
      authorization.length > MAX_TOKEN_LENGTH ||
      !authorization.startsWith(PREFIX)
    ) {
      return this.#authenticateSlowly(request, authorization, baseScopes)
    }
    const bearer = authorization.slice(PREFIX.length)
    const digest = sha256Sync(bearer)
    const facts = this.#tokens.recall(digest, request)
    if (facts === undefined) {
      return this.#authenticateSlowly(request, authorization, baseScopes, { text: bearer, digest })
    }
    if (facts instanceof Refusal) return this.#refuse(facts, request, bearer)
    return this.#admit(facts, bearer, request, baseScopes, true)
  }

  /** @param unseen the credentials, if they were read already, and their digest */
  async #authenticateSlowly(
    request: AuthenticationRequest,
    authorization: AuthenticationRequest['authorization'],
    baseScopes: BaseScopes,
    unseen?: { readonly text: string; readonly digest: string },
  ): Promise<Decision> {
    const ready = this.#refusals.ready()
    const credentials = parseCredentials(authorization)
    if (credentials instanceof Refusal) {
      await ready
      return this.#refuse(credentials, request)
    }
    const { token: bearer } = credentials
    const digest = bearer === unseen?.text ? unseen.digest : await sha256(bearer)
    try {
      const facts = await this.#tokens.verify(bearer, digest, request)
      await ready
      if (facts instanceof Refusal) return this.#refuse(facts, request, bearer)
      return this.#admit(facts, bearer, request, baseScopes, false)
    } catch (error) {
      return this.#refusals.fail(error, request.requestId)
    }
  }

  /** @param token if it was verified */
  #refuse(
    refusal: Refusal,
    { requestId }: AuthenticationRequest,
    bearer?: string,
    token?: VerifiedAccessToken,
  ): Denied {
    const context =
      bearer === undefined ? {} : contextOf(bearer, () => this.#tokens.timeOf(refusal.issuer))
    return this.#refusals.refuse(refusal, requestId, undefined, context, token)
  }

  /**
   * Scopes come last: an expired token is a 401 whatever it was granted.
   *
   * @throws what a validator throws
   */
  #admit(
    facts: AccessTokenFacts,
    bearer: string,
    request: AuthenticationRequest,
    baseScopes: BaseScopes,
    wasRemembered: boolean,
  ): Decision {
    const token = toVerifiedAccessToken(facts, bearer)
    const refusal = validateToken(token, this.#settings.validators)
    if (refusal !== undefined) return this.#refuse(refusal, request, bearer, token)
    const { requestId } = request
    const isOpen = this.#settings.scopes.length === 0 || baseScopes === 'later'
    const denied = isOpen ? undefined : this.operations.authorize(token, [], requestId, bearer)
    if (denied !== undefined) return denied
    this.#tell(facts, wasRemembered)
    return { outcome: 'authenticated', token, bearer }
  }

  #tell({ issuer, clientId }: AccessTokenFacts, remembered: boolean): void {
    const emit = this.#emit
    if (emit === undefined) return
    // A key is never remembered.
    const apiKey = !remembered && isKeyIssuer(issuer) ? clientId : undefined
    if (apiKey === undefined) emit({ type: 'request.authenticated', issuer, remembered })
    else emit({ type: 'request.authenticated', issuer, remembered, apiKey })
  }

  #toServer(metadataUrl: string): ResourceServer {
    const { resource, scopes, metadata } = this.#settings
    return Object.freeze({
      resource,
      scopes,
      metadata: deepFreeze(structuredClone(metadata)) as ProtectedResourceMetadata,
      metadataUrl,
      authenticate: (request: AuthenticationRequest) => this.authenticate(request),
      authorize: (
        token: VerifiedAccessToken,
        required: readonly string[],
        { requestId }: Omit<AuthenticationRequest, 'authorization'> = {},
      ) => this.operations.authorize(token, required, requestId),
      authorizeOperations: (
        token: VerifiedAccessToken,
        operations: readonly McpOperation[],
        request: OperationRequest = {},
      ) => this.operations.authorizeOperations(token, operations, request),
      replacePolicy: (policy: PolicyDocument | AuthorizeOperation) => this.#replacePolicy(policy),
      replaceApiKeys: (keys: ApiKeysDocument) => this.#replaceApiKeys(keys),
      verifyAccessToken: (token: string) => this.#verifyAccessToken(token),
      watch: (
        authenticated: Authenticated,
        onEnd: () => void,
        { requestId }: Omit<AuthenticationRequest, 'authorization'> = {},
      ) => this.#watch(authenticated, onEnd, requestId),
      refreshKeys: () => this.#refreshKeys(),
      status: () => this.#status(),
    })
  }

  #replacePolicy(value: PolicyDocument | AuthorizeOperation): void {
    const checker = new OptionChecker()
    const policy = this.operations.checkReplacement(checker, ['policy'], value)
    this.operations.replacePolicy(settingsOf(checker.finish(policy)))
  }

  #replaceApiKeys(value: ApiKeysDocument): void {
    const checker = new OptionChecker()
    const keys = checkApiKeys(checker, ['apiKeys'], value)
    this.#tokens.replaceApiKeys(settingsOf(checker.finish(keys)))
  }

  /** There is no {@link Decision}, so the reasons are reported here. */
  async #verifyAccessToken(token: string): Promise<VerifiedAccessToken> {
    const text: unknown = token
    const credentials =
      typeof text === 'string'
        ? parseCredentials(`${PREFIX}${text}`)
        : new Refusal('ERR_CREDENTIALS_MALFORMED', `a token that is a ${typeof text}`)
    const ready = this.#refusals.ready()
    try {
      const facts = credentials instanceof Refusal ? credentials : await this.#verify(credentials)
      if (!(facts instanceof Refusal)) return facts
      await ready
      const request = { authorization: undefined }
      if (credentials instanceof Refusal) this.#refuse(facts, request)
      else this.#refuse(facts, request, credentials.token)
      throw new BearerTokenError(facts.code, facts.reason, facts.claim)
    } catch (error) {
      if (error instanceof AuthorizationServerError) this.#refusals.fail(error)
      throw error
    }
  }

  /** @throws what a validator throws */
  async #verify({ token: bearer }: Credentials): Promise<VerifiedAccessToken | Refusal> {
    const facts = await this.#tokens.verify(bearer, await sha256(bearer))
    if (facts instanceof Refusal) return facts
    const token = toVerifiedAccessToken(facts, bearer)
    noteAnswerEnd(token, this.#tokens.askAgainAt(facts), this.#now())
    return validateToken(token, this.#settings.validators) ?? token
  }

  /**
   * Watches an answer without a token.
   *
   * @param onEnd called once: after ten minutes, or within a minute after the policy has no
   * anonymous rules any more
   * @returns ends the watch
   */
  watchAnonymous(onEnd: () => void): () => void {
    const isPublic = () => this.operations.publicPart !== undefined
    return watchAnonymous({ isPublic, onEnd, setTimer: this.#setTimer })
  }

  /** Its checks are not requests, so they emit no request events. */
  #watch(
    { token: { issuer, expiresAt }, bearer }: Authenticated,
    onEnd: () => void,
    requestId: string = this.#nextRequestId(),
  ): () => void {
    return watchToken({
      standing: { endsAt: this.#endOf(expiresAt, issuer), askAgainAt: undefined },
      verify: () => this.#verifyAgain(bearer),
      now: this.#now,
      setTimer: this.#setTimer,
      onEnd: (why) => {
        if (why instanceof Error) {
          this.#emit?.({ type: 'request.failed', requestId, where: whereThrown(why) })
        } else {
          const { code, reason } =
            why === 'ended' ? new Refusal('ERR_TOKEN_EXPIRED', 'it has ended') : why
          this.#emit?.({ type: 'token.ended', requestId, code, reason, issuer })
        }
        onEnd()
      },
    })
  }

  async #verifyAgain(bearer: string): Promise<Standing | Refusal> {
    const digest = await sha256(bearer)
    const facts = this.#tokens.recall(digest) ?? (await this.#tokens.verify(bearer, digest))
    if (facts instanceof Refusal) return facts
    const refusal = validateToken(toVerifiedAccessToken(facts, bearer), this.#settings.validators)
    if (refusal !== undefined) return refusal
    const { issuer, expiresAt } = facts
    const missing = this.operations.missing(facts.scopes, this.#settings.scopes)
    if (missing.length > 0) {
      return new Refusal('ERR_SCOPE_INSUFFICIENT', `lacks ${missing.join(' ')}`, issuer)
    }
    return { endsAt: this.#endOf(expiresAt, issuer), askAgainAt: this.#tokens.askAgainAt(facts) }
  }

  /** In milliseconds since 1970; `undefined` for a token that does not expire. */
  #endOf(expiresAt: number | undefined, issuer: string): number | undefined {
    const { tolerance } = this.#tokens.timeOf(issuer)
    return expiresAt === undefined ? undefined : (expiresAt + tolerance) * 1000
  }

  async #refreshKeys(): Promise<void> {
    await Promise.allSettled(this.#tokens.keySets.map((keys) => keys.refresh()))
  }

  #status(): ResourceServerStatus {
    return {
      issuers: this.#tokens.keySets.map((keys) => keys.status()),
      introspectors: this.#tokens.introspectors.flatMap((each) => each.status?.() ?? []),
      rememberedTokens: this.#tokens.remembered,
    }
  }
}

/**
 * Makes the resource server of an MCP server. It does no I/O until the first token arrives, so it
 * starts even while an identity provider is down.
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
  const settings = settingsOf(checkResourceServer(options))
  return new ResourceServerCore(settings, options, createKeySet).server
}
