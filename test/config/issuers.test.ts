/** `oauth.issuers` of the config file: several issuers, each with settings of its own. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { runCheck } from '../../src/cli/check.js'
import { toGatewayOptions } from '../../src/config/to-gateway-options.js'
import { verifies } from '../support/verifies.js'
import { inFile, ISSUER, OPEN, problemsOf, read, readerOf } from './support.js'

const OTHER = 'https://auth.example.com'
const FILES = { '/run/secrets/gatehouse': 'hunter2\n', '/run/secrets/other': 'hunter2 too\n' }
const BASE = `auth: oauth
oauth:
  scopes: mcp:read
  audience: https://mcp.example.com/mcp
  issuers:
`
const TWO = `${BASE}
    - issuer: ${ISSUER}
      clientId: gatehouse
      clientSecretFile: /run/secrets/gatehouse
      validation: introspection
      introspectionCache: 5s
      tokenPrefix: eyJ
    - issuer: ${OTHER}
      clientId: mcp-rs
      clientSecretFile: /run/secrets/other
      tokenPrefix: authelia_at_
      audience: [mcp, https://mcp.example.com/mcp]
      scopeClaim: scp
      acceptIdTokenClaims: true
`

test('the example of docs/introspection.md is right', async () => {
  const page = readFileSync('docs/introspection.md', 'utf8')
  const example = /```yaml\n(oauth:\n {2}issuers:\n.*?)```/s.exec(page)?.[1] ?? 'none'
  const files = { '/run/secrets/mcp-rs': 'hunter2\n' }
  const configuration = await read(OPEN, inFile(`auth: oauth\n${example}`, files))
  expect(configuration.problems).toEqual([])
  expect(toGatewayOptions(configuration)).toMatchObject({
    authorizationServers: [{ issuer: ISSUER }, { issuer: OTHER, tokenPrefix: 'authelia_at_' }],
  })
})

verifies('TOK-07', 'each issuer has its keys, its client and its rules', async () => {
  const configuration = await read(OPEN, inFile(TWO, FILES))
  expect(configuration.problems).toEqual([])
  expect(toGatewayOptions(configuration)).toMatchObject({
    audience: ['https://mcp.example.com/mcp'],
    scopes: ['mcp:read'],
    acceptIdTokenClaims: false,
    authorizationServers: [
      { issuer: ISSUER, validation: 'introspection', introspector: expect.any(Function) },
      {
        issuer: OTHER,
        validation: 'auto',
        tokenPrefix: 'authelia_at_',
        introspector: expect.any(Function),
        audience: ['mcp', 'https://mcp.example.com/mcp'],
        scopeClaims: ['scp'],
        acceptIdTokenClaims: true,
      },
    ],
  })
  const [first] = toGatewayOptions(configuration).authorizationServers as object[]
  expect(first).not.toHaveProperty('audience')
  expect(first).not.toHaveProperty('acceptIdTokenClaims')
  expect(configuration.warnings).toEqual([
    expect.stringMatching(
      /:19:7: oauth\.issuers\[1\]\.acceptIdTokenClaims: ID tokens .* are accepted, too$/,
    ),
  ])
})

describe('a rule of all', () => {
  const listed = `    - issuer: ${ISSUER}\n    - issuer: ${OTHER}\n      scopeClaim: scp\n`
  const claimsOf = async (file: string, argv: readonly string[] = []) => {
    const { problems, issuers } = await read([...OPEN, ...argv], inFile(file))
    expect(problems).toEqual([])
    return issuers.map(({ settings, own }) => ({
      claims: settings.oauth.scopeClaim,
      isOwn: own.has('oauth.scopeClaim'),
    }))
  }

  test('of the file holds for those that have none of their own', async () => {
    const file = BASE.replace('  issuers:', '  scopeClaim: permissions\n  issuers:') + listed
    expect(await claimsOf(file)).toEqual([
      { claims: ['permissions'], isOwn: false },
      { claims: ['scp'], isOwn: true },
    ])
  })

  test('of a flag comes before what the file says of one', async () => {
    const argv = ['--oauth-scope-claim', 'permissions']
    expect(await claimsOf(BASE + listed, argv)).toEqual([
      { claims: ['permissions'], isOwn: false },
      { claims: ['permissions'], isOwn: false },
    ])
  })
})

test('without auth: oauth, or with stdio, the list does nothing, loudly', async () => {
  const file = inFile(BASE.replace('auth: oauth\n', '') + `    - issuer: ${ISSUER}\n`)
  expect((await read(OPEN, file)).warnings).toEqual([
    expect.stringMatching(/^no token is checked: .*gatehouse\.yaml:4:3: oauth\.issuers/),
  ])
  expect((await read(['--transport', 'stdio', '--', 'true'], file)).warnings).toEqual([
    expect.stringMatching(/^with stdio these settings have no effect: .*oauth\.issuers/),
  ])
})

test('hints lead to where a setting belongs', async () => {
  const hintsFor = async (file: string) =>
    (await read(OPEN, inFile(file, FILES))).problems.map(({ hint }) => hint)
  const one = `${BASE}    - issuer: ${ISSUER}\n`
  expect(await hintsFor(`issuers: []\n${one}`)).toEqual(['write it below oauth:'])
  expect(await hintsFor(`${one}      scopes: a\n`)).toEqual([
    'it applies to all: write it beside issuers:',
  ])
  expect(await hintsFor(`${one}      tokenPrefix: ory_at_\n`)).toEqual([
    'the client of this resource server',
  ])
  expect(await hintsFor(`${one}      clientId: mcp\n`)).toEqual([
    'clientSecretFile beside its issuer',
  ])
})

test('files are relative to the config file', async () => {
  const keys = '{"keys":[]}'
  const file = `${BASE}    - {issuer: ${ISSUER}, jwksFile: keys.json}\n`
  const { issuers } = await read(OPEN, inFile(file, { [`${process.cwd()}/keys.json`]: keys }))
  expect(issuers[0]?.settings.oauth.jwksFile).toBe(`${process.cwd()}/keys.json`)
})

describe('what is wrong, and where', () => {
  const cases: Record<string, [file: string, problems: readonly string[], argv?: string[]]> = {
    'no issuer': [
      `${BASE}    - clientId: a\n`,
      [
        'gatehouse.yaml:6:7: oauth.issuers[0]: has no issuer',
        expect.stringMatching(/secret/) as string,
      ],
    ],
    'no list': [
      `${BASE}      issuer: ${ISSUER}\n`,
      ['gatehouse.yaml:5:3: oauth.issuers: is not a list of issuers'],
    ],
    'no map': [
      `${BASE}    - ${ISSUER}\n`,
      ['gatehouse.yaml:6:7: oauth.issuers[0]: is not a list of names with values'],
    ],
    empty: [`${BASE.trimEnd()} []\n`, ['gatehouse.yaml:5:3: oauth.issuers: is empty']],
    'several in one': [
      `${BASE}    - issuer: [${ISSUER}, ${OTHER}]\n`,
      ['gatehouse.yaml:6:7: oauth.issuers[0].issuer: takes one value'],
    ],
    'a name that does not exist': [
      `${BASE}    - issuer: ${ISSUER}\n      jwksUrl: https://keys.example.com\n`,
      ['gatehouse.yaml:7:7: oauth.issuers[0].jwksUrl: no such setting'],
    ],
    'what is for all': [
      `${BASE}    - issuer: ${ISSUER}\n      scopes: a\n`,
      ['gatehouse.yaml:7:7: oauth.issuers[0].scopes: no such setting'],
    ],
    'a secret': [
      `${BASE}    - issuer: ${ISSUER}\n      clientSecret: hunter2\n`,
      ['gatehouse.yaml:7:7: oauth.issuers[0].clientSecret: no such setting'],
    ],
    'a list at the top': [
      `issuers: []\nauth: oauth\n`,
      ['gatehouse.yaml:1:1: issuers: no such setting', '--oauth-issuer: is missing'],
    ],
    'a list in a list': [
      `${BASE}    - issuer: ${ISSUER}\n      issuers: []\n`,
      ['gatehouse.yaml:7:7: oauth.issuers[0].issuers: no such setting'],
    ],
    'a value that cannot be': [
      `${BASE}    - issuer: ${ISSUER}\n      validation: perhaps\n`,
      ['gatehouse.yaml:7:7: oauth.issuers[0].validation: must be auto or jwt or introspection'],
    ],
    'the same issuer twice': [
      `${BASE}    - issuer: ${ISSUER}\n    - issuer: ${ISSUER}\n`,
      ['gatehouse.yaml:7:7: oauth.issuers[1].issuer: is listed twice'],
    ],
    'an address without TLS': [
      `${BASE}    - issuer: ${ISSUER}\n    - issuer: ${OTHER}\n      jwksUri: http://keys.example.com\n`,
      [expect.stringMatching(/^gatehouse\.yaml:8:7: oauth\.issuers\[1\]\.jwksUri: /) as string],
    ],
    'a client without a secret': [
      `${BASE}    - issuer: ${ISSUER}\n    - issuer: ${OTHER}\n      clientId: mcp\n`,
      ['gatehouse.yaml:8:7: oauth.issuers[1].clientId: has no secret'],
    ],
    'introspection for all, and no client id': [
      `${BASE}    - issuer: ${ISSUER}\n    - issuer: ${OTHER}\n`,
      ['--oauth-validation: introspection needs a client id'],
      ['--oauth-validation', 'introspection'],
    ],
    'a client for all': [
      `${BASE}    - issuer: ${ISSUER}\n`,
      ['--oauth-client-id: belongs to one of oauth.issuers'],
      ['--oauth-client-id', 'mcp'],
    ],
    'several that are broken': [
      `${BASE}    - 7\n    - issuer: ''\n    - a: b\n`,
      [
        'gatehouse.yaml:6:7: oauth.issuers[0]: is not a list of names with values',
        'gatehouse.yaml:8:7: oauth.issuers[2].a: no such setting',
        'gatehouse.yaml:7:7: oauth.issuers[1].issuer: is empty',
      ],
    ],
    'introspection without TLS, twice': [
      TWO.replaceAll(/ {6}clientSecretFile/g, '      introspectionUrl: http://in.example.com\n$&'),
      [
        expect.stringMatching(
          /:9:7: oauth\.issuers\[0\]\.introspectionUrl: must be https/,
        ) as string,
        expect.stringMatching(
          /:16:7: oauth\.issuers\[1\]\.introspectionUrl: must be https/,
        ) as string,
      ],
    ],
    'an issuer beside the list': [
      `${BASE}    - issuer: ${ISSUER}\n`,
      ['--oauth-issuer: is given together with oauth.issuers of the config file'],
      ['--oauth-issuer', OTHER],
    ],
    'two opaque issuers that nothing tells apart': [
      TWO.replace('      tokenPrefix: authelia_at_\n', ''),
      [
        'gatehouse.yaml:5:3: oauth.issuers: several have an introspector, so the issuer of an opaque token is unclear',
      ],
    ],
  }

  test.each(Object.entries(cases))('%s', async (_, [file, problems, argv = []]) => {
    expect(await problemsOf([...OPEN, ...argv], inFile(file, FILES))).toEqual(problems)
  })
})

describe('tenants', () => {
  const TENANTS = '[9f2b6d1e-6a0f-4a3c-8d2e-3b1a5c7d9e10, 1b7e2a9c-4d5f-4c1e-9a77-2f6d8e0c3b41]'
  const withTenants = (more: string, list = TENANTS) => `auth: oauth
oauth:
  issuers:
    - issuer: https://login.microsoftonline.com/{tenantid}/v2.0
      tenants: ${list}
${more}`
  const FIRST_ALONE = expect.stringMatching(
    /^gatehouse.yaml:5:7: oauth.issuers\[0\].tenants: the metadata names the first tenant alone; users of the others .* need a resource/,
  )

  verifies('IDN-30', 'the start says whose users can log in', async () => {
    const { problems, warnings } = await read(OPEN, inFile(withTenants('')))
    expect([problems, warnings]).toEqual([[], expect.arrayContaining([FIRST_ALONE])])
  })

  verifies('IDN-30', 'it says nothing of one tenant, and of machines', async () => {
    const first = '9f2b6d1e-6a0f-4a3c-8d2e-3b1a5c7d9e10'
    const alone = await read(OPEN, inFile(withTenants('', first)))
    const machines = withTenants(
      `      published: false\n      requireClaim: azp=x\n    - issuer: ${ISSUER}\n`,
    )
    const both = await read(OPEN, inFile(machines))
    expect([alone.problems, both.problems]).toEqual([[], []])
    expect([...alone.warnings, ...both.warnings]).not.toContainEqual(FIRST_ALONE)
    expect(JSON.stringify(alone.warnings)).not.toContain('placeholder')
  })

  verifies('IDN-30', 'a template without them is a problem at its place', async () => {
    const [problem] = await problemsOf(OPEN, inFile(withTenants('').replace(/ {6}tenants.*\n/, '')))
    expect(problem).toBe(
      'gatehouse.yaml:4:7: oauth.issuers[0].issuer: stands for many tenants, and no token names it',
    )
  })
})

describe('check', () => {
  async function check(file: string, ...argv: string[]) {
    let stdout = ''
    const { env, files } = inFile(file, FILES)
    const code = await runCheck([...OPEN, ...argv], env ?? {}, {
      stdout: (text) => (stdout += text),
      stderr: () => undefined,
      readFile: readerOf(files),
    })
    return { code, stdout }
  }

  test('shows each issuer with what is its own, as a file that says the same', async () => {
    const { code, stdout } = await check(TWO)
    expect(code).toBe(0)
    expect(stdout).toContain(`
  issuers:
    - issuer: ${ISSUER} # gatehouse.yaml:7:7: oauth.issuers[0].issuer
      validation: introspection # gatehouse.yaml:10:7: oauth.issuers[0].validation
      introspectionCache: 5s # gatehouse.yaml:11:7: oauth.issuers[0].introspectionCache
      clientId: gatehouse # gatehouse.yaml:8:7: oauth.issuers[0].clientId
      clientSecretFile: /run/secrets/gatehouse # gatehouse.yaml:9:7: oauth.issuers[0].clientSecretFile
      tokenPrefix: eyJ # gatehouse.yaml:12:7: oauth.issuers[0].tokenPrefix
    - issuer: ${OTHER} # gatehouse.yaml:13:7: oauth.issuers[1].issuer
      audience: # gatehouse.yaml:17:7: oauth.issuers[1].audience
        - mcp
`)
    const again = await check(stdout)
    expect(again.code).toBe(0)
    expect(again.stdout.replaceAll(/ # .*/g, '')).toBe(stdout.replaceAll(/ # .*/g, ''))
  })

  test('print JSON', async () => {
    const { stdout } = await check(TWO, '--json')
    const shown = JSON.parse(stdout) as { settings: { oauth: object }; origins: object }
    expect(shown.settings.oauth).toMatchObject({
      issuers: [
        { issuer: ISSUER, introspectionCache: '5s' },
        { issuer: OTHER, scopeClaim: ['scp'] },
      ],
    })
    expect(shown.origins).toHaveProperty(
      ['oauth.issuers[1].tokenPrefix'],
      'gatehouse.yaml:16:7: oauth.issuers[1].tokenPrefix',
    )
  })
})
