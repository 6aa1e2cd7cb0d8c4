/** Several resources in a config file, as people start them. */
import { describe, expect } from 'vitest'
import { startCli, writeTemporary } from '../support/cli.js'
import { eventually, startUpstream } from '../support/gateway.js'
import { fakeKey, FakeIdp, ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const GITHUB = 'https://mcp.example.com/github/mcp'
const FILES = 'https://mcp.example.com/files/mcp'

/** A config file, with the keys beside it. */
async function configFile(upstreams: readonly string[]): Promise<string> {
  const { jwk } = await fakeKey('key-1')
  const keys = writeTemporary('keys.json', JSON.stringify({ keys: [jwk] }))
  return writeTemporary(
    'gatehouse.yaml',
    `auth: oauth
port: 0
logFormat: json
oauth: { issuer: ${ISSUER}, jwksFile: ${keys} }
resources:
  - resource: ${GITHUB}
    upstream: ${upstreams[0]}?key=canary
    oauth: { scopes: [github:read] }
  - { resource: ${FILES}, upstream: ${upstreams[1]} }
`,
  )
}

describe('serve, with resources in the file', () => {
  verifies(
    ['AUD-06', 'GW-08', 'KEY-04'],
    'guards each for itself, says so in a line each, and ends clean at SIGTERM',
    async () => {
      const upstreams = await Promise.all(
        ['github', 'files'].map((name) => startUpstream((_, response) => response.end(name))),
      )
      const file = await configFile(upstreams)
      const cli = startCli(['--config', file, '--admin-port', '0', '--log-level', 'debug'])
      const url = await cli.listening()
      await eventually(() => cli.log().filter((line) => line['url'] !== undefined).length === 2)
      const lines = cli.log().filter((line) => line['url'] !== undefined)
      expect(lines).toMatchObject([
        { resource: GITHUB, issuers: [ISSUER], upstream: upstreams[0] },
        { resource: FILES, issuers: [ISSUER], upstream: upstreams[1] },
      ])
      expect(lines[1]?.['msg']).toBe(
        `the URL for clients is ${FILES}; listening at ${url}, for tokens of ${ISSUER}, in front of ${upstreams[1]}`,
      )

      const idp = await FakeIdp.start()
      const call = async (path: string, aud: string) => {
        const token = await idp.token({ claims: { aud, scope: 'github:read' } })
        const answer = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })
        return answer.status === 200 ? answer.text() : answer.status
      }
      expect(await call('/github/mcp', GITHUB)).toBe('github')
      expect(await call('/files/mcp', FILES)).toBe('files')
      expect(await call('/github/mcp', FILES)).toBe(401)
      expect(await call('/files/mcp', GITHUB)).toBe(401)
      const denied = cli.log().filter(({ event }) => event === 'request.denied')
      expect(denied.map(({ resource }) => resource)).toEqual([GITHUB, FILES])

      const { port } = cli.log().find(({ msg }) => msg === 'health and metrics') ?? {}
      const ready = await fetch(`http://127.0.0.1:${String(port)}/readyz`)
      expect(await ready.json()).toEqual({
        ready: true,
        checks: [
          { name: 'keys', subject: ISSUER, ok: true },
          ...upstreams.map((subject) => ({ name: 'upstream', subject, ok: true })),
        ],
      })
      const metrics = await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text()
      expect(metrics).toContain(
        `gatehouse_requests_total{outcome="forwarded",reason="whole",resource="${FILES}"} 1`,
      )

      cli.process.kill('SIGHUP')
      const loaded = () => cli.log().filter(({ event }) => event === 'keys.loaded').length
      // Once more for each: nothing tells whether two files of keys are the same.
      await eventually(() => loaded() === 4)
      cli.process.kill('SIGTERM')
      expect(await cli.exited).toBe(0)
      expect(cli.stderr()).not.toContain('canary')
    },
  )

  verifies('AUD-06', 'two at one place: exit code 2, with where each of them is', async () => {
    const upstream = 'http://127.0.0.1:9/mcp'
    const file = await configFile([upstream, upstream])
    const cli = startCli(['check', '--config', file, '--resource', FILES], {})
    expect(await cli.exited).toBe(2)
    expect(cli.stderr()).toContain('--resource: belongs to one of resources')
    const twice = writeTemporary(
      'gatehouse.yaml',
      `auth: none
resources:
  - { resource: 'http://localhost:8080/a', upstream: '${upstream}' }
  - { resource: 'http://localhost:8080/a', upstream: '${upstream}' }
`,
    )
    const other = startCli(['--config', twice])
    expect(await other.exited).toBe(2)
    expect(other.stderr()).toMatch(
      /gatehouse\.yaml:4:7: resources\[1\]\.resource: is the same as resources\[0\]\n/,
    )
    expect(other.log()).toEqual([])
  })
})
