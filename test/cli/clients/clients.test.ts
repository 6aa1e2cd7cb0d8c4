/** `clients`: what to type where, for a URL and for a configuration. */
import { parse } from 'yaml'
import { describe, expect, test } from 'vitest'
import { CLIENTS } from '../../../src/advice/clients.js'
import { CLIENT_SETUPS } from '../../../src/advice/client-setup.js'
import { runClients } from '../../../src/cli/clients/command.js'
import { KNOWN_CLIENTS, pageOf } from '../../../src/cli/clients/page.js'
import { readerOf } from '../../config/support.js'
import { verifies } from '../../support/verifies.js'

const URL_OF_IT = 'https://mcp.example.com/mcp'

async function clients(
  argv: readonly string[],
  files: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
) {
  let [stdout, stderr] = ['', '']
  const code = await runClients(argv, {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    readFile: readerOf(files),
    env,
  })
  return { code, stdout, stderr }
}

interface Page {
  readonly name: string
  readonly url: string
  readonly clientId: string
  readonly redirectUris: readonly string[]
  readonly paste?: { readonly language: string; readonly text: string }
  readonly sources: readonly string[]
}

async function pages(...argv: string[]): Promise<Readonly<Record<string, Page>>> {
  const { code, stdout } = await clients([...argv, '--json'])
  expect(code).toBe(0)
  return Object.fromEntries((JSON.parse(stdout) as Page[]).map((page) => [page.name, page]))
}

describe('the tables', () => {
  verifies('FLD-46', 'every client has a page, with the day of each source', async () => {
    expect(CLIENT_SETUPS.map(({ name }) => name)).toEqual(CLIENTS.map(({ name }) => name))
    const all = Object.values(await pages(URL_OF_IT))
    expect(all.map(({ name }) => name)).toEqual(CLIENTS.map(({ name }) => name))
    for (const { sources, url } of all) {
      expect(url).toBe(URL_OF_IT)
      expect(sources.length).toBeGreaterThan(0)
      for (const source of sources) expect(source).toMatch(/ \(\d{4}-\d\d-\d\d\)$/)
    }
  })

  test.each(KNOWN_CLIENTS)('$setup.name: what to paste can be read', ({ client, setup }) => {
    for (const clientId of [undefined, 'client-1']) {
      const deployment = { url: URL_OF_IT, name: 'mcp-example-com', clientId, scopes: ['a', 'b'] }
      const { paste, steps, notes } = pageOf({ client, setup }, deployment)
      const readers: Readonly<Record<string, (text: string) => unknown>> = {
        json: (text) => JSON.parse(text),
        yaml: (text) => parse(text),
        sh: (text) => text,
      }
      const read = readers[paste?.language ?? 'sh'] ?? String
      const content = JSON.stringify([read(paste?.text ?? ''), steps])
      // The paste or a step has what a person needs.
      expect(content).toContain(URL_OF_IT)
      expect(content.includes('client-1')).toBe(
        clientId !== undefined && client.registration.value?.includes('manual') === true,
      )
      expect(steps.length).toBeGreaterThan(1)
      expect(notes.every((note) => /[.!]$/.test(note))).toBe(true)
    }
  })
})

describe('with a URL', () => {
  verifies('FLD-46', 'a client that registers itself needs no id', async () => {
    const all = await pages(URL_OF_IT)
    expect(all['claude-code']?.paste?.text).toBe(
      `claude mcp add --transport http mcp-example-com ${URL_OF_IT}`,
    )
    expect(JSON.parse(all['vscode']?.paste?.text ?? '')).toEqual({
      servers: { 'mcp-example-com': { type: 'http', url: URL_OF_IT } },
    })
    expect(all['claude']?.redirectUris).toContain('https://claude.ai/api/mcp/auth_callback')
    expect(all['goose']?.clientId).toContain('(CIMD)')
  })

  verifies('FLD-46', 'a client id stands in every place that takes one', async () => {
    const all = await pages(URL_OF_IT, '--client-id', 'client-1')
    expect(all['claude-code']?.paste?.text).toContain('--client-id client-1 --callback-port 8765')
    expect(all['claude-code']?.redirectUris).toEqual(['http://localhost:8765/callback'])
    expect(JSON.parse(all['cursor']?.paste?.text ?? '')).toEqual({
      mcpServers: { 'mcp-example-com': { url: URL_OF_IT, auth: { CLIENT_ID: 'client-1' } } },
    })
    expect(all['mcp-remote']?.paste?.text).toContain('--static-oauth-client-info')
    expect(all['goose']?.clientId).toMatch(/^it takes no client id: /)
  })

  test('a client id is one word of the shell', async () => {
    const all = await pages(URL_OF_IT, '--client-id', "x'; rm -rf ~ #")
    expect(all['claude-code']?.paste?.text).toContain(`--client-id 'x'\\''; rm -rf ~ #' `)
  })

  test('everything about one', async () => {
    const { code, stdout, stderr } = await clients(['claude', URL_OF_IT])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^claude\.ai\nURL {12}https:\/\/mcp\.example\.com\/mcp\n/)
    expect(stdout).toContain('redirect URIs  https://claude.ai/api/mcp/auth_callback\n')
    expect(stdout).toContain('must reach the URL from the internet')
    expect(stdout).toContain('\nSources:\n- https://')
  })

  test("a vendor's servers cannot reach this machine", async () => {
    const { stdout } = await clients(['claude', 'http://127.0.0.1:8080/mcp'])
    expect(stdout).toContain('they cannot reach this URL')
    const { stdout: local } = await clients(['vscode', 'http://127.0.0.1:8080/mcp'])
    expect(local).not.toContain('cannot reach')
  })

  test('all in short', async () => {
    const { stdout, stderr } = await clients([URL_OF_IT])
    for (const { title } of CLIENTS) expect(stdout).toContain(`${title}\nURL `)
    expect(stdout).not.toContain('Sources')
    expect(stderr).toContain('add the name of a client')
  })
})

describe('with a configuration', () => {
  const file = [
    'auth: oauth',
    'oauth: { issuer: https://sso.example.com, scopes: [mcp:read, mcp:write] }',
    'resources:',
    '  - { resource: https://one.example.com/mcp, upstream: http://127.0.0.1:1/mcp }',
    '  - { resource: https://two.example.com/mcp, upstream: http://127.0.0.1:2/mcp }',
  ].join('\n')

  verifies('FLD-46', 'each of its resources, with its scopes', async () => {
    const argv = ['--config', '/srv/gatehouse.yaml', '--client-id', 'client-1', 'cursor', '--json']
    const { code, stdout } = await clients(argv, { '/srv/gatehouse.yaml': file })
    expect(code).toBe(0)
    const found = (JSON.parse(stdout) as Page[]).map(({ url, paste }) => [
      url,
      JSON.parse(paste?.text ?? '') as unknown,
    ])
    const auth = { CLIENT_ID: 'client-1', scopes: ['mcp:read', 'mcp:write'] }
    expect(found).toEqual(
      ['one', 'two'].map((host) => {
        const url = `https://${host}.example.com/mcp`
        return [url, { mcpServers: { [`${host}-example-com`]: { url, auth } } }]
      }),
    )
  })

  test('the environment will do', async () => {
    const env = {
      MCP_GATEHOUSE_AUTH: 'oauth',
      MCP_GATEHOUSE_OAUTH_ISSUER: 'https://sso.example.com',
      MCP_GATEHOUSE_RESOURCE: URL_OF_IT,
      MCP_GATEHOUSE_UPSTREAM: 'http://127.0.0.1:1/mcp',
    }
    const { stdout } = await clients(['vscode'], {}, env)
    expect(stdout).toContain(URL_OF_IT)
  })

  test('a command behind -- has a --help of its own', async () => {
    const env = {
      MCP_GATEHOUSE_AUTH: 'oauth',
      MCP_GATEHOUSE_OAUTH_ISSUER: 'https://sso.example.com',
    }
    const argv = ['vscode', '--resource', URL_OF_IT, '--', 'node', 'server.mjs', '--help']
    const { code, stdout } = await clients(argv, {}, env)
    expect(code).toBe(0)
    expect(stdout).toContain('VS Code')
  })

  test('its problems are told', async () => {
    const argv = ['--resource', URL_OF_IT, '--prot', '80']
    const { code, stderr } = await clients(argv)
    expect(code).toBe(2)
    expect(stderr).toContain('--prot')
  })
})

describe('what cannot be answered', () => {
  test.each([
    [[], /^URL: is missing/],
    [['vs-code', URL_OF_IT], /^NAME: is neither a client.*\n.*did you mean vscode\?/],
    [['mcp.example.com/mcp'], /^NAME: is neither a client nor the URL/],
    [['https://alice:pw@mcp.example.com/mcp'], /^NAME: is neither/],
    [[URL_OF_IT, URL_OF_IT], /^NAME: is given more than once/],
    [['vscode', 'cursor', URL_OF_IT], /^NAME: is given more than once/],
    [[URL_OF_IT, '--port', '80'], /^URL: is given together with settings/],
    [[URL_OF_IT, '--clientid', 'x'], /./],
  ])('%j', async (argv, problem) => {
    const { code, stdout, stderr } = await clients(argv)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(problem)
    expect(stderr).not.toContain('alice:pw')
  })

  test('--help teaches', async () => {
    const { code, stdout } = await clients(['--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('mcp-gatehouse clients URL [NAME]')
    expect(stdout.split('\n').every((line) => line.length <= 100)).toBe(true)
  })
})
