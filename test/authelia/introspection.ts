/** What makes a gateway ask Authelia about tokens, as the guide says. */
import {
  countedIntrospection,
  type Introspection,
  type IntrospectionSpec,
} from '../support/introspection.js'
import { GATEWAY } from './configuration.js'
import type { Server } from './server.js'

export function introspection(
  { issuer, ca, clientSecret }: Server,
  spec: IntrospectionSpec = {},
): Introspection {
  const { options, ...counts } = countedIntrospection({
    clientId: GATEWAY,
    clientSecret,
    validation: 'auto',
    tokenPrefix: 'authelia_at_',
    ...spec,
    issuer,
  })
  // 4.37.5 does not know our scopes.
  return { ...counts, options: { ca, scopes: 'groups', ...options } }
}
