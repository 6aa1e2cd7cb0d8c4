/** The page of the second listener: for whom, what it shows, and what it never does. */
import { chmodSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { createAdmin, type AdminRefusal } from '../../src/gateway/admin.js'
import { adminPage, type AdminFacts } from '../../src/gateway/admin-page.js'
import { createMetrics } from '../../src/gateway/metrics.js'
import { RecentRefusals } from '../../src/gateway/recent-refusals.js'
import { freePort, startCli, writeTemporary } from '../support/cli.js'
import { eventually, startGateway, startUpstream } from '../support/gateway.js'
import { fakeKey, FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const TOKEN = 'admin-token-of-32-characters-000'

const FACTS: AdminFacts = {
  status: {
    active: 3,
    streams: 2,
    children: { running: 5, sessions: 4 },
    resources: [
      {
        resource: RESOURCE,
        upstream: 'http://127.0.0.1:9/mcp',
        resourceServer: {
          issuers: [{ issuer: ISSUER, keys: 2, serving: true, age: 61.4, fault: undefined }],
          introspectors: [],
          rememberedTokens: 0,
        },
      },
    ],
  },
  readiness: {
    ready: false,
    checks: [{ name: 'upstream', subject: 'http://127.0.0.1:9/mcp', ok: false, reason: 'is down' }],
  },
  refusals: [],
  limits: [['--max-body', '4MiB']],
  now: Date.parse('2026-12-01T12:00:00Z'),
}

/** The cells without what is for the eye. */
function bare(html: string): string {
  return html.replace(/<td (?!colspan)[^>]*>/g, '<td>').replace(/<\/?(?:span|code)[^>]*>/g, '')
}

interface Answer {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** `fetch` sets neither Host nor Origin. */
function get(
  port: number,
  headers: Readonly<Record<string, string>> = {},
  path = '/',
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ port, host: '127.0.0.1', path, method, headers }, (response) => {
      let body = ''
      response.on('data', (chunk) => (body += String(chunk)))
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body }),
      )
    })
    sent.on('error', reject).end()
  })
}

const REFUSAL = {
  at: FACTS.now,
  requestId: 'id-1',
  code: 'ERR_TOKEN_EXPIRED',
  reason: 'expired',
  hint: undefined,
  resource: undefined,
  user: undefined,
  subject: undefined,
  clientId: undefined,
}

async function start(token: (() => string | undefined) | undefined = () => TOKEN) {
  const upstream = await startUpstream((_request, response) => response.end('{}'))
  const { gateway } = await startGateway(upstream)
  const admin = createAdmin({
    gateway,
    metrics: createMetrics(() => gateway.status()),
    host: '127.0.0.1',
    port: 0,
    page: {
      token,
      write: () => Promise.resolve(adminPage(FACTS)),
      refusals: () => [REFUSAL],
    },
  })
  const { port } = await admin.listen()
  onTestFinished(() => admin.close())
  return port
}

const basic = (text: string) => ({ authorization: `Basic ${btoa(text)}` })
const RIGHT = { authorization: `Bearer ${TOKEN}` }

describe('the admin page', () => {
  verifies('WHO-07', 'opens for the token, as bearer or as the password of a browser', async () => {
    const port = await start()
    for (const headers of [RIGHT, basic(`:${TOKEN}`), basic(`anybody:${TOKEN}`)]) {
      const { status, headers: answered, body } = await get(port, headers)
      expect(status).toBe(200)
      expect(answered['content-type']).toBe('text/html; charset=utf-8')
      expect(answered['cache-control']).toBe('no-store')
      expect(body).toContain('<h1>mcp-gatehouse: not ready</h1>')
    }
  })

  verifies('WHO-07', 'opens for nothing else, on loopback too', async () => {
    const port = await start()
    for (const headers of [
      {},
      { authorization: 'Bearer' },
      { authorization: `Bearer ${TOKEN}x` },
      { authorization: `Bearer ${TOKEN.slice(1)}` },
      { authorization: TOKEN },
      { authorization: `Digest ${TOKEN}` },
      { cookie: `token=${TOKEN}` },
      basic(TOKEN),
      basic(`${TOKEN}:`),
      basic(':'),
    ]) {
      const { status, headers: answered, body } = await get(port, headers)
      expect(status).toBe(401)
      expect(answered['www-authenticate']).toMatch(/^Basic realm=/)
      expect(body).not.toContain('Resources')
    }
    expect((await get(port, {}, `/?token=${TOKEN}`)).status).toBe(401)
  })

  verifies('WHO-07', 'gives the refusals as data, for the token alone', async () => {
    const port = await start()
    expect((await get(port, {}, '/refusals')).status).toBe(401)
    const wrong = { authorization: `Bearer ${TOKEN}x` }
    expect((await get(port, wrong, '/refusals')).status).toBe(401)
    const { status, headers, body } = await get(port, RIGHT, '/refusals')
    expect({ status, cache: headers['cache-control'] }).toEqual({ status: 200, cache: 'no-store' })
    const { refusals } = JSON.parse(body) as { refusals: readonly object[] }
    expect(refusals).toMatchObject([{ time: '2026-12-01T12:00:00.000Z', requestId: 'id-1' }])
  })

  verifies('WHO-07', 'opens for nobody while its token cannot be read', async () => {
    const port = await start(() => undefined)
    for (const headers of [RIGHT, basic(':undefined'), { authorization: 'Bearer undefined' }]) {
      expect((await get(port, headers)).status).toBe(401)
    }
  })

  verifies('WHO-07', 'is closed to other hosts, other origins and writes', async () => {
    const port = await start()
    expect((await get(port, { ...RIGHT, host: 'evil.example' })).status).toBe(403)
    expect((await get(port, { ...RIGHT, origin: `http://127.0.0.1:${port}` })).status).toBe(403)
    for (const method of ['POST', 'PUT', 'DELETE']) {
      expect((await get(port, RIGHT, '/', method)).status).toBe(404)
    }
  })

  verifies('WHO-07', 'leaves health and metrics open', async () => {
    const port = await start()
    for (const path of ['/livez', '/metrics']) expect((await get(port, {}, path)).status).toBe(200)
  })

  verifies('WHO-07', 'has no scripts, loads nothing, and cannot be framed', async () => {
    const { headers, body } = await get(await start(), RIGHT)
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    )
    expect(headers).toMatchObject({
      refresh: '15',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    expect(body).not.toMatch(
      /<script|<img|<link|<iframe|<form|\son\w+=|javascript:|\ssrc=|\shref=/i,
    )
    const [style = ''] = /(?<=<style>)[^<]+/.exec(body) ?? []
    const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style))
    expect(headers['content-security-policy']).toContain(
      `'sha256-${Buffer.from(hash).toString('base64')}'`,
    )
  })

  verifies('WHO-07', 'shows what is served, trusted, running and limited', () => {
    const body = bare(adminPage(FACTS))
    for (const text of [RESOURCE, ISSUER, '2 keys', '61 s', 'is down', '--max-body', '4MiB']) {
      expect(body).toContain(`<td>${text}</td>`)
    }
    expect(body).toContain('<tr><td>3</td><td>2</td><td>4</td><td>5</td></tr>')
    expect(body).toContain('As of 2026-12-01T12:00:00Z')
    expect(body).toContain('<html lang="en">')
    expect(body).toContain('color-scheme: light dark')
    expect(body).toContain('<td colspan="6">none</td>')
  })
})

describe('a request that the admin listener does not answer', () => {
  async function startPlain(onRefused: (refusal: AdminRefusal) => void, now: () => number) {
    const upstream = await startUpstream((_request, response) => response.end('{}'))
    const { gateway } = await startGateway(upstream)
    const metrics = createMetrics(() => gateway.status())
    const host = '127.0.0.1'
    const admin = createAdmin({ gateway, metrics, host, port: 0, onRefused, now })
    const { port } = await admin.listen()
    onTestFinished(() => admin.close())
    return port
  }

  verifies('WHO-07', 'names the setting, and the log has one line of it in a minute', async () => {
    const told: AdminRefusal[] = []
    let now = 0
    const port = await startPlain(
      (refusal) => told.push(refusal),
      () => now,
    )
    for (const path of ['/', '/refusals']) {
      const { status, body } = await get(port, {}, path)
      expect(status).toBe(404)
      const description = 'The page needs --admin-token-file'
      expect(JSON.parse(body)).toEqual({ error: 'not_found', error_description: description })
    }
    expect(JSON.parse((await get(port, {}, '/other')).body)).toEqual({ error: 'not_found' })
    expect(told).toEqual([])
    const byHost = await get(port, { host: 'evil.example"\u00a0' }, '/livez')
    expect([byHost.status, byHost.body]).toEqual([403, expect.stringContaining('--allow-host')])
    expect(told).toEqual([
      { reason: 'Host "evil.example??"', hint: expect.stringContaining('--allow-host') as string },
    ])
    now = 59_999
    const byOrigin = await get(port, { origin: 'https://a.example' }, '/livez')
    expect([byOrigin.status, byOrigin.body]).toEqual([403, expect.stringContaining('Origin')])
    expect(told).toHaveLength(1)
    now = 60_000
    await get(port, { origin: 'https://a.example' }, '/livez')
    expect(told[1]?.reason).toBe('Origin "https://a.example"')
  })
})

verifies('WHO-07', 'serve writes that line', async () => {
  const admin = await freePort()
  const cli = startCli([
    ...['--upstream', 'http://127.0.0.1:9/mcp', '--port', '0', '--log-format', 'json'],
    ...['--admin-port', String(admin)],
  ])
  await cli.listening()
  expect((await get(admin, { origin: 'https://a.example' }, '/livez')).status).toBe(403)
  await eventually(() => cli.stderr().includes('admin listener'))
  expect(cli.log().find(({ msg }) => String(msg).startsWith('admin listener'))).toMatchObject({
    level: 'warn',
    msg: 'admin listener: refused: Origin "https://a.example"',
    hint: expect.stringContaining('web pages') as string,
  })
})

describe('the last refusals', () => {
  const denied = (more: object) =>
    ({
      type: 'request.denied',
      requestId: 'r-1',
      status: 401,
      code: 'ERR_TOKEN_AUDIENCE',
      reason: 'aud "<b>x</b>"',
      hint: 'an audience mapper',
      ...more,
    }) as GatewayEvent

  function heard(...events: readonly GatewayEvent[]) {
    const refusals = new RecentRefusals(() => FACTS.now)
    for (const event of events) refusals.hear(event, RESOURCE, undefined)
    return refusals.all
  }

  verifies('WHO-07', 'have reason, advice and person, and no markup of others', () => {
    const refusals = heard(denied({ user: '<i>ada</i>', subject: 's-1', clientId: 'c-1' }))
    const body = bare(adminPage({ ...FACTS, refusals }))
    expect(body).toContain('<td>aud &quot;&lt;b&gt;x&lt;/b&gt;&quot;</td>')
    expect(body).toContain('<td>&lt;i&gt;ada&lt;/i&gt; · s-1 · c-1</td>')
    // The hint names none of our settings, so the cure follows.
    expect(body).toMatch(/<td>an audience mapper; let the provider put[^<]*--oauth-audience<\/td>/)
    const told = heard(denied({ hint: 'or set --oauth-audience' }))
    expect(bare(adminPage({ ...FACTS, refusals: told }))).toContain(
      '<td>or set --oauth-audience</td>',
    )
    expect(body).not.toMatch(/<b>|<i>/)
  })

  verifies('WHO-07', 'name their resource where there are several', () => {
    const [refusal] = heard(denied({}))
    const one = { ...refusal!, resource: undefined }
    const head = '<th scope="col">Resource</th><th scope="col">Request</th>'
    expect(adminPage({ ...FACTS, refusals: [one] })).not.toContain(head)
    const body = bare(adminPage({ ...FACTS, refusals: [one, refusal!] }))
    expect(body).toContain(head)
    expect(body).toContain(`<td>${RESOURCE}</td><td>r-1</td>`)
    expect(body).toContain('<td>–</td><td>r-1</td>')
  })

  verifies('WHO-07', 'are the newest fifty, without those that every client begins with', () => {
    const many = Array.from({ length: 60 }, (_, at) => denied({ requestId: `r-${at}` }))
    const ids = heard(...many).map(({ requestId }) => requestId)
    expect([ids.length, ids[0], ids.at(-1)]).toEqual([50, 'r-59', 'r-10'])
    const completed = {
      type: 'request.completed',
      requestId: 'r-2',
      method: 'POST',
      status: 200,
      from: 'upstream',
      end: 'whole',
      seconds: 1,
    } as const
    const judged = denied({ type: 'operation.judged', operations: [], outcome: 'allowed' })
    const first = denied({ code: 'ERR_CREDENTIALS_MISSING' })
    expect(heard(completed, judged, first)).toEqual([])
    const origin = {
      type: 'origin.refused',
      requestId: 'r-3',
      origin: '"https://a.example"',
      hint: 'to allow it: --allow-origin',
    } as const
    const failed = {
      type: 'upstream.failed',
      requestId: 'r-4',
      code: 'ERR_UPSTREAM_TIMEOUT',
      reason: 'x'.repeat(2_000),
    } as const
    expect(heard(origin, failed)).toMatchObject([
      { code: 'ERR_UPSTREAM_TIMEOUT', reason: 'x'.repeat(500) },
      {
        code: 'ERR_ORIGIN_FOREIGN',
        reason: 'refused: Origin "https://a.example"',
        hint: 'to allow it: --allow-origin',
      },
    ])
  })

  verifies(
    'WHO-07',
    'have wrong paths too, at most ten, so that scanners push out nothing else',
    () => {
      const unserved = (at: number) =>
        ({
          type: 'path.unserved',
          requestId: `p-${at}`,
          method: 'POST',
          path: `"/${at}"`,
          host: '"mcp.example.com"',
          served: [RESOURCE],
          hint: 'to serve another URL: --resource',
        }) as const
      const many = Array.from({ length: 60 }, (_, at) => unserved(at))
      const shown = heard(denied({ requestId: 'r-1' }), ...many)
      expect(shown.map(({ requestId }) => requestId)).toEqual([
        ...Array.from({ length: 10 }, (_, at) => `p-${59 - at}`),
        'r-1',
      ])
      expect(shown[0]).toMatchObject({
        code: 'ERR_PATH_UNSERVED',
        reason: `not found: POST "/59" (Host "mcp.example.com"); served: ${RESOURCE}`,
        hint: 'to serve another URL: --resource',
      })
    },
  )
})

describe('the file with the token', () => {
  async function startWith(file: string, ...more: readonly string[]) {
    const { jwk } = await fakeKey('key-1')
    const keys = writeTemporary('keys.json', JSON.stringify({ keys: [jwk] }))
    return startCli([
      ...['--auth', 'oauth', '--oauth-issuer', ISSUER, '--oauth-jwks-file', keys],
      ...['--resource', RESOURCE, '--port', '0', '--log-format', 'json'],
      ...['--upstream', 'http://127.0.0.1:9/mcp', '--admin-token-file', file, ...more],
    ])
  }

  verifies('WHO-07', 'stops the start if others may read it, or it holds too little', async () => {
    for (const [mode, content, message] of [
      [0o644, TOKEN, /has the mode 0644, so that others can use it\n {2}→ chmod 600 /],
      [0o620, TOKEN, /has the mode 0620/],
      [0o600, 'short', /has fewer than 32 characters/],
    ] as const) {
      const file = writeTemporary('admin.token', content)
      chmodSync(file, mode)
      const cli = await startWith(file, '--admin-port', '0')
      expect(await cli.exited).toBe(2)
      expect(cli.stderr()).toMatch(message)
      expect(cli.stderr()).not.toContain(content)
    }
  })

  verifies('WHO-07', 'opens the page of a gateway, and counts anew for each request', async () => {
    const file = writeTemporary('admin.token', `${TOKEN}\n`)
    chmodSync(file, 0o400)
    const cli = await startWith(file, '--admin-port', '0', '--user-claim', 'preferred_username')
    const url = await cli.listening()
    const line = cli.log().find(({ msg }) => msg === 'health and metrics')
    const port = Number(line?.['port'])
    const idp = await FakeIdp.start()
    const token = await idp.token({
      key: await fakeKey('key-1'),
      claims: { aud: 'https://x.example' },
    })
    await fetch(`${url}/mcp`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
    const { status, body: html } = await get(port, RIGHT)
    const body = bare(html)
    expect(status).toBe(200)
    expect(body).toContain('<td>ERR_TOKEN_AUDIENCE</td>')
    expect(body).toContain('<td>http://127.0.0.1:9/mcp</td>')
    expect(body).toContain('<td>--max-requests</td>')
    expect(body).not.toContain(token.split('.')[2] ?? '')

    chmodSync(file, 0o600)
    writeFileSync(file, 'b'.repeat(32))
    expect((await get(port, RIGHT)).status).toBe(401)
    expect((await get(port, { authorization: `Bearer ${'b'.repeat(32)}` })).status).toBe(200)
    chmodSync(file, 0o644)
    expect((await get(port, { authorization: `Bearer ${'b'.repeat(32)}` })).status).toBe(401)
    expect((await get(port, { authorization: `Bearer ${'b'.repeat(32)}` })).status).toBe(401)
    await eventually(() => cli.log().some(({ level }) => level === 'error'))
    const errors = cli.log().filter(({ level }) => level === 'error')
    expect(errors.map(({ msg }) => msg)).toEqual([
      '--admin-token-file has the mode 0644, so that others can use it',
    ])
  })

  test('without a second listener is a warning', async () => {
    const file = writeTemporary('admin.token', TOKEN)
    chmodSync(file, 0o600)
    const cli = await startWith(file)
    await cli.listening()
    expect(cli.stderr()).toContain('without --admin-port, --admin-token-file has no effect')
  })
})
