/**
 * Registers a client, begins a login with it, and removes it again (RFC 7591, RFC 7592). This writes at
 * the authorization server, so it runs only with `--try-registration`.
 *
 * @module
 */
import type { Client } from '../../advice/clients.js'
import { quoted } from '../../errors.js'
import { isLoopbackHost, parseHttpUrl } from '../../base/http.js'
import { exchange, isAnswer, jsonOf, type Exchange, type Network } from './exchange.js'
import { atOtherPort, tryLogin } from './login-trial.js'

export interface Trial {
  readonly client: Client
  /** Why it was refused, in words. `undefined`: it was registered. */
  readonly refusal: string | undefined
  /** Why its login is refused, in words. */
  readonly loginRefusal: string | undefined
  /** Why a later login that returns to another port is refused, in words. */
  readonly portRefusal: string | undefined
  /** The id of a client that could not be removed. */
  readonly left: string | undefined
}

/** Where clients register, and what they ask for. */
export interface RegistrationSubject {
  /** The registration endpoint. */
  readonly endpoint: string
  /** The authorization endpoint. `undefined`: there is none, so no login can begin. */
  readonly authorization: string | undefined
  readonly scopes: readonly string[]
  readonly resource: string
}

/** Any port would do: most programs take a free one. */
const PORT = '33418'

/** The redirect URIs of a client, if all of them are known in full. */
function redirectUrisOf({ redirectUris }: Client): readonly string[] | undefined {
  const uris = redirectUris.value?.map((uri) => uri.replace('PORT', PORT)) ?? []
  const known = uris.filter((uri) => !/\b(?:ID|HOST|NAME)\b/.test(uri))
  return known.length > 0 ? known : undefined
}

function describe(answer: Exchange): string {
  if (!isAnswer(answer)) return answer.reason
  const { error, error_description: description } = jsonOf(answer) ?? {}
  const reasons = [error, description].filter((each) => typeof each === 'string')
  return `answered ${answer.status}${reasons.map((reason) => ` ${quoted(reason, 200)}`).join('')}`
}

/** @returns whether the client is gone */
async function remove(network: Network, endpoint: string, created: Exchange): Promise<boolean> {
  const { registration_access_token: token, registration_client_uri: given } = jsonOf(created) ?? {}
  const url = parseHttpUrl(given)
  // The token is only for the server that issued it.
  if (typeof token !== 'string' || url?.origin !== new URL(endpoint).origin) return false
  const headers = { authorization: `Bearer ${token}` }
  const answer = await exchange(network, url.href, { method: 'DELETE', headers })
  return isAnswer(answer) && answer.status >= 200 && answer.status < 300
}

/** As the SDK does (SEP-837). If there are URIs of both kinds, no answer is right. */
function applicationTypeOf(uris: readonly string[]): 'native' | 'web' {
  const isNative = (uri: string) => {
    const { protocol, hostname } = new URL(uri)
    return !/^https?:$/.test(protocol) || isLoopbackHost(hostname)
  }
  return uris.some(isNative) ? 'native' : 'web'
}

/** Begins a login. If the client takes any port, it begins another login with another port. */
async function tryLogins(
  network: Network,
  { authorization: endpoint, scopes, resource }: RegistrationSubject,
  clientId: string,
  client: Client,
  uris: readonly string[],
): Promise<Pick<Trial, 'loginRefusal' | 'portRefusal'>> {
  const [redirectUri = ''] = uris
  if (endpoint === undefined) return { loginRefusal: undefined, portRefusal: undefined }
  const request = { endpoint, clientId, redirectUri, scope: scopes.join(' '), resource }
  const loginRefusal = await tryLogin(network, request)
  const isFree = client.redirectUris.value?.[0]?.includes('PORT') === true
  const other = isFree ? atOtherPort(redirectUri) : undefined
  if (loginRefusal !== undefined || other === undefined) {
    return { loginRefusal, portRefusal: undefined }
  }
  return { loginRefusal, portRefusal: await tryLogin(network, { ...request, redirectUri: other }) }
}

async function tryOne(
  network: Network,
  subject: RegistrationSubject,
  client: Client,
  uris: readonly string[],
): Promise<Trial> {
  const scope = subject.scopes.join(' ')
  const body = JSON.stringify({
    client_name: `mcp-gatehouse doctor, as ${client.title}`,
    application_type: applicationTypeOf(uris),
    redirect_uris: uris,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    ...(scope !== '' && { scope }),
  })
  const headers = { 'content-type': 'application/json', accept: 'application/json' }
  const created = await exchange(network, subject.endpoint, { method: 'POST', headers, body })
  const id = jsonOf(created)?.['client_id']
  if (!isAnswer(created) || created.status >= 300 || typeof id !== 'string') {
    const refusal = describe(created)
    return { client, refusal, loginRefusal: undefined, portRefusal: undefined, left: undefined }
  }
  const logins = await tryLogins(network, subject, id, client, uris)
  const isGone = await remove(network, subject.endpoint, created)
  return { client, refusal: undefined, ...logins, left: isGone ? undefined : id }
}

/** One client after the other, because providers limit how often clients may register. */
export async function tryRegistration(
  network: Network,
  subject: RegistrationSubject,
  clients: readonly Client[],
): Promise<readonly Trial[]> {
  const trials: Trial[] = []
  for (const client of clients) {
    const uris = redirectUrisOf(client)
    if (client.registration.value?.includes('dcr') !== true || uris === undefined) continue
    trials.push(await tryOne(network, subject, client, uris))
  }
  return trials
}
