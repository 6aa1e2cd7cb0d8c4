/**
 * Registers a client and removes it again (RFC 7591, RFC 7592). This writes at the authorization server,
 * so it runs only when somebody asks for it.
 *
 * @module
 */
import type { Client } from '../../advice/clients.js'
import { quoted } from '../../errors.js'
import { parseHttpUrl } from '../../base/http.js'
import { exchange, isAnswer, jsonOf, type Exchange, type Network } from './exchange.js'

export interface Trial {
  readonly client: Client
  /** Why it was refused, in words. `undefined`: it was registered. */
  readonly refusal: string | undefined
  /** The id of a client that could not be removed. */
  readonly left: string | undefined
}

/** Any free port would do: most programs take what they get. */
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
  // The token is for the server that gave it, and for no other.
  if (typeof token !== 'string' || url?.origin !== new URL(endpoint).origin) return false
  const headers = { authorization: `Bearer ${token}` }
  const answer = await exchange(network, url.href, { method: 'DELETE', headers })
  return isAnswer(answer) && answer.status >= 200 && answer.status < 300
}

async function tryOne(
  network: Network,
  endpoint: string,
  client: Client,
  uris: readonly string[],
  scope: string,
): Promise<Trial> {
  const body = JSON.stringify({
    client_name: `mcp-gatehouse doctor, as ${client.title}`,
    redirect_uris: uris,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    ...(scope !== '' && { scope }),
  })
  const headers = { 'content-type': 'application/json', accept: 'application/json' }
  const created = await exchange(network, endpoint, { method: 'POST', headers, body })
  const id = jsonOf(created)?.['client_id']
  if (!isAnswer(created) || created.status >= 300 || typeof id !== 'string') {
    return { client, refusal: describe(created), left: undefined }
  }
  const isGone = await remove(network, endpoint, created)
  return { client, refusal: undefined, left: isGone ? undefined : id }
}

/** One client after the other: providers limit how often somebody may register. */
export async function tryRegistration(
  network: Network,
  endpoint: string,
  clients: readonly Client[],
  scopes: readonly string[],
): Promise<readonly Trial[]> {
  const trials: Trial[] = []
  for (const client of clients) {
    const uris = redirectUrisOf(client)
    if (client.registration.value?.includes('dcr') !== true || uris === undefined) continue
    trials.push(await tryOne(network, endpoint, client, uris, scopes.join(' ')))
  }
  return trials
}
