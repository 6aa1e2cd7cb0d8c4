/** Every example in README, docs and docstrings compiles; those of the documents and whole servers run. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { makeFolder } from '../support/checkout.js'
import { allCodeBlocks } from '../support/guides.js'
import { FakeIdp } from '../support/idp.js'

const root = resolve(import.meta.dirname, '../..')
const folder = makeFolder()

interface Example {
  readonly name: string
  readonly code: string
}

function docstringExamples(): Example[] {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const source = readFileSync(join(root, 'src', file), 'utf8')
      return [...source.matchAll(/^ \* ```ts\n([\s\S]*?)^ \* ```$/gm)].map(([, block = ''], i) => ({
        name: `${file.replaceAll(/[/.]/g, '-')}-${i}`,
        code: block.replaceAll(/^ \* ?/gm, ''),
      }))
    })
}

function documentExamples(): Example[] {
  return allCodeBlocks().map(({ name = 'not marked', commands }) => ({ name, code: commands }))
}

beforeAll(() => {
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('all examples compile', async () => {
  const examples = [...docstringExamples(), ...documentExamples()]
  expect(examples.length).toBeGreaterThanOrEqual(14)
  expect(allCodeBlocks().filter(({ name }) => name === undefined)).toEqual([])
  expect(new Set(examples.map(({ name }) => name)).size).toBe(examples.length)
  for (const { name, code } of examples) {
    writeFileSync(join(folder, `${name}.ts`), `${code}\nexport {}\n`)
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      // Examples name what they do not use.
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      include: ['*.ts'],
      exclude: [],
    }),
  )
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const compiled = await promisify(execFile)(process.execPath, [tsc, '-p', folder], {
    cwd: root,
  }).catch((error: { stdout: string }) => error)
  expect(compiled.stdout).toBe('')
}, 120_000)

describe('examples, run', () => {
  let idp: FakeIdp
  let idpServer: Server
  const children: ChildProcess[] = []

  beforeAll(async () => {
    idpServer = createServer((request, response) => {
      void idp.fetch(`${new URL(idp.issuer).origin}${request.url}`).then(async (answer) => {
        response.statusCode = answer.status
        response.end(await answer.text())
      })
    })
    await new Promise<void>((listening) => idpServer.listen(0, '127.0.0.1', listening))
    const { port } = idpServer.address() as AddressInfo
    idp = await FakeIdp.start(`http://127.0.0.1:${port}/realms/mcp`)
  })

  afterAll(() => {
    for (const child of children) child.kill()
    idpServer.close()
    idpServer.closeAllConnections()
  })

  async function freePort(): Promise<number> {
    const server = createServer()
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const { port } = server.address() as AddressInfo
    await new Promise((closed) => server.close(closed))
    return port
  }

  /** The text of a document with names that exist here, started as its reader would. */
  async function start(name: string, argv: readonly string[] = []): Promise<string> {
    const port = await freePort()
    const resource = `http://localhost:${port}/mcp`
    const examples = [...documentExamples(), ...docstringExamples()]
    const code = examples.find((example) => example.name === name)?.code ?? ''
    const file = join(folder, `run-${name}-${port}.ts`)
    const local = code
      .replaceAll('https://sso.example.com/realms/mcp', idp.issuer)
      .replaceAll('http://localhost:8080/realms/mcp', idp.issuer)
      .replaceAll(/https:\/\/mcp\.example\.com\/mcp|http:\/\/localhost:3000\/mcp/g, resource)
      .replace("listen(3000, 'localhost')", `listen(${port}, 'localhost')`)
      // Readers' servers are reached from outside, ours from this machine only.
      .replace('listen(3000)', `listen(${port}, 'localhost')`)
      .replace('port: 3000', `port: ${port}, hostname: 'localhost'`)
    writeFileSync(file, local)
    const child = spawn(process.execPath, ['--import', 'tsx', file, ...argv], {
      cwd: root,
      env: { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    children.push(child)
    await expect
      .poll(
        () =>
          fetch(resource).then(
            ({ status }) => status,
            () => 0,
          ),
        { timeout: 20_000 },
      )
      .toBeGreaterThan(0)
    return resource
  }

  const initialize = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    },
  }

  async function post(url: string, token?: string): Promise<Response> {
    return fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(initialize),
    })
  }

  test.each(['hono', 'express'])(
    '%s: a token opens the server, nothing else does',
    async (name) => {
      const resource = await start(name)
      const refused = await post(resource)
      expect(refused.status).toBe(401)
      const challenge = refused.headers.get('www-authenticate') ?? ''
      const metadata = await fetch(/resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? '')
      expect(await metadata.json()).toMatchObject({ resource, authorization_servers: [idp.issuer] })
      expect((await post(resource, await idp.token())).status).toBe(401)
      const answer = await post(resource, await idp.token({ claims: { aud: resource } }))
      expect(answer.status).toBe(200)
      expect(await answer.text()).toContain('my-server')
    },
  )

  test('judged: the function says who may call what', async () => {
    const resource = await start('judged')
    async function use(name: string, claims: Record<string, unknown>): Promise<Response> {
      const token = await idp.token({ claims: { aud: resource, ...claims } })
      return fetch(resource, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } }),
      })
    }
    expect((await use('search', { scope: 'mcp:use' })).status).toBe(200)
    const more = await use('search', { scope: '' })
    expect(more.headers.get('www-authenticate')).toContain('scope="mcp:use"')
    expect((await use('deploy', { sub: 'alice', scope: 'mcp:deploy' })).status).toBe(200)
    const denied = await use('deploy', { sub: 'bob', scope: 'mcp:deploy' })
    expect([denied.status, denied.headers.get('www-authenticate')]).toEqual([403, null])
  })

  /** What the guard leaves alone, the server must not serve. */
  async function expectNothingElsewhere(resource: string): Promise<void> {
    for (const path of ['/', '/other', '/?x=/mcp', '//', '/x/..%2fother']) {
      const answer = await post(new URL(resource).origin + path)
      expect(answer.status, path).toBe(404)
      expect(await answer.json()).toEqual({ error: 'not_found' })
    }
  }

  test.each(['flags', 'flags-ts-0'])(
    '%s: untouched without, guarded with --auth oauth',
    async (name) => {
      const open = await start(name)
      expect(await (await fetch(open)).text()).toBe('hello stranger')
      await expectNothingElsewhere(open)
      const guarded = await start(name, ['--auth', 'oauth', '--oauth-issuer', idp.issuer])
      expect((await fetch(guarded)).status).toBe(401)
      await expectNothingElsewhere(guarded)
      const answer = await post(guarded, await idp.token({ claims: { aud: guarded } }))
      expect(await answer.text()).toBe('hello client-1')
    },
  )

  test('fetch: a token opens the endpoint, and nothing else is served', async () => {
    const resource = await start('fetch')
    expect((await post(resource)).status).toBe(401)
    await expectNothingElsewhere(resource)
    const answer = await post(resource, await idp.token({ claims: { aud: resource } }))
    expect(await answer.json()).toEqual({ hello: 'client-1' })
  })

  test('node:http: a token opens the endpoint, and nothing else is served', async () => {
    const resource = await start('node-ts-0')
    expect((await post(resource)).status).toBe(401)
    await expectNothingElsewhere(resource)
    const answer = await post(resource, await idp.token({ claims: { aud: resource } }))
    expect(await answer.text()).toBe('hello client-1')
  })

  test('door: the guard lets a token in, and refuses the rest', async () => {
    const { code } = documentExamples().find(({ name }) => name === 'door') as Example
    const file = join(folder, 'door-run.ts')
    writeFileSync(file, code.replaceAll('https://sso.example.com/realms/mcp', idp.issuer))
    const { app } = (await import(/* @vite-ignore */ file)) as {
      readonly app: { request(url: string, init?: RequestInit): Promise<Response> }
    }
    const call = (token?: string) =>
      app.request('https://mcp.example.com/mcp', {
        method: 'POST',
        ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
      })
    const refused = await call()
    expect(refused.status).toBe(401)
    const metadata = /resource_metadata="([^"]+)"/.exec(
      refused.headers.get('www-authenticate') ?? '',
    )
    expect((await app.request(metadata?.[1] ?? '')).status).toBe(200)
    expect((await call(await idp.token({ claims: { aud: 'another' } }))).status).toBe(401)
    const answer = await call(await idp.token({ claims: { aud: 'https://mcp.example.com/mcp' } }))
    expect(await answer.json()).toEqual({ hello: 'client-1' })
  })

  test('sessions: an id is 404 in other hands, and without a key nothing starts', async () => {
    const { code } = documentExamples().find(({ name }) => name === 'sessions') as Example
    const load = async (name: string) => {
      const file = join(folder, name)
      writeFileSync(file, code.replaceAll('https://sso.example.com/realms/mcp', idp.issuer))
      return (await import(/* @vite-ignore */ file)) as {
        readonly app: { request(url: string, init?: RequestInit): Promise<Response> }
      }
    }
    vi.stubEnv('SESSION_KEY', undefined)
    onTestFinished(() => void vi.unstubAllEnvs())
    await expect(load('sessions-without.ts')).rejects.toThrow('sessionKeys')
    vi.stubEnv('SESSION_KEY', 'k'.repeat(44))
    const { app } = await load('sessions-run.ts')
    const call = async (sub: string, session?: string) => {
      const token = await idp.token({ claims: { aud: 'https://mcp.example.com/mcp', sub } })
      return app.request('https://mcp.example.com/mcp', {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          ...(session !== undefined && { 'mcp-session-id': session }),
        },
      })
    }
    const session = (await call('alice')).headers.get('mcp-session-id') ?? ''
    expect(session).toMatch(/^[\w-]{43}\.[\da-f-]{36}$/)
    expect(await (await call('alice', session)).json()).toEqual({ known: session.slice(44) })
    expect((await call('bob', session)).status).toBe(404)
  })

  test('log-events: each refusal has its reference, and one in a minute its line', async () => {
    const [lines, references]: [string[], string[]] = [[], []]
    vi.spyOn(console, 'warn').mockImplementation((line: unknown) => void lines.push(String(line)))
    vi.spyOn(console, 'error').mockImplementation((id: unknown) => void references.push(String(id)))
    onTestFinished(() => void vi.restoreAllMocks())
    const { code } = documentExamples().find(({ name }) => name === 'log-events') as Example
    const file = join(folder, 'log-events-run.ts')
    writeFileSync(file, code)
    const { guard } = (await import(/* @vite-ignore */ file)) as {
      guard(request: IncomingMessage, response: ServerResponse, next: () => void): void
    }
    const server = createServer((request, response) => {
      guard(request, response, () => response.end())
    })
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const ids: (string | null)[] = []
    for (const token of ['one', 'two']) {
      const headers = { authorization: `Bearer ${token}` }
      const answer = await fetch(`http://127.0.0.1:${port}/mcp`, { headers })
      expect(answer.status).toBe(401)
      ids.push(answer.headers.get('x-request-id'))
    }
    expect(references).toEqual(ids)
    expect(lines).toEqual([expect.stringContaining(`request ${ids[0]}`)])
  })

  test('kernel: the handler lets a token in and refuses the rest', async () => {
    const { code } = documentExamples().find(({ name }) => name === 'kernel') as Example
    const file = join(folder, 'kernel-run.ts')
    writeFileSync(file, code.replaceAll('https://sso.example.com/realms/mcp', idp.issuer))
    const { handle } = (await import(/* @vite-ignore */ file)) as {
      handle(request: Request): Promise<Response>
    }
    const request = (token: string) =>
      new Request('https://mcp.example.com/mcp', { headers: { authorization: `Bearer ${token}` } })
    expect(await (await handle(request(await idp.token()))).text()).toBe('hello user-1')
    expect((await handle(request('garbage'))).status).toBe(401)
    expect((await handle(new Request('https://mcp.example.com/mcp'))).status).toBe(401)
  })
})
