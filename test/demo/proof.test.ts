/** The proof of the guides, at servers that do not play along: it always ends. */
import { createServer, type RequestListener } from 'node:http'
import { expect, onTestFinished, test, vi } from 'vitest'
import { MemoryProvider } from '../../examples/demo/client.js'
import { startIdp, type Idp } from '../../examples/demo/idp.js'
import { prove } from '../../examples/demo/proof.js'
import { listen, SCOPE, startHono } from '../interop/support.js'
import { startProcess } from '../support/cli.js'
import { startUpstream } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

function nameOf(message: string): unknown {
  return (JSON.parse(message) as { readonly params: { readonly name: unknown } }).params.name
}

interface Shown {
  readonly code: number
  readonly text: string
  /** The tools that were called, as they went over the wire. */
  readonly called: readonly unknown[]
}

async function shown(work: () => Promise<number>): Promise<Shown> {
  const lines: string[] = []
  const called: unknown[] = []
  const { fetch: send } = globalThis
  const wire = vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
    const body = typeof init?.body === 'string' ? init.body : ''
    if (body.includes('"tools/call"')) called.push(nameOf(body))
    return send(input, init)
  })
  const log = vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(String(line)))
  try {
    return { code: await work(), text: lines.join('\n'), called }
  } finally {
    wire.mockRestore()
    log.mockRestore()
  }
}

const PRODUCT = { name: 'the demo', registration: '/reg', refreshes: true }

async function start(): Promise<Idp> {
  const idp = await startIdp([SCOPE])
  onTestFinished(() => idp.stop())
  return idp
}

verifies('FLD-62', 'calls no tool that was not named, and the one that was', async () => {
  const idp = await start()
  const server = await startHono({ authorizationServers: idp.issuer, scopes: SCOPE })
  onTestFinished(() => server.stop())
  idp.resources.set(server.url, { scope: SCOPE })
  const none = await shown(() => prove(server.url, new MemoryProvider(), PRODUCT))
  expect(none.code, none.text).toBe(0)
  expect(none.text).toContain('none was named: none is called')
  expect(none.called).toEqual([])
  const product = { ...PRODUCT, tool: 'whoami' }
  const one = await shown(() => prove(server.url, new MemoryProvider(), product))
  expect(one.code, one.text).toBe(0)
  expect(one.called).toEqual(['whoami'])
})

verifies('FLD-62', 'a server that does not answer is a failure in time', async () => {
  const silent: RequestListener = () => undefined
  const url = await startUpstream(silent)
  const product = { ...PRODUCT, patience: 50 }
  const { code, text } = await shown(() => prove(url, new MemoryProvider(), product))
  expect(code).toBe(1)
  expect(text).toContain('no end within 0.05 s; the last answer was none')
})

test('a call that fails ends the program of the guide, though a stream is open', async () => {
  const server = await listen(
    () =>
      createServer((_request, response) => void response.writeHead(500).end()).listeners(
        'request',
      )[0] as RequestListener,
  )
  onTestFinished(() => server.stop())
  const argv = ['--import', 'tsx', 'examples/keycloak/client.ts', server.url]
  const client = startProcess(process.execPath, argv)
  expect(await client.exited).toBe(1)
  expect(client.stdout().toString()).toContain('Not as it should be')
})
