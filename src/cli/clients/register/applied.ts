/**
 * Makes the calls that register a client. The admin token goes only to the origin of the issuer.
 *
 * @module
 */
import type { RegistrationCall } from '../../../advice/client-registration.js'
import { networkReason, readText } from '../../../base/http.js'
import { parseJsonObject, type JsonObject } from '../../../base/json.js'
import { shownFile } from '../../../config/named-file.js'
import { quoted } from '../../../errors.js'
import { findAuthorizationServer } from '../../login/authorization-server.js'
import { CommandFault, withoutSecrets } from '../../command-fault.js'
import { readOwnerFile } from '../../owner-file.js'
import type { Network } from '../../login/network.js'
import type { RegisterOptions } from './arguments.js'

/** @throws {CommandFault} */
function readToken(file: string): string {
  const token = readOwnerFile(file)?.trim() ?? ''
  if (/^[\w.~+/=-]+$/.test(token)) return token
  const hint = 'a file that holds the token, and nothing else'
  throw new CommandFault(`${shownFile(file)} does not hold a token`, hint)
}

const HINTS: Readonly<Record<number, string>> = {
  400: 'the reason is in the answer',
  401: 'the admin token has expired, or is for another realm',
  403: 'the admin token may not register clients, or a policy of the provider refuses this one',
  404: 'compare --issuer with the issuer of the provider',
  409: 'there is a client with this id: choose another with --client-id, or change that client',
}

async function send(
  { url, body, scheme }: RegistrationCall,
  token: string | undefined,
  { fetch, limit }: Network,
): Promise<JsonObject> {
  let response: Response
  let text: string
  try {
    response = await fetch(url, {
      method: 'POST',
      // The token must not follow a redirect.
      redirect: 'manual',
      signal: limit(),
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(token !== undefined && { authorization: `${scheme} ${token}` }),
      },
      body: JSON.stringify(body),
    })
    text = await readText(response)
  } catch (error) {
    throw new CommandFault(`${url} ${networkReason(error)}`, 'nothing was registered')
  }
  const answer = parseJsonObject(text) ?? {}
  if (response.ok) return answer
  const { status } = response
  const said = answer['error_description'] ?? answer['errorMessage'] ?? answer['error']
  const reason = typeof said === 'string' ? `: ${quoted(withoutSecrets(said, [token]), 300)}` : ''
  const hint = HINTS[status] ?? 'nothing was registered'
  throw new CommandFault(`${url} answered ${status}${reason}`, hint)
}

/** `REGISTRATION_ENDPOINT` is in the metadata. Any other address was derived from the issuer. */
async function addressed(
  call: RegistrationCall,
  issuer: string,
  network: Network,
): Promise<RegistrationCall> {
  if (call.url !== 'REGISTRATION_ENDPOINT') return call
  const server = await findAuthorizationServer(issuer, network)
  return { ...call, url: server.endpoint('registration_endpoint') }
}

/**
 * Registers the client.
 *
 * @returns the client id
 * @throws {CommandFault}
 */
export async function applyCalls(
  { provider, client, issuer, adminTokenFile }: RegisterOptions,
  network: Network,
): Promise<string> {
  const token = adminTokenFile === undefined ? undefined : readToken(adminTokenFile)
  let clientId: string = client.id
  for (const each of provider.calls(client, issuer)) {
    const call = await addressed(each, issuer, network)
    if (token !== undefined && new URL(call.url).origin !== new URL(issuer).origin) {
      const hint = 'print the calls, and make them yourself'
      throw new CommandFault(`${call.url} is at another origin than the issuer`, hint)
    }
    const answer = await send(call, token, network)
    if (typeof answer['client_id'] === 'string') clientId = answer['client_id']
  }
  return clientId
}
