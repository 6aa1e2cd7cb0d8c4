/**
 * The command line of mcp-gatehouse, as its users start it, in front of a command.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { relative } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { listenOn, PORTS } from './ports.js'

const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const shown = (path: string) => relative(process.cwd(), path)
/** The command line from its source, so that the demo needs no build. */
export const COMMAND_LINE = ['--import', 'tsx', pathOf('../../src/cli/main.ts')] as const
const NOTES = pathOf('notes.mjs')
const POLICY = pathOf('notes.policy.yaml')

export const READ = 'notes:read'
export const WRITE = 'notes:write'

/** A line of its log. */
export type LogLine = Readonly<Record<string, unknown>>

export interface RunningGateway {
  /** The MCP endpoint. */
  readonly url: string
  /** What a user would type. */
  readonly commandLine: string
  readonly log: readonly LogLine[]
  stop(): Promise<void>
}

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listenOn(server, PORTS.gateway)
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** @throws with its log, when it does not start */
export async function startGateway(issuer: string): Promise<RunningGateway> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/mcp`
  const flags = [
    ...['--auth', 'oauth', '--oauth-issuer', issuer, '--resource', url, '--port', String(port)],
    ...['--oauth-scopes', READ, '--oauth-policy', shown(POLICY)],
  ]
  const command = ['--', 'node', shown(NOTES)]
  const child = spawn(
    process.execPath,
    [...COMMAND_LINE, ...flags, '--log-format', 'json', '--log-level', 'debug', ...command],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const log: LogLine[] = []
  const said: string[] = []
  const ended = once(child, 'exit')
  const isUp = new Promise<void>((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      said.push(line)
      if (!line.startsWith('{')) return
      const entry = JSON.parse(line) as LogLine
      log.push(entry)
      if (entry['url'] !== undefined) resolve()
    })
  })
  await Promise.race([isUp, ended])
  if (child.exitCode !== null) throw new Error(`the gateway did not start:\n${said.join('\n')}`)
  return {
    url,
    commandLine: ['mcp-gatehouse', ...flags, ...command].join(' '),
    log,
    async stop() {
      child.kill()
      await ended
    },
  }
}
