/**
 * Asks an issuer what the gateway would ask: for its keys, and about a token.
 *
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { IssuerSettings } from '../../rs/issuer-settings.js'
import type { TokenIntrospector } from '../../types.js'
import { AuthorizationServerError } from '../../errors.js'
import { importKeys } from '../../discovery/key-list.js'
import { createKeyReader } from '../../discovery/key-source.js'
import { discoverAuthorizationServer } from '../../discovery/authorization-server.js'
import { AskedScopes } from '../../token/asked-scopes.js'
import { listIn } from '../list-in.js'
import { checkListed } from './checks/scopes.js'
import type { Network } from './exchange.js'
import type { Findings } from './finding.js'

/** The scopes of the resource, as options have them. */
interface ScopeOptions {
  readonly allowHttp: readonly string[]
  readonly scopes?: string | readonly string[] | undefined
  readonly advertiseScopes?: string | readonly string[] | undefined
}

async function faultOf(
  work: () => Promise<unknown>,
): Promise<AuthorizationServerError | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    if (error instanceof AuthorizationServerError) return error
    throw error
  }
}

const OF_LIMIT =
  'Find out which program asks the issuer for its keys with every request, or raise the limit. The gateway asks once for all requests. With --oauth-jwks-file, it never asks.'

export async function tryKeys(
  { source, requirements, authorizationServer, validation, tenant, reach }: IssuerSettings,
  allowHttp: readonly string[],
  { fetch, now, patience }: Network,
  findings: Findings,
): Promise<void> {
  if (validation === 'introspection') return
  const { issuer, algorithms } = requirements
  const ownFetch = reach?.(fetch) ?? fetch
  const read = createKeyReader({
    issuer,
    authorizationServer,
    source,
    allowHttp,
    now,
    fetch: ownFetch,
  })
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(), patience)
  const fault = await faultOf(async () => {
    const { document } = await read(limit.signal)
    await importKeys(document, { issuer, algorithms, tenant })
  })
  clearTimeout(timer)
  if (fault === undefined) return
  const isLimited = /\b429\b/.test(fault.message)
  const seen = `${fault.message}.`
  findings.addWithAdvice('gateway-keys', issuer, seen, isLimited ? OF_LIMIT : undefined)
}

/** Whether the provider lists the scopes that clients would ask it for. */
export async function tryScopes(
  {
    requirements,
    authorizationServer,
    discoveryUrl,
    scopePrefix,
    isPublished,
    reach,
  }: IssuerSettings,
  { allowHttp, scopes = [], advertiseScopes }: ScopeOptions,
  { fetch, patience }: Network,
  findings: Findings,
): Promise<void> {
  const asked = new AskedScopes({
    base: [scopes].flat(),
    advertised: advertiseScopes === undefined ? undefined : [advertiseScopes].flat(),
    prefix: scopePrefix,
  }).ofBase
  if (!isPublished || asked.length === 0) return
  const issuer = authorizationServer ?? requirements.issuer
  const options = { allowHttp, discoveryUrl, fetch: reach?.(fetch) ?? fetch, timeout: patience }
  // Where there is no document, the keys or the introspection say so.
  const document = await discoverAuthorizationServer(issuer, options).catch(() => undefined)
  const listed = listIn(document, 'scopes_supported')
  if (listed === undefined) return
  checkListed(asked, listed, { issuer, hint: document?.['token_endpoint'] }, findings)
}

/** Nobody issued this token, so the only right answer is that it is not active. */
function madeUpToken(prefix = ''): string {
  return `${prefix}doctor-${randomUUID()}`
}

export async function tryIntrospection(
  { requirements, tokenPrefix, validation }: IssuerSettings,
  introspector: TokenIntrospector | undefined,
  findings: Findings,
): Promise<void> {
  if (introspector === undefined || validation === 'jwt') return
  const fault = await faultOf(() => introspector.introspect(madeUpToken(tokenPrefix)))
  if (fault === undefined) return
  const isRefusal = fault.code === 'ERR_INTROSPECTION_CLIENT_REJECTED'
  const id = isRefusal ? 'introspection-refused' : 'introspection-fault'
  findings.add(id, requirements.issuer, `${fault.message}.`)
}

/** Some providers lock a client after a few wrong secrets, so this runs only with `--try-wrong-credentials`. */
export async function tryWrongCredentials(
  issuer: string,
  introspector: TokenIntrospector,
  findings: Findings,
): Promise<void> {
  const fault = await faultOf(() => introspector.introspect(madeUpToken()))
  if (fault !== undefined) return
  const seen = 'With a wrong secret it answered that the token is not active.'
  findings.add('introspection-lenient', issuer, seen)
}
