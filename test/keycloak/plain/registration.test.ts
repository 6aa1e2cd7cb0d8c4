/** Who may register under the realm's policies: the clients of the guide with what they send, and no others. */
import { beforeAll, describe, expect, test } from 'vitest'
import { Keycloak } from '../keycloak.js'

let keycloak: Keycloak

beforeAll(async () => {
  keycloak = await Keycloak.get()
})

type Metadata = Readonly<Record<string, unknown>>

const PUBLIC: Metadata = {
  client_name: 'a client',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
}
const LOCAL: Metadata = { ...PUBLIC, redirect_uris: ['http://localhost:3118/callback'] }

async function register(metadata: Metadata, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetch(`${keycloak.issuer}/clients-registrations/openid-connect`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(metadata),
  })
  const body = (await answer.json()) as Metadata
  return {
    status: answer.status,
    error: body['error'],
    description: body['error_description'],
    body,
  }
}

/** Whatever the policies refuse, they call it so. */
function refusedBy(policy: string): object {
  return {
    status: 403,
    error: 'insufficient_scope',
    description: expect.stringContaining(`Policy '${policy}' rejected`),
  }
}

describe('registered', () => {
  test.each<[string, Metadata]>([
    ['Claude', { ...PUBLIC, redirect_uris: ['https://claude.ai/api/mcp/auth_callback'] }],
    [
      'Claude, both names, with a scope',
      {
        ...PUBLIC,
        scope: 'mcp:tools offline_access',
        redirect_uris: [
          'https://claude.ai/api/mcp/auth_callback',
          'https://claude.com/api/mcp/auth_callback',
        ],
      },
    ],
    ['Claude Code', LOCAL],
    [
      'ChatGPT',
      {
        ...PUBLIC,
        redirect_uris: [
          'https://chatgpt.com/connector/oauth/a1',
          'https://chatgpt.com/connector_platform_oauth_redirect',
        ],
      },
    ],
    [
      'VS Code',
      {
        ...PUBLIC,
        client_uri: 'https://code.visualstudio.com',
        application_type: 'native',
        grant_types: [
          'authorization_code',
          'refresh_token',
          'urn:ietf:params:oauth:grant-type:device_code',
        ],
        redirect_uris: [
          'https://insiders.vscode.dev/redirect',
          'https://vscode.dev/redirect',
          'http://127.0.0.1/',
          'http://127.0.0.1:33418/',
        ],
      },
    ],
    [
      // The host of the first is anysphere.cursor-mcp, and trusted as any other.
      'Cursor',
      {
        ...PUBLIC,
        redirect_uris: [
          'cursor://anysphere.cursor-mcp/oauth/callback',
          'https://www.cursor.com/agents/mcp/oauth/callback',
          'http://localhost:8787/callback',
        ],
      },
    ],
    [
      'Inspector',
      {
        ...PUBLIC,
        client_uri: 'https://github.com/modelcontextprotocol/inspector',
        redirect_uris: ['http://localhost:6274/oauth/callback'],
      },
    ],
    ['a client of OpenID Connect', { ...LOCAL, scope: 'openid mcp:tools' }],
  ])('%s', async (_, metadata) => {
    const { status, body } = await register(metadata)
    expect(status).toBe(201)
    expect(body['redirect_uris']).toHaveLength((metadata['redirect_uris'] as string[]).length)
    expect(body).toMatchObject({ token_endpoint_auth_method: 'none' })
    expect(body).not.toHaveProperty('client_secret')
  })

  test('a page in a browser, from the one origin that may', async () => {
    const origin = (host: string) => ({ origin: `http://${host}` })
    expect(await register(LOCAL, origin('localhost:6274'))).toMatchObject({ status: 201 })
    expect(await register(LOCAL, origin('localhost:6275'))).toMatchObject({
      status: 403,
      error: 'Invalid origin',
    })
  })
})

describe('refused', () => {
  test.each<[string, Metadata]>([
    ['a stranger', { redirect_uris: ['https://app.example.com/callback'] }],
    [
      'a stranger behind a friend',
      { redirect_uris: ['http://localhost/callback', 'https://app.example.com/callback'] },
    ],
    ['a name that only begins right', { redirect_uris: ['https://claude.ai.example.com/'] }],
    ['a name below a trusted one', { redirect_uris: ['https://evil.claude.ai/callback'] }],
    ['the home page of a stranger', { client_uri: 'https://app.example.com/' }],
  ])('%s, by Trusted Hosts', async (_, metadata) => {
    expect(await register({ ...LOCAL, ...metadata })).toMatchObject(refusedBy('Trusted Hosts'))
  })

  test.each(['mcp:other', 'mcp:tools service_account'])(
    'the scope %s, by Allowed Client Scopes',
    async (scope) => {
      const result = await register({ ...LOCAL, scope })
      expect(result).toMatchObject(refusedBy('Allowed Client Scopes'))
    },
  )

  test('but not the scope basic, which everybody has', async () => {
    expect((await register({ ...LOCAL, scope: 'basic' })).status).toBe(201)
  })

  test('a member that Keycloak does not know', async () => {
    const { status, error } = await register({ ...LOCAL, comment: 'hello' })
    expect(status).toBe(400)
    expect(error).toContain('Unrecognized field "comment"')
  })
})
