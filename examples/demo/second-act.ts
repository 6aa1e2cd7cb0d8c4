/**
 * A command that knows nothing of OAuth, behind the gateway: lists that show what a token may use, and a
 * client that asks its user for one scope more.
 */
import { auth } from '@modelcontextprotocol/sdk/client/auth.js'
import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js'
import { connect, MemoryProvider } from './client.js'
import { READ, WRITE, type LogLine, type RunningGateway } from './gateway.js'
import { Recorder, rpc, type Exchange } from './recorder.js'
import type { Report } from './say.js'

const ADD = { name: 'add_note', arguments: { note: 'Call Ada' } }

function textOf(result: Awaited<ReturnType<Client['callTool']>>): string {
  const [first] = result.content as readonly { readonly text?: string }[]
  return first?.text ?? ''
}

async function namesOf(client: Client): Promise<string> {
  const { tools } = await client.listTools()
  return tools.map(({ name }) => name).join(', ')
}

/** The error that the call ends with; `undefined` when it succeeds. */
async function errorOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call
    return undefined
  } catch (error) {
    return error
  }
}

function lastOf<T>(all: readonly T[], isWanted: (each: T) => boolean): T | undefined {
  return all.filter(isWanted).at(-1)
}

function challengeOf(exchange: Exchange | undefined): string {
  return exchange?.headers.get('www-authenticate') ?? ''
}

const scopeIn = (challenge: string) => /scope="([^"]*)"/.exec(challenge)?.[1]

/** What the gateway logged about the last refusal. */
function lastDenial(log: readonly LogLine[]): string {
  return String(lastOf(log, ({ code }) => code !== undefined)?.['msg'])
}

/**
 * Asks for what the challenge names. With a refresh token, the client of SDK v1 would only refresh, and it
 * registers for the scopes of its first login: examples/policy/CLIENTS.md.
 */
async function logInFor(scope: string, serverUrl: string, provider: MemoryProvider): Promise<void> {
  const { refresh_token: _, ...tokens } = provider.tokens() as OAuthTokens
  provider.saveTokens(tokens)
  provider.saveClientInformation(undefined)
  await auth(provider, { serverUrl, scope })
  const authorizationCode = provider.callback().get('code') ?? ''
  await auth(provider, { serverUrl, authorizationCode })
}

export async function secondAct(gateway: RunningGateway, report: Report): Promise<void> {
  const recorder = new Recorder()
  const provider = new MemoryProvider('bob')
  const client = await connect(gateway.url, provider, recorder)

  const few = await namesOf(client)
  report.step({
    title: 'A client logs in with the scope that every request needs, and lists the tools',
    spec: 'MCP tools/list, with a policy',
    lines: [`→ tools/list  with ${READ}`, `← ${few}  (the command has three)`],
    expect: { 'only the tool that this token may use': few === 'read_notes' },
  })

  const notes = textOf(await client.callTool({ name: 'read_notes' }))
  report.step({
    title: 'It calls that tool; the command knows its user by an environment variable',
    spec: 'docs/gateway.md',
    lines: ['→ tools/call read_notes', `← ${notes}`],
    expect: { 'the user who logged in': notes === 'bob: Buy milk' },
  })

  const refused = await errorOf(client.callTool(ADD))
  const refusal = lastOf(recorder.exchanges, ({ status }) => status === 403)
  const wanted = scopeIn(challengeOf(refusal)) ?? ''
  report.step({
    title: 'It calls another one, and is told which scope that needs',
    spec: 'RFC 6750 §3.1',
    lines: [
      '→ tools/call add_note',
      `← ${refusal?.status}  error="insufficient_scope", scope="${wanted}"`,
      `  log: ${lastDenial(gateway.log)}`,
    ],
    expect: {
      'an error for the call': refused !== undefined,
      'the status 403': refusal?.status === 403,
      'the missing scope in the challenge': wanted.split(' ').includes(WRITE),
    },
  })

  await logInFor(wanted, gateway.url, provider)
  const asked = provider.logins.at(-1)?.authorizationUrl.searchParams.get('scope')
  // Registered anew, it is another client, and a session belongs to the client that opened it.
  const second = await connect(gateway.url, provider, recorder)
  const added = textOf(await second.callTool(ADD))
  const more = await namesOf(second)
  report.step({
    title:
      'It asks for that scope, the user agrees, and the same call succeeds; the list has grown',
    spec: 'MCP authorization, step-up',
    lines: [
      `→ login  scope=${asked}`,
      '→ tools/call add_note',
      `← ${added}`,
      '→ tools/list',
      `← ${more}`,
    ],
    expect: {
      'the scope of the challenge': asked === wanted,
      'the answer of the tool': added === 'bob has 2 notes',
      'both tools that this token may use': more === 'read_notes, add_note',
    },
  })

  await errorOf(second.callTool({ name: 'delete_notes' }))
  const denied = lastOf(recorder.exchanges, rpc('tools/call'))
  report.step({
    title: 'No rule names the third tool: nobody may call it, whatever their scopes',
    spec: 'docs/policy.md',
    lines: [
      '→ tools/call delete_notes',
      `← ${denied?.status}`,
      `  log: ${lastDenial(gateway.log)}`,
    ],
    expect: { 'the status 403': denied?.status === 403 },
  })
  await client.close()
  await second.close()
}
