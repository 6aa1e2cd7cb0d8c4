/** A resource server over a fake IdP, with a clock that the test moves and every event that it told. */
import {
  createResourceServer,
  type Decision,
  type ResourceServer,
  type ResourceServerEvent,
  type ResourceServerOptions,
} from 'mcp-gatehouse'
import { ISSUER, RESOURCE, type FakeIdp } from './idp.js'

export interface Fixture {
  readonly resourceServer: ResourceServer
  readonly events: ResourceServerEvent[]
  /** Moves the clock by seconds; it stands still otherwise. */
  wait(seconds: number): void
  send(token: string): Promise<Decision>
  /** `authenticated`, or the code of the refusal. */
  verdict(token: string): Promise<string>
}

export function createFixture(idp: FakeIdp, options: Partial<ResourceServerOptions> = {}): Fixture {
  let clock = Date.now()
  const now = () => clock
  idp.now = now
  const events: ResourceServerEvent[] = []
  const resourceServer = createResourceServer({
    resource: RESOURCE,
    authorizationServers: ISSUER,
    fetch: idp.fetch,
    // The clock stands still, so waiting would never end.
    wait: 0,
    now,
    onEvent: (event) => events.push(event),
    ...options,
  })
  const send = async (token: string) =>
    resourceServer.authenticate({ authorization: `Bearer ${token}` })
  return {
    resourceServer,
    events,
    wait(seconds) {
      clock += seconds * 1000
    },
    send,
    async verdict(token) {
      const decision = await send(token)
      return decision.outcome === 'authenticated' ? decision.outcome : decision.code
    },
  }
}

/** How often each value occurs. */
export function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
