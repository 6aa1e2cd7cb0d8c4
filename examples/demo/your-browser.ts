/** The browser that is before you: it comes back by itself, to a listener on this machine. */
import { createServer } from 'node:http'
import type { Browser } from './client.js'

export function yourBrowser(port: number): Browser {
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
