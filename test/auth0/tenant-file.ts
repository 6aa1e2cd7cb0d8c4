/** The tenant that the guide sets up, as `examples/auth0/tenant.yaml` writes it, and a replica that is set up so. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { Tenant, type Dialect, type Settings } from './tenant.js'

export const TENANT_FILE = join(resolve(import.meta.dirname, '../../examples/auth0'), 'tenant.yaml')

const Api = z.object({
  identifier: z.string(),
  token_dialect: z.string(),
  enforce_policies: z.boolean(),
  allow_offline_access: z.boolean(),
  scopes: z.array(z.object({ value: z.string() })),
})
const TenantFile = z.object({
  tenant: z.object({
    resource_parameter_profile: z.enum(['audience', 'compatibility']),
    authorization_response_iss_parameter_supported: z.boolean(),
    client_id_metadata_document_supported: z.boolean(),
    flags: z.object({ enable_dynamic_client_registration: z.boolean() }),
  }),
  resourceServers: z.tuple([Api]),
  clientGrants: z.tuple([
    z.object({ default_for: z.string(), audience: z.string(), scope: z.array(z.string()) }),
  ]),
  databases: z.tuple([z.object({ is_domain_connection: z.boolean() })]),
  roles: z.array(
    z.object({
      name: z.string(),
      permissions: z.array(
        z.object({ permission_name: z.string(), resource_server_identifier: z.string() }),
      ),
    }),
  ),
  clients: z.tuple([z.object({ callbacks: z.array(z.string()), is_first_party: z.boolean() })]),
})
export type TenantFile = z.infer<typeof TenantFile>

export function readTenantFile(resource: string): TenantFile {
  const text = readFileSync(TENANT_FILE, 'utf8').replaceAll('##MCP_RESOURCE##', resource)
  return TenantFile.parse(parse(text))
}

/** The id that the replica gives the static client. */
export const STATIC_CLIENT = 'tpc_static'

/**
 * A replica that the file was imported into. alice has the role of users, carol that of administrators.
 *
 * @param edit what somebody changed in the file
 */
export async function startTenant(
  resource: string,
  edit: (file: TenantFile) => void = () => undefined,
  settings: Partial<Settings> = {},
): Promise<Tenant> {
  const file = readTenantFile(resource)
  edit(file)
  const { tenant, resourceServers, clientGrants, databases, roles, clients } = file
  const [api] = resourceServers
  const [grant] = clientGrants
  const permissionsOf = (role: string) =>
    roles
      .filter(({ name }) => name === role)
      .flatMap(({ permissions }) => permissions.map((each) => each.permission_name))
  const started = await Tenant.start(
    [
      {
        identifier: api.identifier,
        scopes: api.scopes.map(({ value }) => value),
        dialect: api.token_dialect as Dialect,
        enforcePolicies: api.enforce_policies,
        allowOfflineAccess: api.allow_offline_access,
        ...(grant.audience === api.identifier && { thirdParty: grant.scope }),
      },
    ],
    {
      resourceParameterProfile: tenant.resource_parameter_profile,
      issuerInResponses: tenant.authorization_response_iss_parameter_supported,
      dynamicRegistration: tenant.flags.enable_dynamic_client_registration,
      cimd: tenant.client_id_metadata_document_supported,
      domainConnection: databases[0].is_domain_connection,
      permissions: {
        alice: permissionsOf('MCP users'),
        carol: permissionsOf('MCP administrators'),
      },
      ...settings,
    },
  )
  const [client] = clients
  started.addClient(STATIC_CLIENT, client.callbacks, !client.is_first_party)
  return started
}
