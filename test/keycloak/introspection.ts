/** What makes a gateway ask Keycloak about tokens. */
import {
  countedIntrospection,
  type Introspection,
  type IntrospectionSpec,
} from '../support/introspection.js'
import type { Keycloak } from './keycloak.js'

/** As the client of the realm that is named like the resource, by its secret, unless told otherwise. */
export async function introspection(
  { issuer, resource, admin }: Pick<Keycloak, 'issuer' | 'resource' | 'admin'>,
  spec: IntrospectionSpec = {},
): Promise<Introspection> {
  const { secret } = await admin.findClient(resource)
  return countedIntrospection({
    clientId: resource,
    ...(secret !== undefined && { clientSecret: secret }),
    ...spec,
    issuer,
  })
}
