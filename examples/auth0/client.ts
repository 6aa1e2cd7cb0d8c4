/**
 * The proof of the guide: the MCP SDK's own client, from nothing but the URL to the list of tools. You log in
 * with your browser; it prints where. Exit code 0 only if every step did what it should.
 *
 *     node --import tsx examples/auth0/client.ts URL [--client-id ID] [--callback-port PORT] [--call TOOL]
 *
 * `--call` names a tool to call, without arguments.
 */
import { parseArgs } from 'node:util'
import { MemoryProvider } from '../demo/client.js'
import { PERSON, prove } from '../demo/proof.js'
import { yourBrowser } from '../demo/your-browser.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'client-id': { type: 'string' },
    // Where Claude Code listens, so that one callback URL serves both.
    'callback-port': { type: 'string', default: '3118' },
    call: { type: 'string' },
  },
})
const [url] = positionals
const { 'client-id': clientId, 'callback-port': port, call: tool } = values
if (url === undefined) {
  console.error(
    'client.ts URL [--client-id ID] [--callback-port PORT] [--call TOOL]: the URL of the gateway is missing',
  )
  process.exit(2)
}
const provider = new MemoryProvider(yourBrowser(Number(port)))
if (clientId !== undefined) provider.saveClientInformation({ client_id: clientId })
const code = await prove(url, provider, {
  name: 'Auth0',
  registration: clientId === undefined ? '/oidc/register' : undefined,
  // Only to clients that ask for offline_access, which this one does not by itself.
  refreshes: false,
  patience: PERSON,
  tool,
})
process.exit(code)
