/** The fake identity provider on a socket of its own, for processes. */
import { createServer } from 'node:http'
import { FakeIdp } from './idp.js'
import { listenForTest } from './listening.js'

/** It ends with the test, and sends `headers` with every answer. */
export async function serveIdp(headers: Readonly<Record<string, string>> = {}): Promise<FakeIdp> {
  let idp: FakeIdp | undefined
  const server = createServer((request, response) => {
    void idp?.fetch(new URL(request.url ?? '', idp.issuer).href).then(async (answer) => {
      response.writeHead(answer.status, headers)
      response.end(await answer.text())
    })
  })
  const port = await listenForTest(server)
  idp = await FakeIdp.start(`http://127.0.0.1:${port}/realms/mcp`)
  return idp
}
