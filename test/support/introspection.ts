/** What makes a gateway ask a provider that really runs about tokens, and how often it really does. */
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import { createTokenIntrospector, type TokenIntrospectorOptions } from 'mcp-gatehouse/introspect'

export interface IntrospectionSpec extends Partial<TokenIntrospectorOptions> {
  /** Default `introspection`: every token. */
  readonly validation?: 'auto' | 'introspection'
  readonly tokenPrefix?: string | undefined
}

export interface Introspection {
  /** For the fixture. */
  readonly options: Partial<GatewayOptions>
  /** Requests that went to the introspection endpoint. */
  calls(): number
  /** How many of them were under way at once. */
  peak(): number
}

/** Counts what is posted: discovery only reads. */
export function countedIntrospection({
  validation = 'introspection',
  tokenPrefix,
  issuer,
  ...given
}: IntrospectionSpec & Pick<TokenIntrospectorOptions, 'issuer' | 'clientId'>): Introspection {
  let calls = 0
  let underWay = 0
  let peak = 0
  return {
    calls: () => calls,
    peak: () => peak,
    options: {
      authorizationServers: {
        issuer,
        validation,
        ...(tokenPrefix !== undefined && { tokenPrefix }),
        introspector: (world) =>
          createTokenIntrospector({
            ...world,
            ...given,
            async fetch(url, init) {
              if (init?.method !== 'POST') return world.fetch(url, init)
              calls++
              peak = Math.max(peak, ++underWay)
              return world.fetch(url, init).finally(() => underWay--)
            },
          }),
      },
    },
  }
}
