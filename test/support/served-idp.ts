/** The fake identity provider on a socket of its own, for processes. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { FakeIdp } from './idp.js'

/** It ends with the test. */
export async function serveIdp(): Promise<FakeIdp> {
  let idp: FakeIdp | undefined
  const server = createServer((request, response) => {
    void idp?.fetch(new URL(request.url ?? '', idp.issuer).href).then(async (answer) => {
      response.statusCode = answer.status
      response.end(await answer.text())
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  idp = await FakeIdp.start(`http://127.0.0.1:${(server.address() as AddressInfo).port}/realms/mcp`)
  return idp
}
