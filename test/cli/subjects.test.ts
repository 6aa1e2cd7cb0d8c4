/** Who and what the lines of the log are about. */
import { describe, expect } from 'vitest'
import { startCli, writeTemporary } from '../support/cli.js'
import { fakeKey, FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { eventually } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

const POLICY = 'rules:\n  - tools: [add]\n    scopes: [mcp:use]\nunmatched: deny\n'
const SECRET = 'hunter2hunter2hunter2'
const SCRIPT = `require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line)
  const result = method === 'initialize' ? { protocolVersion: '2025-11-25' } : {}
  process.stderr.write('heard ' + method + '\\n')
  if (id !== undefined) process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n')
})`

async function start(...more: readonly string[]) {
  const { jwk } = await fakeKey('key-1')
  const keys = writeTemporary('keys.json', JSON.stringify({ keys: [jwk] }))
  const cli = startCli([
    ...['--auth', 'oauth', '--oauth-issuer', ISSUER, '--oauth-jwks-file', keys],
    ...['--resource', RESOURCE, '--port', '0', '--log-format', 'json', ...more],
    ...['--', process.execPath, '-e', SCRIPT, '--', `--api-key=${SECRET}`],
  ])
  const url = await cli.listening()
  const idp = await FakeIdp.start()
  const token = await idp.token({
    key: await fakeKey('key-1'),
    claims: { sub: 'alice', client_id: 'claude', scope: 'mcp:use' },
  })
  const send = (method: string, params: object, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${url}/mcp`, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
        ...headers,
      },
    })
  return { cli, url, send }
}

const INITIALIZE = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'test', version: '1' },
}

describe('lines', () => {
  verifies('FLD-19', 'about a child name its caller', async () => {
    const { cli, send } = await start()
    await (await send('initialize', INITIALIZE)).text()
    await eventually(() => cli.log().some(({ event }) => event === 'child.remarked'))
    const lines = cli.log().filter(({ event }) => String(event).startsWith('child.'))
    expect(lines.map(({ event }) => event)).toEqual(['child.started', 'child.remarked'])
    for (const line of lines) expect(line).toMatchObject({ subject: 'alice', clientId: 'claude' })
  })

  verifies('FLD-19', 'about a refused operation name caller, method and tool', async () => {
    const policy = writeTemporary('policy.yaml', POLICY)
    const { cli, send } = await start('--oauth-policy', policy)
    await (await send('tools/call', { name: 'drop', arguments: {} })).text()
    await eventually(() => cli.log().some(({ event }) => event === 'request.denied'))
    expect(cli.log().find(({ event }) => event === 'request.denied')).toMatchObject({
      code: 'ERR_OPERATION_DENIED',
      subject: 'alice',
      clientId: 'claude',
      rpcMethod: 'tools/call',
      target: 'drop',
    })
  })

  verifies('FLD-19', 'about a token that is not verified name nobody', async () => {
    const { cli, send } = await start()
    await (await send('initialize', INITIALIZE, { authorization: 'Bearer a.b' })).text()
    await eventually(() => cli.log().some(({ event }) => event === 'request.denied'))
    const line = cli.log().find(({ event }) => event === 'request.denied')
    expect(line).toMatchObject({ code: 'ERR_TOKEN_OPAQUE' })
    expect(Object.keys(line ?? {})).not.toContain('subject')
  })
})

verifies('FLD-21', 'the start names the URL for clients and the whole command', async () => {
  const { cli, url } = await start()
  const line = cli.log().find((each) => each['url'] === url)
  expect(line?.['msg']).toBe(
    `the URL for clients is ${RESOURCE}; listening at ${url}, for tokens of ${ISSUER}, in front of ${process.execPath} -e ${SCRIPT} -- --api-key=***`,
  )
})
