/** Secrets and keys in files that change while the gateway runs: when they are taken, and when not. */
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { exportPKCS8, generateKeyPair } from 'jose'
import { pino } from 'pino'
import { describe, expect, onTestFinished } from 'vitest'
import { FileReader } from '../../src/cli/file-reader.js'
import { Reload } from '../../src/cli/reload.js'
import { readConfiguration } from '../../src/config/read-configuration.js'
import { secretParts, type FilePart } from '../../src/config/file-parts.js'
import { toGatewayOptions } from '../../src/config/to-gateway-options.js'
import type { ConfigurationProblem } from '../../src/errors.js'
import { createGateway } from '../../src/gateway/gateway.js'
import { FakeIntrospection } from '../introspect/server.js'
import { createManualClock } from '../support/clocks.js'
import { writeTemporary } from '../support/cli.js'
import { eventually, startUpstream } from '../support/gateway.js'
import { fakeKey, FakeIdp, ISSUER } from '../support/idp.js'
import { entryOf, keysOf, newKey } from '../support/api-keys.js'
import { verifies } from '../support/verifies.js'

const RESOURCE = 'https://mcp.example.com/mcp'
const OPAQUE = 'opaque_0123456789abcdef'

/** A folder of files with a gateway that watches them by a clock of the test. */
async function startWatch(
  argv: (file: (name: string) => string, upstream: string) => readonly string[],
  files: Readonly<Record<string, string>>,
) {
  const keys: (string | undefined)[] = []
  const upstream = await startUpstream((request, response) => {
    keys.push(request.headers['x-key']?.toString())
    response.end('{}')
  })
  const folder = dirname(writeTemporary('x', ''))
  const file = (name: string) => join(folder, name)
  for (const [name, content] of Object.entries(files)) writeFileSync(file(name), content)
  const reader = new FileReader()
  const configuration = await readConfiguration({
    argv: ['--port', '0', '--upstream', upstream, ...argv(file, upstream)],
    env: {},
    readFile: reader.read,
  })
  expect(configuration.problems).toEqual([])
  const introspection = new FakeIntrospection()
  const gateway = createGateway({
    ...toGatewayOptions(configuration),
    fetch: introspection.fetch,
    onEvent: false,
  })
  const { url, resources } = await gateway.listen()
  onTestFinished(() => gateway.close())
  const lines: Record<string, unknown>[] = []
  const logger = pino(
    { base: null },
    { write: (line) => void lines.push(JSON.parse(line) as never) },
  )
  const clock = createManualClock()
  /** How often files were read. */
  let reads = 0
  const counted = (part: FilePart): FilePart => ({
    ...part,
    read() {
      reads++
      return part.read()
    },
  })
  const parts = secretParts({
    configuration,
    resources: resources.map(({ resource }) => resource),
    gateway,
    readFile: reader.read,
  })
  const other: ConfigurationProblem[] = []
  const reload = new Reload({
    parts: parts.map(counted),
    readPolicies: () => ({ sources: [], problems: [], policies: {} }),
    compare: () => Promise.resolve({ problems: other, changed: [] }),
    audit: undefined,
    auditSource: '',
    gateway,
    reader,
    logger,
    clock,
  })
  reload.watch()
  onTestFinished(() => reload.stop())
  return {
    file,
    keys,
    clock,
    introspection,
    lines,
    reload,
    /** What is wrong with the rest of the configuration. */
    other,
    reads: () => reads,
    call: async (token?: string, path = '/mcp') => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      return (await fetch(`${url}${path}`, { headers })).status
    },
    /** Passes the time until the next look, and waits until it is over. */
    async look() {
      clock.pass(5_000)
      await eventually(() => clock.waiting() === 1)
    },
  }
}

const withHeader = (file: (name: string) => string) => ['--upstream-header', `X-Key=${file('key')}`]

describe('a secret in a file', () => {
  async function startKeyed() {
    const watch = await startWatch(withHeader, { key: 'one\n' })
    const key = async () => {
      await watch.call()
      return watch.keys.at(-1)
    }
    return { ...watch, key }
  }

  verifies('FLD-16', 'is taken when two looks agree', async () => {
    const { file, look, key, lines, clock } = await startKeyed()
    await look()
    await look()
    expect(lines).toEqual([])
    writeFileSync(file('key'), 'two\n')
    clock.pass(4_999)
    await look()
    expect(await key()).toBe('one')
    await look()
    expect(await key()).toBe('two')
    expect(lines).toMatchObject([{ level: 30, read: ['--upstream-header'] }])
    expect(JSON.stringify(lines)).not.toContain('two')
  })

  verifies(
    'FLD-16',
    'is taken later by itself, where SIGHUP refused it for another reason',
    async () => {
      const { file, look, key, lines, reload, other } = await startKeyed()
      writeFileSync(file('key'), 'two\n')
      other.push({ path: '--oauth-policy', message: 'is broken', hint: 'a policy' })
      reload.hangUp()
      await eventually(() => lines.length === 1)
      expect(lines).toMatchObject([
        { level: 50, msg: expect.stringContaining('nothing was taken') },
      ])
      expect(await key()).toBe('one')
      await look()
      await look()
      expect(await key()).toBe('two')
      expect(lines).toMatchObject([{}, { level: 30, read: ['--upstream-header'] }])
    },
  )

  verifies('FLD-16', 'is not told again and again, where SIGHUP found it at fault', async () => {
    const { file, look, key, lines, reload } = await startKeyed()
    writeFileSync(file('key'), '\n')
    reload.hangUp()
    await eventually(() => lines.length === 1)
    for (let i = 0; i < 3; i++) await look()
    expect(lines).toMatchObject([{ level: 50, msg: expect.stringContaining('nothing was taken') }])
    expect(await key()).toBe('one')
  })

  verifies('FLD-16', 'is not taken while it changes', async () => {
    const { file, look, key } = await startKeyed()
    for (const text of ['half', 'more than half', 'whole\n']) {
      writeFileSync(file('key'), text)
      await look()
      expect(await key()).toBe('one')
    }
    await look()
    expect(await key()).toBe('whole')
  })

  verifies('FLD-16', 'is taken through links that are exchanged, as Kubernetes does', async () => {
    const folder = dirname(writeTemporary('x', ''))
    const inside = (name: string) => join(folder, name)
    for (const [name, text] of [
      ['v1', 'one\n'],
      ['v2', 'two\n'],
    ] as const) {
      mkdirSync(inside(name))
      writeFileSync(inside(`${name}/key`), text)
      utimesSync(inside(`${name}/key`), 1_000, 1_000)
    }
    symlinkSync('v1', inside('..data'))
    const watch = await startWatch(() => ['--upstream-header', `X-Key=${inside('..data/key')}`], {})
    symlinkSync('v2', inside('..new'))
    renameSync(inside('..new'), inside('..data'))
    await watch.look()
    await watch.look()
    await watch.call()
    expect(watch.keys).toEqual(['two'])
  })

  for (const [name, spoil] of [
    ['is empty', (path: string) => writeFileSync(path, '')],
    ['has two lines', (path: string) => writeFileSync(path, 'hunter2\nx\n')],
    ['is gone', (path: string) => rmSync(path)],
  ] as const) {
    verifies('FLD-16', `stays if its file ${name}, and that is told once`, async () => {
      const { file, look, key, lines, reads } = await startKeyed()
      spoil(file('key'))
      for (let i = 0; i < 4; i++) await look()
      expect(await key()).toBe('one')
      expect(lines).toMatchObject([{ level: 50, hint: expect.any(String) }])
      expect(lines[0]?.['msg']).toMatch(/^--upstream-header: .*; the value from before stays$/)
      expect(JSON.stringify(lines)).not.toContain('hunter2')
      expect(reads()).toBe(1)
      writeFileSync(file('key'), 'two\n')
      await look()
      await look()
      expect(await key()).toBe('two')
    })
  }

  verifies('FLD-16', 'is read once if it is a pipe, and SIGHUP does not wait for it', async () => {
    const folder = dirname(writeTemporary('x', ''))
    const pipe = join(folder, 'pipe')
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0)
    spawnSync('sh', ['-c', `(printf one > '${pipe}') > /dev/null 2>&1 &`])
    const watch = await startWatch(() => ['--upstream-header', `X-Key=${pipe}`], {})
    for (let i = 0; i < 3; i++) await watch.look()
    watch.reload.hangUp()
    await eventually(() => watch.lines.length > 0)
    await watch.call()
    expect(watch.keys).toEqual(['one'])
    expect(watch.lines).toMatchObject([{ level: 30 }])
  })

  verifies('FLD-16', 'is not looked at after the end', async () => {
    const { reload, clock } = await startKeyed()
    reload.stop()
    expect(clock.waiting()).toBe(0)
  })
})

describe('several files', () => {
  verifies('FLD-16', 'are independent: one that cannot be used holds no other up', async () => {
    const watch = await startWatch(
      (file) => [
        ...['--auth', 'oauth', '--resource', RESOURCE, '--oauth-issuer', ISSUER],
        ...['--oauth-jwks-file', file('jwks.json'), '--session-key-file', file('session.keys')],
        ...withHeader(file),
      ],
      {
        key: 'one\n',
        'jwks.json': JSON.stringify({ keys: [(await fakeKey('key-1')).jwk] }),
        'session.keys': 'k'.repeat(32),
      },
    )
    const idp = await FakeIdp.start()
    const [old, other] = [await idp.token(), await idp.token({ key: await fakeKey('key-2') })]
    expect([await watch.call(old), await watch.call(other)]).toEqual([200, 401])
    writeFileSync(watch.file('session.keys'), 'short')
    writeFileSync(watch.file('key'), 'two\n')
    writeFileSync(watch.file('jwks.json'), JSON.stringify({ keys: [(await fakeKey('key-2')).jwk] }))
    await watch.look()
    await watch.look()
    expect([await watch.call(old), await watch.call(other)]).toEqual([401, 200])
    expect(watch.keys.at(-1)).toBe('two')
    expect(watch.lines.map(({ level }) => level)).toEqual([50, 30])
    expect(watch.lines[1]).toMatchObject({ read: ['--upstream-header', '--oauth-jwks-file'] })
  })
})

describe('API keys', () => {
  verifies(
    'IDN-13',
    'are taken when their file changes, and a broken one changes nothing',
    async () => {
      const [old, next] = [newKey(), newKey()]
      const fileOf = (...keys: readonly string[]) =>
        JSON.stringify(keysOf(...keys.map((key, at) => entryOf(key, { id: `key-${at}` }))))
      const watch = await startWatch(
        (file) => [
          ...['--auth', 'oauth', '--resource', RESOURCE, '--oauth-issuer', ISSUER],
          ...['--oauth-keys-file', file('keys.yaml')],
        ],
        { 'keys.yaml': fileOf(old) },
      )
      expect([await watch.call(old), await watch.call(next)]).toEqual([200, 401])
      writeFileSync(watch.file('keys.yaml'), fileOf(next))
      await watch.look()
      await watch.look()
      expect([await watch.call(old), await watch.call(next)]).toEqual([401, 200])
      expect(watch.lines).toMatchObject([{ level: 30, read: ['--oauth-keys-file'] }])
      writeFileSync(watch.file('keys.yaml'), 'keys: 7')
      await watch.look()
      await watch.look()
      expect([await watch.call(old), await watch.call(next)]).toEqual([401, 200])
      expect(watch.lines[1]).toMatchObject({ level: 50 })
      chmodSync(watch.file('keys.yaml'), 0o666)
      writeFileSync(watch.file('keys.yaml'), fileOf(old))
      await watch.look()
      await watch.look()
      expect([await watch.call(old), await watch.call(next)]).toEqual([401, 200])
      expect(JSON.stringify(watch.lines)).toContain('so that others can write it')
    },
  )
})

describe('our credentials at the provider', () => {
  const basicOf = (secret: string) => `Basic ${Buffer.from(`rs:${secret}`).toString('base64')}`

  async function startAsked() {
    const watch = await startWatch(
      (file) => [
        ...['--auth', 'oauth', '--resource', RESOURCE, '--oauth-issuer', ISSUER],
        ...['--oauth-client-id', 'rs', '--oauth-client-secret-file', file('secret')],
        ...['--oauth-introspection-cache', '0', '--oauth-wait', '0'],
        ...['--oauth-introspection-url', 'http://127.0.0.1:9/introspect'],
      ],
      { secret: 'one\n' },
    )
    const { introspection } = watch
    /** What the provider accepts now. */
    let accepted = 'one'
    introspection.answer = () =>
      introspection.calls.at(-1)?.authorization === basicOf(accepted)
        ? introspection.active()
        : Response.json({ error: 'invalid_client' }, { status: 401 })
    return {
      ...watch,
      accept: (secret: string) => (accepted = secret),
      secrets: () => introspection.calls.map(({ authorization }) => authorization),
      ask: () => watch.call(OPAQUE),
    }
  }

  verifies(
    'FLD-16',
    'are replaced: the next call has the new secret, without a pause',
    async () => {
      const { file, look, ask, accept, secrets } = await startAsked()
      expect(await ask()).toBe(200)
      accept('two')
      expect(await ask()).toBe(503)
      writeFileSync(file('secret'), 'two\n')
      await look()
      await look()
      expect(await ask()).toBe(200)
      expect(secrets().at(-1)).toBe(basicOf('two'))
    },
  )

  verifies(
    'FLD-16',
    'that are refused when they are new are not tried again before the file changes',
    async () => {
      const { file, look, ask, accept, secrets } = await startAsked()
      expect(await ask()).toBe(200)
      writeFileSync(file('secret'), 'two\n')
      await look()
      await look()
      expect(await ask()).toBe(503)
      const asked = secrets().length
      // The provider learns of it, but nobody tells us.
      accept('two')
      for (let i = 0; i < 3; i++) {
        expect(await ask()).toBe(503)
        await look()
      }
      expect(secrets()).toHaveLength(asked)
      // A touch is a change.
      utimesSync(file('secret'), 1_000, 1_000)
      await look()
      await look()
      expect(await ask()).toBe(200)
    },
  )

  verifies('FLD-16', 'are tried again at SIGHUP', async () => {
    const { file, ask, accept, reload, lines } = await startAsked()
    writeFileSync(file('secret'), 'two\n')
    reload.hangUp()
    await eventually(() => lines.length === 1)
    expect(await ask()).toBe(503)
    accept('two')
    expect(await ask()).toBe(503)
    reload.hangUp()
    await eventually(() => lines.length === 2)
    expect(await ask()).toBe(200)
  })

  verifies('FLD-16', 'a key that cannot be used changes nothing, another one is used', async () => {
    const pem = async () =>
      exportPKCS8((await generateKeyPair('ES256', { extractable: true })).privateKey)
    const watch = await startWatch(
      (file) => [
        ...['--auth', 'oauth', '--resource', RESOURCE, '--oauth-issuer', ISSUER],
        ...['--oauth-client-id', 'rs', '--oauth-client-key-file', file('key.pem')],
        ...['--oauth-introspection-auth', 'private_key_jwt', '--oauth-introspection-cache', '0'],
        ...['--oauth-introspection-url', 'http://127.0.0.1:9/introspect'],
      ],
      { 'key.pem': await pem() },
    )
    const good = readFileSync(watch.file('key.pem'), 'utf8')
    writeFileSync(watch.file('key.pem'), good.replace(/\n[^\n]{20}/, '\nhunter2hunter2hunter'))
    await watch.look()
    await watch.look()
    expect(watch.lines).toMatchObject([{ level: 50 }])
    expect(JSON.stringify(watch.lines)).not.toContain('hunter2')
    expect(await watch.call(OPAQUE)).toBe(200)
    writeFileSync(watch.file('key.pem'), await pem())
    await watch.look()
    await watch.look()
    expect(await watch.call(OPAQUE)).toBe(200)
    expect(watch.lines.at(-1)).toMatchObject({ level: 30 })
  })
})

describe('the token for the documents of an issuer', () => {
  verifies('IDN-34', 'is replaced, and one that cannot be sent is not taken', async () => {
    const config = (upstream: string) => `auth: oauth
resource: ${RESOURCE}
upstream: ${upstream}
oauth:
  issuers: [{ issuer: '${ISSUER}', discoveryTokenFile: token }]
`
    const watch = await startWatch(
      (file, upstream) => {
        writeFileSync(file('gatehouse.yaml'), config(upstream))
        return ['--config', file('gatehouse.yaml')]
      },
      { token: 'one\n' },
    )
    const { introspection, file, look, lines } = watch
    const idp = await FakeIdp.start()
    introspection.answer = () => idp.jwks
    expect(await watch.call(await idp.token())).toBe(200)
    writeFileSync(file('token'), 'hunter2 hunter2\n')
    await look()
    await look()
    writeFileSync(file('token'), 'two\n')
    await look()
    await look()
    // A key that is not known makes us ask again.
    expect(await watch.call(await idp.token({ key: await fakeKey('key-2') }))).toBe(401)
    const sent = introspection.calls.map(({ authorization }) => authorization)
    expect(sent).toEqual(['Bearer one', 'Bearer two'])
    expect(lines).toMatchObject([{ level: 50 }, { level: 30 }])
    expect(JSON.stringify(lines)).not.toContain('hunter2')
  })
})
