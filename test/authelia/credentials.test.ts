/** Where Authelia and the gateway do not agree about who they are: never the fault of a token. */
import { afterEach, beforeAll, expect } from 'vitest'
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import { startCli, writeTemporary } from '../support/cli.js'
import type { IntrospectionSpec } from '../support/introspection.js'
import { startFixture, type Fixture } from '../support/fixture.js'
import { verifies } from '../support/verifies.js'
import { GATEWAY, ODD } from './configuration.js'
import { introspection } from './introspection.js'
import { Session } from './mint.js'
import { Server } from './server.js'

let server: Server
let session: Session
let fixture: Fixture

beforeAll(async () => {
  server = await Server.start()
  session = await Session.open(server)
  return () => server.remove()
})
afterEach(() => fixture.stop())

async function stand(
  spec?: IntrospectionSpec,
  more?: Partial<GatewayOptions>,
): Promise<() => number> {
  const { options, calls } = introspection(server, spec)
  fixture = await startFixture(server, { ...options, ...more })
  return calls
}

async function mint(): Promise<string> {
  return (await session.mint()).access_token
}

verifies(
  ['INT-02', 'CASE-24', 'CASE-26'],
  'a wrong secret, an unknown client, and a secret in the form, which 4.37.5 does not read: 503, and readiness says why',
  async () => {
    for (const spec of [
      { clientSecret: 'wrong' },
      { clientId: 'nobody' },
      { authentication: 'client_secret_post' },
    ] as const) {
      const calls = await stand(spec)
      const token = await mint()
      const answer = await fixture.post(token)
      expect(answer.status, JSON.stringify(spec)).toBe(503)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
      expect(answer.headers.has('www-authenticate')).toBe(false)
      const reason = `introspection at "${server.issuer}": answered 401 "request_unauthorized": the provider does not accept the client id or its credentials`
      expect(await fixture.send(token)).toEqual({
        status: 503,
        code: 'ERR_INTROSPECTION_CLIENT_REJECTED',
        reason,
      })
      const { ready, checks } = await fixture.gateway.readiness()
      expect(ready).toBe(false)
      const check = { name: 'introspection', subject: server.issuer, ok: false, reason }
      expect(checks).toContainEqual(check)
      // The token, and the constant that tells whose fault it is. The second request brought no further failed login.
      expect(calls()).toBe(2)
      expect(fixture.events.filter(({ type }) => type === 'request.denied')).toEqual([])
      await fixture.stop()
    }
    await stand()
    expect(await fixture.send(await mint())).toEqual({ status: 200 })
  },
)

verifies('INT-01', 'id and secret are form-encoded in Basic, whatever is in them', async () => {
  await stand(ODD)
  expect(await fixture.send(await mint())).toEqual({ status: 200 })
})

function cli(issuer: string, more: readonly string[]) {
  const { port } = new URL(server.resource)
  return startCli([
    ...['--auth', 'oauth', '--oauth-issuer', issuer, '--oauth-scopes', 'groups'],
    ...['--resource', server.resource, '--port', port, '--upstream', fixture.upstream],
    ...['--oauth-client-id', GATEWAY, '--oauth-token-prefix', 'authelia_at_'],
    ...['--oauth-client-secret-file', writeTemporary('secret', `${server.clientSecret}\n`)],
    ...more,
  ])
}

verifies(
  ['INT-02', 'CASE-24'],
  'from the command line: with --ca-file it is let in, without it is a 503 that names the certificate',
  async () => {
    await stand()
    await fixture.gateway.close()
    const token = await mint()
    const good = cli(server.issuer, ['--ca-file', server.caFile])
    await good.listening()
    expect((await fixture.post(token)).status).toBe(200)
    good.process.kill('SIGTERM')
    expect(await good.exited).toBe(0)

    const bad = cli(server.issuer, [])
    await bad.listening()
    const answer = await fixture.post(token)
    expect(answer.status).toBe(503)
    expect(answer.headers.has('www-authenticate')).toBe(false)
    bad.process.kill('SIGTERM')
    await bad.exited
    expect(bad.stderr()).toMatch(/UNABLE_TO_VERIFY_LEAF_SIGNATURE.*add your own CA with --ca-file/)
    expect(bad.stderr()).not.toContain(token)
    expect(bad.stderr()).not.toContain(server.clientSecret)
  },
)

verifies(
  ['CASE-24', 'KEY-01', 'CASE-38'],
  'asked by another name it has another issuer: 503, and both names are in the log',
  async () => {
    await stand()
    const token = await mint()
    await fixture.gateway.close()
    const localhost = server.issuer.replace('127.0.0.1', 'localhost')
    // It names whatever Host says, so each name is consistent; only a discovery elsewhere shows it.
    const mixed = cli(localhost, [
      ...['--ca-file', server.caFile],
      ...['--oauth-discovery-url', `${server.issuer}/.well-known/openid-configuration`],
    ])
    await mixed.listening()
    expect((await fixture.post(token)).status).toBe(503)
    mixed.process.kill('SIGTERM')
    await mixed.exited
    expect(mixed.stderr()).toContain(
      `names the issuer \\"${server.issuer}\\", not the configured one`,
    )
  },
)
