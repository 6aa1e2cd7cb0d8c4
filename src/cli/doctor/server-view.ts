/**
 * What an authorization server shows to everybody: its documents in each form, and its keys.
 *
 * @module
 */
import { AuthorizationServerError } from '../../errors.js'
import { parseHttpUrl } from '../../base/http.js'
import type { JsonObject } from '../../base/json.js'
import { authorizationServerMetadataUrls } from '../../discovery/authorization-server.js'
import { importKeys } from '../../discovery/key-list.js'
import { SIGNATURE_ALGORITHMS } from '../../discovery/signing-key.js'
import { exchange, isAnswer, jsonOf, type Exchange, type Network } from './exchange.js'
import { BROWSER_ORIGIN } from './resource-view.js'

interface KeysView {
  readonly exchange: Exchange
  /** The number of usable keys. A text says why there is none. */
  readonly usable: number | string
}

export interface ServerView {
  /** As the metadata of the resource spells it. */
  readonly issuer: string
  /** The forms that clients ask for, in their order. */
  readonly forms: readonly Exchange[]
  /** The document of RFC 8414 below the issuer: not in the standard, but some servers have it there. */
  readonly appended: Exchange
  readonly document: JsonObject | undefined
  readonly keys: KeysView | undefined
  readonly browser: BrowserView | undefined
}

/** The same for a page in a browser: the document, and the preflights of its endpoints. */
interface BrowserView {
  readonly document: Exchange
  readonly token: Exchange | undefined
  readonly registration: Exchange | undefined
}

const VERSION: RequestInit = {
  headers: { accept: 'application/json', 'mcp-protocol-version': '2025-11-25' },
}

/** The document of a form, if it has one. */
export function documentOf(form: Exchange): JsonObject | undefined {
  return isAnswer(form) && form.status === 200 ? jsonOf(form) : undefined
}

/** Chooses as clients do: the first document, whatever issuer it names. */
function choose(forms: readonly Exchange[]): Exchange | undefined {
  return forms.find((form) => documentOf(form) !== undefined)
}

async function viewKeys(network: Network, issuer: string, url: string): Promise<KeysView> {
  const answer = await exchange(network, url, { headers: { accept: 'application/json' } })
  const document = documentOf(answer)
  if (document === undefined) return { exchange: answer, usable: 0 }
  try {
    const { keys } = await importKeys(document, {
      issuer,
      algorithms: SIGNATURE_ALGORITHMS,
      tenant: undefined,
    })
    return { exchange: answer, usable: keys.length }
  } catch (error) {
    if (!(error instanceof AuthorizationServerError)) throw error
    return { exchange: answer, usable: error.message }
  }
}

function textOf(document: JsonObject | undefined, name: string): string | undefined {
  const value = document?.[name]
  return parseHttpUrl(value) === undefined ? undefined : String(value)
}

async function viewInBrowser(
  network: Network,
  url: string,
  document: JsonObject | undefined,
): Promise<BrowserView> {
  const origin = { origin: BROWSER_ORIGIN }
  const headers = {
    ...origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type',
  }
  const preflight = (name: string) => {
    const endpoint = textOf(document, name)
    return endpoint === undefined
      ? undefined
      : exchange(network, endpoint, { method: 'OPTIONS', headers })
  }
  const [shown, token, registration] = await Promise.all([
    exchange(network, url, { headers: origin }),
    preflight('token_endpoint'),
    preflight('registration_endpoint'),
  ])
  return { document: shown, token, registration }
}

/** @param issuer an http(s) URL */
export async function viewServer(network: Network, issuer: string): Promise<ServerView> {
  const urls = authorizationServerMetadataUrls(issuer)
  const below = `${issuer.replace(/\/$/, '')}/.well-known/oauth-authorization-server`
  const [appended, ...forms] = await Promise.all([
    exchange(network, below, VERSION),
    ...urls.map((url) => exchange(network, url, VERSION)),
  ])
  const chosen = choose([...forms, appended])
  const document = chosen && documentOf(chosen)
  const jwks = textOf(document, 'jwks_uri')
  const [keys, browser] = await Promise.all([
    jwks === undefined ? undefined : viewKeys(network, issuer, jwks),
    chosen && viewInBrowser(network, chosen.url, document),
  ])
  return { issuer, forms, appended, document, keys, browser }
}
