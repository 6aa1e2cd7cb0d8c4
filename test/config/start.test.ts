/** The start makes one check that looks at all options together. Every command makes it before, in the words of settings. */
import { describe, expect, test } from 'vitest'
import { checkGateway } from '../../src/gateway/settings.js'
import { toGatewayOptions } from '../../src/config/to-gateway-options.js'
import { verifies } from '../support/verifies.js'
import { inFile, ISSUER, OAUTH, problemsOf, read, RESOURCE } from './support.js'

const SERVED = [...OAUTH, '--resource', RESOURCE]
const OF_COMMAND = ['--auth', 'oauth', '--oauth-issuer', ISSUER, '--resource', RESOURCE]
const withPolicy = (rules: string) => ({
  files: { '/p.yaml': `rules: [${rules}]\nunmatched: deny\n`, '/s': 'secret\n' },
})
const POLICY = ['--oauth-policy', '/p.yaml']
const ANONYMOUS = '{ tools: [a], anonymous: true }'
const TWINS = '{ tools: [a], scopes: { require: a, ask: b } }, { tools: [c], scopes: b }'
const PREFIXED = "{ tools: [a], scopes: { require: a, ask: 'p/b' } }, { tools: [c], scopes: b }"
const SAME = '"a" and "b" are asked for in the same words'
const PREFIX = ['--oauth-scope-prefix', 'p/']

type Input = Parameters<typeof read>

const WRONG: Readonly<Record<string, readonly [Input, readonly string[]]>> = {
  'a health path without a slash': [
    [[...SERVED, '--health-path', 'health']],
    ['--health-path: must be a path of letters, digits, -, _, . and ~'],
  ],
  'a health path at a resource': [
    [[...SERVED, '--health-path', '/mcp']],
    [`--health-path: is at or below ${RESOURCE}`],
  ],
  'a health path among the metadata': [
    [[...SERVED, '--health-path', '/.well-known/x']],
    ['--health-path: is where clients look for metadata'],
  ],
  'a header for two claims': [
    [[...SERVED, '--forward-claim', 'a=Email', '--forward-claim', 'b=email']],
    ['--forward-claim: value 2 has a header that is named before'],
  ],
  'anonymous rules before a command': [
    [[...OF_COMMAND, ...POLICY, '--', 'cat'], withPolicy(ANONYMOUS)],
    ['--max-anonymous-children: is 0, and the policy has anonymous rules'],
  ],
  'an ask that is another scope': [
    [[...SERVED, ...POLICY], withPolicy(TWINS)],
    [`--oauth-policy: /p.yaml ${SAME}`],
  ],
  'an ask that is another scope with the prefix': [
    [[...SERVED, ...POLICY, ...PREFIX], withPolicy(PREFIXED)],
    [`--oauth-policy: /p.yaml ${SAME}`],
  ],
  'an ask that is a base scope': [
    [
      [...SERVED, ...POLICY, '--oauth-scopes', 'b'],
      withPolicy('{ tools: [a], scopes: { require: a, ask: b } }'),
    ],
    ['--oauth-policy: /p.yaml "b" and "a" are asked for in the same words'],
  ],
  'a dialect without a client': [
    [[...SERVED, '--oauth-introspection-dialect', 'google']],
    ['--oauth-introspection-dialect: introspection needs a client id'],
  ],
  'a dialect without audience and scopes': [
    [
      [
        ...[...SERVED, '--oauth-introspection-dialect', 'github', '--oauth-client-id', 'c'],
        ...['--oauth-client-secret-file', '/s'],
      ],
      withPolicy(''),
    ],
    [
      '--oauth-audience: must be the client id at the provider, and nothing else',
      '--oauth-scopes: must not be empty',
    ],
  ],
}

describe('an issuer at which everybody gets tokens', () => {
  const of = (issuer: string, ...more: string[]) => [
    ...['--auth', 'oauth', '--upstream', 'http://127.0.0.1:8000/mcp', '--resource', RESOURCE],
    ...['--oauth-issuer', issuer, ...more],
  ]
  const GOOGLE = 'https://accounts.google.com'
  const WARNING = expect.stringMatching(/^--oauth-issuer: everybody can get a token there/)

  verifies('IDN-03', 'does not start where jobs of strangers get them', async () => {
    const github = of('https://token.actions.githubusercontent.com')
    expect(await problemsOf(github)).toEqual([
      '--oauth-issuer: gives jobs of everybody a token for any audience',
    ])
    const owner = ['--oauth-require-claim', 'repository_owner_id=65']
    expect(await problemsOf([...github, ...owner])).toEqual([])
  })

  verifies('IDN-03', 'is warned about where people log in', async () => {
    expect((await read(of(GOOGLE))).warnings).toContainEqual(WARNING)
    const hidden = of(GOOGLE, '--oauth-require-claim', 'email_verified=true')
    expect((await read(hidden)).warnings).toContainEqual(WARNING)
  })

  test.each([
    of(GOOGLE, '--oauth-require-claim', 'hd=example.com'),
    of(GOOGLE, '--oauth-scopes', 'mcp:use'),
    of(ISSUER),
  ])('is not warned about otherwise: %j', async (...argv) => {
    expect((await read(argv.flat())).warnings).not.toContainEqual(WARNING)
  })
})

describe('what only all options together show', () => {
  for (const [name, [input, problems]] of Object.entries(WRONG)) {
    verifies('FLD-48', name, async () => {
      expect(await problemsOf(...input)).toEqual(problems)
    })
  }

  verifies('FLD-48', 'of one of several resources', async () => {
    const file = inFile(
      `auth: oauth
oauth: { issuer: ${ISSUER} }
resources:
  - resource: https://mcp.example.com/one
    upstream: http://127.0.0.1:8000/mcp
    forwardClaim: [a=Email, b=Name]
  - resource: https://mcp.example.com/two
    upstream: http://127.0.0.1:8001/mcp
    forwardClaim: [a=Email, b=email]
healthPath: /two
`,
    )
    expect(await problemsOf([], file)).toEqual([
      'gatehouse.yaml:9:5: resources[1].forwardClaim: value 2 has a header that is named before',
      'gatehouse.yaml:10:1: healthPath: is at or below https://mcp.example.com/two',
    ])
  })

  test.each<[string, Input]>([
    ['a health path beside the resource', [[...SERVED, '--health-path', '/mcpz']]],
    ['two headers', [[...SERVED, '--forward-claim', 'a=Email', '--forward-claim', 'b=Mail']]],
    [
      'children for anonymous callers',
      [
        [...OF_COMMAND, ...POLICY, '--max-anonymous-children', '2', '--', 'cat'],
        withPolicy(ANONYMOUS),
      ],
    ],
    ['scopes that a prefix tells apart', [[...SERVED, ...POLICY, ...PREFIX], withPolicy(TWINS)]],
  ])('%s: no problem, and the start agrees', async (_name, input) => {
    expect(await problemsOf(...input)).toEqual([])
    expect(checkGateway(toGatewayOptions(await read(...input))).problems).toEqual([])
  })
})
