/** Rules of the operator's own about tokens, through every host: required claims and validators. */
import type { TokenValidator } from 'mcp-gatehouse'
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { createHosts, HOSTS, type Host } from './hosts.js'

const events: GatewayEvent[] = []
const left = new Set<string>()
/** How often the validator ran. */
let runs = 0
let isBroken = false

const stillEmployed: TokenValidator = {
  name: 'still employed',
  validate({ subject = '' }) {
    runs++
    if (isBroken) throw new Error('the list is gone')
    return left.has(subject) ? 'has left the company' : undefined
  },
}

let idp: FakeIdp
let hosts: Host[]

beforeAll(async () => {
  idp = await FakeIdp.start()
  hosts = await createHosts({
    resource: RESOURCE,
    authorizationServers: ISSUER,
    requiredClaims: { tid: ['contoso', 7], 'realm_access.roles': ['mcp'], email: true },
    validators: [stillEmployed],
    fetch: idp.fetch,
    onEvent: (event) => events.push(event),
  })
})

afterAll(() => Promise.all(hosts.map((host) => host.close())))

const GOOD = { tid: 'contoso', realm_access: { roles: ['user', 'mcp'] }, email: 'a@example.com' }

describe.each(HOSTS)('%s', (name) => {
  async function send(token: string) {
    events.length = 0
    const host = hosts.find((candidate) => candidate.name === name)
    const answer = await host?.send({
      method: 'GET',
      path: '/mcp',
      headers: [['authorization', `Bearer ${token}`]],
    })
    const reported = events.find(
      ({ type }) => type === 'request.denied' || type === 'request.failed',
    )
    return { status: answer?.status, caller: answer?.caller?.subject, reported }
  }
  const tokenWith = (claims: object) => idp.token({ claims: { ...GOOD, ...claims } })

  async function failureOf(token: string): Promise<object> {
    try {
      const { status, caller, reported } = await send(token)
      return { status, caller, reported, text: JSON.stringify(reported) }
    } catch (error) {
      return { thrown: String(error) }
    }
  }

  test.each([{}, { tid: 7 }, { email: '' }, { realm_access: { roles: 'mcp' } }])(
    'a token with what is required is let in: %j',
    async (claims) => {
      expect(await send(await tokenWith(claims))).toMatchObject({ caller: 'user-1' })
    },
  )

  test.each([
    [{ tid: 'Contoso' }, '"tid" is "Contoso"; expected "contoso" or "7"'],
    [{ tid: '7' }, '"tid" is "7"; expected "contoso" or "7"'],
    [{ tid: undefined }, 'no "tid" claim'],
    [{ tid: null }, 'no "tid" claim'],
    [{ realm_access: { roles: ['mcp2'] } }, 'expected "mcp"'],
    [{ realm_access: { roles: { mcp: true } } }, 'expected "mcp"'],
    [{ realm_access: ['mcp'] }, 'no "realm_access.roles" claim'],
    [{ email: undefined }, 'no "email" claim'],
  ])('a token without it is 401, and the log says why: %j', async (claims, reason) => {
    const { status, caller, reported } = await send(await tokenWith(claims))
    expect([status, caller]).toEqual([401, undefined])
    expect(reported).toMatchObject({
      code: 'ERR_TOKEN_CLAIM',
      reason: expect.stringContaining(reason),
    })
  })

  test('a validator runs on every request, and what it found is not remembered', async () => {
    const token = await tokenWith({ sub: 'bob' })
    expect(await send(token)).toMatchObject({ caller: 'bob' })
    left.add('bob')
    const before = runs
    const { status, reported } = await send(token)
    expect(status).toBe(401)
    expect(reported).toMatchObject({
      code: 'ERR_TOKEN_CLAIM',
      reason: 'still employed: has left the company',
    })
    left.clear()
    expect(await send(token)).toMatchObject({ caller: 'bob' })
    expect(runs).toBe(before + 2)
  })

  test('a validator that throws admits nobody: 500, whether the token was seen before or not', async () => {
    const seen = await tokenWith({ sub: 'seen' })
    expect(await send(seen)).toMatchObject({ caller: 'seen' })
    // Nobody stands between the kernel and its caller.
    const ofKernel = { thrown: expect.stringContaining('the list is gone') }
    const ofHost = {
      status: 500,
      caller: undefined,
      reported: expect.objectContaining({
        type: 'request.failed',
        where: expect.stringContaining('Error'),
      }),
      text: expect.not.stringContaining('the list is gone'),
    }
    const failure = name === 'kernel' ? ofKernel : ofHost
    isBroken = true
    try {
      for (const token of [seen, await tokenWith({ sub: 'unseen' })]) {
        expect(await failureOf(token)).toEqual(failure)
      }
    } finally {
      isBroken = false
    }
  })
})
