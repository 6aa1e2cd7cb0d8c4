/** The path that tells load balancers that this process runs. */
import { describe, expect, test } from 'vitest'
import { createGateway } from 'mcp-gatehouse/gateway'
import { exchangeBytes, startGateway, startUpstream } from '../support/gateway.js'
import { ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

async function startWith(healthPath: string | undefined) {
  let reached = 0
  const upstream = await startUpstream((_request, response) => {
    reached++
    response.end()
  })
  const { port } = await startGateway(upstream, healthPath === undefined ? {} : { healthPath })
  const ask = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, init)
    return { status: answer.status, text: await answer.text(), headers: answer.headers }
  }
  /** With a `Host` of its own, and the fields that are added; the status and all that came. */
  const write = async (line: string, host: string, fields: readonly string[] = [], body = '') => {
    const head = [`${line} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...fields]
    const answer = await exchangeBytes(port, `${head.join('\r\n')}\r\n\r\n${body}`)
    return { status: Number(answer.slice(9, 12)), answer }
  }
  return { ask, write, reached: () => reached }
}

verifies('IDN-07', 'answers 200 without a token, and reaches no server', async () => {
  const { ask, reached } = await startWith('/healthz')
  const { status, text, headers } = await ask('/healthz')
  expect({ status, text }).toEqual({ status: 200, text: 'ok\n' })
  expect(headers.get('cache-control')).toBe('no-store')
  expect(await ask('/healthz?probe=1')).toMatchObject({ status: 200 })
  expect(await ask('/healthz', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
  expect(reached()).toBe(0)
})

verifies('IDN-07', 'opens nothing else', async () => {
  const { ask, reached } = await startWith('/healthz')
  for (const path of ['/healthz/', '/healthz/mcp', '/HEALTHZ', '/healthz%2f..%2fmcp', '/']) {
    expect({ path, status: (await ask(path)).status }).toEqual({ path, status: 404 })
  }
  expect(await ask('/healthz', { method: 'POST', body: '{}' })).toMatchObject({ status: 404 })
  expect((await ask('/mcp')).status).toBe(401)
  expect((await ask('/healthz', { headers: { 'x-forwarded-host': 'a' } })).status).toBe(200)
  expect(reached()).toBe(0)
})

const FOREIGN = 'evil.example'

verifies(['IDN-07', 'TRN-02'], 'answers whatever the Host, and nothing else does', async () => {
  const { write, reached } = await startWith('/healthz')
  for (const line of ['GET /healthz', 'HEAD /healthz', 'GET /healthz?probe=1', 'GET /healthz?']) {
    for (const host of [FOREIGN, '10.0.0.7:8080', '', 'mcp.example.com']) {
      const { status, answer } = await write(line, host)
      expect({ line, host, status }).toEqual({ line, host, status: 200 })
      expect(answer.endsWith('\r\n\r\nok\n')).toBe(!line.startsWith('HEAD'))
    }
  }
  for (const line of [
    ...['POST /healthz', 'OPTIONS /healthz', 'DELETE /healthz', 'PUT /healthz'],
    ...['GET /healthz/', 'GET /healthz/mcp', 'GET /healthzz', 'GET /HEALTHZ', 'GET /health'],
    ...['GET /healthz/../mcp', 'GET /healthz%3fmcp', 'GET /%68ealthz', 'GET //healthz', 'GET /'],
    ...['GET /mcp', 'GET /mcp?/healthz', 'GET /.well-known/oauth-protected-resource/mcp'],
  ]) {
    const { status, answer } = await write(line, FOREIGN)
    expect({ line, status }).toEqual({ line, status: 403 })
    expect(answer).toContain('host_not_allowed')
  }
  expect(reached()).toBe(0)
})

verifies(
  ['IDN-07', 'ATK-02', 'ATK-04', 'GW-02'],
  'refuses another form before, whatever the Host',
  async () => {
    const { write, reached } = await startWith('/healthz')
    for (const host of [FOREIGN, 'mcp.example.com']) {
      for (const [fields, body, expected] of [
        [['Content-Length: 2'], '{}', 400],
        [['Transfer-Encoding: chunked'], '2\r\n{}\r\n0\r\n\r\n', 400],
        [['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n', 400],
        [['Content-Length: 2', 'Transfer-Encoding: chunked'], '0\r\n\r\n', 400],
        [['Connection: Authorization'], '', 400],
        [['Connection: Host'], '', 400],
        [['Host: mcp.example.com'], '', 400],
        [['Expect: something'], '', 417],
        [[`X-Long: ${'x'.repeat(33 * 1024)}`], '', 431],
        [['Content-Length: 0'], '', 200],
        [['Connection: X-Unknown'], '', 200],
      ] as const) {
        const { status } = await write('GET /healthz', host, fields, body)
        expect({ host, fields, status }).toEqual({ host, fields, status: expected })
      }
      const absolute = await write('GET http://mcp.example.com/healthz', host)
      expect(absolute.status).toBe(400)
    }
    expect(reached()).toBe(0)
  },
)

test('there is none by itself', async () => {
  const { ask } = await startWith(undefined)
  expect((await ask('/healthz')).status).toBe(404)
})

describe('is a problem', () => {
  const make = (options: object) => () =>
    createGateway({
      resource: RESOURCE,
      authorizationServers: ISSUER,
      upstream: 'http://127.0.0.1:8000/mcp',
      ...options,
    })

  test.each(['healthz', '', '/', '/a b', '/a?b', '/a/../mcp', '/./a', '/a//b', '/%6d', 7])(
    '%j: no path',
    (healthPath) => {
      expect(make({ healthPath })).toThrow('must be a path')
    },
  )

  test.each(['/mcp', '/mcp/healthz'])('%s: at or below the resource', (healthPath) => {
    expect(make({ healthPath })).toThrow('is at or below https://mcp.example.com/mcp')
  })

  test('below a resource at the root', () => {
    const resource = 'https://mcp.example.com'
    expect(make({ resource, healthPath: '/healthz' })).toThrow('is at or below')
  })

  test('below one of several', () => {
    const resources = ['/a', '/b'].map((path) => ({
      resource: `https://mcp.example.com${path}`,
      upstream: 'http://127.0.0.1:8000/mcp',
    }))
    const several = { resource: undefined, upstream: undefined, resources }
    expect(make({ ...several, healthPath: '/b/health' })).toThrow('below https://mcp.example.com/b')
    expect(make({ ...several, healthPath: '/bc' })).not.toThrow()
  })

  test('among the metadata', () => {
    expect(make({ healthPath: '/.well-known/health' })).toThrow('is where clients look')
  })
})
