/**
 * The file of the guide, by the schema of the tool that imports it, as far as that goes without a tenant. The tool lets
 * unknown members of an API or a client pass, so their names are compared with those of Auth0's own SDK as well.
 */
import { readFileSync } from 'node:fs'
import type { Management } from 'auth0'
import { setupContext } from 'auth0-deploy-cli/lib/context/index.js'
import schema from 'auth0-deploy-cli/lib/tools/auth0/schema.js'
import { beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { writeTemporary } from '../support/cli.js'
import { readTenantFile, TENANT_FILE } from './tenant-file.js'

const RESOURCE = 'https://mcp.example.com/mcp'

/** What the tool reads, after it was validated. It asks nobody: the domain does not exist. */
async function load(file: string): Promise<Record<string, unknown>> {
  const config = {
    AUTH0_DOMAIN: 'tenant.auth0.invalid',
    AUTH0_ACCESS_TOKEN: 'none',
    AUTH0_INPUT_FILE: file,
    AUTH0_KEYWORD_REPLACE_MAPPINGS: { MCP_RESOURCE: RESOURCE },
  }
  const context = await setupContext(config as never, 'import')
  await context.loadAssetsFromLocal()
  return context.assets as Record<string, unknown>
}

beforeAll(() => {
  // The tool compiles its schema for each file. Nearly all of it is about every text of a login page in every language;
  // our file has none, and without this member of the schema it could not have one.
  const { properties } = schema as unknown as { readonly properties: Record<string, unknown> }
  expect(Object.keys(properties)).toContain('prompts')
  delete properties['prompts']
})

test('auth0-deploy-cli takes it', async () => {
  expect(await load(TENANT_FILE)).toMatchObject(readTenantFile(RESOURCE))
})

test('a member that the schema does not have is refused', async () => {
  const text = `${readFileSync(TENANT_FILE, 'utf8')}\nprompts: {}\n`
  await expect(load(writeTemporary('tenant.yaml', text))).rejects.toThrow('additional properties')
})

test.each([
  ['resource_parameter_profile: compatibility', 'resource_parameter_profile: on', 'allowed values'],
  ['default_for: third_party_clients', 'subject: user', 'One of "client_id" or "default_for"'],
])('it would not take %s as %s', async (was, becomes, complaint) => {
  const text = readFileSync(TENANT_FILE, 'utf8')
  const changed = text.replace(was, becomes)
  expect(changed).not.toBe(text)
  await expect(load(writeTemporary('tenant.yaml', changed))).rejects.toThrow(complaint)
})

/** Of the requests that the tool makes of the file. */
const MEMBERS = {
  tenant: [
    'resource_parameter_profile',
    'authorization_response_iss_parameter_supported',
    'client_id_metadata_document_supported',
    'flags',
  ] satisfies (keyof Management.UpdateTenantSettingsRequestContent)[],
  resourceServers: [
    'name',
    'identifier',
    'signing_alg',
    'token_dialect',
    'enforce_policies',
    'allow_offline_access',
    'token_lifetime',
    'scopes',
  ] satisfies (keyof Management.CreateResourceServerRequestContent)[],
  clientGrants: [
    'default_for',
    'audience',
    'subject_type',
    'scope',
  ] satisfies (keyof Management.CreateClientGrantRequestContent)[],
  databases: [
    'name',
    'strategy',
    'is_domain_connection',
  ] satisfies (keyof Management.CreateConnectionRequestContent)[],
  roles: ['name', 'description', 'permissions'] satisfies (
    keyof Management.CreateRoleRequestContent | 'permissions'
  )[],
  clients: [
    'name',
    'app_type',
    'is_first_party',
    'oidc_conformant',
    'token_endpoint_auth_method',
    'grant_types',
    'jwt_configuration',
    'callbacks',
  ] satisfies (keyof Management.CreateClientRequestContent)[],
}

test('every member has a name that Auth0 knows', () => {
  const file = parse(readFileSync(TENANT_FILE, 'utf8')) as Record<string, object | object[]>
  expect(Object.keys(file)).toEqual(Object.keys(MEMBERS))
  for (const [name, members] of Object.entries(MEMBERS)) {
    for (const entry of [file[name]].flat()) {
      expect(members).toEqual(expect.arrayContaining(Object.keys(entry ?? {})))
    }
  }
  const values = file as unknown as {
    tenant: { flags: object }
    resourceServers: [{ token_dialect: string; signing_alg: string }]
    clients: [{ app_type: string; token_endpoint_auth_method: string }]
  }
  expect(Object.keys(values.tenant.flags)).toEqual([
    'enable_dynamic_client_registration',
  ] satisfies (keyof Management.TenantSettingsFlags)[])
  const [api] = values.resourceServers
  expect(api.token_dialect).toBe(
    'rfc9068_profile_authz' satisfies Management.ResourceServerTokenDialectSchemaEnum,
  )
  expect(api.signing_alg).toBe('RS256' satisfies Management.SigningAlgorithmEnum)
  const [client] = values.clients
  expect(client.app_type).toBe('native' satisfies Management.ClientAppTypeEnum)
  expect(client.token_endpoint_auth_method).toBe(
    'none' satisfies Management.ClientTokenEndpointAuthMethodEnum,
  )
})

test('grants and roles name scopes of the API, and the callbacks are those of the clients', () => {
  const { resourceServers, clientGrants, roles, clients } = readTenantFile(RESOURCE)
  const [api] = resourceServers
  const scopes = api.scopes.map(({ value }) => value)
  expect(api.identifier).toBe(RESOURCE)
  expect(clientGrants[0]).toMatchObject({ audience: RESOURCE, scope: scopes })
  for (const { permission_name, resource_server_identifier } of roles.flatMap(
    ({ permissions }) => permissions,
  )) {
    expect(scopes).toContain(permission_name)
    expect(resource_server_identifier).toBe(RESOURCE)
  }
  // No wildcards for third-party applications, and no duplicates.
  const [{ callbacks }] = clients
  expect(callbacks.filter((callback) => callback.includes('*'))).toEqual([])
  expect(new Set(callbacks).size).toBe(callbacks.length)
})
