/**
 * Begins a login as a client does, and stops at the first answer: a page for people, or a refusal. Nobody
 * is logged in. It needs a registered client, so it runs only after a registration.
 *
 * @module
 */
import { createHash, randomUUID } from 'node:crypto'
import { isLoopbackHost } from '../../base/http.js'
import { quoted } from '../../errors.js'
import { exchange, isAnswer, isRedirect, type Answer, type Network } from './exchange.js'

export interface LoginRequest {
  /** The authorization endpoint. */
  readonly endpoint: string
  readonly clientId: string
  readonly redirectUri: string
  /** Separated by blanks. */
  readonly scope: string
  readonly resource: string
}

function urlOf({ endpoint, clientId, redirectUri, scope, resource }: LoginRequest): string {
  const url = new URL(endpoint)
  const challenge = createHash('sha256').update(randomUUID()).digest('base64url')
  const parameters = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state: randomUUID(),
    resource,
    ...(scope !== '' && { scope }),
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

/** The error that a redirect brings to the client (RFC 6749 §4.1.2.1). */
function errorIn(answer: Answer, redirectUri: string): string | undefined {
  const location = answer.headers.get('location') ?? ''
  if (!isRedirect(answer) || !location.startsWith(redirectUri)) return undefined
  const { searchParams } = new URL(location)
  const reasons = ['error', 'error_description'].flatMap((name) => searchParams.get(name) ?? [])
  return reasons.length === 0 ? undefined : reasons.map((each) => quoted(each, 200)).join(' ')
}

/** @returns why it was refused, in words. `undefined`: it was not, or that cannot be told */
export async function tryLogin(
  network: Network,
  request: LoginRequest,
): Promise<string | undefined> {
  const answer = await exchange(network, urlOf(request))
  if (!isAnswer(answer) || answer.status === 429) return undefined
  const error = errorIn(answer, request.redirectUri)
  if (error !== undefined) return `refuses with ${error}`
  return answer.status >= 400 ? `answered ${answer.status}` : undefined
}

/** The same URI at another port. `undefined`: it has no port that could differ. */
export function atOtherPort(redirectUri: string): string | undefined {
  const url = new URL(redirectUri)
  if (!isLoopbackHost(url.hostname) || url.port === '') return undefined
  return redirectUri.replace(`:${url.port}`, `:${Number(url.port) + 1}`)
}
