/** The folders of `examples` that install alone: from the packed package, by npm and by pnpm, as their README says. */
import { execFile, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { pack } from '../support/checkout.js'
import { freePort } from '../support/cli.js'
import { eventually } from '../support/gateway.js'
import { guideBlock } from '../support/guides.js'
import { serveIdp } from '../support/served-idp.js'

const EXAMPLES = resolve(import.meta.dirname, '../../examples')
/** The one that runs on Node 20. */
const PNPM = 'pnpm@10.34.9'
const INSTALL_TIMEOUT = 240_000

/** A checkout with the packed package and nothing else, as the READMEs suppose it. */
let checkout: string
let environment: NodeJS.ProcessEnv

beforeAll(async () => {
  checkout = mkdtempSync(join(tmpdir(), 'gatehouse-examples-'))
  await pack(checkout)
  const bin = join(checkout, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'pnpm'), `#!/bin/sh\nexec npx --yes ${PNPM} "$@"\n`, { mode: 0o755 })
  environment = {
    ...process.env,
    PATH: [bin, process.env['PATH']].join(delimiter),
    npm_config_prefer_offline: 'true',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
  }
}, INSTALL_TIMEOUT)

afterAll(() => rmSync(checkout, { recursive: true, force: true }))

/** The block `start` of a README, with an issuer and a port that exist here. */
async function start(
  folder: string,
  block: string,
  issuer: string,
  path = '/mcp',
): Promise<string> {
  const port = await freePort()
  const url = `http://localhost:${port}${path}`
  const commands = block.replace('https://sso.example.com/realms/mcp', issuer)
  const child = spawn('sh', ['-c', commands], {
    cwd: folder,
    env: { ...environment, PORT: String(port), RESOURCE: url },
    stdio: ['ignore', 'pipe', 'pipe'],
    // npm starts the server in another process: both end together.
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => (output += String(chunk)))
  }
  const ended = new Promise((settle) => child.once('close', settle))
  onTestFinished(async () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    await ended
  })
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(output)
    return output.includes(`${url} trusts ${issuer}`)
  }, 30_000)
  return url
}

async function call(url: string, token?: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'whoami', arguments: {} },
    }),
  })
  return { status: answer.status, text: await answer.text() }
}

const README = {
  hono: {
    npm: guideBlock('hono', 'install'),
    pnpm: guideBlock('hono', 'install-pnpm'),
    start: guideBlock('hono', 'start'),
  },
  express: {
    npm: guideBlock('express', 'install'),
    pnpm: guideBlock('express', 'install-pnpm'),
    start: guideBlock('express', 'start'),
  },
  fetch: {
    npm: guideBlock('fetch', 'install'),
    pnpm: guideBlock('fetch', 'install-pnpm'),
    start: guideBlock('fetch', 'start'),
  },
} as const

const RUNS = (['hono', 'express', 'fetch'] as const).flatMap((name) =>
  (['npm', 'pnpm'] as const).map((installer) => ({ name, installer })),
)

describe.each(RUNS)('examples/$name by $installer', ({ name, installer }) => {
  test(
    'installs alone, and lets in a token for it and no other',
    async () => {
      const folder = join(checkout, installer, name)
      cpSync(join(EXAMPLES, name), folder, { recursive: true })
      await promisify(execFile)('sh', ['-c', README[name][installer]], {
        cwd: folder,
        env: environment,
      })
      const idp = await serveIdp()
      const url = await start(folder, README[name].start, idp.issuer)
      const token = (claims: object) => idp.token({ claims: { aud: url, ...claims } })
      const answered = await call(url, await token({ sub: 'alice' }))
      expect(answered.status).toBe(200)
      expect(answered.text).toContain('alice')
      expect((await call(url)).status).toBe(401)
      expect((await call(url, await token({ aud: `${url}/` }))).status).toBe(401)
      expect((await call(url, await token({ scope: 'mcp:other' }))).status).toBe(403)
      const metadata = await fetch(url.replace('/mcp', '/.well-known/oauth-protected-resource/mcp'))
      expect(await metadata.json()).toMatchObject({ resource: url })
      // The route is closed, even where somebody names another path in RESOURCE.
      const other = await start(folder, README[name].start, idp.issuer, '/other')
      expect((await call(other.replace('/other', '/mcp'))).status).not.toBe(200)
    },
    INSTALL_TIMEOUT,
  )
})
