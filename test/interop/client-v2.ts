/** The client of the SDK's second generation, unchanged: it keeps its tokens where the demo's does, and logs in alike. */
import {
  Client,
  StreamableHTTPClientTransport,
  UnauthorizedError,
  type OAuthDiscoveryState,
  type VersionNegotiationMode,
} from '@modelcontextprotocol/client'
import { MemoryProvider } from '../../examples/demo/client.js'
import type { Recorder } from '../../examples/demo/recorder.js'

export type Transport = StreamableHTTPClientTransport

export const MODERN = '2026-07-28'

/** Remembers which authorization server the login began with, which this generation wants to compare. */
export class Provider extends MemoryProvider {
  #discovery: OAuthDiscoveryState | undefined

  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.#discovery = state
  }
  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#discovery
  }
}

/** The probe of `auto` wraps what it meets. */
function isUnauthorized(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof UnauthorizedError) return true
  }
  return false
}

export interface Attempt {
  readonly url: string
  readonly provider: Provider
  readonly recorder: Recorder
  readonly mode: VersionNegotiationMode
}

async function attempt({ url, provider, recorder, mode }: Attempt): Promise<Client | undefined> {
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    authProvider: provider,
    fetch: recorder.fetch,
  })
  const client = new Client({ name: 'v2', version: '1.0.0' }, { versionNegotiation: { mode } })
  try {
    await client.connect(transport)
    return client
  } catch (error) {
    if (!isUnauthorized(error)) throw error
    await transport.finishAuth(provider.callback())
    return undefined
  }
}

/** Connects; where the server asks for it, after a login. */
export async function connect(options: Attempt): Promise<Client> {
  const client = (await attempt(options)) ?? (await attempt(options))
  if (client === undefined) throw new Error('still refused after the login')
  return client
}
