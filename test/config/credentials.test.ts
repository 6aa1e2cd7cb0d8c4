/** Our own credentials at the identity provider: from a file or the environment, never shown, and never half there. */
import { describe, expect, test } from 'vitest'
import { createGateway } from 'mcp-gatehouse/gateway'
import { toGatewayOptions } from '../../src/config/to-gateway-options.js'
import { FakeIntrospection } from '../introspect/server.js'
import { verifies } from '../support/verifies.js'
import { inFile, OAUTH, problemsOf, read, readerOf, RESOURCE } from './support.js'

const FILES = {
  '/s': 'hunter2-file\n',
  '/empty': '\n',
  '/k.pem': '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n',
}
const BASE = [...OAUTH, '--resource', RESOURCE]
const CLIENT = [...BASE, '--oauth-client-id', 'rs']
const SECRET = { MCP_GATEHOUSE_OAUTH_CLIENT_SECRET: 'hunter2-env' }

describe('what fits together', () => {
  test.each([
    ['a secret in a file', [...CLIENT, '--oauth-client-secret-file', '/s'], {}],
    ['a secret in the environment', CLIENT, SECRET],
    [
      'a key',
      [...CLIENT, '--oauth-introspection-auth=private_key_jwt', '--oauth-client-key-file=/k.pem'],
      {},
    ],
    ['neither, where none is wanted', [...CLIENT, '--oauth-introspection-auth', 'none'], {}],
    ['every token is asked about', [...CLIENT, '--oauth-validation', 'introspection'], SECRET],
  ])('%s', async (_, argv, env) => {
    expect(await problemsOf(argv, { env, files: FILES })).toEqual([])
  })

  test.each([
    ['no secret', CLIENT, {}, '--oauth-client-id: has no secret'],
    [
      'two secrets',
      [...CLIENT, '--oauth-client-secret-file', '/s'],
      SECRET,
      '--oauth-client-secret-file: is given together with the secret itself',
    ],
    [
      'an empty file',
      [...CLIENT, '--oauth-client-secret-file', '/empty'],
      {},
      '--oauth-client-secret-file: /empty is empty',
    ],
    [
      'no such file',
      [...CLIENT, '--oauth-client-secret-file', '/x'],
      {},
      '--oauth-client-secret-file: /x cannot be read (ENOENT)',
    ],
    [
      'a method without its key',
      [...CLIENT, '--oauth-introspection-auth', 'private_key_jwt'],
      SECRET,
      '--oauth-introspection-auth: private_key_jwt needs a key',
    ],
    [
      'a key that is none',
      [...CLIENT, '--oauth-introspection-auth=private_key_jwt', '--oauth-client-key-file=/s'],
      {},
      '--oauth-client-key-file: /s holds no private key',
    ],
    [
      'a secret and no client',
      BASE,
      SECRET,
      'MCP_GATEHOUSE_OAUTH_CLIENT_SECRET: needs --oauth-client-id',
    ],
    [
      'a prefix and no client',
      [...BASE, '--oauth-token-prefix', 'a_'],
      {},
      '--oauth-token-prefix: needs --oauth-client-id',
    ],
    [
      'introspection and no client',
      [...BASE, '--oauth-validation', 'introspection'],
      {},
      '--oauth-validation: introspection needs a client id',
    ],
    [
      'several issuers',
      [...CLIENT, '--oauth-issuer', 'https://b.example'],
      SECRET,
      '--oauth-client-id: applies to one issuer, but there are several',
    ],
  ])('%s is a problem', async (_, argv, env, problem) => {
    expect(await problemsOf(argv, { env, files: FILES })).toContain(problem)
  })

  verifies(
    ['GW-08', 'CASE-67'],
    'a secret as a flag, or in the file, is refused and shown nowhere',
    async () => {
      const byFlag = await problemsOf([...CLIENT, '--oauth-client-secret', 'hunter2'])
      expect(byFlag.join()).toContain('--oauth-client-secret: no such flag')
      const byFile = await problemsOf(CLIENT, inFile('oauth:\n  clientSecret: hunter2\n'))
      expect(byFile.join()).toContain('oauth.clientSecret: no such setting')
      expect(JSON.stringify([byFlag, byFile])).not.toContain('hunter2')
    },
  )

  verifies('IDN-42', 'a dialect needs an audience and scopes, and is warned about', async () => {
    const argv = [...BASE, '--oauth-client-id', 'c-1', '--oauth-introspection-dialect', 'google']
    const problems = (await problemsOf(argv)).join('\n')
    expect(problems).toContain('must be the client id at the provider')
    expect(problems).toContain('must not be empty')
    const whole = [...argv, '--oauth-audience', 'c-1', '--oauth-scopes', 'openid']
    expect(await problemsOf(whole)).toEqual([])
    const warning = expect.stringContaining("also opens the provider's own APIs") as string
    expect((await read(whole)).warnings).toContainEqual(warning)
    expect((await read(BASE)).warnings).not.toContainEqual(warning)
    const github = whole.map((each) => (each === 'google' ? 'github' : each))
    expect((await problemsOf(github)).join()).toContain('--oauth-client-id: has no secret')
  })

  verifies('JWT-02', 'an audience claim needs an audience and scopes', async () => {
    const argv = [...BASE, '--oauth-audience-claim', 'client_id']
    const problems = (await problemsOf(argv)).join('\n')
    expect(problems).toContain('--oauth-audience-claim: needs audience')
    expect(problems).toContain('--oauth-audience-claim: needs scopes')
    const whole = [...argv, '--oauth-audience', 'client-1', '--oauth-scopes', 'a']
    expect(await problemsOf(whole)).toEqual([])
  })
})

verifies(
  ['INT-01', 'INT-02'],
  'the gateway asks with them, and readiness says why it cannot',
  async () => {
    const idp = new FakeIntrospection()
    const argv = [
      ...CLIENT,
      '--oauth-client-secret-file',
      '/s',
      '--oauth-validation',
      'introspection',
      '--oauth-wait',
      '0',
    ]
    const configuration = await read([...argv, '--port', '0'], { files: FILES })
    expect(configuration.problems).toEqual([])
    expect(readerOf(FILES)('/s')).toContain('hunter2')
    const gateway = createGateway({ ...toGatewayOptions(configuration), fetch: idp.fetch })
    const { url } = await gateway.listen()
    try {
      const call = async (token: string) =>
        (await fetch(`${url}/mcp`, { headers: { authorization: `Bearer ${token}` } })).status
      const { FakeIdp } = await import('../support/idp.js')
      const token = await (await FakeIdp.start()).token()
      idp.answer = () => ({ active: false })
      expect(await call(token)).toBe(401)
      const basic = idp.calls[0]?.authorization?.slice('Basic '.length) ?? ''
      expect(Buffer.from(basic, 'base64').toString()).toBe('rs:hunter2%2Dfile')
      idp.answer = () => Response.json({ error: 'invalid_client' }, { status: 401 })
      expect(await call(`${token.slice(0, -8)}AAAAAAAA`)).toBe(503)
      const { ready, checks } = await gateway.readiness()
      expect(ready).toBe(false)
      expect(checks.find(({ name }) => name === 'introspection')?.reason).toContain(
        'invalid_client',
      )
      expect(JSON.stringify(checks)).not.toContain('hunter2')
    } finally {
      await gateway.close()
    }
  },
)
