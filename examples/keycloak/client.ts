/**
 * The proof of the guide: the MCP SDK's own client, from nothing but the URL to the list of tools and a
 * refreshed token. Login and consent are scripted. Exit code 0 only if every step did what it should.
 *
 *     node --import tsx examples/keycloak/client.ts URL [USER] [--call TOOL]
 *
 * `--call` names a tool to call, without arguments.
 */
import { parseArgs } from 'node:util'
import { MemoryProvider } from '../demo/client.js'
import { prove } from '../demo/proof.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { call: { type: 'string' } },
})
const [url, user = 'alice'] = positionals
if (url === undefined) {
  console.error('client.ts URL [USER] [--call TOOL]: the URL of the gateway is missing')
  process.exit(2)
}
const code = await prove(url, new MemoryProvider(user), {
  name: 'Keycloak',
  registration: '/clients-registrations/',
  refreshes: true,
  tool: values.call,
})
process.exit(code)
