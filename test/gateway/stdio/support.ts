/** A gateway before a stdio command, and clients of stateless and older revisions that show every byte. */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import type { Clock } from '../../../src/gateway/clock.js'
import { eventually, startGateway, type GatewayFixture } from '../../support/gateway.js'
import { FAST_CLOCK, type ManualClock } from '../../support/clocks.js'

export const MODERN = '2026-07-28'

export type Mode = 'legacy' | 'modern' | 'silent' | 'broken'

export function commandOf(mode: Mode): readonly string[] {
  return [process.execPath, resolve(import.meta.dirname, 'child.cjs'), mode]
}

export function startBridge(
  mode: Mode = 'legacy',
  options: Partial<GatewayOptions> = {},
  clock?: Clock,
): Promise<GatewayFixture> {
  return startGateway(
    commandOf(mode),
    { childEnvironment: { PATH: process.env['PATH'] ?? '' }, ...options },
    {},
    clock,
  )
}

/** A command that does to each message what `body` says. */
export function startServer(
  body: string,
  options: Partial<GatewayOptions> = {},
  clock: Clock = FAST_CLOCK,
): Promise<GatewayFixture> {
  const script = `
    const say = (text) => process.stdout.write(text + '\\n')
    const answer = (id, result) => say(JSON.stringify({ jsonrpc: '2.0', id, result }))
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const message = JSON.parse(line)
      const { id, method, params } = message
      ${body}
    })`
  const childEnvironment = { PATH: process.env['PATH'] ?? '' }
  return startGateway([process.execPath, '-e', script], { childEnvironment, ...options }, {}, clock)
}

/** A command that answers `initialize`, and does to any other message what `body` says. */
export function startScript(
  body: string,
  options: Partial<GatewayOptions> = {},
  clock: Clock = FAST_CLOCK,
): Promise<GatewayFixture> {
  const opened = `answer(id, { protocolVersion: '2025-11-25' })`
  return startServer(`if (method === 'initialize') return ${opened}\n${body}`, options, clock)
}

export interface RpcMessage {
  readonly id?: string | number | null
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly result?: Record<string, unknown>
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

export interface SseEvent {
  readonly id?: string
  readonly data: string
}

/** The events of a stream as they come; comments are none. */
export async function* eventsOf(answer: Response): AsyncGenerator<SseEvent> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of answer.body ?? []) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true })
    for (;;) {
      const end = rest.indexOf('\n\n')
      if (end < 0) break
      const fields = rest.slice(0, end).split('\n')
      rest = rest.slice(end + 2)
      const valueOf = (name: string) =>
        fields.find((field) => field.startsWith(`${name}: `))?.slice(name.length + 2)
      const id = valueOf('id')
      const data = valueOf('data')
      if (data !== undefined) yield { ...(id !== undefined && { id }), data }
    }
  }
}

/** The messages of an answer, whatever its form. */
export async function messagesOf(answer: Response): Promise<RpcMessage[]> {
  const text = await answer.text()
  if (answer.headers.get('content-type') === 'application/json') return [JSON.parse(text)].flat()
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)) as RpcMessage)
}

/** What the tool said. */
export function valueOf(message: RpcMessage | undefined): unknown {
  const content = message?.result?.['content'] as { readonly text: string }[] | undefined
  return content?.[0] === undefined ? undefined : JSON.parse(content[0].text)
}

export interface ClientOptions {
  readonly token?: string
  readonly version?: string
}

/** Somebody with a token. */
export class Client {
  session: string | undefined
  readonly #fixture: GatewayFixture
  readonly #options: ClientOptions
  #lastId = 0

  constructor(fixture: GatewayFixture, options: ClientOptions = {}) {
    this.#fixture = fixture
    this.#options = options
  }

  send(method: string, body?: string, headers: Record<string, string> = {}, signal?: AbortSignal) {
    const { token, version } = this.#options
    return this.#fixture.call({
      method,
      ...(body !== undefined && { body }),
      ...(signal !== undefined && { signal }),
      headers: {
        accept: 'application/json, text/event-stream',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(version !== undefined && { 'mcp-protocol-version': version }),
        ...(this.session !== undefined && { 'mcp-session-id': this.session }),
        ...headers,
      },
    })
  }

  post(message: unknown, headers: Record<string, string> = {}, signal?: AbortSignal) {
    return this.send('POST', JSON.stringify(message), headers, signal)
  }

  request(
    method: string,
    params: Record<string, unknown> = {},
    id: string | number = ++this.#lastId,
  ) {
    return { jsonrpc: '2.0', id, method, params: { ...params, ...this.#envelope(params) } }
  }

  /** Calls a tool. */
  call(
    name: string,
    args: Record<string, unknown> = {},
    { id = ++this.#lastId, progressToken, headers = {}, signal }: CallOptions = {},
  ): Promise<Response> {
    const _meta = progressToken === undefined ? {} : { _meta: { progressToken } }
    const params = { name, arguments: args, ..._meta }
    const own = this.#isModern ? { 'mcp-method': 'tools/call', 'mcp-name': name } : {}
    return this.post(this.request('tools/call', params, id), { ...own, ...headers }, signal)
  }

  /** The tool's value. */
  async value(name: string, args: Record<string, unknown> = {}, options: CallOptions = {}) {
    return valueOf((await messagesOf(await this.call(name, args, options))).at(-1))
  }

  /** Opens a session. */
  async open(protocolVersion = '2025-11-25'): Promise<Response> {
    const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'c', version: '1' } }
    const answer = await this.post(this.request('initialize', params))
    this.session = answer.headers.get('mcp-session-id') ?? undefined
    return answer
  }

  get #isModern(): boolean {
    return (this.#options.version ?? '') >= MODERN
  }

  #envelope(params: Record<string, unknown>): object {
    if (!this.#isModern) return {}
    const meta = {
      'io.modelcontextprotocol/protocolVersion': this.#options.version,
      'io.modelcontextprotocol/clientInfo': { name: 'c', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    return { _meta: { ...(params['_meta'] as object | undefined), ...meta } }
  }
}

/** For answers that are not streams. */
export const JSON_ONLY = { headers: { accept: 'application/json' } }

interface CallOptions {
  readonly id?: string | number
  readonly progressToken?: string | number
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

export async function openClient(
  fixture: GatewayFixture,
  options?: ClientOptions,
): Promise<Client> {
  const client = new Client(fixture, options)
  const answer = await client.open()
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
  await answer.arrayBuffer()
  return client
}

/** One that has ended is still listed until somebody has asked how: it is dead all the same. */
export function isAlive(pid: number): boolean {
  const answer = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return answer.status === 0 && !answer.stdout.startsWith('Z')
}

/** Milliseconds after which an answer that has not come yet begins as a stream. */
export const PATIENCE = 100

/** Waits until a timer of this delay is set, and lets the time pass. */
export async function passOnceSet(clock: ManualClock, delay: number): Promise<void> {
  await eventually(() => clock.waiting(delay) > 0)
  clock.pass(delay)
}

/** Waits until the command has said on stderr that it holds this request. */
export async function untilHeld(fixture: GatewayFixture, id: string | number): Promise<void> {
  await until(() => fixture.reported('child.remarked').some(({ text }) => text === `held ${id}`))
}

/** Nobody has a request under way. */
export async function untilLeft(fixture: GatewayFixture): Promise<void> {
  await until(() => fixture.gateway.status().active === 0)
}

/** Waits until it holds, and fails when it never does. */
export async function until(holds: () => boolean, milliseconds = 5_000): Promise<void> {
  // Conditions here ask the operating system about processes.
  await eventually(holds, milliseconds, 10)
}
