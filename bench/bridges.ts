/** Bridges from HTTP to a stdio command: ours, and those of npm, each as its documentation shows it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { CACHE, needed, show } from '../test/support/prepare.js'

export type Bridge = 'gateway' | 'supergateway' | 'mcp-proxy'

const PEERS = { supergateway: '4.0.0', 'mcp-proxy': '6.7.19' } as const
const folder = join(CACHE, 'bench-bridges')
export const ECHO = [process.execPath, join(import.meta.dirname, 'echo.cjs')] as const

/** Outside of the checkout: nothing but this needs them, and they bring some hundred packages. */
export async function installPeers(): Promise<void> {
  const packages = Object.entries(PEERS).map(([name, version]) => `${name}@${version}`)
  if (Object.keys(PEERS).every((name) => existsSync(join(folder, 'node_modules', name)))) return
  const args = ['install', '--silent', '--no-audit', '--no-fund', '--prefix', folder, ...packages]
  if ((await show('npm', args)) !== 0) throw needed(`npm could not install ${packages.join(', ')}`)
}

/** @param jwks file with the keys of the tokens that ours checks; nobody else checks any */
function commandOf(
  bridge: Bridge,
  port: number,
  jwks: string,
  server: readonly string[],
): readonly string[] {
  const binary = (name: string) => join(folder, 'node_modules', '.bin', name)
  switch (bridge) {
    case 'gateway':
      return [
        join(import.meta.dirname, '../dist/cli/main.js'),
        ...['--auth', 'oauth', '--oauth-issuer', 'https://sso.example.com'],
        ...['--oauth-jwks-file', jwks, '--resource', 'https://mcp.example.com/mcp'],
        ...['--port', String(port), '--log-level', 'error', '--allow-host', '127.0.0.1'],
        ...['--', ...server],
      ]
    case 'supergateway':
      return [
        binary('supergateway'),
        ...['--stdio', server.join(' '), '--outputTransport', 'streamableHttp', '--stateful'],
        ...['--port', String(port), '--logLevel', 'none'],
      ]
    case 'mcp-proxy':
      return [binary('mcp-proxy'), '--host', '127.0.0.1', '--port', String(port), '--', ...server]
  }
}

export interface Session {
  readonly port: number
  readonly id: string
  readonly process: ChildProcess
  /** From the start of the process to the answer to `initialize`, in milliseconds. */
  readonly startMs: number
}

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'bench', version: '1' },
  },
})

export function headersOf(token: string, id?: string): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-11-25',
    ...(id !== undefined && { 'mcp-session-id': id }),
  }
}

/** Starts a bridge, and opens a session as soon as it lets anybody. */
export async function openSession(
  bridge: Bridge,
  port: number,
  jwks: string,
  token: string,
  server: readonly string[] = ECHO,
): Promise<Session> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, commandOf(bridge, port, jwks, server), { stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}/mcp`
  for (;;) {
    try {
      const headers = headersOf(token)
      const answer = await fetch(url, { method: 'POST', headers, body: INITIALIZE })
      await answer.text()
      const id = answer.headers.get('mcp-session-id')
      if (id === null) throw needed(`${bridge} answered ${answer.status}, without a session`)
      const startMs = performance.now() - startedAt
      const body = '{"jsonrpc":"2.0","method":"notifications/initialized"}'
      await (await fetch(url, { method: 'POST', headers: headersOf(token, id), body })).text()
      return { port, id, process: child, startMs }
    } catch (error) {
      if (!(error instanceof TypeError) || performance.now() - startedAt > 20_000) throw error
      await delay(5)
    }
  }
}
