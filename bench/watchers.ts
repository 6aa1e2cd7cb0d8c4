/** Watchers of `clock.cjs`, beside it and through the gateway: how late they hear, and how soon it hears of their end. */
import { spawn } from 'node:child_process'
import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { headersOf, type Session } from './bridges.js'
import { median } from './children.js'
import { sharedNow } from './streams.js'

export const CLOCK = [process.execPath, join(import.meta.dirname, 'clock.cjs')] as const
const TICKS = 150
/** The first ones warm everything. */
const WARM = 20
const STATELESS = '2026-07-28'
/** `session`: the one that was opened. `none`: as clients of the revision without them. */
export type Revision = 'session' | 'none'

let lastId = 0

/** What each request says of itself where there are no sessions. */
const OF_STATELESS = {
  'io.modelcontextprotocol/protocolVersion': STATELESS,
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

function call(name: string, revision: Revision): string {
  lastId++
  const meta = { progressToken: lastId, ...(revision === 'none' && OF_STATELESS) }
  const params = { name, arguments: { times: TICKS }, _meta: meta }
  return JSON.stringify({ jsonrpc: '2.0', id: lastId, method: 'tools/call', params })
}

function post(
  { port, id }: Session,
  revision: Revision,
  token: string,
  name: string,
): ClientRequest {
  const mirrored = { 'mcp-method': 'tools/call', 'mcp-name': name }
  const headers =
    revision === 'session'
      ? headersOf(token, id)
      : { ...headersOf(token), ...mirrored, 'mcp-protocol-version': STATELESS }
  const sending = request({ port, path: '/mcp', method: 'POST', headers, agent: false })
  sending.on('error', () => undefined).end(call(name, revision))
  return sending
}

function answerOf(sending: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sending.once('error', reject).once('response', (answer) => {
      answer.on('error', () => undefined)
      if (answer.statusCode === 200) resolve(answer)
      else reject(new Error(`${answer.statusCode}`))
    })
  })
}

/** How old the news are, until there are enough of them. Several that come at once are several lines. */
function lagOf(input: Readable): Promise<number> {
  return new Promise((resolve) => {
    const lags: number[] = []
    const lines = createInterface({ input })
    // An answer that we left ends in one.
    lines.on('error', () => undefined)
    lines.on('line', (line) => {
      const at = sharedNow()
      const [, toldAt] = /"progress":([\d.]+)/.exec(line) ?? []
      if (toldAt === undefined) return
      lags.push(at - Number(toldAt))
      if (lags.length === TICKS) resolve(median(lags.slice(WARM)))
    })
  })
}

/** Of a client that started the server itself, in milliseconds. */
export async function lagAlone(): Promise<number> {
  const [file, ...args] = CLOCK
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'] })
  child.stdin.write(`${call('watch', 'session')}\n`)
  const lag = await lagOf(child.stdout)
  child.kill()
  return lag
}

export async function lagThrough(
  session: Session,
  revision: Revision,
  token: string,
): Promise<number> {
  const sending = post(session, revision, token, 'watch')
  const answer = await answerOf(sending)
  const lag = await lagOf(answer)
  sending.destroy()
  return lag
}

/** From a client's leaving to the server's hearing that it is gone, in milliseconds. */
export async function abort(session: Session, token: string): Promise<number> {
  const sending = post(session, 'none', token, 'watch')
  const answer = await answerOf(sending)
  await new Promise((resolve) => answer.once('data', resolve))
  const at = sharedNow()
  sending.destroy()
  for (;;) {
    await delay(20)
    const said = await text(await answerOf(post(session, 'none', token, 'left')))
    const heardAt = Number(/"text":"([\d.]+)"/.exec(said)?.[1])
    if (heardAt > at) return heardAt - at
    if (sharedNow() - at > 5_000) throw new Error('it never heard of it')
  }
}
