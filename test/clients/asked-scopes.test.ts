/** Every client before a provider as Entra is: what it has to ask for is not what its token holds. */
import { afterAll, beforeAll, describe, expect, inject, onTestFinished } from 'vitest'
import { createGateway, type GatewayOptions } from 'mcp-gatehouse/gateway'
import type { Idp } from '../../examples/demo/idp.js'
import { FULL, PREFIX, SHORT, startEntraLike } from '../interop/entra-like.js'
import type { Running } from '../interop/support.js'
import { verifies } from '../support/verifies.js'
import { CLIENTS } from './clients.js'
import { startNotes } from './step-up-fixture.js'
import { startTap } from './tap.js'

const python = inject('python')
const CALL = { name: 'read_note', arguments: {} }

let idp: Idp
let notes: Running

beforeAll(async () => {
  idp = await startEntraLike()
  notes = await startNotes()
})
afterAll(() => Promise.all([idp.stop(), notes.stop()]))

async function startGuarded(options: Partial<GatewayOptions>) {
  const tap = await startTap(notes.url)
  const gateway = createGateway({
    port: 0,
    upstream: tap.url,
    authorizationServers: idp.issuer,
    scopes: SHORT,
    ...options,
  })
  const { port } = await gateway.listen()
  const url = `http://127.0.0.1:${port}/mcp`
  idp.resources.set(url, { scope: FULL })
  onTestFinished(async () => {
    await gateway.close()
    await tap.stop()
  })
  const scopes = () => new Set(tap.take().map(({ fields }) => fields.get('x-gatehouse-scope')))
  return { url, scopes }
}

describe.each(CLIENTS)('$name', (client) => {
  verifies('IDN-01', 'asks for what is advertised, and holds what is required', async () => {
    const { url, scopes } = await startGuarded({ advertiseScopes: FULL })
    const { result } = await client.run(python, url, CALL)
    expect(result).toBe('read_note done')
    expect(scopes()).toEqual(new Set([SHORT]))
  })
})

verifies('IDN-01', 'the prefix of the issuer does the same', async () => {
  const authorizationServers = { issuer: idp.issuer, scopePrefix: PREFIX }
  const { url } = await startGuarded({ authorizationServers })
  const [first] = CLIENTS
  expect((await first?.run(python, url, CALL))?.result).toBe('read_note done')
})

verifies('IDN-01', 'without either the provider refuses', async () => {
  const { url } = await startGuarded({})
  const [first] = CLIENTS
  await expect(first?.run(python, url, CALL)).rejects.toThrow()
})
