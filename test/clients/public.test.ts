/** Public and protected tools of server-everything with every client: who logs in, and when. */
import { afterAll, beforeAll, describe, expect, inject, onTestFinished } from 'vitest'
import { createGateway, type GatewayEvent } from 'mcp-gatehouse/gateway'
import { startIdp, type Idp } from '../../examples/demo/idp.js'
import type { Running } from '../interop/support.js'
import { verifies } from '../support/verifies.js'
import { CLIENTS, type RealClient, type ToolCall } from './clients.js'
import { startNotes } from './step-up-fixture.js'
import { EVERYTHING, type RunningUpstream } from './upstreams.js'

const python = inject('python')
const SCOPE = 'mcp:tools'
const PUBLIC: ToolCall = { name: 'echo', arguments: { message: 'hello' } }
const PROTECTED: ToolCall = { name: 'get-sum', arguments: { a: 2, b: 3 } }
const READ: ToolCall = { name: 'read_note', arguments: {} }
const WRITE: ToolCall = { name: 'write_note', arguments: {} }

let idp: Idp
let everything: RunningUpstream
let notes: Running

beforeAll(async () => {
  idp = await startIdp([SCOPE])
  everything = await EVERYTHING.start(python)
  notes = await startNotes()
})
afterAll(() => Promise.all([idp.stop(), everything.stop(), notes.stop()]))

async function start(upstream: string) {
  const events: GatewayEvent[] = []
  const gateway = createGateway({
    port: 0,
    upstream,
    authorizationServers: idp.issuer,
    onEvent: (event) => events.push(event),
    policy: {
      rules: [
        { tools: ['echo', 'read_note'], anonymous: true },
        { tools: ['get-sum', 'write_note'], scopes: [SCOPE] },
      ],
      unmatched: 'deny',
    },
  })
  const { port } = await gateway.listen()
  const url = `http://127.0.0.1:${port}/mcp`
  idp.resources.set(url, { scope: SCOPE })
  onTestFinished(() => gateway.close())
  const logins = () => events.filter(({ type }) => type === 'request.authenticated').length
  return { url, logins }
}

/** A public one, and one that a login opens. */
const TOOLS = 2

/** What the call answered, or what its user sees of the failure. */
async function outcomeOf(client: RealClient, url: string, call: ToolCall): Promise<string> {
  try {
    const { result = '', tools } = await client.run(python, url, call)
    expect(tools).toBe(TOOLS)
    return result
  } catch (error) {
    return `failed: ${String(error).slice(-300)}`
  }
}

describe.each(CLIENTS.filter(({ mode }) => mode !== 'modern'))('$name', (client) => {
  verifies('IDN-20', 'uses a public tool without a login', async () => {
    const { url, logins } = await start(everything.url)
    expect(await outcomeOf(client, url, PUBLIC)).toBe('Echo: hello')
    expect(logins()).toBe(0)
  })

  // The SDKs for TypeScript leave the end of the login to the application; those for Python log in by themselves. Then
  // their session is over, and the application has to connect again.
  const isPython = !client.name.startsWith('SDK')

  verifies('IDN-22', 'the login for a protected tool ends its session', async () => {
    const { url, logins } = await start(everything.url)
    const outcome = await outcomeOf(client, url, PROTECTED)
    expect(outcome).toMatch(
      isPython ? /^failed: .*Session terminated/s : /^failed: .*Unauthorized/s,
    )
    // A token that came for the session was accepted; the session was not.
    expect(logins() > 0).toBe(isPython)
  })

  verifies('IDN-22', 'a server without sessions serves the call after the login', async () => {
    const { url } = await start(notes.url)
    expect(await outcomeOf(client, url, READ)).toBe('read_note done')
    const outcome = await outcomeOf(client, url, WRITE)
    expect(outcome).toMatch(isPython ? /^write_note done$/ : /^failed: .*Unauthorized/s)
  })
})
