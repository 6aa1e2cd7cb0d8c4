/**
 * The proof of the guide: the MCP SDK's own client, from nothing but the URL to the answer of a tool. You log in
 * with your browser; it prints where. Exit code 0 only if every step did what it should.
 *
 *     node --import tsx examples/auth0/client.ts URL [--client-id ID] [--callback-port PORT]
 */
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { MemoryProvider, type Browser } from '../demo/client.js'
import { prove } from '../demo/proof.js'

/** The one that is before you: it comes back by itself, to a listener on this machine. */
function yourBrowser(port: number): Browser {
  return {
    redirectUrl: `http://localhost:${port}/callback`,
    visit: (authorizationUrl) =>
      new Promise((resolve, reject) => {
        const server = createServer((request, response) => {
          const callback = new URL(request.url ?? '/', `http://localhost:${port}`)
          if (callback.pathname !== '/callback') {
            response.writeHead(404).end()
            return
          }
          response.setHeader('connection', 'close')
          response.end('You can close this page.')
          server.close()
          const error = callback.searchParams.get('error')
          if (error === null) resolve({ callback, forms: ['yours'] })
          else reject(new Error(`${error}: ${callback.searchParams.get('error_description')}`))
        })
        server.once('error', reject)
        server.listen(port, 'localhost', () => {
          console.log(`Log in here:\n${authorizationUrl.href}\n`)
        })
      }),
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'client-id': { type: 'string' },
    // Where Claude Code listens, so that one callback URL serves both.
    'callback-port': { type: 'string', default: '3118' },
  },
})
const [url] = positionals
const { 'client-id': clientId, 'callback-port': port } = values
if (url === undefined) {
  console.error(
    'client.ts URL [--client-id ID] [--callback-port PORT]: the URL of the gateway is missing',
  )
  process.exit(2)
}
const provider = new MemoryProvider(yourBrowser(Number(port)))
if (clientId !== undefined) provider.saveClientInformation({ client_id: clientId })
process.exitCode = await prove(url, provider, {
  name: 'Auth0',
  registration: clientId === undefined ? '/oidc/register' : undefined,
  // Only to clients that ask for offline_access, which this one does not by itself.
  refreshes: false,
})
