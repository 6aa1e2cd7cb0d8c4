/**
 * Asks the server behind the gateway what the gateway would ask, and what it offers. No tool is called.
 *
 * @module
 */
import type { ServerSettings } from '../../gateway/route-settings.js'
import type { NetworkOptions } from '../../gateway/http/network.js'
import { REAL_TIME } from '../../gateway/clock.js'
import { Probe } from '../../gateway/http/probe.js'
import { createUpstream } from '../../gateway/http/upstream.js'
import { findExecutable } from '../../gateway/stdio/executable.js'
import { withheldHint } from '../../gateway/stdio/withheld-variables.js'
import { quoted } from '../../errors.js'
import { STATELESS_SINCE } from '../../mcp/protocol-revision.js'
import { redactCommand } from '../../config/redacted.js'
import { withoutSecrets } from '../command-fault.js'
import { McpClient } from '../policy/client.js'
import { connectHttp } from '../policy/http-transport.js'
import { takeInventory, type Inventory } from '../policy/inventory.js'
import { SERVER_ADVICE } from '../policy/live.js'
import { ServerFault, type Transport } from '../policy/rpc.js'
import { startCommand } from '../policy/stdio-transport.js'
import type { Findings } from './finding.js'
import { shownUrl } from './shown.js'

export interface TrialContext extends NetworkOptions {
  /** The environment of this process. It may have a variable that the command lacks. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds for the whole exchange. */
  readonly patience: number
}

type HttpServer = Extract<ServerSettings, { readonly command: undefined }>
type CommandServer = Exclude<ServerSettings, HttpServer>

const META = {
  'io.modelcontextprotocol/protocolVersion': STATELESS_SINCE,
  'io.modelcontextprotocol/clientInfo': { name: 'mcp-gatehouse doctor', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** Whether it answers `server/discover`, as servers of a stateless revision do. */
async function isStateless(transport: Transport): Promise<boolean> {
  transport.setVersion(STATELESS_SINCE)
  const message = {
    jsonrpc: '2.0',
    id: 'discover',
    method: 'server/discover',
    params: { _meta: META },
  }
  const answer = await transport.request(message).catch(() => undefined)
  return answer !== undefined && 'result' in answer
}

/** The last revision in which servers answer on a stream of its own. */
const OLDEST_REVISION = '2024-11-05'

function offers(
  { server, revision, tools, prompts, resources }: Inventory,
  stateless: boolean,
): string {
  const discovery = stateless
    ? `it answers server/discover (${STATELESS_SINCE})`
    : 'it has no server/discover'
  const spoken = revision === undefined ? '' : `; it speaks ${revision}`
  const old = revision === OLDEST_REVISION ? ', and newer clients may refuse that' : ''
  const counts = `${tools.length} tools, ${prompts.length} prompts, ${resources.length} resources`
  return `${server}: ${counts}${spoken}${old}; ${discovery}.`
}

/** @returns why it failed, or did not end in time, in words */
async function within(
  patience: number,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<string | undefined> {
  const limit = new AbortController()
  const late = new ServerFault(`did not answer within ${patience / 1000} s`)
  const timer = setTimeout(() => limit.abort(late), patience)
  try {
    await work(limit.signal)
    return undefined
  } catch (error) {
    if (!(error instanceof ServerFault)) throw error
    return error.message
  } finally {
    clearTimeout(timer)
  }
}

async function probe(server: HttpServer, context: TrialContext) {
  const { upstream: url, upstreamHost: host, upstreamHeaders: headers, upstreamTimeout } = server
  const upstream = createUpstream({ ...context, url, host, headers, timeout: upstreamTimeout })
  try {
    const probe = new Probe(upstream, REAL_TIME, server.upstreamCredentials !== undefined)
    const state = await probe.ask()
    await probe.ended
    return state
  } finally {
    await upstream.close()
  }
}

/** Characters. Shorter values are no secrets, and occur in other words. */
const SHORTEST_SECRET = 8

/** The values of fields or variables, what is behind a scheme (`Bearer`), and each line of a key. */
function secretsIn(given: Readonly<Record<string, string>>): readonly string[] {
  const values = Object.values(given).flatMap((value) => [
    value,
    value.replace(/^\S+\s+/, ''),
    ...value.split(/\r?\n/).map((line) => line.trim()),
  ])
  return values.filter(({ length }) => length >= SHORTEST_SECRET)
}

async function tryHttp(
  server: HttpServer,
  context: TrialContext,
  findings: Findings,
): Promise<void> {
  const about = server.upstream
  const { ok, reason, hint } = await probe(server, context)
  if (reason !== undefined) {
    const id = ok ? 'upstream-answer' : 'upstream-fault'
    findings.addWithAdvice(id, about, `${shownUrl(about)}: ${reason}.`, hint && `${hint}.`)
    return
  }
  // There, each caller has their own credentials. We have none.
  if (server.upstreamCredentials !== undefined) return
  const { upstreamHeaders, upstreamHost } = server
  const headers = { ...upstreamHeaders, ...(upstreamHost !== undefined && { host: upstreamHost }) }
  const fault = await within(context.patience, async (signal) => {
    const options = { ...context, url: about, headers, signal, advice: SERVER_ADVICE }
    const connect = () => connectHttp(options)
    const [first, second] = [connect(), connect()]
    try {
      const inventory = await takeInventory(new McpClient(first, signal))
      findings.add('upstream-offers', about, offers(inventory, await isStateless(second)))
    } finally {
      await Promise.all([first.close(), second.close()])
    }
  })
  if (fault === undefined) return
  const said = withoutSecrets(fault, secretsIn(upstreamHeaders))
  findings.add('upstream-answer', about, `${shownUrl(about)} ${said}.`)
}

/** Of what a command wrote to stderr. */
const LAST_LINES = 3
/** Characters. */
const LONGEST_LINE = 120

async function tryCommand(
  { command, environment }: CommandServer,
  { env, patience }: TrialContext,
  findings: Findings,
): Promise<void> {
  const about = redactCommand(command).join(' ')
  const [file = ''] = command
  if ((await findExecutable(file, environment['PATH'])) === undefined) {
    findings.add('command-fault', about, `There is no command ${file}.`)
    return
  }
  const hintFor = (said: string) => withheldHint(env, environment, said)
  const said: string[] = []
  const secrets = secretsIn(environment)
  const hear = (line: string) => {
    // Before it is cut: of a part of a secret nobody knows what it is.
    said.push(withoutSecrets(line, secrets))
    if (said.length > LAST_LINES) said.shift()
  }
  const fault = await within(patience, async (signal) => {
    const transport = startCommand(command, environment, hear, hintFor)
    try {
      const inventory = await takeInventory(new McpClient(transport, signal))
      findings.add('upstream-offers', about, offers(inventory, await isStateless(transport)))
    } finally {
      await transport.close()
    }
  })
  if (fault === undefined) return
  const wrote = said.map((line) => quoted(line, LONGEST_LINE)).join(', then ')
  const told = `The command ${withoutSecrets(fault, secrets)}.`
  findings.add('command-fault', about, wrote === '' ? told : `${told} It wrote ${wrote}.`)
}

export function tryServer(
  server: ServerSettings,
  context: TrialContext,
  findings: Findings,
): Promise<void> {
  return server.command === undefined
    ? tryHttp(server, context, findings)
    : tryCommand(server, context, findings)
}
