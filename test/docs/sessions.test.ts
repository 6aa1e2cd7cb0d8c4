/** `examples/sessions`: its servers, started as the guide says. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { portOf } from '../matrix/hosts.js'
import { freePort } from '../support/cli.js'
import { guideBlock } from '../support/guides.js'
import { FakeIdp } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const root = resolve(import.meta.dirname, '../..')
const children: ChildProcess[] = []
let idp: FakeIdp
let idpServer: Server

beforeAll(async () => {
  idpServer = createServer((request, response) => {
    void idp.fetch(`${new URL(idp.issuer).origin}${request.url}`).then(async (answer) => {
      response.statusCode = answer.status
      response.end(await answer.text())
    })
  })
  await new Promise<void>((listening) => idpServer.listen(0, '127.0.0.1', listening))
  idp = await FakeIdp.start(`http://127.0.0.1:${portOf(idpServer)}/realms/mcp`)
})

afterAll(() => {
  // With what npx has started.
  for (const { pid } of children) if (pid !== undefined) process.kill(-pid, 'SIGTERM')
  idpServer.close()
  idpServer.closeAllConnections()
})

async function start(commands: string): Promise<string> {
  const port = await freePort()
  const resource = `http://localhost:${port}/mcp`
  const local = commands.replace('https://sso.example.com/realms/mcp', idp.issuer)
  const child = spawn('bash', ['-euc', local], {
    cwd: root,
    env: {
      ...process.env,
      PORT: String(port),
      TSX_TSCONFIG_PATH: resolve(root, 'tsconfig.json'),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  })
  children.push(child)
  const status = () =>
    fetch(resource).then(
      ({ status }) => status,
      () => 0,
    )
  await expect.poll(status, { timeout: 20_000 }).toBe(401)
  return resource
}

function send(url: string, token: string, session: string | undefined, message?: object) {
  return fetch(url, {
    method: message === undefined ? 'GET' : 'POST',
    headers: {
      accept: message === undefined ? 'text/event-stream' : 'application/json, text/event-stream',
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      ...(session !== undefined && {
        'mcp-session-id': session,
        'mcp-protocol-version': '2025-11-25',
      }),
    },
    ...(message !== undefined && { body: JSON.stringify({ jsonrpc: '2.0', ...message }) }),
  })
}

const INITIALIZE = {
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
}
const WHOAMI = { id: 2, method: 'tools/call', params: { name: 'whoami', arguments: {} } }

describe.each([
  ['SDK v1', () => guideBlock('sessions', 'sdk-v1')],
  ['SDK v2', () => guideBlock('sessions', 'sdk-v2')],
])('%s', (_name, commands) => {
  verifies(
    ['STA-01', 'CASE-46', 'CASE-47', 'TRN-09'],
    'a session is 404 in other hands, its stream ends with the token, its owner goes on',
    async () => {
      const url = await start(commands())
      const tokenOf = (sub: string, exp: number) =>
        idp.token({ claims: { aud: url, sub, exp, jti: `${sub}-${exp}` } })
      const now = Math.floor(Date.now() / 1000)
      const own = await tokenOf('user-1', now + 300)
      const other = await tokenOf('user-2', now + 300)

      const began = await send(url, own, undefined, INITIALIZE)
      expect(began.status).toBe(200)
      await began.text()
      const session = began.headers.get('mcp-session-id') ?? ''
      expect(session).toMatch(/^[\w-]{43}\.[\da-f-]{36}$/)
      await send(url, own, session, { method: 'notifications/initialized' })

      for (const [token, id] of [
        [other, session],
        [own, session.slice(44)],
        [own, `${session}0`],
      ] as const) {
        for (const message of [WHOAMI, undefined]) {
          const refused = await send(url, token, id, message)
          expect(refused.status).toBe(404)
          // Of the gate: those of the servers are shorter.
          expect(await refused.json()).toEqual({
            error: 'session_not_found',
            error_description: 'There is no such session',
          })
        }
      }

      // Within the tolerance for clocks, of which little is left.
      const ending = await tokenOf('user-1', Math.ceil(Date.now() / 1000) - 28)
      const stream = await send(url, ending, session)
      expect(stream.status).toBe(200)
      const second = await send(url, own, session)
      expect(second.status).toBe(409)
      await second.text()
      await stream.text()
      expect((await send(url, ending, session, WHOAMI)).status).toBe(401)

      const again = new AbortController()
      const reopened = await fetch(url, {
        headers: {
          accept: 'text/event-stream',
          authorization: `Bearer ${own}`,
          'mcp-session-id': session,
          'mcp-protocol-version': '2025-11-25',
        },
        signal: again.signal,
      })
      expect(reopened.status).toBe(200)
      again.abort()
      const answer = await send(url, own, session, WHOAMI)
      expect(await answer.text()).toContain(`user-1 in ${session.slice(44)}`)
    },
  )
})
