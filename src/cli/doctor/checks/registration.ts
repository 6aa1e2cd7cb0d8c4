/**
 * How clients get a client id at an authorization server.
 *
 * @module
 */
import type { Client, Registration } from '../../../advice/clients.js'
import { parseHttpUrl } from '../../../base/http.js'
import type { JsonObject } from '../../../base/json.js'
import type { Findings } from '../finding.js'
import { listIn } from '../../list-in.js'
import type { ServerView } from '../server-view.js'

function takesNone(document: JsonObject): boolean {
  return listIn(document, 'token_endpoint_auth_methods_supported')?.includes('none') === true
}

/** Whether this server accepts a client that gets its id in this way. `undefined`: it is not known. */
function isOffered(way: Registration, client: Client, document: JsonObject): boolean | undefined {
  if (way === 'manual') return true
  if (way === 'dcr') return parseHttpUrl(document['registration_endpoint']) !== undefined
  if (document['client_id_metadata_document_supported'] !== true) return false
  if (takesNone(document) || client.cimdNeedsNone.value === false) return true
  return client.cimdNeedsNone.value === undefined ? undefined : false
}

/** The way that a client takes here. `undefined`: none. */
export function registrationOf(client: Client, document: JsonObject): Registration | undefined {
  return client.registration.value?.find((way) => isOffered(way, client, document) !== false)
}

export function checkRegistration({ issuer, document }: ServerView, findings: Findings): void {
  if (document === undefined) return
  const hint = document['token_endpoint']
  const takesDocuments = document['client_id_metadata_document_supported'] === true
  if (takesDocuments && !takesNone(document)) {
    const seen =
      'client_id_metadata_document_supported is true, but token_endpoint_auth_methods_supported does not list none.'
    findings.add('cimd-without-none', issuer, seen, undefined, hint)
  }
  if (takesDocuments || parseHttpUrl(document['registration_endpoint']) !== undefined) return
  const seen =
    'registration_endpoint is absent, and client_id_metadata_document_supported is not true.'
  const fails = (client: Client) => {
    const { value } = client.registration
    return value === undefined ? undefined : !value.includes('manual')
  }
  findings.add('registration-manual', issuer, seen, fails, hint)
}
