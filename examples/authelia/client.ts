/**
 * The proof of the guide: the MCP SDK's own client, from nothing but the URL to the list of tools. You log in
 * with your browser; it prints where. Exit code 0 only if every step did what it should.
 *
 *     node --import tsx examples/authelia/client.ts URL --client-id ID [--callback-port PORT] [--as USER] [--keep FILE] [--call TOOL]
 *
 * `--as` logs in by itself, with a password like the name, where no consent is asked for. `--keep` writes the access
 * token into a file that only you can read, for curl. `--call` names a tool to call, without arguments.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { MemoryProvider, type Browser } from '../demo/client.js'
import { PERSON, prove } from '../demo/proof.js'
import { yourBrowser } from '../demo/your-browser.js'
import { authorize, logIn } from './portal.js'

function noBrowser(user: string): Browser {
  return {
    redirectUrl: 'http://127.0.0.1:9/callback',
    visit: async (authorizationUrl) =>
      authorize(authorizationUrl, await logIn(authorizationUrl.origin, user)),
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'client-id': { type: 'string' },
    // Where Claude Code listens, so that one callback URL serves both.
    'callback-port': { type: 'string', default: '3118' },
    as: { type: 'string' },
    keep: { type: 'string' },
    call: { type: 'string' },
  },
})
const [url] = positionals
const { 'client-id': clientId, 'callback-port': port, as: user, keep, call: tool } = values
if (url === undefined || clientId === undefined) {
  console.error('client.ts URL --client-id ID: both are needed, as Authelia registers nobody')
  process.exit(2)
}
const provider = new MemoryProvider(
  user === undefined ? yourBrowser(Number(port)) : noBrowser(user),
)
provider.saveClientInformation({ client_id: clientId })
const code = await prove(url, provider, {
  name: 'Authelia',
  registration: undefined,
  // Only to clients that ask for offline_access, which this one does not by itself.
  refreshes: false,
  opaque: /^authelia_at_/,
  tool,
  ...(user === undefined && { patience: PERSON }),
})
if (keep !== undefined && code === 0) {
  writeFileSync(keep, provider.tokens()?.access_token ?? '', { mode: 0o600 })
}
process.exit(code)
