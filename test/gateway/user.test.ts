/** The person in events and in the audit of the gateway: shown, never compared. */
import type { AuditRecord, EventSubject, GatewayEvent } from 'mcp-gatehouse/gateway'
import { expect } from 'vitest'
import { bodyOf, eventually, startGateway, startUpstream } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

async function start(userClaims?: readonly string[]) {
  const records: AuditRecord[] = []
  const users: unknown[] = []
  const upstream = await startUpstream((request, response) => {
    void bodyOf(request).then(() => response.setHeader('mcp-session-id', 'id-1').end('{}'))
  })
  const fixture = await startGateway(upstream, {
    scopes: 'mcp:tools',
    onAudit: (record) => records.push(record),
    onEvent(event: GatewayEvent, _resource?: string, about?: EventSubject) {
      if (event.type === 'request.completed') users.push(about?.user)
      if (event.type === 'request.denied') users.push(event.user)
    },
    ...(userClaims !== undefined && { userClaims }),
  })
  async function send(claims: object, headers: Readonly<Record<string, string>> = {}) {
    const count = records.length
    const token = await fixture.idp.token({ claims: { email: 'ada@example.com', ...claims } })
    const answer = await fixture.call({
      method: 'POST',
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
        ...headers,
      },
    })
    await answer.text()
    await eventually(() => records.length > count)
    return { answer, record: records.at(-1) }
  }
  return { send, users }
}

verifies('WHO-01', 'the person is in audit and events, also of a refusal', async () => {
  const { send, users } = await start(['preferred_username'])
  const { record } = await send({ preferred_username: 'ada' })
  expect(record).toMatchObject({ user: 'ada', subject: 'user-1', clientId: 'client-1' })
  const lacking = await send({ preferred_username: 'ada', scope: '' })
  expect(lacking.answer.status).toBe(403)
  expect(users).toEqual(['ada', 'ada', undefined])
  expect((await send({})).record?.user).toBeUndefined()
})

verifies('WHO-01', 'without the setting no record names a person', async () => {
  const { send, users } = await start()
  const { record } = await send({ preferred_username: 'ada' })
  expect(Object.keys(record ?? {})).not.toContain('user')
  expect(JSON.stringify(record)).not.toContain('ada')
  expect(users).toEqual([undefined])
})

verifies(
  'WHO-01',
  'the name decides nothing: an equal name opens no session of another',
  async () => {
    const { send } = await start(['preferred_username'])
    const name = { preferred_username: 'ada' }
    const session = (await send(name)).answer.headers.get('mcp-session-id') ?? ''
    const sameSession = { 'mcp-session-id': session }
    const stranger = await send({ ...name, sub: 'user-2' }, sameSession)
    expect(stranger.answer.status).toBe(404)
    const renamed = await send({ preferred_username: 'grace' }, sameSession)
    expect(renamed.answer.status).toBe(200)
  },
)
