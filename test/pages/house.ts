/** A gateway as its operator starts it, with a provider that lacks something, and callers who were refused. */
import { chmodSync } from 'node:fs'
import { freePort, startCli, writeTemporary } from '../support/cli.js'
import { startListeningProvider } from '../support/doctor-command.js'
import { startUpstream } from '../support/gateway.js'
import { fakeKey } from '../support/idp.js'

export const ADMIN_TOKEN = 'admin-token-of-32-characters-000'

export interface House {
  /** The MCP endpoint. */
  readonly url: string
  /** The page of the second listener. */
  readonly adminUrl: string
  /** None of them may be on any page. */
  readonly secrets: readonly string[]
}

/** For the length of the test. */
export async function startHouse(): Promise<House> {
  const idp = await startListeningProvider()
  idp.metadata = { ...idp.metadata, code_challenge_methods_supported: ['plain'] }
  const upstream = await startUpstream((_request, response) => response.end('{}'))
  const tokenFile = writeTemporary('admin.token', ADMIN_TOKEN)
  chmodSync(tokenFile, 0o600)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/mcp`
  const cli = startCli([
    ...['--auth', 'oauth', '--oauth-issuer', idp.issuer, '--resource', url, '--port', `${port}`],
    ...[
      '--upstream',
      upstream,
      '--oauth-scopes',
      'notes:read',
      '--user-claim',
      'preferred_username',
      '--log-format',
      'json',
    ],
    ...['--admin-port', '0', '--admin-token-file', tokenFile],
  ])
  await cli.listening()
  const claims = { preferred_username: 'ada.lovelace@example.com' }
  const anHourAgo = Math.floor(Date.now() / 1000) - 3600
  const tokens = [
    await idp.token({ claims: { ...claims, aud: 'https://another.example.com/mcp' } }),
    await idp.token({ claims: { ...claims, aud: url, exp: anHourAgo } }),
    await idp.token({ claims: { ...claims, aud: url, scope: 'mail:read' } }),
    await idp.token({ claims: { ...claims, aud: url }, key: await fakeKey('key-of-a-stranger') }),
  ]
  for (const token of tokens) {
    await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  }
  const admin = cli.log().find(({ msg }) => msg === 'health and metrics')
  return {
    url,
    adminUrl: `http://127.0.0.1:${String(admin?.['port'])}/`,
    secrets: [ADMIN_TOKEN, ...tokens.map((token) => token.split('.')[2] ?? token)],
  }
}
