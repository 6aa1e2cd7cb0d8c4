/**
 * Clients of both generations of the SDK at a provider as Entra is: it refuses scopes without the Application ID URI,
 * and its tokens hold them without it.
 */
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { connect as connectV1, MemoryProvider } from '../../examples/demo/client.js'
import type { Idp } from '../../examples/demo/idp.js'
import { Recorder } from '../../examples/demo/recorder.js'
import { verifies } from '../support/verifies.js'
import { connect as connectV2, MODERN, Provider } from './client-v2.js'
import { FULL, PREFIX, SHORT, startEntraLike } from './entra-like.js'
import {
  startExpress,
  startHono,
  startHonoV2,
  startNode,
  whoami,
  type GuardOptions,
  type Running,
} from './support.js'

let idp: Idp
const running: Running[] = []

beforeAll(async () => {
  idp = await startEntraLike()
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()))
})
afterAll(() => idp.stop())

type Start = (options: GuardOptions) => Promise<Running>

async function guarded(start: Start, options: Partial<GuardOptions>): Promise<string> {
  const server = await start({ authorizationServers: idp.issuer, scopes: SHORT, ...options })
  running.push(server)
  idp.resources.set(server.url, { scope: FULL })
  return server.url
}

const logInV1 = async (url: string) =>
  whoami(await connectV1(url, new MemoryProvider('alice'), new Recorder()))
const logInV2 = (mode: 'legacy' | 'auto' | { pin: string }) => async (url: string) =>
  whoami(await connectV2({ url, provider: new Provider('alice'), recorder: new Recorder(), mode }))

const CLIENTS = [
  ['v1 at Hono', startHono, logInV1],
  ['v1 at Express', startExpress, logInV1],
  ['v1 at node:http', startNode, logInV1],
  ['v2 legacy', startHonoV2, logInV2('legacy')],
  ['v2 auto', startHonoV2, logInV2('auto')],
  ['v2 pinned', startHonoV2, logInV2({ pin: MODERN })],
] as const

describe.each(CLIENTS)('%s', (_name, start, logIn) => {
  verifies('IDN-01', 'the advertised scope is asked for, the required one is held', async () => {
    const url = await guarded(start, { advertiseScopes: FULL })
    expect(await logIn(url)).toMatchObject({ subject: 'alice', scopes: [SHORT] })
  })

  verifies('IDN-01', 'the prefix of the issuer does the same', async () => {
    const authorizationServers = { issuer: idp.issuer, scopePrefix: PREFIX }
    const url = await guarded(start, { authorizationServers })
    expect(await logIn(url)).toMatchObject({ subject: 'alice', scopes: [SHORT] })
  })

  verifies('IDN-01', 'without either the provider refuses', async () => {
    const url = await guarded(start, {})
    await expect(logIn(url)).rejects.toThrow()
  })
})
