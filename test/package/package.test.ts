/** What a stranger gets: the packed tarball, installed into an empty project. */
import { execFile } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pack } from '../support/checkout.js'
import { freePort, startProcess, writeTemporary } from '../support/cli.js'
import { eventually, startUpstream } from '../support/gateway.js'
import { DOCS, guideFile, readGuide, relativeLinks } from '../support/guides.js'
import { fakeKey, FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string
  exports: Record<string, unknown>
  dependencies: Record<string, string>
  peerDependencies: Record<string, string>
  peerDependenciesMeta: Record<string, unknown>
  devDependencies: Record<string, string>
}
const ENTRIES = Object.keys(manifest.exports).filter((name) => !name.endsWith('.json'))

let project: string
let installed: string

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'gatehouse-package-'))
  await pack(project)
  const tarball = readdirSync(project).find((name) => name.endsWith('.tgz')) ?? ''
  writeFileSync(join(project, 'package.json'), '{"type":"module","private":true}')
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', `./${tarball}`], {
    cwd: project,
  })
  installed = join(project, 'node_modules/mcp-gatehouse')
}, 240_000)

afterAll(() => rmSync(project, { recursive: true, force: true }))

/** The files that an entry loads, and the packages that these name. */
function graphOf(entry: string): { files: string[]; packages: string[] } {
  const files = new Set<string>()
  const packages = new Set<string>()
  const pending = [join(installed, 'dist', `${entry}.js`)]
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (files.has(file)) continue
    files.add(file)
    const source = readFileSync(file, 'utf8')
    // Ours are in single quotes, those of a bundle in double ones.
    for (const [, specifier = ''] of source.matchAll(
      /(?<![.\w])(?:from|import)\s*\(?\s*['"]([^'"\n]+)['"]/g,
    )) {
      // Examples in comments name packages as well.
      const isComment = new RegExp(`^ *\\* .*['"]${specifier}['"]`, 'm').test(source)
      const isCode = new RegExp(
        `^(?:import|export) .*['"]${specifier}['"]|^\\} from ['"]${specifier}['"]`,
        'm',
      )
      if (isComment && !isCode.test(source)) continue
      if (specifier.startsWith('.')) pending.push(resolve(dirname(file), specifier))
      else packages.add(specifier)
    }
  }
  return { files: [...files], packages: [...packages].sort() }
}

test('the tarball holds the built files, the papers, and nothing else', async () => {
  const top = readdirSync(installed).sort()
  expect(top).toEqual([
    'AGENTS.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'audit.schema.json',
    'dist',
    'docs',
    'examples',
    'gatehouse.schema.json',
    'llms.txt',
    'package.json',
  ])
  const { dependencies, peerDependencies } = manifest
  // What is not here costs nobody anything; what is added here must be worth it to everybody.
  expect(Object.keys({ ...dependencies, ...peerDependencies }).sort()).toEqual([
    'hono',
    'jose',
    'openid-client',
    'undici',
  ])
  expect(manifest.peerDependenciesMeta).toEqual({ hono: { optional: true } })
})

test('README and docs lead to nothing that the tarball does not hold', () => {
  const missing = ['README', 'AGENTS', ...DOCS].flatMap((guide) =>
    relativeLinks(readGuide(guide))
      .map((link) => join(dirname(guideFile(guide)), link.split('#')[0] ?? ''))
      .filter((file) => !existsSync(join(installed, file))),
  )
  expect(missing).toEqual([])
})

test('each of its files is an entry, or another one names it', () => {
  const dist = join(installed, 'dist')
  const files = readdirSync(dist, { encoding: 'utf8', recursive: true }).filter((name) =>
    /\.(?:js|d\.ts)$/.test(name),
  )
  const named = new Set(['cli/main.js'])
  for (const file of files) {
    const source = readFileSync(join(dist, file), 'utf8')
    for (const [, path = ''] of source.matchAll(/['"](\.{1,2}\/[^'"\n]+\.js)['"]/g)) {
      const target = relative(dist, resolve(dist, dirname(file), path))
      named.add(file.endsWith('.d.ts') ? target.replace(/\.js$/, '.d.ts') : target)
    }
  }
  const isEntry = (file: string) => !file.includes('/')
  expect(files.filter((file) => !isEntry(file) && !named.has(file))).toEqual([])
  expect(files.filter((file) => isEntry(file) && file.endsWith('.js')).length).toBeGreaterThan(6)
})

test('who guards a Hono application installs six packages', () => {
  const lock = JSON.parse(
    readFileSync(join(project, 'node_modules/.package-lock.json'), 'utf8'),
  ) as { readonly packages: Readonly<Record<string, unknown>> }
  const names = Object.keys(lock.packages).map((path) => path.replace('node_modules/', ''))
  expect([...names, 'hono'].sort()).toEqual([
    'hono',
    'jose',
    'mcp-gatehouse',
    'oauth4webapi',
    'openid-client',
    'undici',
  ])
})

describe('the kernel', () => {
  test('needs jose, which needs nothing', () => {
    expect(graphOf('index').packages).toEqual(['jose/key/import'])
    const path = join(project, 'node_modules/jose/package.json')
    const { dependencies = {} } = JSON.parse(readFileSync(path, 'utf8')) as {
      dependencies?: object
    }
    expect(dependencies).toEqual({})
  })

  test.each([
    ['index', 140_000],
    ['hono', 195_000],
    ['fetch', 195_000],
  ])('%s imports nothing of Node', async (entry, limit) => {
    const { packages } = graphOf(entry)
    expect(packages.filter((name) => name.startsWith('node:'))).toEqual([])
    // A bundler for browsers and workers is the judge for what the packages bring.
    const { metafile } = await build({
      entryPoints: [join(installed, 'dist', `${entry}.js`)],
      bundle: true,
      write: false,
      minify: true,
      format: 'esm',
      platform: 'browser',
      metafile: true,
      external: ['hono', 'hono/*'],
    })
    const [output] = Object.values(metafile.outputs)
    expect(
      output?.imports.map(({ path }) => path).filter((path) => !path.startsWith('hono')),
    ).toEqual([])
    // Room for growth, none for a dependency that slips in.
    expect(output?.bytes).toBeLessThan(limit)
  })

  test('./node imports types of Node only, ./flags reads files', () => {
    expect(graphOf('node').packages).toEqual(['jose/key/import'])
    // What introspection needs is loaded by the first token that is asked about.
    expect(graphOf('flags').packages).toEqual([
      'jose',
      'jose/key/import',
      'node:fs',
      'node:module',
      'openid-client',
    ])
  })

  test('./introspect brings openid-client, and nothing of Node', () => {
    expect(graphOf('introspect').packages).toEqual(['jose', 'jose/key/import', 'openid-client'])
  })

  test('./gateway brings Node and undici, and no command line', () => {
    const packages = graphOf('gateway').packages.filter((name) => !name.startsWith('node:'))
    expect(packages).toEqual(['jose/key/import', 'undici'])
  })
})

test('the command is a few files that bring their packages, with their licences', () => {
  const parts = join(installed, 'dist/cli/parts')
  const [main = '', ...others] = [
    join(installed, 'dist/cli/main.js'),
    ...readdirSync(parts)
      .filter((name) => name.endsWith('.js'))
      .map((name) => join(parts, name)),
  ].map((file) => readFileSync(file, 'utf8'))
  const packages = [main, ...others].flatMap((source) =>
    [...source.matchAll(/\b(?:from|import) ?\(?"([@a-z][\w@./:-]*)"/g)].map(
      ([, name = '']) => name,
    ),
  )
  expect([...new Set(packages)].filter((name) => !/^(?:node|https):/.test(name)).sort()).toEqual([
    'jose',
    'jose/key/import',
    'openid-client',
    'undici',
  ])
  const licences = join(installed, 'dist/cli/licences')
  expect(readdirSync(licences)).toEqual(
    expect.arrayContaining(['pino', 'pino-pretty', 'prom-client', 'yaml', 'zod']),
  )
  expect(readFileSync(join(licences, 'zod'), 'utf8')).toContain('MIT License')
})

test('each command of the package does its work', async () => {
  const main = join(installed, 'dist/cli/main.js')
  const settings = [
    ...['--auth', 'oauth', '--oauth-issuer', 'https://sso.example.com'],
    ...['--resource', 'https://mcp.example.com/mcp', '--upstream', 'http://127.0.0.1:8000/mcp'],
  ]
  const policy = join(installed, 'examples/policy/everything.policy.yaml')
  const rows: readonly (readonly [argv: readonly string[], shown: string])[] = [
    [['--help'], 'Usage:'],
    [['check', ...settings], 'resource: https://mcp.example.com/mcp # --resource'],
    [['check', '--json', ...settings], '"https://mcp.example.com/mcp"'],
    [['policy', '--help'], 'mcp-gatehouse policy'],
    [['policy', 'check', policy], 'everything.policy.yaml'],
    [['policy', 'explain', policy, 'tools/call', 'echo', '--scopes', 'mcp:read'], 'echo'],
    [['login', '--help'], 'mcp-gatehouse login URL'],
    [['clients', 'https://mcp.example.com/mcp', 'vscode'], '"servers"'],
    [['clients', 'register', '--idp', 'entra', '--client', 'vscode'], 'graph.microsoft.com'],
  ]
  for (const [argv, shown] of rows) {
    const { stdout, stderr } = await run(process.execPath, [main, ...argv])
    expect(`${stdout}${stderr}`, argv.join(' ')).toContain(shown)
  }
})

describe('in the empty project', () => {
  test('all entries load, the public names are these, and types hold without skipLibCheck', async () => {
    const dev = manifest.devDependencies
    const packages = ['@types/node', '@types/express', 'hono'].map((name) => `${name}@${dev[name]}`)
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages], {
      cwd: project,
    })
    const script = `
      const names = {}
      for (const entry of ${JSON.stringify(ENTRIES)}) {
        names[entry] = Object.keys(await import('mcp-gatehouse' + entry.slice(1))).sort()
      }
      console.log(JSON.stringify(names))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
      cwd: project,
    })
    expect(JSON.parse(stdout)).toMatchInlineSnapshot(`
      {
        ".": [
          "AuthorizationServerError",
          "BearerTokenError",
          "ConfigurationError",
          "SIGNATURE_ALGORITHMS",
          "createMemoryAnswerStore",
          "createResourceServer",
          "discoverAuthorizationServer",
          "formatChallenge",
          "logEvents",
          "principalOf",
          "protectedResourceMetadataUrl",
          "toAuthInfo",
          "toOAuthTokenVerifier",
        ],
        "./fetch": [
          "HostRequest",
          "createGuard",
          "protect",
        ],
        "./flags": [
          "authFlagsHelp",
          "readAuthFlags",
        ],
        "./gateway": [
          "createGateway",
        ],
        "./hono": [
          "protectedResource",
          "requireScopes",
        ],
        "./introspect": [
          "createTokenIntrospector",
        ],
        "./node": [
          "NodeGuardRequest",
          "guardAnswer",
          "protectedResource",
          "requireScopes",
        ],
      }
    `)

    mkdirSync(join(project, 'consumer'), { recursive: true })
    writeFileSync(
      join(project, 'consumer/main.ts'),
      `import type { RequestHandler } from 'express'
       import { Hono } from 'hono'
       import { createServer } from 'node:http'
       import { createResourceServer, type Decision, type AuthInfo } from 'mcp-gatehouse'
       import { protectedResource, requireScopes, type ProtectedResourceEnv } from 'mcp-gatehouse/hono'
       import * as node from 'mcp-gatehouse/node'
       import { protect, type Access } from 'mcp-gatehouse/fetch'
       import { readAuthFlags } from 'mcp-gatehouse/flags'
       import { createGateway, type GatewayEvent } from 'mcp-gatehouse/gateway'
       const options = { resource: 'https://mcp.example.com/mcp', authorizationServers: 'https://sso.example.com' }
       const app = new Hono<ProtectedResourceEnv>()
       app.use(protectedResource(options))
       // @ts-expect-error a path that may not be guarded has no caller
       app.get('/open', (c) => c.text(c.get('auth').clientId))
       app.get('/mcp', requireScopes('a'), (c) => { const auth: AuthInfo = c.get('auth'); return c.text(auth.clientId) })
       const guard = node.protectedResource(options)
       const handler: RequestHandler = (req, res) => void res.json(req.auth?.clientId)
       createServer((req: node.AuthenticatedRequest, res) => guard(req, res, () => res.end(req.auth?.clientId)))
       protect(options)(new Request('https://mcp.example.com/mcp'), (request, access: Access) => new Response(access.auth?.clientId + request.url))
       const decision: Decision | Promise<Decision> = createResourceServer(options).authenticate({ authorization: undefined })
       const flags = readAuthFlags({ argv: [], env: {} })
       if (flags.auth === 'oauth') protectedResource(flags.options)
       // @ts-expect-error a misspelt option must not compile
       protectedResource({ ...options, audiences: 'x' })
       const seen: GatewayEvent[] = []
       createGateway({ ...options, upstream: 'http://127.0.0.1:1/mcp', onEvent: (event) => seen.push(event) })
       export { decision, handler }`,
    )
    writeFileSync(
      join(project, 'consumer/tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          module: 'nodenext',
          target: 'es2022',
          strict: true,
          exactOptionalPropertyTypes: true,
          skipLibCheck: false,
          noEmit: true,
          types: ['node'],
        },
        files: ['main.ts'],
      }),
    )
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const compiled = await run(process.execPath, [tsc, '-p', 'consumer'], { cwd: project }).catch(
      (error: { stdout: string }) => error,
    )
    expect(compiled.stdout).toBe('')
  }, 240_000)
})

describe('installed globally, in an empty prefix', () => {
  test('the command guards a server under both of its names', async () => {
    const prefix = join(project, 'prefix')
    const tarball = readdirSync(project).find((name) => name.endsWith('.tgz')) ?? ''
    await run(
      'npm',
      [
        'install',
        '--global',
        '--no-audit',
        '--no-fund',
        '--prefer-offline',
        join(project, tarball),
      ],
      {
        env: { ...process.env, npm_config_prefix: prefix },
      },
    )
    const upstream = await startUpstream((_request, response) => response.end('ok'))
    for (const name of ['mcp-gatehouse', 'gatehouse']) {
      const file = join(prefix, 'bin', name)
      const { stdout } = await run(file, ['--version'])
      expect(stdout.trim()).toBe(manifest.version)
      const keys = writeTemporary(
        'keys.json',
        JSON.stringify({ keys: [(await fakeKey('key-1')).jwk] }),
      )
      const adminPort = String(await freePort())
      const cli = startProcess(file, [
        ...['--auth', 'oauth', '--oauth-issuer', ISSUER, '--oauth-jwks-file', keys],
        ...[
          '--resource',
          RESOURCE,
          '--port',
          '0',
          '--upstream',
          upstream,
          '--admin-port',
          adminPort,
        ],
        ...['--log-format', 'pretty'],
      ])
      await eventually(() => cli.stderr().includes(RESOURCE), 20_000)
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(cli.stderr().split(RESOURCE)[1] ?? '')?.[0]
      expect((await fetch(`${url}/mcp`)).status).toBe(401)
      const authorization = `Bearer ${await (await FakeIdp.start()).token()}`
      expect(await (await fetch(`${url}/mcp`, { headers: { authorization } })).text()).toBe('ok')
      expect((await fetch(`http://127.0.0.1:${adminPort}/readyz`)).status).toBe(200)
      cli.process.kill('SIGTERM')
      expect(await cli.exited).toBe(0)
    }
  }, 240_000)
})
