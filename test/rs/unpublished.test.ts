/** Issuers that are trusted and not published, and the tokens of machines as their issuers write them. */
import { describe, expect, test } from 'vitest'
import type { AuthorizationServerOptions } from 'mcp-gatehouse'
import { fakeKey, FakeIdp, ISSUER, RESOURCE, type TokenSpec } from '../support/idp.js'
import { createFixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

const GITHUB = 'https://token.actions.githubusercontent.com'
const GITLAB = 'https://gitlab.com'
const CLUSTER = 'https://kubernetes.default.svc.cluster.local'

type Machine = Omit<AuthorizationServerOptions, 'published'>

async function fixtureFor(machine: Machine, published = false) {
  const idp = await FakeIdp.start()
  const key = await fakeKey('machines')
  return {
    ...createFixture(idp, {
      authorizationServers: [ISSUER, { jwks: { keys: [key.jwk] }, ...machine, published }],
    }),
    idp,
    mint: (spec: TokenSpec) => idp.token({ key, ...spec }),
  }
}

interface Shape {
  readonly name: string
  readonly source: string
  readonly machine: Machine
  readonly token: TokenSpec
  /** Claims of tokens that are nearly the same. */
  readonly refused: Readonly<Record<string, object>>
}

/** Neither `client_id` nor `scope`, which our fake writes by itself. */
const NEITHER = { client_id: undefined, scope: undefined }
const UNTYPED = { typ: undefined }

const SHAPES: readonly Shape[] = [
  {
    name: 'Kubernetes service account',
    source:
      'projected token of Kubernetes, its documentation and public examples (2026-12-01); not run',
    machine: {
      issuer: CLUSTER,
      requiredClaims: {
        'kubernetes.io.namespace': ['ci'],
        'kubernetes.io.serviceaccount.name': ['agent'],
      },
    },
    token: {
      header: UNTYPED,
      claims: {
        ...NEITHER,
        iss: CLUSTER,
        aud: [RESOURCE],
        sub: 'system:serviceaccount:ci:agent',
        'kubernetes.io': {
          namespace: 'ci',
          pod: { name: 'agent-0', uid: '900f80ed' },
          serviceaccount: { name: 'agent', uid: 'a709ef71' },
        },
      },
    },
    refused: {
      'another namespace': {
        'kubernetes.io': { namespace: 'ci2', serviceaccount: { name: 'agent' } },
      },
      'another account': { 'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'x' } } },
      'a token of the API server': { aud: [CLUSTER] },
      'the old form': { 'kubernetes.io': undefined, 'kubernetes.io/namespace': 'ci' },
    },
  },
  {
    name: 'GitHub Actions',
    source: 'GitHub, OpenID Connect reference (2026-12-01); not run',
    machine: {
      issuer: GITHUB,
      requiredClaims: {
        repository_id: ['74'],
        ref: ['refs/heads/main'],
        event_name: ['push', 'workflow_dispatch'],
        sub: ['repo:org/*:ref:refs/heads/main'],
      },
    },
    token: {
      header: { typ: 'JWT' },
      claims: {
        ...NEITHER,
        iss: GITHUB,
        sub: 'repo:org/app:ref:refs/heads/main',
        repository: 'org/app',
        repository_id: '74',
        repository_owner: 'org',
        repository_owner_id: '65',
        ref: 'refs/heads/main',
        ref_type: 'branch',
        event_name: 'push',
        workflow_ref: 'org/app/.github/workflows/call.yml@refs/heads/main',
        actor: 'alice',
        runner_environment: 'github-hosted',
      },
    },
    refused: {
      'an organisation whose name begins the same': {
        sub: 'repo:org-evil/app:ref:refs/heads/main',
        repository: 'org-evil/app',
        repository_id: '75',
      },
      'the same name, another repository': { repository_id: '740' },
      'a pull request of a stranger': { event_name: 'pull_request_target' },
      'another branch': { ref: 'refs/heads/main2', sub: 'repo:org/app:ref:refs/heads/main2' },
      'another subject': { sub: 'repo:org/app:pull_request' },
      'no repository': { repository_id: undefined },
      'the number of the repository': { repository_id: 74 },
    },
  },
  {
    name: 'GitLab CI',
    source: 'GitLab, OIDC Authentication Using ID Tokens (2026-12-01); not run',
    machine: {
      issuer: GITLAB,
      requiredClaims: {
        project_id: ['22'],
        ref_protected: ['true'],
        sub: ['project_path:group/*:ref_type:branch:ref:main'],
      },
    },
    token: {
      header: { typ: 'JWT' },
      claims: {
        ...NEITHER,
        iss: GITLAB,
        sub: 'project_path:group/app:ref_type:branch:ref:main',
        namespace_id: '72',
        namespace_path: 'group',
        project_id: '22',
        project_path: 'group/app',
        pipeline_source: 'push',
        ref: 'main',
        ref_type: 'branch',
        ref_protected: 'true',
      },
    },
    refused: {
      'another project': { project_id: '220' },
      'a branch that is not protected': { ref_protected: 'false' },
      'a subgroup': { sub: 'project_path:group/sub/app:ref_type:branch:ref:main' },
    },
  },
  {
    name: 'Entra, an application',
    source: 'idps-and-clients §1.4, client credentials have roles and no scp; not run',
    machine: {
      issuer: 'https://login.microsoftonline.com/9f2b6d1e-6a0f-4a3c-8d2e-3b1a5c7d9e10/v2.0',
      audience: ['1b7e2a9c-4d5f-4c1e-9a77-2f6d8e0c3b41'],
      requiredClaims: { idtyp: ['app'], roles: ['Mcp.Use'] },
    },
    token: {
      header: { typ: 'JWT' },
      claims: {
        ...NEITHER,
        iss: 'https://login.microsoftonline.com/9f2b6d1e-6a0f-4a3c-8d2e-3b1a5c7d9e10/v2.0',
        aud: '1b7e2a9c-4d5f-4c1e-9a77-2f6d8e0c3b41',
        azp: '7c0d3e52-90ab-4f6d-8e21-5a4b6c8d0f93',
        idtyp: 'app',
        roles: ['Mcp.Use'],
      },
    },
    refused: {
      'without the role': { roles: ['Mcp.Used'] },
      'a user': { idtyp: undefined, scp: 'mcp.use' },
    },
  },
]

describe.each(SHAPES)('$name ($source)', ({ machine, token, refused }) => {
  verifies(['IDN-03', 'IDN-04'], 'is accepted, and clients are not sent there', async () => {
    const { verdict, mint, resourceServer } = await fixtureFor(machine)
    expect(await verdict(await mint(token))).toBe('authenticated')
    expect(resourceServer.metadata.authorization_servers).toEqual([ISSUER])
  })

  test.each(Object.entries(refused))('%s: refused', async (_name, claims) => {
    const { verdict, mint } = await fixtureFor(machine)
    const spec = { ...token, claims: { ...token.claims, ...claims } }
    expect(await verdict(await mint(spec))).toMatch(/^ERR_TOKEN_(?:CLAIM|AUDIENCE)/)
  })

  test('a key of the published issuer signs nothing for it', async () => {
    const { verdict, idp } = await fixtureFor(machine)
    expect(await verdict(await idp.token(token))).toMatch(/^ERR_TOKEN_(?:KEY_UNKNOWN|SIGNATURE)$/)
  })
})

test('a SPIFFE JWT-SVID has no issuer: refused, and the log says so', async () => {
  const { send, events, mint } = await fixtureFor({
    issuer: 'https://spire.example.com',
    anySubject: true,
  })
  const claims = { ...NEITHER, iss: undefined as never, sub: 'spiffe://example.com/agent' }
  const decision = await send(await mint({ header: UNTYPED, claims }))
  expect(decision).toMatchObject({ code: 'ERR_TOKEN_ISSUER_UNTRUSTED' })
  expect(events.filter(({ type }) => type === 'request.denied')).toMatchObject([
    {
      reason: expect.stringContaining('no iss'),
      hint: expect.stringContaining('set jwt_issuer of the SPIRE server'),
    },
  ])
})

test('another token without an issuer: the log does not speak of SPIFFE', async () => {
  const { send, events, mint } = await fixtureFor({ issuer: CLUSTER, anySubject: true })
  await send(await mint({ claims: { ...NEITHER, iss: undefined as never, sub: 'not-spiffe://a' } }))
  expect(events.filter(({ type }) => type === 'request.denied')).toMatchObject([
    { hint: expect.stringMatching(/^only tokens that name their issuer are accepted/) },
  ])
})

test('published and unpublished issuers have principals of their own', async () => {
  const { send, mint, idp } = await fixtureFor({ issuer: CLUSTER, anySubject: true })
  const [machine, person] = await Promise.all([
    send(await mint({ claims: { iss: CLUSTER, sub: 'alice' } })),
    send(await idp.token({ claims: { sub: 'alice' } })),
  ])
  expect([machine, person]).toMatchObject([
    { token: { issuer: CLUSTER, subject: 'alice' } },
    { token: { issuer: ISSUER, subject: 'alice' } },
  ])
})

/** Claims that a token of a stranger can have, too. */
function anybodys(issuer: string, all: readonly object[]): readonly [string, object, string][] {
  return all.map((requiredClaims) => [
    `${JSON.stringify(requiredClaims)} of ${issuer}`,
    { issuer, requiredClaims },
    'is false, and tokens of everybody would be accepted',
  ])
}

describe('an issuer at which everybody gets tokens', () => {
  test.each([
    [GITHUB, { repository_id: ['74'], event_name: ['push'] }],
    [GITHUB, { sub: ['repo:acme/*:environment:production'] }],
    [GITHUB, { sub: ['repository_owner_id:65:*'] }],
    [GITHUB, { repository: ['acme/*'] }],
    [GITLAB, { sub: ['project_path:group/*:ref_type:branch:ref:main'] }],
    [GITLAB, { project_id: ['22'] }],
    ['https://accounts.google.com', { hd: ['a.example'] }],
    [
      'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
      { sub: ['9f2b6d1e'] },
    ],
  ])('%s %j says whose', (issuer, requiredClaims) => {
    const authorizationServers = [ISSUER, { issuer, requiredClaims, published: false }]
    expect(() => createFixture(new FakeIdp(), { authorizationServers })).not.toThrow()
  })

  verifies('ATK-27', 'names the claims that say it', () => {
    const requiredClaims = { event_name: ['push'] }
    const authorizationServers = [ISSUER, { issuer: GITLAB, requiredClaims, published: false }]
    expect(() => createFixture(new FakeIdp(), { authorizationServers })).toThrow(
      'would be accepted (say in requiredClaims whose, by sub, project_id, ',
    )
  })
})

describe('an issuer whose tokens strangers get in their jobs, published', () => {
  const publish = (authorizationServers: object | string) => () =>
    createFixture(new FakeIdp(), { authorizationServers: authorizationServers as never })
  const MESSAGE = 'gives jobs of everybody a token for any audience'

  verifies('IDN-03', 'is open to everybody without a claim that says whose', () => {
    for (const issuer of [GITHUB, `${GITHUB}/`, GITLAB]) {
      expect(publish({ issuer })).toThrow(MESSAGE)
      expect(publish([ISSUER, { issuer, requiredClaims: { ref: ['main'] } }])).toThrow(MESSAGE)
    }
    expect(publish(GITHUB)).toThrow(MESSAGE)
  })

  test.each<[string, object]>([
    ['with an owner', { issuer: GITHUB, requiredClaims: { repository_owner_id: ['65'] } }],
    ['with a project', { issuer: GITLAB, requiredClaims: { project_id: ['22'] } }],
    ['of a company', { issuer: 'https://gitlab.example.com' }],
    ['of people', { issuer: 'https://accounts.google.com' }],
  ])('%s starts', (_name, server) => {
    expect(publish(server)).not.toThrow()
  })
})

describe('problems', () => {
  const ALL = 'is false, and every token would be accepted'
  const EVERYBODY = 'is not for an issuer at which everybody gets tokens'
  test.each<[string, object, string]>([
    ['nothing says whose', { issuer: CLUSTER }, ALL],
    ['no claims', { issuer: CLUSTER, requiredClaims: {} }, ALL],
    ['any value', { issuer: CLUSTER, requiredClaims: { sub: true } }, ALL],
    ['stars alone', { issuer: CLUSTER, requiredClaims: { sub: ['*:*'] } }, ALL],
    ['stars beside a value', { issuer: CLUSTER, requiredClaims: { sub: ['a', '**'] } }, ALL],
    [
      'claims that all its tokens have',
      { issuer: CLUSTER, requiredClaims: { aud: [RESOURCE], iss: [CLUSTER] } },
      ALL,
    ],
    ...anybodys(GITHUB, [
      { event_name: ['push'] },
      { ref: ['refs/heads/main'], environment: ['production'], runner_environment: ['x'] },
      { sub: ['repo:*/*:environment:production'] },
      { sub: ['repo:*:ref:refs/heads/main'] },
      { sub: ['repo:acme/app:*', 'repo:acme*/app:*'] },
      { sub: ['environment:production'] },
      { sub: ['*:acme/app:environment:production'] },
      { repository: ['*/app'] },
      { repository_owner: ['acme*'] },
      { repository_id: ['7*'] },
      { repository_id: true },
    ]),
    ...anybodys(GITLAB, [{ ref_protected: ['true'] }, { project_path: ['*/app'] }]),
    ...anybodys('https://accounts.google.com', [
      { email_verified: [true] },
      { email: ['*@a.example'] },
    ]),
    ...[
      GITHUB,
      GITLAB,
      'https://accounts.google.com',
      'https://login.microsoftonline.com/common/v2.0',
      'https://login.microsoftonline.com/organizations/v2.0',
      'https://login.microsoftonline.com/consumers/v2.0',
      'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
    ].map((issuer): [string, object, string] => [
      `anybody of ${issuer}`,
      { issuer, anySubject: true },
      EVERYBODY,
    ]),
    ['no word', { issuer: CLUSTER, published: 'no' }, 'must be true or false'],
  ])('%s', (_name, machine, message) => {
    const authorizationServers = [ISSUER, { published: false, ...machine }] as never
    expect(() => createFixture(new FakeIdp(), { authorizationServers })).toThrow(message)
  })

  test('a published issuer needs no anySubject', () => {
    const authorizationServers = [{ issuer: ISSUER, anySubject: true }]
    expect(() => createFixture(new FakeIdp(), { authorizationServers })).toThrow('has no effect')
  })

  test('nobody is published', () => {
    const authorizationServers = { issuer: ISSUER, published: false, anySubject: true }
    expect(() => createFixture(new FakeIdp(), { authorizationServers })).toThrow(
      'needs one that is published',
    )
  })

  test('anySubject where only the operator gets tokens', async () => {
    const { verdict, mint } = await fixtureFor({ issuer: CLUSTER, anySubject: true })
    expect(await verdict(await mint({ claims: { iss: CLUSTER } }))).toBe('authenticated')
  })
})
