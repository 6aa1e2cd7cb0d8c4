/** A policy file before a server that somebody else wrote, and what `explain` says of it. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { readLines } from '../../src/cli/line-reader.js'
import { runPolicy } from '../../src/cli/policy/command.js'
import { startCli, writeTemporary } from '../support/cli.js'
import { fakeKey, FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { withoutReference } from '../support/references.js'
import { verifies } from '../support/verifies.js'

const EVERYTHING = fileURLToPath(
  import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'),
)
const POLICY = fileURLToPath(
  new URL('../../examples/policy/everything.policy.yaml', import.meta.url),
)

async function startServer(): Promise<string> {
  const { jwk } = await fakeKey('key-1')
  const keys = writeTemporary('keys.json', JSON.stringify({ keys: [jwk] }))
  const cli = startCli([
    ...['--auth', 'oauth', '--oauth-issuer', ISSUER, '--oauth-jwks-file', keys],
    ...['--resource', RESOURCE, '--port', '0', '--log-format', 'json', '--oauth-policy', POLICY],
    ...['--', process.execPath, EVERYTHING],
  ])
  return cli.listening()
}

async function explain(name: string): Promise<unknown> {
  let output = ''
  await runPolicy(
    [
      ...['explain', POLICY, 'tools/call', name, '--scopes', 'mcp:read'],
      ...['--resource', RESOURCE, '--json'],
    ],
    {
      stdout: (text) => (output += text),
      stderr: () => undefined,
      readFile: (path) => readFileSync(path, 'utf8'),
      readLines,
      env: {},
    },
  )
  return (JSON.parse(output) as { answer: unknown }).answer
}

verifies(
  ['SCP-01', 'SCP-07', 'STA-07'],
  'what is refused is refused in the words of explain, and lists show the rest',
  async () => {
    const url = await startServer()
    const idp = await FakeIdp.start()
    const token = await idp.token({
      key: await fakeKey('key-1'),
      claims: { scope: 'mcp:read' },
    })
    let session: string | undefined
    async function send(method: string, params: object, id?: number) {
      const response = await fetch(`${url}/mcp`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2025-11-25',
          ...(session !== undefined && { 'mcp-session-id': session }),
        },
        body: JSON.stringify({ jsonrpc: '2.0', method, params, ...(id !== undefined && { id }) }),
      })
      session ??= response.headers.get('mcp-session-id') ?? undefined
      const challenge = response.headers.get('www-authenticate')
      // The reference differs for each request.
      return {
        status: response.status,
        challenge: challenge === null ? null : withoutReference(challenge),
        text: withoutReference(await response.text()),
      }
    }
    const clientInfo = { name: 'test', version: '1' }
    const start = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }
    expect((await send('initialize', start, 1)).status).toBe(200)
    await send('notifications/initialized', {})

    const list = (await send('tools/list', {}, 2)).text
    expect(list).toContain('"name":"echo"')
    for (const hidden of ['toggle-simulated-logging', 'get-env']) {
      expect(list).not.toContain(`"name":"${hidden}"`)
      const answer = (await explain(hidden)) as {
        status: number
        headers: Record<string, string>
        body: object
      }
      expect(await send('tools/call', { name: hidden, arguments: {} }, 3)).toEqual({
        status: 403,
        challenge: withoutReference(answer.headers['WWW-Authenticate'] ?? '') || null,
        text: withoutReference(JSON.stringify(answer.body)),
      })
      expect(answer.status).toBe(403)
    }
    const echo = { name: 'echo', arguments: { message: 'x' } }
    expect((await send('tools/call', echo, 4)).status).toBe(200)
  },
)
