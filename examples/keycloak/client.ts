/**
 * The proof of the guide: the MCP SDK's own client, from nothing but the URL to the answer of a tool and a
 * refreshed token. Login and consent are scripted. Exit code 0 only if every step did what it should.
 *
 *     node --import tsx examples/keycloak/client.ts URL [USER]
 */
import { MemoryProvider } from '../demo/client.js'
import { prove } from '../demo/proof.js'

const [url, user = 'alice'] = process.argv.slice(2)
if (url === undefined) {
  console.error('client.ts URL [USER]: the URL of the gateway is missing')
  process.exit(2)
}
const code = await prove(url, new MemoryProvider(user), {
  name: 'Keycloak',
  registration: '/clients-registrations/',
  refreshes: true,
})
process.exit(code)
