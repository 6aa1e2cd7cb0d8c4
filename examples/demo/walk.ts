/**
 * The way in: one real client goes from "who are you?" to the answer of a tool. Every step prints what
 * was recorded on the wire, and checks it.
 */
import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { connect, MemoryProvider } from './client.js'
import { members, Recorder, rpc, sent } from './recorder.js'
import { abridged, claimsOf, type Report } from './say.js'
import { SCOPE } from './server.js'

export interface Scene {
  readonly issuer: string
  /** The MCP endpoint. */
  readonly url: string
}

function textOf(result: Awaited<ReturnType<Client['callTool']>>): string {
  const [first] = result.content as readonly { readonly text?: string }[]
  return first?.text ?? ''
}

function sayDiscovery({ issuer, url }: Scene, recorder: Recorder, report: Report): void {
  const knock = recorder.exchanges[0]
  const challenge = knock?.headers.get('www-authenticate') ?? ''
  const metadataUrl = /resource_metadata="([^"]*)"/.exec(challenge)?.[1]
  report.step({
    title: 'The client knocks without a token, and is told where to look',
    spec: 'RFC 6750 §3, RFC 9728 §5.1',
    lines: [`${sent(knock)}  initialize`, `← ${knock?.status}  WWW-Authenticate: ${challenge}`],
    expect: {
      'the status 401': knock?.status === 401,
      'the address of the metadata in the challenge': metadataUrl !== undefined,
      'the needed scope in the challenge': challenge.includes(`scope="${SCOPE}"`),
      'no error, because nothing was presented': !challenge.includes('error='),
    },
  })

  const resourceExchange = recorder.find(({ url: { href } }) => href === metadataUrl)
  const resource = members(resourceExchange?.body)
  report.step({
    title: 'It reads what this resource is and whose tokens it takes',
    spec: 'RFC 9728 §3',
    lines: [
      sent(resourceExchange),
      `← ${resourceExchange?.status}  resource=${String(resource['resource'])}  authorization_servers=${JSON.stringify(resource['authorization_servers'])}`,
    ],
    expect: {
      'the status 200': resourceExchange?.status === 200,
      'the very URL that the client called': resource['resource'] === url,
      'our identity provider': String(resource['authorization_servers']) === issuer,
    },
  })

  const serverExchange = recorder.find(
    ({ url: { origin, pathname }, status }) =>
      origin === issuer && pathname.startsWith('/.well-known/') && status === 200,
  )
  const server = members(serverExchange?.body)
  report.step({
    title: 'It asks the identity provider what it can do',
    spec: 'RFC 8414, OpenID Connect Discovery',
    lines: [
      sent(serverExchange),
      `← ${serverExchange?.status}  issuer=${String(server['issuer'])}  PKCE=${String(server['code_challenge_methods_supported'])}`,
    ],
    expect: {
      'the issuer that it asked for': server['issuer'] === issuer,
      'PKCE with S256': String(server['code_challenge_methods_supported']).includes('S256'),
      'an address for registration': server['registration_endpoint'] !== undefined,
    },
  })

  const registration = recorder.find(
    ({ url: { href } }) => href === server['registration_endpoint'],
  )
  const registered = members(registration?.body)
  report.step({
    title: 'It registers itself; nobody made an account for it',
    spec: 'RFC 7591',
    lines: [
      `${sent(registration)}  client_name="${String(members(registration?.requestBody)['client_name'])}"`,
      `← ${registration?.status}  client_id=${String(registered['client_id'])}`,
    ],
    expect: {
      'the status 201': registration?.status === 201,
      'a client_id': typeof registered['client_id'] === 'string',
    },
  })
}

function sayLogin(
  { url }: Scene,
  recorder: Recorder,
  provider: MemoryProvider,
  report: Report,
): void {
  const login = provider.logins[0]
  const asked = login?.authorizationUrl.searchParams
  const code = login?.callback.searchParams.get('code') ?? ''
  report.step({
    title: 'The user logs in and agrees, in a browser (here a scripted one)',
    spec: 'OAuth 2.1 §4.1, RFC 7636, RFC 8707',
    lines: [
      `→ GET ${login?.authorizationUrl.origin}${login?.authorizationUrl.pathname}  code_challenge_method=${asked?.get('code_challenge_method')}  resource=${asked?.get('resource')}  scope=${asked?.get('scope')}`,
      `← pages ${login?.forms.map((title) => `"${title}"`).join(', ')}, then back to the client with code=${abridged(code)}`,
    ],
    expect: {
      'a challenge of PKCE': asked?.get('code_challenge_method') === 'S256',
      'the resource that the token is for': asked?.get('resource') === url,
      'a login and a consent': login?.forms.length === 2,
      'a code': code !== '',
    },
  })

  const exchange = recorder.find(({ requestBody }) => requestBody.includes('grant_type='))
  const asking = new URLSearchParams(exchange?.requestBody)
  const token = String(members(exchange?.body)['access_token'] ?? '')
  report.step({
    title: 'It trades the code for an access token, made for this resource only',
    spec: 'RFC 7636 §4.5, RFC 8707 §2.2, RFC 9068',
    lines: [
      `${sent(exchange)}  code, code_verifier, resource=${asking.get('resource')}`,
      `← ${exchange?.status}  access_token=${abridged(token)}`,
      ...(token === '' ? [] : [`  in it: ${claimsOf(token)}`]),
    ],
    expect: {
      'the status 200': exchange?.status === 200,
      'the proof that the code is its own': asking.has('code_verifier'),
      'a token for this resource': token !== '' && claimsOf(token).includes(`aud=${url} `),
    },
  })
}

/**
 * Walks it.
 *
 * @returns the access token that the client holds in the end
 */
export async function walk(scene: Scene, report: Report): Promise<string> {
  const recorder = new Recorder()
  const provider = new MemoryProvider('alice')
  const client = await connect(scene.url, provider, recorder)
  const { tools } = await client.listTools()
  const who = textOf(await client.callTool({ name: 'whoami' }))
  const sum = textOf(await client.callTool({ name: 'add', arguments: { a: 2, b: 40 } }))
  await client.close()

  sayDiscovery(scene, recorder, report)
  sayLogin(scene, recorder, provider, report)

  const admitted = recorder.find(
    (exchange) => rpc('initialize')(exchange) && exchange.status === 200,
  )
  report.step({
    title: 'It repeats its first request with the token, and is let in',
    spec: 'RFC 6750 §2.1, MCP lifecycle',
    lines: [
      `${sent(admitted)}  Authorization: Bearer …`,
      `← ${admitted?.status}  server "${client.getServerVersion()?.name}"`,
    ],
    expect: { 'the status 200': admitted !== undefined },
  })
  const names = tools.map(({ name }) => name)
  const listed = recorder.find(rpc('tools/list'))
  report.step({
    title: 'It lists the tools',
    spec: 'MCP tools/list',
    lines: [`${sent(listed)}  tools/list`, `← ${listed?.status}  ${names.join(', ')}`],
    expect: { 'both tools': names.includes('whoami') && names.includes('add') },
  })
  const calls = recorder.exchanges.filter(rpc('tools/call'))
  report.step({
    title: 'It calls them; the server knows who is calling, because the token says so',
    spec: 'MCP tools/call, RFC 9068 §2.2',
    lines: [
      `${sent(calls[0])}  whoami, add 2 + 40`,
      // With spaces, so that a narrow terminal can break the line.
      `← ${calls[0]?.status}  ${who.replaceAll(/,(?=")/g, ', ')}`,
      `← ${sum}`,
    ],
    expect: {
      'the user who logged in': members(who)['subject'] === 'alice',
      'the client that registered itself':
        members(who)['clientId'] === (await provider.clientInformation())?.client_id,
      'the right sum': sum === '42',
    },
  })
  const requests = recorder.exchanges.filter(({ url: { href } }) => href === scene.url)
  const bearing = requests.filter(({ requestHeaders }) =>
    requestHeaders.get('authorization')?.startsWith('Bearer '),
  )
  report.step({
    title: 'Every one of these requests was judged on its own; no session admits anybody',
    spec: 'MCP authorization, token requirements',
    lines: [
      `→ ${bearing.length} of ${requests.length} requests carried the token, all but the first`,
    ],
    expect: { 'a token on all but the first': bearing.length === requests.length - 1 },
  })
  return provider.tokens()?.access_token ?? ''
}
