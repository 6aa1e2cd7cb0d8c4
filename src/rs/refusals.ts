/**
 * Refusals of a resource server: the answer for the client, and the exact reason for the operator.
 *
 * @module
 */
import type { HintContext } from '../advice/hints.js'
import { AuthorizationServerError, type Refusal } from '../errors.js'
import type { Emit } from '../events.js'
import type { AskedScopes } from '../token/asked-scopes.js'
import type { VerifiedAccessToken } from '../types.js'
import type { Advisor } from './advisor.js'
import { deny, unavailable, type Decision, type Denied } from './decision.js'

export interface RefusalsOptions {
  /** The form of scopes in which clients ask for them. */
  readonly askedScopes: AskedScopes
  /** The URL at which clients find the metadata. */
  readonly metadataUrl: string
  readonly emit: Emit | undefined
  readonly nextRequestId: () => string
  readonly advisor: Advisor
  /** Seconds until an issuer may be asked again. */
  readonly retryAfter: (issuer: string) => number
}

/** The caller, as far as their token names them. */
function namesOf({ user, subject, clientId }: Partial<VerifiedAccessToken> = {}) {
  return {
    ...(user !== undefined && { user }),
    ...(subject !== undefined && { subject }),
    ...(clientId !== undefined && { clientId }),
  }
}

export class Refusals {
  readonly #options: RefusalsOptions

  constructor(options: RefusalsOptions) {
    this.#options = options
  }

  /** Waits until a refusal can be explained; called before the first one. */
  async ready(): Promise<void> {
    const { emit, advisor } = this.#options
    if (emit !== undefined) await advisor.ready()
  }

  /**
   * @param scopes what the challenge names, in the form that tokens hold; `undefined`: the base scopes
   * @param token if it was verified
   */
  refuse(
    refusal: Refusal,
    requestId: string | undefined,
    scopes: readonly string[] | undefined,
    context: HintContext = {},
    token?: VerifiedAccessToken,
  ): Denied {
    const { emit, nextRequestId, metadataUrl, advisor, askedScopes } = this.#options
    const { code, reason, issuer } = refusal
    const asked = scopes === undefined ? askedScopes.ofBase : askedScopes.of(scopes)
    const denied = deny(code, requestId ?? nextRequestId(), metadataUrl, asked)
    if (emit === undefined) return denied
    const hint = advisor.hintFor(refusal, context)
    emit({
      type: 'request.denied',
      requestId: denied.requestId,
      status: denied.status,
      code,
      reason,
      ...(issuer !== undefined && { issuer }),
      ...(hint !== undefined && { hint }),
      ...namesOf(token),
    })
    return denied
  }

  /** @throws any error that is not the authorization server's fault */
  fail(error: unknown, requestId: string = this.#options.nextRequestId()): Decision {
    if (!(error instanceof AuthorizationServerError)) throw error
    const { code, issuer, message: reason } = error
    const retryAfter = error.retryAfter ?? this.#options.retryAfter(issuer)
    const { emit } = this.#options
    emit?.({ type: 'request.unavailable', requestId, code, reason, issuer, retryAfter })
    return unavailable(code, requestId, retryAfter)
  }
}
