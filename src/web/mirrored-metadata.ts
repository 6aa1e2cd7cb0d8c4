/**
 * Answers for clients that look for the authorization server's metadata at the resource's own host
 * (MCP authorization of 2025-03-26). Nothing that a client sends changes what they get.
 *
 * @module
 */
import { AuthorizationServerError } from '../errors.js'
import type { MetadataMirror } from '../discovery/metadata-mirror.js'
import { errorBody, withReference, answerHeaders } from '../rs/decision.js'
import { answer, type Answers, type GuardAnswer } from './answers.js'
import { serveMetadata } from './endpoint.js'
import type { GuardRequestHead } from './guard-request.js'

const UNFIT = 'The metadata of the authorization server must not be shown here'
const UNAVAILABLE = 'The metadata of the authorization server cannot be read at the moment'
const HINT =
  'the issuer must be as its metadata spells it, and every address there https; or switch mirrorMetadata off (--oauth-mirror-metadata)'

export class MirroredMetadata {
  readonly #mirror: MetadataMirror
  readonly #answers: Answers

  constructor(mirror: MetadataMirror, answers: Answers) {
    this.#mirror = mirror
    this.#answers = answers
  }

  /** It neither throws nor rejects. */
  serve(request: GuardRequestHead): GuardAnswer | Promise<GuardAnswer> {
    const { method } = request
    if (method !== 'GET' && method !== 'HEAD') return serveMetadata(method, '')
    return this.#mirror.read().then(
      (text) => serveMetadata(method, text),
      (error: unknown) => this.#refuse(error, request),
    )
  }

  /** Without a challenge: no token would help. */
  #refuse(error: unknown, request: GuardRequestHead): GuardAnswer {
    const answers = this.#answers
    if (!(error instanceof AuthorizationServerError)) return answers.fail(error, request)
    const { code, issuer, message: reason } = error
    const requestId = answers.idOf(request)
    const isUnfit = code === 'ERR_METADATA_UNFIT'
    const status = isUnfit ? 502 : 503
    const hint = isUnfit ? { hint: HINT } : undefined
    answers.emit?.({
      type: 'metadata.unmirrored',
      requestId,
      status,
      code,
      reason,
      issuer,
      ...hint,
    })
    const headers = { ...answerHeaders(requestId), 'Access-Control-Allow-Origin': '*' }
    if (isUnfit) {
      return answer(status, headers, errorBody('bad_gateway', withReference(UNFIT, requestId)))
    }
    const retryAfter = { 'Retry-After': String(this.#mirror.retryAfter()) }
    const body = errorBody('temporarily_unavailable', withReference(UNAVAILABLE, requestId))
    return answer(status, { ...headers, ...retryAfter }, body)
  }
}
