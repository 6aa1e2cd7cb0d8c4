/** What is told when a command ends, and small things about the answers of a bridge. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { withheldHint } from '../../../src/gateway/stdio/withheld-variables.js'
import { exchangeBytes } from '../../support/gateway.js'
import { verifies } from '../../support/verifies.js'
import {
  Client,
  JSON_ONLY,
  MODERN,
  openClient,
  startScript,
  startServer,
  until,
  type RpcMessage,
} from './support.js'

describe('variables that a command may have lacked', () => {
  const PATH = '/usr/bin'

  verifies('FLD-12', 'are named without their values', () => {
    const ours = {
      PATH,
      HTTPS_PROXY: 'http://user:secret@proxy',
      no_proxy: 'localhost',
      SSL_CERT_FILE: '/secret.pem',
      UV_INDEX_URL: 'https://secret',
      NPM_CONFIG_REGISTRY: 'https://secret',
    }
    expect(withheldHint(ours, { PATH })).toBe(
      'set here and not passed to it: HTTPS_PROXY, no_proxy, SSL_CERT_FILE, UV_INDEX_URL, NPM_CONFIG_REGISTRY; --child-env NAME passes a variable',
    )
  })

  test.each([
    [{ HTTPS_PROXY: 'x' }, { HTTPS_PROXY: 'x' }],
    // `npx` sets many of these for everything that it starts.
    [{ npm_config_cache: 'x', MY_HTTPS_PROXY: 'x', HTTPS_PROXY_2: 'x', UV_: 'x', LANG: 'C' }, {}],
  ])('not those that it has, nor others: %j', (ours, passed) => {
    expect(withheldHint(ours, passed)).toBeUndefined()
  })

  verifies('FLD-12', 'are those that it names on stderr, before the others', () => {
    const ours = { PATH, UV_INDEX: 'x', GITHUB_TOKEN: 'secret', TOKEN: 'secret', HOME: '/' }
    const said = 'Error: GITHUB_TOKEN (or GITHUB_TOKENS, MY_TOKEN) is not set; look at $PATH'
    expect(withheldHint(ours, { PATH }, said)).toBe(
      'set here and not passed to it: GITHUB_TOKEN, UV_INDEX; --child-env NAME passes a variable',
    )
    expect(withheldHint({ GITHUB_TOKEN: 'x' }, {}, 'github_token, GITHUB_TOKEN_2')).toBeUndefined()
  })

  verifies('FLD-12', 'are told when nobody has set what it names on stderr', () => {
    const ours = { PATH, HTTPS_PROXY: 'x' }
    const hint = (said: string) => withheldHint(ours, { PATH, GIVEN_KEY: 'x' }, said)
    expect(hint('TypeError: x\nError: GITHUB_TOKEN is not set, nor is GIVEN_KEY')).toBe(
      'it names GITHUB_TOKEN, and that is not set here: set it, and pass it with --child-env NAME',
    )
    const other = /^set here and not passed to it: HTTPS_PROXY;/
    for (const said of [
      'GITHUB_TOKEN',
      'code: ERR_MODULE_NOT_FOUND must not be missing',
      'MODULE_NOT_FOUND is required',
      'TOKEN is not set',
    ]) {
      expect(hint(said)).toMatch(other)
    }
  })

  test('at most ten', () => {
    const ours = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`UV_${n}`, 'x']))
    expect(withheldHint(ours, {})?.match(/UV_/g)).toHaveLength(10)
  })

  /** For the length of a test. */
  function set(name: string, value: string): void {
    const before = process.env[name]
    process.env[name] = value
    onTestFinished(() => {
      if (before === undefined) delete process.env[name]
      else process.env[name] = before
    })
  }

  verifies(
    'FLD-12',
    'are told when it dies before its first answer, and to no client',
    async () => {
      set('UV_INDEX_URL', 'https://secret')
      const fixture = await startServer('process.exit(7)')
      const answer = await new Client(fixture).open()
      expect(answer.status).toBe(502)
      const body = await answer.text()
      expect(body).toContain('The MCP server has ended with exit code 7')
      expect(body).not.toMatch(/UV_|stderr|child-env/)
      expect((await new Client(fixture, { version: MODERN }).call('x')).status).toBe(400)
      await until(() => fixture.reported('child.ended').length === 2)
      for (const { hint } of fixture.reported('child.ended')) expect(hint).toContain('UV_INDEX_URL')
      expect(JSON.stringify(fixture.events)).not.toContain('https://secret')
    },
  )

  verifies('FLD-12', 'are not told when it had answered', async () => {
    set('UV_INDEX_URL', 'https://secret')
    const fixture = await startScript('process.exit(7)')
    const client = await openClient(fixture)
    expect((await client.call('x', {}, JSON_ONLY)).status).toBe(502)
    await until(() => fixture.reported('child.ended').length === 1)
    expect(fixture.reported('child.ended')[0]).not.toHaveProperty('hint')
  })
})

verifies(
  'FLD-12',
  'a command that a signal ended, or that cannot start, has no exit code',
  async () => {
    const fixture = await startScript(`process.kill(process.pid, 'SIGKILL')`)
    const client = await openClient(fixture)
    const killed = (await (await client.call('x', {}, JSON_ONLY)).json()) as RpcMessage
    expect(killed.error?.message).toBe('The MCP server has ended')
    expect(fixture.reported('upstream.failed')[0]?.reason).toBe('the command was ended by SIGKILL')
    const missing = await startServer('', { command: ['/nowhere/server'] })
    const opened = (await (await new Client(missing).open()).json()) as RpcMessage
    expect(opened.error?.message).toBe('The MCP server has ended')
  },
)

verifies('FLD-12', '204 has no Content-Length; 202 has', async () => {
  const fixture = await startScript('')
  const client = await openClient(fixture)
  const send = (method: string, body: string) =>
    exchangeBytes(
      fixture.port,
      [
        `${method} /mcp HTTP/1.1`,
        'Host: localhost',
        `Authorization: Bearer ${fixture.token}`,
        `Mcp-Session-Id: ${client.session}`,
        'Content-Type: application/json',
        'Connection: close',
        ...(body === '' ? [] : [`Content-Length: ${body.length}`]),
        '',
        body,
      ].join('\r\n'),
    )
  const noted = await send('POST', '{"jsonrpc":"2.0","method":"notifications/x"}')
  expect(noted).toMatch(/^HTTP\/1\.1 202 [^]*\r\nContent-Length: 0\r\n/)
  const ended = await send('DELETE', '')
  expect(ended).toMatch(/^HTTP\/1\.1 204 /)
  expect(ended).not.toMatch(/content-length|transfer-encoding/i)
  expect(ended.endsWith('\r\n\r\n')).toBe(true)
})

verifies('FLD-12', 'an id that is in use is named in the error', async () => {
  const fixture = await startScript(`if (params.name === 'pid') answer(id, { pid: process.pid })`)
  const client = await openClient(fixture)
  const waiting = await client.call('never', {}, { id: 'x' })
  const answer = await client.call('echo', {}, { id: 'x' })
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ id: 'x', error: { message: 'This id is in use' } })
  const batch = ['x', 'y'].map((id) => client.request('ping', {}, id))
  const refused = await client.post(batch, { 'mcp-protocol-version': '2025-03-26' })
  expect(await refused.json()).toMatchObject({ id: null, error: { message: 'This id is in use' } })
  await waiting.body?.cancel()
})

verifies('FLD-12', 'a byte order mark before a body is named in the log', async () => {
  const fixture = await startScript('')
  const client = new Client(fixture)
  const answer = await client.send('POST', `\ufeff${JSON.stringify(client.request('initialize'))}`)
  expect(answer.status).toBe(400)
  expect(fixture.reported('request.refused')[0]?.reason).toBe(
    'the body begins with a byte order mark',
  )
})
