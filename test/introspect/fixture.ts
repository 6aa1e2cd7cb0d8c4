/** A resource server whose tokens are asked about, and a clock that is set by hand. */
import {
  createResourceServer,
  type AuthorizationServerOptions,
  type Decision,
  type ResourceServer,
  type ResourceServerEvent,
  type ResourceServerOptions,
} from 'mcp-gatehouse'
import { createTokenIntrospector, type TokenIntrospectorOptions } from 'mcp-gatehouse/introspect'
import { ISSUER, RESOURCE } from '../support/idp.js'
import { FakeIntrospection } from './server.js'

export const TOKEN = 'opaque_0123456789abcdef.0123456789'

export interface Fixture {
  readonly resourceServer: ResourceServer
  readonly server: FakeIntrospection
  readonly events: ResourceServerEvent[]
  verdict(token?: string): Promise<string>
  send(token?: string): Promise<Decision>
  wait(seconds: number): void
}

export function createFixture(
  options: Partial<TokenIntrospectorOptions> = {},
  issuerOptions: Partial<AuthorizationServerOptions> = {},
  serverOptions: Partial<ResourceServerOptions> = {},
): Fixture {
  const server = new FakeIntrospection()
  const events: ResourceServerEvent[] = []
  let clock = Date.now()
  const now = () => clock
  server.now = now
  const onEvent = (event: ResourceServerEvent) => events.push(event)
  const introspector = createTokenIntrospector({
    issuer: ISSUER,
    clientId: 'rs',
    clientSecret: 'secret',
    fetch: server.fetch,
    now,
    wait: 0,
    onEvent,
    ...options,
  })
  const resourceServer = createResourceServer({
    resource: RESOURCE,
    authorizationServers: { issuer: ISSUER, introspector, ...issuerOptions },
    fetch: server.fetch,
    now,
    wait: 0,
    onEvent,
    ...serverOptions,
  })
  const send = async (token = TOKEN) =>
    resourceServer.authenticate({ authorization: `Bearer ${token}` })
  return {
    resourceServer,
    server,
    events,
    send,
    async verdict(token) {
      const decision = await send(token)
      return decision.outcome === 'authenticated' ? decision.outcome : decision.code
    },
    wait(seconds) {
      clock += seconds * 1000
    },
  }
}
