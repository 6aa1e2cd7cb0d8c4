/** An issuer with a list of tenants: what is refused at the start, and what each tenant becomes. */
import { describe, expect, test } from 'vitest'
import { principalOf, type AuthorizationServerOptions } from 'mcp-gatehouse'
import { FakeIdp, ISSUER } from '../support/idp.js'
import { createFixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

const TEMPLATE = 'https://login.microsoftonline.com/{tenantid}/v2.0'
const FIRST = '9f2b6d1e-6a0f-4a3c-8d2e-3b1a5c7d9e10'
const SECOND = '1b7e2a9c-4d5f-4c1e-9a77-2f6d8e0c3b41'
const issuerOf = (tenant: string) => TEMPLATE.replace('{tenantid}', tenant)

function problemsOf(authorizationServers: unknown): string {
  try {
    createFixture(new FakeIdp(), { authorizationServers: authorizationServers as string })
    return 'none'
  } catch (error) {
    return String(error)
  }
}

describe('an issuer of many tenants', () => {
  const MANY = 'stands for many tenants, and no token names it'
  for (const issuer of [
    TEMPLATE,
    'https://login.microsoftonline.com/common/v2.0',
    'https://login.microsoftonline.com/organizations/v2.0',
    'https://login.microsoftonline.com/consumers/v2.0',
    'https://login.microsoftonline.us/common/v2.0',
    'https://login.microsoftonline.com/common',
    'https://sts.windows.net/{tenantid}/',
  ]) {
    verifies('IDN-30', `${issuer} without a list does not start`, () => {
      expect(problemsOf(issuer)).toContain(`authorizationServers: ${MANY}`)
      expect(problemsOf({ issuer })).toContain(`authorizationServers.issuer: ${MANY}`)
      expect(problemsOf([ISSUER, { issuer }])).toContain(`authorizationServers[1].issuer: ${MANY}`)
    })
  }

  verifies('IDN-30', 'a tenant whose name begins the same starts', () => {
    expect(problemsOf('https://login.microsoftonline.com/common.example.com/v2.0')).toBe('none')
  })
})

test.each<[string, object, string]>([
  ['no template', { issuer: issuerOf(FIRST) }, '.issuer: must contain {tenantid} once'],
  [
    'common',
    { issuer: 'https://login.microsoftonline.com/common/v2.0' },
    '.issuer: must contain {tenantid} once',
  ],
  ['twice', { issuer: `${TEMPLATE}/{tenantid}` }, '.issuer: must contain {tenantid} once'],
  ['no tenant', { tenants: [] }, '.tenants: must be a string or a list of strings'],
  ['no text', { tenants: [7] }, '.tenants: must be a string or a list of strings'],
  ['a domain name', { tenants: ['contoso.com'] }, '.tenants: must be ids of tenants'],
  ['upper case', { tenants: [FIRST.toUpperCase()] }, '.tenants: must be ids of tenants'],
  ['a star', { tenants: ['*'] }, '.tenants: must be ids of tenants'],
  ['a wrong one behind a right one', { tenants: [FIRST, 'x'] }, '.tenants: must be ids of tenants'],
  ['one twice', { tenants: [FIRST, SECOND, FIRST] }, '.tenants: names one twice'],
  [
    'personal accounts',
    { tenants: [FIRST, '9188040d-6c67-4c5b-b112-36a304b66dad'] },
    '.tenants: has the tenant of personal accounts',
  ],
  [
    'a claim of the same meaning',
    { requiredClaims: { tid: [FIRST] } },
    '.tenants: says already which tid a token must have',
  ],
])('%s is a problem', (_name, change, problem) => {
  const server = { issuer: TEMPLATE, tenants: [FIRST, SECOND], ...change }
  expect(problemsOf(server)).toContain(`authorizationServers${problem}`)
})

test('one mistake in an entry is told once', () => {
  const server = { issuer: TEMPLATE, tenants: [FIRST, SECOND], requireType: 'yes' }
  expect(problemsOf(server).match(/requireType/g)).toHaveLength(1)
})

test('a tenant that is also listed by itself is a problem', () => {
  const server = { issuer: TEMPLATE, tenants: [FIRST, SECOND] }
  expect(problemsOf([issuerOf(SECOND), server])).toContain('[1].issuer: is listed twice')
})

async function fixtureFor(server: Partial<AuthorizationServerOptions> = {}) {
  const idp = await FakeIdp.start(issuerOf(FIRST))
  const other = await FakeIdp.start(issuerOf(SECOND))
  const fixture = createFixture(idp, {
    authorizationServers: { issuer: TEMPLATE, tenants: [FIRST, SECOND], ...server },
    fetch: (input, init) =>
      (String(input).includes(SECOND) ? other : idp).fetch(input as string, init),
  })
  const tokenOf = (tenant: string, claims: object = {}) =>
    idp.token({ claims: { iss: issuerOf(tenant), tid: tenant, ...claims } })
  return { ...fixture, idp, other, tokenOf }
}

verifies('IDN-30', 'each tenant is an issuer of its own for principals', async () => {
  const { send, tokenOf } = await fixtureFor()
  const principals: unknown[] = []
  for (const tenant of [FIRST, SECOND]) {
    const decision = await send(await tokenOf(tenant))
    expect(decision).toMatchObject({ token: { issuer: issuerOf(tenant), subject: 'user-1' } })
    principals.push('token' in decision && principalOf(decision.token))
  }
  expect(new Set(principals).size).toBe(2)
})

verifies('IDN-30', 'each tenant has its addresses', async () => {
  const { idp, other, tokenOf, verdict } = await fixtureFor({
    jwksUri: 'https://login.microsoftonline.com/{tenantid}/discovery/v2.0/keys',
  })
  for (const [each, tenant] of [
    [idp, FIRST],
    [other, SECOND],
  ] as const) {
    each.jwksUri = `https://login.microsoftonline.com/${tenant}/discovery/v2.0/keys`
    expect(await verdict(await tokenOf(tenant))).toBe('authenticated')
    expect(each.requests).toEqual([each.jwksUri])
  }
})

verifies('IDN-30', 'without publishing it is for machines of each tenant alike', async () => {
  const idp = await FakeIdp.start()
  const { resourceServer, verdict } = createFixture(idp, {
    authorizationServers: [
      ISSUER,
      {
        issuer: TEMPLATE,
        tenants: [FIRST, SECOND],
        published: false,
        requiredClaims: { azp: ['agent'] },
        jwks: idp.jwks,
      } as AuthorizationServerOptions,
    ],
  })
  expect(resourceServer.metadata.authorization_servers).toEqual([ISSUER])
  for (const tenant of [FIRST, SECOND]) {
    const claims = { iss: issuerOf(tenant), tid: tenant }
    expect(await verdict(await idp.token({ claims: { ...claims, azp: 'agent' } }))).toBe(
      'authenticated',
    )
    expect(await verdict(await idp.token({ claims: { ...claims, azp: 'agent2' } }))).toBe(
      'ERR_TOKEN_CLAIM',
    )
  }
})

verifies('IDN-31', 'a key without a text as issuer does not count', async () => {
  const { idp, tokenOf, verdict, wait } = await fixtureFor()
  for (const issuer of [7, {}, [issuerOf(FIRST)], '', ISSUER, `${issuerOf(FIRST)}/`]) {
    idp.publishedKeys = [{ ...idp.key.jwk, issuer }]
    wait(700)
    expect(await verdict(await tokenOf(FIRST)), JSON.stringify(issuer)).not.toBe('authenticated')
  }
})

verifies(
  'IDN-31',
  'without tenants the member does not count: others use it otherwise',
  async () => {
    const idp = await FakeIdp.start()
    idp.publishedKeys = [{ ...idp.key.jwk, issuer: 'https://other.example.com' }]
    const { verdict } = createFixture(idp)
    expect(await verdict(await idp.token())).toBe('authenticated')
  },
)

describe('groups that a token leaves out', () => {
  const claims = { _claim_names: { groups: 'src1' } }

  async function denialOf(options: object) {
    const idp = await FakeIdp.start(issuerOf(FIRST))
    const { send, events } = createFixture(idp, {
      authorizationServers: issuerOf(FIRST),
      ...options,
    })
    const decision = await send(await idp.token({ claims }))
    return { decision, denied: events.find((event) => event.type === 'request.denied') }
  }

  const REMEDY = expect.stringContaining('assign app roles')

  verifies('IDN-32', 'are named where the issuer requires one', async () => {
    const { denied } = await denialOf({ requiredClaims: { groups: ['3f1c'] } })
    expect(denied).toMatchObject({
      code: 'ERR_TOKEN_CLAIM',
      reason: expect.stringContaining('the token leaves it out'),
      hint: REMEDY,
    })
  })

  verifies('IDN-32', 'are named where groups are scopes', async () => {
    const { denied } = await denialOf({ scopes: '3f1c', scopeClaims: ['groups'] })
    expect(denied).toMatchObject({ code: 'ERR_SCOPE_INSUFFICIENT', hint: REMEDY })
  })

  verifies('IDN-32', 'do not matter where nothing reads them', async () => {
    const { decision } = await denialOf({})
    expect(decision.outcome).toBe('authenticated')
  })
})
