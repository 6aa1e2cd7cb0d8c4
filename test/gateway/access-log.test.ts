/** A line for each call, with who, what, how it ended and how long it took. */
import { pino } from 'pino'
import { describe, expect } from 'vitest'
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import { createEventLog } from '../../src/cli/log-events.js'
import { bodyOf, eventually, startGateway, startUpstream } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

type Line = Readonly<Record<string, unknown>>

const POLICY = {
  rules: [
    { tools: ['read_*'], scopes: ['mcp:tools'] },
    { prompts: ['*'], resources: ['file:///**', 'https://a.example/*?*'], scopes: [] },
  ],
  unmatched: 'deny',
} as const

interface Case {
  readonly options?: Partial<GatewayOptions>
  readonly access?: 'on' | 'off'
  readonly level?: string
  readonly server?: readonly string[]
}

async function start({ options = {}, access = 'on', level = 'info', server }: Case = {}) {
  const lines: Line[] = []
  const ends: string[] = []
  const logger = pino({ level, base: null }, { write: (line) => void lines.push(JSON.parse(line)) })
  const log = createEventLog(logger, access)
  const upstream = await startUpstream((request, response) => {
    void bodyOf(request).then(() => response.end('{}'))
  })
  const { call } = await startGateway(server ?? upstream, {
    onEvent(event, resource, about) {
      log(event, resource, about)
      if (event.type === 'request.completed') ends.push(event.requestId)
    },
    ...options,
  })
  async function send(
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
    method = 'POST',
  ) {
    const before = ends.length
    const answer = await call({
      method,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      ...(method === 'POST' && { body: JSON.stringify(body) }),
    })
    await answer.text()
    await eventually(() => ends.length > before)
    return answer
  }
  const accessed = () => lines.filter(({ event }) => event === 'request.completed')
  return { lines, send, accessed }
}

const rpc = (method: string, params: object = {}) => ({ jsonrpc: '2.0', id: 1, method, params })
const callOf = (name: string) => rpc('tools/call', { name, arguments: { password: 'hunter2' } })

describe('the access log', () => {
  verifies(
    'WHO-02',
    'has a line for each tool, prompt and resource, and for nothing else',
    async () => {
      const { send, accessed, lines } = await start({ options: { policy: POLICY } })
      await send(callOf('read_a'))
      await send(rpc('tools/list'))
      await send(rpc('prompts/get', { name: 'hello' }))
      await send(rpc('ping'))
      await send(rpc('resources/read', { uri: 'https://a.example/x?key=hunter2' }))
      expect(
        accessed().map(({ rpcMethod, target, status }) => [rpcMethod, target, status]),
      ).toEqual([
        ['tools/call', 'read_a', 200],
        ['prompts/get', 'hello', 200],
        ['resources/read', 'https://a.example/x', 200],
      ])
      expect(accessed()[0]).toMatchObject({
        level: 30,
        subject: 'user-1',
        clientId: 'client-1',
        seconds: expect.any(Number),
        msg: expect.stringMatching(/^tools\/call: 200 in \d+\.\d ms$/),
      })
      expect(JSON.stringify(lines)).not.toContain('hunter2')
    },
  )

  verifies('WHO-02', 'leaves a refused call to the line of its refusal', async () => {
    const { send, accessed, lines } = await start({ options: { policy: POLICY } })
    expect((await send(callOf('drop'))).status).toBe(403)
    expect((await send(callOf('read_a'), { authorization: 'Bearer a.b' })).status).toBe(401)
    expect(accessed()).toEqual([])
    expect(lines.map(({ event }) => event)).toContain('request.denied')
  })

  verifies('WHO-02', 'has every call of a batch', async () => {
    const { send, accessed } = await start({ options: { policy: POLICY } })
    const batch = [rpc('ping'), callOf('read_a'), callOf('read_b')]
    await send(batch, { 'mcp-protocol-version': '2025-03-26' })
    expect(accessed().map(({ target }) => target)).toEqual(['read_a', 'read_b'])
  })

  verifies(
    'WHO-02',
    'does not believe header fields about a message that was not read',
    async () => {
      const { send, accessed } = await start()
      const claims = { 'mcp-method': 'ping', 'mcp-name': 'nothing' }
      await send(callOf('drop'), claims)
      await send(undefined, claims, 'GET')
      expect(accessed()).toHaveLength(1)
      expect(accessed()[0]).toMatchObject({
        msg: expect.stringMatching(/^POST \/mcp: 200 in \d+\.\d ms$/),
      })
      expect(Object.keys(accessed()[0] ?? {})).not.toContain('rpcMethod')
    },
  )

  verifies('WHO-02', 'names the call where the message is read without a policy', async () => {
    const { send, accessed } = await start()
    const version = '2026-07-28'
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': version,
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    await send(rpc('tools/call', { name: 'echo', _meta }), {
      'mcp-protocol-version': version,
      'mcp-method': 'tools/call',
      'mcp-name': 'echo',
    })
    expect(accessed().map(({ rpcMethod, target }) => [rpcMethod, target])).toEqual([
      ['tools/call', 'echo'],
    ])
  })

  verifies('WHO-02', 'names the call of a command', async () => {
    const script = `require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { id, method } = JSON.parse(line)
      const result = method === 'initialize' ? { protocolVersion: '2025-11-25' } : { content: [] }
      if (id !== undefined) process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n')
    })`
    const { send, accessed } = await start({ server: [process.execPath, '-e', script] })
    const version = '2025-11-25'
    const info = {
      protocolVersion: version,
      capabilities: {},
      clientInfo: { name: 't', version: '1' },
    }
    const opened = await send(rpc('initialize', info))
    const session = opened.headers.get('mcp-session-id') ?? ''
    await send(callOf('echo'), { 'mcp-session-id': session, 'mcp-protocol-version': version })
    expect(accessed().map(({ rpcMethod, target }) => [rpcMethod, target])).toEqual([
      ['tools/call', 'echo'],
    ])
  })

  verifies('WHO-02', 'has the status of a call that the upstream failed', async () => {
    const { send, accessed } = await start({ options: { upstream: 'http://127.0.0.1:9/mcp' } })
    await send(callOf('echo'))
    expect(accessed()[0]).toMatchObject({ status: 502, from: 'gateway' })
  })

  verifies('WHO-02', 'is silent when it is off, and below its level', async () => {
    const off = await start({ access: 'off' })
    await off.send(callOf('echo'))
    expect(off.accessed()).toEqual([])
    const warn = await start({ level: 'warn' })
    await warn.send(callOf('echo'))
    expect(warn.accessed()).toEqual([])
    const debug = await start({ access: 'off', level: 'debug' })
    await debug.send(callOf('echo'))
    expect(debug.accessed()).toMatchObject([{ level: 20, msg: 'POST 200' }])
  })
})
