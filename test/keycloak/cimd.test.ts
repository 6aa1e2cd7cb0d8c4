/** The feature cimd: clients whose id is the URL of their metadata, under the profile and policy of the guide. */
import { readFileSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { visit } from '../../examples/demo/browser.js'
import { guideBlock } from '../support/guides.js'
import { homeOf } from './distribution.js'
import { Keycloak } from './keycloak.js'
import { loginByCode } from './mint.js'
import { SCOPE, startFixture, type Fixture } from '../support/fixture.js'
import { createWorkspace } from './workspace.js'

const EXAMPLE = resolve(import.meta.dirname, '../../examples/keycloak')

type Metadata = Readonly<Record<string, unknown>>

let keycloak: Keycloak
let fixture: Fixture
/** What is published, by path. */
const documents = new Map<string, Metadata>()
const host = createServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(documents.get(request.url ?? '')))
})

async function publish(metadata: Metadata): Promise<string> {
  const path = `/${crypto.randomUUID()}.json`
  const id = `http://127.0.0.1:${(host.address() as AddressInfo).port}${path}`
  documents.set(path, {
    client_id: id,
    client_name: 'published',
    redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    ...metadata,
  })
  return id
}

beforeAll(async () => {
  await new Promise<void>((listening) => host.listen(0, '127.0.0.1', listening))
  keycloak = await Keycloak.get({ features: 'cimd' })
  fixture = await startFixture(keycloak)
})
afterAll(async () => {
  await fixture.stop()
  host.close()
  host.closeAllConnections()
})

async function advertised(): Promise<Metadata> {
  const answer = await fetch(`${keycloak.issuer}/.well-known/openid-configuration`)
  return (await answer.json()) as Metadata
}

test('is advertised as soon as the feature is on, and without a policy nobody gets in', async () => {
  expect(await advertised()).toMatchObject({
    client_id_metadata_document_supported: true,
    token_endpoint_auth_methods_supported: expect.arrayContaining(['none']),
  })
  const clientId = await publish({})
  await expect(loginByCode(keycloak, { clientId })).rejects.toThrow(/answered 400.*not found/s)
})

test('the guide’s commands bring profile and policy to a realm', async () => {
  const workspace = createWorkspace({ 8180: Number(new URL(keycloak.origin).port) })
  onTestFinished(() => workspace.remove())
  symlinkSync(homeOf('cimd'), join(workspace.folder, 'keycloak-26.7.3'))
  expect(await workspace.run(guideBlock('keycloak', 'cimd'))).toMatchObject({ code: 0 })
  expect(await keycloak.admin.request('GET', '/client-policies/profiles')).toMatchObject({
    profiles: [{ name: 'mcp' }, { name: 'cimd' }],
  })
  expect(await keycloak.admin.request('GET', '/client-policies/policies')).toMatchObject({
    policies: [{ name: 'mcp' }, { name: 'cimd' }],
  })
})

describe('with profile and policy of the guide', () => {
  beforeAll(async () => {
    for (const name of ['profiles', 'policies']) {
      const text = readFileSync(join(EXAMPLE, `cimd-${name}.json`), 'utf8')
      // Our documents are on loopback, those of the clients are not.
      const local = text
        .replace('"cimd-allow-http-scheme": false', '"cimd-allow-http-scheme": true')
        .replace('"client-id-uri-scheme": ["https"]', '"client-id-uri-scheme": ["http"]')
        .replace('["claude.ai", "vscode.dev"]', '["127.0.0.1"]')
      await keycloak.admin.request('PUT', `/client-policies/${name}`, JSON.parse(local))
    }
  })

  test.each<[string, Metadata]>([
    ['as Claude Code publishes it', {}],
    [
      'as VS Code publishes it',
      {
        client_uri: 'https://code.visualstudio.com',
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1/callback', 'https://vscode.dev/redirect'],
      },
    ],
  ])('%s: a login on any port, and a token that opens the gateway', async (_, metadata) => {
    const clientId = await publish(metadata)
    const { access_token: token } = await loginByCode(keycloak, {
      clientId,
      scope: SCOPE,
      resource: fixture.url,
    })
    expect(decodeJwt(token)['azp']).toBe(clientId)
    expect(await fixture.call(token)).toMatchObject({ clientId, scope: SCOPE })
  })

  test('who they are is asked before they get in', async () => {
    const url = new URL(`${keycloak.protocol}/auth`)
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: await publish({}),
      redirect_uri: 'http://127.0.0.1:9/callback',
      code_challenge_method: 'S256',
      code_challenge: 'A'.repeat(43),
    }).toString()
    expect((await visit(url)).forms).toEqual([
      'Sign in to your account',
      'Grant Access to published',
    ])
  })

  test.each<[string, Metadata]>([
    [
      'Claude’s: a public client with jwt-bearer',
      { grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:jwt-bearer'] },
    ],
    ['ChatGPT’s: a plural', { token_endpoint_auth_methods_supported: ['none'] }],
    ['one of more than 5000 bytes', { client_name: 'x'.repeat(5_000) }],
    [
      'one that returns to a stranger as well',
      { redirect_uris: ['http://127.0.0.1/callback', 'https://app.example.com/'] },
    ],
    ['one with another id', { client_id: 'http://127.0.0.1/other.json' }],
  ])('refused: %s', async (_, metadata) => {
    const login = loginByCode(keycloak, { clientId: await publish(metadata), scope: SCOPE })
    await expect(login).rejects.toThrow(/answered 400/)
  })
})
