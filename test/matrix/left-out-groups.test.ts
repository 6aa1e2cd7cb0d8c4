/** Groups that a token leaves out because they are too many, through every host. */
import { describe, expect } from 'vitest'
import type { PolicyDocument } from 'mcp-gatehouse'
import { verifies } from '../support/verifies.js'
import { POLICY_HOSTS, startPolicyHost } from './policy-hosts.js'

const ADMINS = '3f1c2b7e-5d0a-4c1e-9a77-2f6d8e0c3b41'
const OTHERS = '4a1c2b7e-5d0a-4c1e-9a77-2f6d8e0c3b42'

const POLICY: PolicyDocument = {
  groups: { admins: ADMINS, staff: [ADMINS, OTHERS] },
  rules: [
    { tools: 'delete', claims: { groups: ['admins'] } },
    { tools: 'edit', claims: { groups: ['staff'] } },
    { tools: 'review', claims: { roles: ['reviewer'] } },
    { tools: 'search', scopes: [] },
  ],
  unmatched: 'deny',
}

/** As Entra writes them (access token claims reference, read 2026-12-01). */
const LEFT_OUT = {
  _claim_names: { groups: 'src1' },
  _claim_sources: {
    src1: { endpoint: 'https://graph.microsoft.com/v1.0/users/x/getMemberObjects' },
  },
}

describe.each(POLICY_HOSTS)('%s', (host) => {
  async function call(tool: string, claims: Record<string, unknown>) {
    const body = '{"jsonrpc":"2.0","id":1,"result":{}}'
    const served = await startPolicyHost(
      host,
      { policy: POLICY },
      { body, type: 'application/json' },
    )
    const token = await served.idp.token({ claims })
    const params = { name: tool }
    const answer = await served.call({
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
    })
    await answer.text()
    return {
      status: answer.status,
      reached: served.arrived.length,
      challenge: answer.headers.get('www-authenticate'),
      denied: served.events.find((event) => event.type === 'request.denied'),
    }
  }

  verifies('IDN-33', 'a rule names groups, and the token holds their ids', async () => {
    expect(await call('delete', { groups: [OTHERS, ADMINS] })).toMatchObject({ status: 200 })
    expect(await call('edit', { groups: [OTHERS] })).toMatchObject({ status: 200 })
    expect(await call('delete', { groups: [OTHERS] })).toMatchObject({ status: 403, reached: 0 })
    expect(await call('delete', { groups: ['admins'] })).toMatchObject({ status: 403, reached: 0 })
  })

  for (const [what, claims] of [
    ['_claim_names', LEFT_OUT],
    ['hasgroups', { hasgroups: true }],
  ] as const) {
    verifies('IDN-32', `${what}: a rule that reads groups denies, with the remedy`, async () => {
      expect(await call('delete', claims)).toMatchObject({
        status: 403,
        reached: 0,
        challenge: null,
        denied: {
          code: 'ERR_OPERATION_DENIED',
          reason: expect.stringContaining('the token leaves it out'),
          hint: expect.stringContaining('write fewer values'),
        },
      })
    })

    verifies('IDN-32', `${what}: rules that read no groups decide as ever`, async () => {
      expect(await call('search', claims)).toMatchObject({ status: 200 })
      expect(await call('review', { ...claims, roles: ['reviewer'] })).toMatchObject({
        status: 200,
      })
      const { status, denied } = await call('review', claims)
      expect([status, JSON.stringify(denied).includes('leaves it out')]).toEqual([403, false])
    })
  }

  verifies('IDN-32', 'a token that lists its groups says nothing of the kind', async () => {
    const { status, denied } = await call('delete', { groups: [OTHERS], hasgroups: false })
    expect([status, JSON.stringify(denied).includes('leaves it out')]).toEqual([403, false])
  })
})
