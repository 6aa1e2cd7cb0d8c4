/** What makes a gateway ask Keycloak about tokens, and how often it really does. */
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import { createTokenIntrospector, type TokenIntrospectorOptions } from 'mcp-gatehouse/introspect'
import type { Keycloak } from './keycloak.js'

export interface IntrospectionSpec extends Partial<TokenIntrospectorOptions> {
  /** Default `introspection`: every token. */
  readonly validation?: 'auto' | 'introspection'
}

export interface Introspection {
  /** For the stage. */
  readonly options: Partial<GatewayOptions>
  /** Requests that went to the introspection endpoint. */
  calls(): number
}

/** As the client of the realm that is named like the resource, by its secret, unless told otherwise. */
export async function introspection(
  { issuer, resource, admin }: Pick<Keycloak, 'issuer' | 'resource' | 'admin'>,
  { validation = 'introspection', ...given }: IntrospectionSpec = {},
): Promise<Introspection> {
  const { secret } = await admin.findClient(resource)
  let calls = 0
  return {
    calls: () => calls,
    options: {
      authorizationServers: {
        issuer,
        validation,
        introspector: (world) =>
          createTokenIntrospector({
            ...world,
            clientId: resource,
            ...(secret !== undefined && { clientSecret: secret }),
            ...given,
            fetch(url, init) {
              if (String(url).endsWith('/token/introspect')) calls++
              return world.fetch(url, init)
            },
          }),
      },
    },
  }
}
