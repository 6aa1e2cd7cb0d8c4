/** The configuration of Authelia's guide, which nothing here can start: that it agrees with itself, and with the guide. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { guideBlock } from '../support/guides.js'

const FOLDER = resolve(import.meta.dirname, '../../examples/authelia')
const RESOURCE = 'https://mcp.example.com/mcp'

interface Client {
  readonly client_id: string
  readonly redirect_uris: readonly string[]
  readonly scopes: readonly string[]
  readonly client_secret?: string
}

/** As Authelia reads it after its filter: with the environment, and the files that the guide makes. */
function readConfiguration() {
  const made: string[] = []
  const text = readFileSync(join(FOLDER, 'configuration.yml'), 'utf8')
    .replaceAll('{{ env "MCP_RESOURCE" }}', RESOURCE)
    .replaceAll(/\{\{-? (?:secret|fileContent) "([^"]+)"[^}]*\}\}/g, (_, file: string) => {
      made.push(file)
      return `content of ${file}`
    })
  const configuration = parse(text) as {
    readonly identity_providers: {
      readonly oidc: {
        readonly scopes: object
        readonly jwks: readonly object[]
        readonly clients: readonly [Client, Client]
      }
    }
  }
  return { text, made, oidc: configuration.identity_providers.oidc }
}

const { text, made, oidc } = readConfiguration()
const [people, gateway] = oidc.clients

test('no secret stands in it, and what it reads the guide makes (test/authelia looks whether it does)', () => {
  const names = ['session', 'storage', 'reset', 'hmac', 'private.pem', 'gateway.digest']
  expect(made).toEqual(names.map((name) => `secrets/${name}`))
  expect(text).not.toContain('{{')
  expect(oidc.jwks).toEqual([{ key: 'content of secrets/private.pem\n' }])
  expect(gateway.client_secret).toBe('content of secrets/gateway.digest')
})

test('people’s client: public, with PKCE, for this resource, and with a scope that is defined', () => {
  expect(people).toMatchObject({
    client_id: 'mcp-client',
    public: true,
    token_endpoint_auth_method: 'none',
    require_pkce: true,
    pkce_challenge_method: 'S256',
    consent_mode: 'explicit',
    audience: [RESOURCE],
    requested_audience_mode: 'implicit',
  })
  expect(people.scopes).toContain('mcp:tools')
  expect(Object.keys(oidc.scopes)).toEqual(['mcp:tools'])
  expect(guideBlock('authelia', 'gateway')).toContain('--oauth-scopes mcp:tools')
  expect(guideBlock('authelia', 'client')).toContain(`--client-id ${people.client_id}`)
})

test('the gateway’s client is that of the command, and can get no token of a user', () => {
  const command = guideBlock('authelia', 'gateway')
  expect(command).toContain(`--oauth-client-id ${gateway.client_id} `)
  expect(gateway).toMatchObject({ redirect_uris: [], scopes: [] })
})

test('redirect URIs: those of the guide’s table, each once', () => {
  const guide = readFileSync(join(FOLDER, 'README.md'), 'utf8')
  const rows = [...guide.matchAll(/^\| (?:Claude|ChatGPT|VS Code|Cursor|Inspector).*$/gm)].join(
    '\n',
  )
  const named = [...rows.matchAll(/`((?:https?|cursor):\/\/[^`…]+)`/g)].map(([, uri = '']) => uri)
  const written = named.map((uri) => uri.replace(':PORT', ''))
  expect(written.length).toBeGreaterThanOrEqual(7)
  expect(people.redirect_uris).toEqual(expect.arrayContaining(written))
  expect(new Set(people.redirect_uris).size).toBe(people.redirect_uris.length)
  // Only this one fits every port.
  const bare = people.redirect_uris.filter((uri) => /^http:\/\/[^:/]+\//.test(uri))
  expect(bare.every((uri) => uri.startsWith('http://127.0.0.1/'))).toBe(true)
})
