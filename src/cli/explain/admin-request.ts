/**
 * What a running gateway says about one of its last refusals.
 *
 * @module
 */
import { readAdminToken } from '../../config/admin-token.js'
import { isLoopbackHost, parseHttpUrl } from '../../base/http.js'
import { isJsonObject, type JsonObject } from '../../base/json.js'
import { factsOf, isAbout, requestOf, type LoggedRequest } from './logged-request.js'

/** Milliseconds. */
const PATIENCE = 10_000
/** Characters of an answer: fifty refusals are far shorter. */
const LONGEST = 1024 * 1024

/** Why nothing was found. */
export interface AdminFault {
  readonly fault: string
  readonly hint: string
}

/** Only the gateway's operator sees the token on the way. */
function urlFault(url: string): string | undefined {
  const parsed = parseHttpUrl(url)
  if (parsed === undefined) return 'is not an http(s) URL'
  return parsed.protocol === 'https:' || isLoopbackHost(parsed.hostname)
    ? undefined
    : 'must be https, or on this machine: the token is sent there'
}

async function ask(
  url: string,
  token: string,
  fetcher: typeof fetch,
): Promise<string | AdminFault> {
  const answer = await fetcher(new URL('/refusals', url), {
    headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(PATIENCE),
  })
  if (answer.status === 401) {
    return { fault: 'refuses the token', hint: 'the file of --admin-token-file of that gateway' }
  }
  if (answer.status !== 200) {
    const hint = 'the admin listener of a gateway with --admin-port and --admin-token-file'
    return { fault: `answered ${answer.status}`, hint }
  }
  return (await answer.text()).slice(0, LONGEST)
}

function readRefusals(text: string): readonly JsonObject[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return []
  }
  const refusals = isJsonObject(value) ? value['refusals'] : undefined
  return Array.isArray(refusals) ? refusals.filter((each) => isJsonObject(each)) : []
}

/**
 * @param url of the admin listener
 * @param tokenFile with its token
 * @param id of a request, or its end
 */
export async function askAdmin(
  url: string,
  tokenFile: string,
  id: string,
  fetcher: typeof fetch = fetch,
): Promise<LoggedRequest | AdminFault> {
  const fault = urlFault(url)
  if (fault !== undefined) return { fault, hint: 'http://127.0.0.1:9464' }
  const read = readAdminToken(tokenFile)
  if ('fault' in read) return { fault: `has a token file that ${read.fault}`, hint: 'mode 0600' }
  try {
    const text = await ask(url, read.token, fetcher)
    if (typeof text !== 'string') return text
    return requestOf(
      readRefusals(text)
        .map(factsOf)
        .filter((facts) => isAbout(facts, id)),
    )
  } catch {
    return { fault: 'cannot be reached', hint: 'the address of --admin-host and --admin-port' }
  }
}
