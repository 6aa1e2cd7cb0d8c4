/**
 * The proof of a guide: the MCP SDK's own client, from nothing but the URL to the answer of a tool and a
 * refreshed token. Each step says what was recorded on the wire, and checks it.
 */
import { refreshAuthorization } from '@modelcontextprotocol/sdk/client/auth.js'
import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import type { AuthorizationServerMetadata } from '@modelcontextprotocol/sdk/shared/auth.js'
import { decodeJwt } from 'jose'
import { connect, type MemoryProvider } from './client.js'
import { members, Recorder, rpc, sent } from './recorder.js'
import { abridged, claimsOf, Report } from './say.js'

/** What differs between identity providers. */
export interface Product {
  readonly name: string
  /** Part of the path at which clients register; `undefined`: this one is known already. */
  readonly registration: string | undefined
  /** Whether it must give a refresh token to a client that does not ask for one. */
  readonly refreshes: boolean
  /** How its access tokens begin, where it alone can read them; else they are JWTs. */
  readonly opaque?: RegExp
  /** Milliseconds for the whole walk. A person who logs in needs more than the default, a minute. */
  readonly patience?: number
  /** A tool to call at the end, without arguments. Default: none, because a tool may change something. */
  readonly tool?: string | undefined
}

/** Milliseconds. */
const PATIENCE = 60_000
/** Milliseconds for a person who logs in. */
export const PERSON: number = 10 * 60_000

interface Proof {
  readonly url: string
  readonly provider: MemoryProvider
  readonly product: Product
  readonly report: Report
}

/** What the client did before it was let in, as it was recorded. */
function reportLogin({ url, provider, report, product }: Proof, { exchanges }: Recorder): void {
  const knock = exchanges[0]
  const metadata = exchanges.find((exchange) =>
    exchange.url.pathname.includes('protected-resource'),
  )
  const issuers = members(metadata?.body)['authorization_servers']
  report.step({
    title: 'The gateway says who logs people in',
    spec: 'RFC 9728',
    lines: [sent(knock), `← ${knock?.status}`, sent(metadata), `← ${metadata?.body}`],
    expect: {
      '401 without a token': knock?.status === 401,
      'the metadata of this URL': members(metadata?.body)['resource'] === url,
      'one issuer': Array.isArray(issuers) && issuers.length === 1,
    },
  })

  if (product.registration !== undefined) {
    const registration = exchanges.find(({ url: { pathname } }) =>
      pathname.includes(String(product.registration)),
    )
    report.step({
      title: `${product.name} lets the client register itself`,
      spec: 'RFC 7591',
      lines: [sent(registration), `← ${registration?.status}`],
      expect: { 'registered (201)': registration?.status === 201 },
    })
  }

  const login = provider.logins[0]
  const server = members(
    exchanges.find(({ body }) => members(body)['token_endpoint'] !== undefined)?.body,
  )
  // A provider that announces that it names itself must do so.
  const from =
    login?.callback.searchParams.get('iss') ??
    (server['authorization_response_iss_parameter_supported'] === true
      ? undefined
      : server['issuer'])
  report.step({
    title: 'A person logs in and agrees',
    spec: 'RFC 7636, RFC 9207',
    lines: (login?.forms ?? []).map((title) => `form: ${title}`),
    expect: {
      'PKCE with S256':
        login?.authorizationUrl.searchParams.get('code_challenge_method') === 'S256',
      'a code came back': login?.callback.searchParams.has('code') === true,
      'from the issuer that was asked': Array.isArray(issuers) && issuers.includes(from),
    },
  })

  const token = provider.tokens()?.access_token ?? ''
  if (product.opaque !== undefined) {
    report.step({
      title: `Only ${product.name} can read the access token`,
      spec: 'RFC 6749 §1.4',
      lines: [abridged(token)],
      expect: { 'it begins as it should': product.opaque.test(token) },
    })
    return
  }
  report.step({
    title: 'The access token is made out to this server',
    spec: 'RFC 8707',
    lines: [claimsOf(token)],
    expect: { 'aud names this URL': [decodeJwt(token).aud].flat().includes(url) },
  })
}

/** What a tool says about itself proves nothing, so this calls only the tool that was named. */
async function reportUse(
  { report, product }: Proof,
  client: Client,
  recorder: Recorder,
): Promise<void> {
  const { tools } = await client.listTools()
  const { tool } = product
  const result = tool === undefined ? undefined : await client.callTool({ name: tool })
  const used = recorder.find(rpc(tool === undefined ? 'tools/list' : 'tools/call'))
  report.step({
    title: tool === undefined ? 'Tools are listed' : 'Tools are listed, and one is called',
    spec: 'MCP',
    lines: [
      `${tools.length} tools`,
      tool === undefined ? 'none was named: none is called' : `called ${tool}`,
    ],
    expect: {
      'there are tools': tools.length > 0,
      'it was let in': used?.status === 200,
      'no error': result?.isError !== true,
    },
  })
}

async function reportRefresh(
  { url, provider, report, product }: Proof,
  before: Recorder,
): Promise<void> {
  const discovery = before.find(({ body }) => members(body)['token_endpoint'] !== undefined)
  const metadata = members(discovery?.body) as unknown as AuthorizationServerMetadata
  const clientInformation = await provider.clientInformation()
  const first = provider.tokens()
  if (clientInformation === undefined) throw new Error('not registered')
  const refreshed = await refreshAuthorization(metadata.issuer, {
    metadata,
    clientInformation,
    refreshToken: first?.refresh_token ?? '',
    resource: new URL(url),
  })
  provider.saveTokens(refreshed)
  const recorder = new Recorder()
  const client = await connect(url, provider, recorder)
  await client.close()
  report.step({
    title: 'A refreshed token is as good, and nobody logs in again',
    spec: 'RFC 6749 §6',
    lines: [
      product.opaque === undefined
        ? claimsOf(refreshed.access_token)
        : abridged(refreshed.access_token),
    ],
    expect: {
      'another token': refreshed.access_token !== first?.access_token,
      'never refused': recorder.find(({ status }) => status === 401) === undefined,
      'one login in all': provider.logins.length === 1,
    },
  })
}

/** The token with one more scope written into it; where nothing can be written, with another last character. */
function forge(token: string, isOpaque: boolean): string {
  if (isOpaque) return `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
  const [header, , signature] = token.split('.')
  const claims = { ...decodeJwt(token), scope: 'mcp:tools mcp:admin' }
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
  return `${header}.${payload}.${signature}`
}

async function reportForgery({ url, provider, report, product }: Proof): Promise<void> {
  const isOpaque = product.opaque !== undefined
  const token = forge(provider.tokens()?.access_token ?? '', isOpaque)
  const { status } = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  })
  report.step({
    title: isOpaque
      ? 'The same token with one character changed is refused'
      : 'The same token with one more scope written into it is refused',
    spec: isOpaque ? 'RFC 7662' : 'RFC 7515',
    lines: [`← ${status}`],
    expect: { '401': status === 401 },
  })
}

async function walkThrough(proof: Proof, recorder: Recorder): Promise<void> {
  const { url, provider, product } = proof
  const client = await connect(url, provider, recorder)
  try {
    reportLogin(proof, recorder)
    await reportUse(proof, client, recorder)
  } finally {
    await client.close()
  }
  if (product.refreshes || provider.tokens()?.refresh_token !== undefined) {
    await reportRefresh(proof, recorder)
  }
  await reportForgery(proof)
}

/** Fails if the walk takes too long: a server that does not answer must not keep us forever. */
async function within(patience: number, walk: Promise<void>, recorder: Recorder): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const last = recorder.exchanges.at(-1)
      const seen = `the last answer was ${last?.status ?? 'none'} to ${sent(last)}`
      reject(new Error(`no end within ${patience / 1000} s; ${seen}`))
    }, patience)
  })
  try {
    await Promise.race([walk, limit])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Walks it and prints what happened. The caller ends the process, because requests without an answer
 * are still under way.
 *
 * @returns the exit code: 0 only if every step did what it should
 */
export async function prove(
  url: string,
  provider: MemoryProvider,
  product: Product,
): Promise<number> {
  const report = new Report((line) => console.log(line))
  const recorder = new Recorder()
  try {
    const walk = walkThrough({ url, provider, product, report }, recorder)
    await within(product.patience ?? PATIENCE, walk, recorder)
  } catch (error) {
    report.failure(error instanceof Error ? error.message : String(error))
  }
  const isGood = report.failed === 0
  console.log(isGood ? `\n${report.steps} steps, all as they should be` : '\nNot as it should be')
  return isGood ? 0 : 1
}
