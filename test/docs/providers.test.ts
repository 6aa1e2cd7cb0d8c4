/**
 * The guides of identity providers that cannot be run here: their gateway commands accept the tokens that they print,
 * and refuse the nearest wrong ones as they say.
 */
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { runExplain } from '../../src/cli/explain/command.js'
import { runClients } from '../../src/cli/clients/command.js'
import { readConfiguration } from '../../src/config/read-configuration.js'
import { guideBlock, guideToken, readGuide } from '../support/guides.js'
import { FakeIdp, fakeKey } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

type Claims = Readonly<Record<string, unknown>>

interface Guide {
  readonly guide: string
  readonly command: string
  readonly token: Claims
  /** What is read out of the token. */
  readonly wrong: readonly {
    readonly name: string
    readonly claims: Claims
    readonly alg?: string
    readonly code: string
  }[]
}

const without = (...names: readonly string[]): Claims =>
  Object.fromEntries(names.map((name) => [name, undefined]))

const GUIDES: readonly Guide[] = [
  {
    guide: 'entra',
    command: guideBlock('entra', 'gateway'),
    token: guideToken('entra', 'gateway'),
    wrong: [
      {
        name: 'the URL as audience',
        claims: { aud: 'https://mcp.example.com/mcp' },
        code: 'ERR_TOKEN_AUDIENCE',
      },
      {
        name: 'Microsoft Graph as audience',
        claims: { aud: '00000003-0000-0000-c000-000000000000' },
        code: 'ERR_TOKEN_AUDIENCE',
      },
      {
        name: 'version 1',
        claims: { iss: 'https://sts.windows.net/TENANT/' },
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
      },
      {
        name: 'another tenant',
        claims: { iss: 'https://login.microsoftonline.com/OTHER/v2.0' },
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
      },
      {
        name: 'an application without a user',
        claims: { ...without('scp'), roles: ['mcp.use'] },
        code: 'ERR_SCOPE_INSUFFICIENT',
      },
      { name: 'its ID token', claims: { nonce: 'n' }, code: 'ERR_TOKEN_TYPE' },
    ],
  },
  {
    guide: 'entra',
    command: guideBlock('entra', 'machines'),
    token: guideToken('entra', 'machines'),
    wrong: [
      { name: 'no role', claims: without('roles'), code: 'ERR_SCOPE_INSUFFICIENT' },
      { name: 'another role', claims: { roles: ['mcp.admin'] }, code: 'ERR_SCOPE_INSUFFICIENT' },
      { name: 'another application', claims: { aud: 'OTHER' }, code: 'ERR_TOKEN_AUDIENCE' },
    ],
  },
  {
    guide: 'okta',
    command: guideBlock('okta', 'gateway'),
    token: guideToken('okta', 'gateway'),
    wrong: [
      {
        name: 'the Audience as it is preset',
        claims: { aud: 'api://default' },
        code: 'ERR_TOKEN_AUDIENCE',
      },
      {
        name: 'a token of the organization',
        claims: { iss: 'https://acme.okta.com' },
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
      },
      {
        name: 'a scope that the rule did not grant',
        claims: { scp: ['offline_access'] },
        code: 'ERR_SCOPE_INSUFFICIENT',
      },
    ],
  },
  {
    guide: 'docs/identity-providers',
    command: guideBlock('docs/identity-providers', 'authentik'),
    token: guideToken('docs/identity-providers', 'authentik'),
    wrong: [
      { name: 'no mapping of the scope', claims: without('scope'), code: 'ERR_SCOPE_INSUFFICIENT' },
      { name: 'a nonce', claims: { nonce: 'n' }, code: 'ERR_TOKEN_TYPE' },
      {
        name: 'the issuer without its slash',
        claims: { iss: 'https://auth.example.com/application/o/mcp' },
        code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
      },
      { name: 'another client', claims: { aud: 'another' }, code: 'ERR_TOKEN_AUDIENCE' },
      { name: 'no Signing Key', claims: {}, alg: 'HS256', code: 'ERR_TOKEN_ALGORITHM' },
    ],
  },
  {
    guide: 'docs/identity-providers',
    command: guideBlock('docs/identity-providers', 'zitadel'),
    token: guideToken('docs/identity-providers', 'zitadel'),
    wrong: [
      {
        name: 'another project',
        claims: { aud: ['276789515123458049', '276789483087364098'] },
        code: 'ERR_TOKEN_AUDIENCE',
      },
    ],
  },
]

/** The words of a command after the program. */
function argvOf(command: string): readonly string[] {
  const [program, ...argv] = command.replaceAll('\\\n', ' ').trim().split(/\s+/)
  expect(program).toBe('mcp-gatehouse')
  return argv
}

const key = await fakeKey('providers', 'RS256')

/** What the gateway would say of such a token. */
async function judge(command: string, claims: Claims, alg = 'RS256') {
  const idp = new FakeIdp('unused')
  idp.keys = [key]
  const header = { typ: 'JWT' }
  const token =
    alg === 'RS256'
      ? // What is not in the guide is not in the token.
        await idp.token({ claims: { ...without('client_id', 'scope', 'jti'), ...claims }, header })
      : await sharedSecretToken(claims)
  let output = ''
  const keys = JSON.stringify({ keys: [key.jwk] })
  const code = await runExplain([...argvOf(command), '--oauth-jwks-file', '/keys.json', '--json'], {
    stdin: Readable.from([token]),
    stdout: (text) => void (output += text),
    stderr: (text) => void (output += text),
    env: {},
    readFile: () => keys,
    now: Date.now,
  })
  return { code, output }
}

async function sharedSecretToken(claims: Claims): Promise<string> {
  const { SignJWT } = await import('jose')
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('5m')
    .sign(new Uint8Array(64).fill(7))
}

for (const { guide, command, token, wrong } of GUIDES) {
  const issuer = String(token['iss'])
  describe(`${guide}: ${issuer}`, () => {
    verifies('FLD-61', 'the token of the guide is accepted', async () => {
      const { code, output } = await judge(command, token)
      expect({ code, output }).toMatchObject({ code: 0, output: expect.any(String) })
    })

    test('the settings are those of an issuer, and no flag is unknown', async () => {
      const argv = argvOf(command)
      const read = (more: readonly string[]) =>
        readConfiguration({ argv: [...argv, ...more], env: {}, readFile: () => '' })
      expect((await read([])).problems).toEqual([])
      expect((await read(['--no-such-flag'])).problems).not.toEqual([])
    })

    for (const { name, claims, alg, code } of wrong) {
      verifies('FLD-61', `${name}: ${code}`, async () => {
        const judged = await judge(command, { ...token, ...claims }, alg)
        expect(judged.code, judged.output).toBe(1)
        expect(judged.output).toContain(code)
        expect(readGuide(guide)).toContain(code)
      })
    }
  })
}

verifies('FLD-61', 'Entra: clients are asked for the scope by its full name', async () => {
  const { settings } = await readConfiguration({
    argv: argvOf(guideBlock('entra', 'gateway')),
    env: {},
    readFile: () => '',
  })
  const { resource, oauth } = settings as unknown as {
    readonly resource: string
    readonly oauth: { readonly scopes: readonly string[]; readonly scopePrefix: string }
  }
  expect(oauth.scopes.map((scope) => `${oauth.scopePrefix}${scope}`)).toEqual([
    `${resource}/mcp.use`,
  ])
  expect(readGuide('entra')).toContain(`\`${resource}/mcp.use\``)
})

test.each([
  ['entra', guideBlock('entra', 'client'), 'https://graph.microsoft.com/v1.0/applications'],
  ['okta', guideBlock('okta', 'client'), 'https://acme.okta.com/api/v1/apps'],
  [
    'docs/clients',
    guideBlock('docs/clients', 'register'),
    'https://sso.example.com/admin/realms/mcp/clients',
  ],
])('%s: the call that registers a client is printed', async (_guide, block, url) => {
  const [name, ...argv] = argvOf(block)
  expect(name).toBe('clients')
  let stdout = ''
  const code = await runClients(argv, {
    stdout: (text) => (stdout += text),
    stderr: () => undefined,
    readFile: () => '',
    env: {},
  })
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(url) })
})
