/** Messages of the revisions without state, through every host: one that its header fields do not name goes no further. */
import { describe, expect } from 'vitest'
import type { PolicyDocument } from 'mcp-gatehouse'
import { exchangeBytes } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'
import { POLICY_HOSTS, startPolicyHost, type PolicyHost } from './policy-hosts.js'

const MODERN = '2026-07-28'
const VERSION = 'io.modelcontextprotocol/protocolVersion'
const POLICY: PolicyDocument = { rules: [{ tools: ['*'], scopes: [] }], unmatched: 'deny' }
const ANSWER = { body: '{"jsonrpc":"2.0","id":1,"result":{}}', type: 'application/json' }
const METHOD = 'Mcp-Method: tools/call'
const NAME = 'Mcp-Name: echo'

const call = (name: string) =>
  `{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call","params":{"name":"${name}","_meta":{"${VERSION}":"${MODERN}"}}}`

/** A handler that reads text finds replacement characters there, and no byte order mark. */
const UNDECODABLE: readonly (readonly [string | Buffer, number])[] = [
  [Buffer.from(call('gr\u00fcn'), 'latin1'), -32700],
  [`\ufeff${call('echo')}`, -32700],
]

async function startFixture(host: PolicyHost, policy: PolicyDocument | undefined) {
  const served = await startPolicyHost(host, policy === undefined ? {} : { policy }, ANSWER)
  async function send(body: string | Buffer, fields: readonly string[], version: string = MODERN) {
    served.arrived.length = 0
    const head = [
      'POST /mcp HTTP/1.1',
      'Host: localhost',
      'Connection: close',
      `Authorization: Bearer ${await served.idp.token()}`,
      'Content-Type: application/json',
      `MCP-Protocol-Version: ${version}`,
      ...fields,
      `Content-Length: ${Buffer.byteLength(body)}`,
    ]
    const bytes = Buffer.concat([
      Buffer.from(`${head.join('\r\n')}\r\n\r\n`),
      Buffer.from(body as string),
    ])
    const answer = await exchangeBytes(served.port, bytes)
    const text = answer.slice(answer.indexOf('\r\n\r\n') + 4)
    return { status: Number(answer.slice(9, 12)), text, arrived: [...served.arrived] }
  }
  return { ...served, send }
}

describe.each(POLICY_HOSTS)('%s', (host) => {
  describe.each([
    ['with a policy', POLICY],
    ['without', undefined],
  ] as const)('%s', (_, policy) => {
    verifies(
      ['HDR-01', 'HDR-03'],
      'a message that its fields name arrives as it came',
      async () => {
        const { send } = await startFixture(host, policy)
        for (const [body, fields] of [
          [call('echo'), [METHOD, NAME]],
          [call('gr\u00fc\u00df'), [METHOD, 'Mcp-Name: =?base64?Z3LDvMOf?=']],
          [` ${call('echo')} `, [METHOD, NAME, 'Mcp-Param-X: 1']],
        ] as const) {
          const sent = await send(body, fields)
          expect(sent).toMatchObject({ status: 200, arrived: [body] })
        }
      },
    )

    verifies(
      ['HDR-01', 'HDR-02', 'HDR-03', 'CASE-58'],
      'one that they do not: 400, with the id as it was written',
      async () => {
        const { send } = await startFixture(host, policy)
        for (const [what, body, fields, code] of [
          ['another method', call('echo'), ['Mcp-Method: tools/list', NAME], -32020],
          ['no Mcp-Method', call('echo'), [NAME], -32020],
          ['two Mcp-Method', call('echo'), [METHOD, METHOD, NAME], -32020],
          ['another name', call('delete'), [METHOD, NAME], -32020],
          ['no Mcp-Name', call('echo'), [METHOD], -32020],
          ['two Mcp-Name', call('echo'), [METHOD, NAME, NAME], -32020],
          ['Base64 that is none', call('echo'), [METHOD, 'Mcp-Name: =?base64?ZWNob?='], -32020],
          ['no padding', call('grass'), [METHOD, 'Mcp-Name: =?base64?Z3Jhc3M?='], -32020],
          ['a blank in Base64', call('echo'), [METHOD, 'Mcp-Name: =?base64?ZWNo bw==?='], -32020],
          ['another version', call('echo').replace(MODERN, '2025-11-25'), [METHOD, NAME], -32020],
          ['no version', call('echo').replace(VERSION, 'x'), [METHOD, NAME], -32602],
        ] as const) {
          const { status, text, arrived } = await send(body, fields)
          expect({ what, status, arrived }).toEqual({ what, status: 400, arrived: [] })
          expect(text, what).toContain('"id":9007199254740993,')
          expect(JSON.parse(text), what).toMatchObject({ error: { code } })
          // What was sent is not said again.
          expect(text).not.toContain('delete')
        }
      },
    )

    verifies(
      ['HDR-08', 'HDR-09', 'CASE-58', 'CASE-59'],
      'what is not one message: 400',
      async () => {
        const { send } = await startFixture(host, policy)
        for (const [body, code] of [
          ['x', -32700],
          ['', -32700],
          ...(host === 'hono after a reader' ? [] : UNDECODABLE),
          [`[${call('echo')}]`, -32600],
          [call('echo').replace('"name"', '"name":"delete","name"'), -32600],
          [call('echo').replace('"name"', '"Name":"delete","name"'), -32600],
          ['{"jsonrpc":"2.0","id":1,"result":{}}', -32600],
        ] as const) {
          const { status, text, arrived } = await send(body, [METHOD, NAME])
          expect({ body, status, arrived }).toEqual({ body, status: 400, arrived: [] })
          expect(JSON.parse(text)).toMatchObject({
            error: { code, message: 'The body is not one JSON-RPC request or notification' },
          })
        }
      },
    )

    verifies(['HDR-05', 'HDR-06'], 'in older revisions the fields name nothing', async () => {
      const { send } = await startFixture(host, policy)
      const body = call('echo').replace(MODERN, '2025-11-25')
      const sent = await send(body, ['Mcp-Method: tools/list'], '2025-11-25')
      expect(sent).toMatchObject({ status: 200, arrived: [body] })
    })
  })

  // A Request joins several fields of one name, and its handler sees the same.
  if (!host.startsWith('hono') && host !== 'fetch') {
    verifies('HDR-08', 'two fields are not one with a comma', async () => {
      const { send } = await startFixture(host, undefined)
      const body = call('echo, echo')
      expect((await send(body, [METHOD, 'Mcp-Name: echo, echo'])).status).toBe(200)
      expect(await send(body, [METHOD, NAME, NAME])).toMatchObject({ status: 400, arrived: [] })
    })
  }
})
