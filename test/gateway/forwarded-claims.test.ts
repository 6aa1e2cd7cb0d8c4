/** Claims of the token that the upstream gets. */
import { describe, expect, test } from 'vitest'
import { createGateway, type ForwardedClaim, type GatewayEvent } from 'mcp-gatehouse/gateway'
import { exchangeBytes, startGateway, startUpstream } from '../support/gateway.js'
import { ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

async function startWith(forwardClaims: readonly ForwardedClaim[]) {
  const seen: (readonly string[])[] = []
  const events: GatewayEvent[] = []
  const upstream = await startUpstream((request, response) => {
    seen.push(request.rawHeaders)
    response.end()
  })
  const { port, idp } = await startGateway(upstream, {
    forwardClaims,
    onEvent: (event) => events.push(event),
  })
  /** The `X-Gatehouse-Claim-` headers that the upstream gets, with their values. */
  const send = async (claims: Record<string, unknown>, ...fields: readonly string[]) => {
    const bearer = await idp.token({ claims })
    const lines = [`Authorization: Bearer ${bearer}`, ...fields].join('\r\n')
    const head = `GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${lines}\r\n\r\n`
    await exchangeBytes(port, Buffer.from(head, 'latin1'))
    const raw = seen.at(-1) ?? []
    return raw.flatMap((name, at) =>
      at % 2 === 0 && /claim/i.test(name) ? [[name, raw[at + 1]]] : [],
    )
  }
  const told = () =>
    events.flatMap((event) => (event.type === 'claim.suspected' ? [event.reason] : []))
  return { send, told }
}

const EMAIL: ForwardedClaim = { claim: 'email', header: 'Email' }
const ROLES: ForwardedClaim = { claim: 'realm_access.roles', header: 'Roles' }

describe('the upstream gets', () => {
  test.each<[string, unknown, string | undefined]>([
    ['a text', 'alice@example.com', 'alice@example.com'],
    ['a text with a blank, a per cent and letters', 'Ä 5%', '%C3%84%205%25'],
    [
      'a text with a line end',
      'a\r\nX-Gatehouse-Subject: root',
      'a%0D%0AX-Gatehouse-Subject:%20root',
    ],
    ['a number', 7.5, '7.5'],
    ['a list', ['a b', 'c', 3], 'a%20b c 3'],
    ['nothing for an empty text', '', undefined],
    ['nothing for an empty list', [], undefined],
    ['nothing for null', null, undefined],
    ['nothing without the claim', undefined, undefined],
  ])('%s', async (_name, email, value) => {
    const { send, told } = await startWith([EMAIL])
    const expected = value === undefined ? [] : [['X-Gatehouse-Claim-Email', value]]
    expect(await send({ email })).toEqual(expected)
    expect(told()).toEqual([])
  })

  verifies('IDN-05', 'several, and nested ones', async () => {
    const { send } = await startWith([EMAIL, ROLES])
    const claims = { email: 'a@b.example', realm_access: { roles: ['x', 'y'] }, name: 'Alice' }
    expect(await send(claims)).toEqual([
      ['X-Gatehouse-Claim-Email', 'a@b.example'],
      ['X-Gatehouse-Claim-Roles', 'x y'],
    ])
  })

  verifies('IDN-05', 'nothing that the client sends in their place', async () => {
    const { send } = await startWith([EMAIL])
    const twins = ['X-Gatehouse-Claim-Email: root', 'x_gatehouse_claim_email: root']
    expect(await send({ email: 'alice' }, ...twins)).toEqual([['X-Gatehouse-Claim-Email', 'alice']])
    expect(await send({}, ...twins)).toEqual([])
  })

  test.each<[string, unknown, string]>([
    ['an object', { a: 1 }, 'is neither a text, a number nor a list of these'],
    ['a boolean', true, 'is neither a text'],
    ['a list of lists', [['a']], 'is neither a text'],
    ['a list with a boolean', ['a', false], 'is neither a text'],
    ['a long text', 'a'.repeat(4097), 'has more than 4096 characters'],
  ])('not %s, and the log says so once', async (_name, email, reason) => {
    const { send, told } = await startWith([EMAIL])
    expect(await send({ email })).toEqual([])
    expect(await send({ email })).toEqual([])
    expect(told()).toEqual([expect.stringContaining(reason)])
  })
})

const GOOD = {
  resource: RESOURCE,
  authorizationServers: ISSUER,
  upstream: 'http://127.0.0.1:8000/mcp',
}

test.each<[string, object, string]>([
  ['no list', { forwardClaims: 'email' }, 'must be a list of claims'],
  ['no claim', { forwardClaims: [{ header: 'Email' }] }, 'must have a claim and a header'],
  ['no header', { forwardClaims: [{ claim: 'email' }] }, 'has no header of letters'],
  [
    'a header with _',
    { forwardClaims: [{ claim: 'a', header: 'a_b' }] },
    'has no header of letters',
  ],
  ['a line end', { forwardClaims: [{ claim: 'a', header: 'a\r\nb' }] }, 'has no header of letters'],
  [
    'one header twice',
    { forwardClaims: [EMAIL, { claim: 'mail', header: 'EMAIL' }] },
    'has a header that is named before',
  ],
  [
    'a command',
    { upstream: undefined, command: ['server'], forwardClaims: [EMAIL] },
    'is for a server that is reached by HTTP',
  ],
  [
    'no tokens',
    { auth: 'none', authorizationServers: undefined, forwardClaims: [EMAIL] },
    'needs tokens',
  ],
])('%s is a problem', (_name, options, message) => {
  expect(() => createGateway({ ...GOOD, ...options } as never)).toThrow(message)
})
