/** What is refused before a body is read, through every host: callers who must wait, then the form. */
import { connect } from 'node:net'
import { once } from 'node:events'
import { describe, expect, onTestFinished } from 'vitest'
import type { PolicyDocument } from 'mcp-gatehouse'
import { exchangeBytes } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'
import { POLICY_HOSTS, startPolicyHost, type Options, type PolicyHost } from './policy-hosts.js'

const MODERN = '2026-07-28'
const OLD = '2025-03-26'
const POLICY: PolicyDocument = { rules: [{ tools: ['echo'], scopes: [] }], unmatched: 'deny' }
const ANSWER = { body: '{"jsonrpc":"2.0","id":1,"result":{}}', type: 'application/json' }
const JSON_TYPE = 'Content-Type: application/json'
const STATELESS = [
  `MCP-Protocol-Version: ${MODERN}`,
  'Mcp-Method: tools/call',
  'Mcp-Name: echo',
  JSON_TYPE,
]

const call = (name: string) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })
const stateless = (name: string) =>
  call(name).replace(
    '"params":{',
    `"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"${MODERN}"},`,
  )

const parts = (answer: string) => ({
  status: Number(answer.slice(9, 12)),
  head: answer.slice(0, answer.indexOf('\r\n\r\n')),
  text: answer.slice(answer.indexOf('\r\n\r\n') + 4),
})

async function startFixture(host: PolicyHost, options: Options = { policy: POLICY }, session = '') {
  const answer = { ...ANSWER, ...(session !== '' && { session }) }
  const served = await startPolicyHost(host, options, answer)
  const { idp, port, arrived } = served
  async function bytesOf(method: string, fields: readonly string[], body: string, sub: string) {
    const token = await idp.token({ claims: { sub } })
    const head = [
      `${method} /mcp HTTP/1.1`,
      'Host: localhost',
      'Connection: close',
      `Authorization: Bearer ${token}`,
      ...fields,
      ...(method === 'POST' ? [`Content-Length: ${Buffer.byteLength(body)}`] : []),
    ]
    return `${head.join('\r\n')}\r\n\r\n${body}`
  }
  async function send(method: string, fields: readonly string[], body = '', sub = 'alice') {
    arrived.length = 0
    const bytes = await bytesOf(method, fields, body, sub)
    return { ...parts(await exchangeBytes(port, bytes)), arrived: [...arrived] }
  }
  /** Until they must wait. */
  async function guess(sub: string) {
    let status = 403
    for (let i = 0; i < 40 && status === 403; i++) {
      status = (await send('POST', [JSON_TYPE], call(`guess_${i}`), sub)).status
    }
    expect(status).toBe(429)
  }
  /** All but the last character, and the rest later. */
  async function begin(fields: readonly string[], body: string, sub: string) {
    const bytes = await bytesOf('POST', fields, body, sub)
    const socket = connect({ port, host: '127.0.0.1' })
    onTestFinished(() => void socket.destroy())
    let answer = ''
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
    await once(socket, 'connect')
    socket.write(bytes.slice(0, -1))
    return async () => {
      socket.write(bytes.slice(-1))
      await once(socket, 'close')
      return parts(answer)
    }
  }
  return { send, guess, begin }
}

describe.each(POLICY_HOSTS)('%s', (host) => {
  describe('a caller who was refused too often', () => {
    verifies(
      ['ATK-07', 'HDR-08'],
      'waits, whatever the form of the next request; others hear what is wrong with it',
      async () => {
        const { send, guess } = await startFixture(host)
        await guess('guesser')
        for (const [what, fields, body, status] of [
          ['wrong type', ['Content-Type: text/plain'], call('echo'), 415],
          ['no type', [], call('echo'), 415],
          ['encoded', [JSON_TYPE, 'Content-Encoding: gzip'], call('echo'), 415],
          [
            'two versions',
            [JSON_TYPE, `MCP-Protocol-Version: ${OLD}`, `MCP-Protocol-Version: ${MODERN}`],
            call('echo'),
            400,
          ],
          ['malformed', [JSON_TYPE], '[', 400],
          ['malformed, stateless', STATELESS, '[', 400],
          ['another name, stateless', STATELESS, stateless('delete'), 400],
          ['in order', [JSON_TYPE], call('echo'), 200],
          ['in order, stateless', STATELESS, stateless('echo'), 200],
        ] as const) {
          const waiting = await send('POST', fields, body, 'guesser')
          expect({ what, ...waiting }).toMatchObject({ what, status: 429, arrived: [] })
          expect(waiting.head).toMatch(/\r\nretry-after: \d+/i)
          expect(JSON.parse(waiting.text)).toEqual({
            error: 'too_many_requests',
            error_description: 'Too many requests of this caller were refused',
          })
          const other = await send('POST', fields, body, `other: ${what}`)
          expect({ what, status: other.status }).toEqual({ what, status })
        }
      },
    )

    verifies(
      ['ATK-07', 'HDR-08'],
      'waits with a body that was on its way, malformed or not',
      async () => {
        const { begin, guess } = await startFixture(host)
        for (const [what, fields, body] of [
          ['malformed', [JSON_TYPE], '{"a" '],
          ['malformed, stateless', STATELESS, '{"a" '],
          ['another name, stateless', STATELESS, stateless('delete')],
          ['in order, stateless', STATELESS, stateless('echo')],
        ] as const) {
          const end = await begin(fields, body, what)
          await guess(what)
          expect({ what, status: (await end()).status }).toEqual({ what, status: 429 })
        }
      },
    )
  })

  verifies('HDR-08', 'a coding is refused, an empty one as well', async () => {
    const { send } = await startFixture(host)
    for (const [coding, status] of [
      ['gzip', 415],
      ['identity, gzip', 415],
      ['identity;q=1', 415],
      ['', 415],
      ['identity', 200],
      ['Identity', 200],
    ] as const) {
      const fields = [JSON_TYPE, `Content-Encoding: ${coding}`]
      const sent = await send('POST', fields, call('echo'))
      expect({ coding, status: sent.status }).toEqual({ coding, status })
      expect(/\r\naccept-encoding: identity\r\n/i.test(sent.head)).toBe(status === 415)
      expect(sent.arrived).toEqual(status === 200 ? [call('echo')] : [])
    }
  })

  describe.each([
    ['with a policy', { policy: POLICY }],
    ['without', {}],
  ] as const)('protocol revisions, %s', (_, options) => {
    const version = (value: string) => `MCP-Protocol-Version: ${value}`
    const SEVERAL = [
      [version(OLD), version(MODERN)],
      [version(MODERN), version(OLD)],
      [version(MODERN), 'mcp-protocol-version: 2026-07-28'],
      [version(OLD), version(OLD)],
      [version(''), version(MODERN)],
      [version(`${OLD}, ${MODERN}`)],
      [version(`${OLD},${MODERN}`)],
      [version(`${MODERN},`)],
    ]

    verifies(['HDR-01', 'HDR-08'], 'several of a message are a mismatch', async () => {
      const { send } = await startFixture(host, options)
      for (const fields of SEVERAL) {
        for (const body of [call('echo'), stateless('echo')]) {
          const mirrored = ['Mcp-Method: tools/call', 'Mcp-Name: echo', JSON_TYPE]
          const { status, text, arrived } = await send('POST', [...fields, ...mirrored], body)
          expect({ fields, status, arrived }).toEqual({ fields, status: 400, arrived: [] })
          expect(text).toBe(
            '{"jsonrpc":"2.0","id":null,"error":{"code":-32020,"message":"several MCP-Protocol-Version fields"}}',
          )
        }
      }
    })

    verifies(['HDR-01', 'HDR-08'], 'several of a request without one are refused', async () => {
      const { send } = await startFixture(host, options)
      for (const method of ['GET', 'DELETE']) {
        for (const fields of SEVERAL) {
          const { status, text } = await send(method, fields)
          expect({ method, fields, status }).toEqual({ method, fields, status: 400 })
          expect(JSON.parse(text)).toEqual({
            error: 'invalid_request',
            error_description: 'The request is malformed',
          })
        }
      }
    })

    verifies(
      ['HDR-05', 'TRN-06'],
      'a single revision, or no field, is not refused so',
      async () => {
        const { send } = await startFixture(host, options)
        for (const fields of [[], [version(OLD)], [version('2025-11-25')], [version('DRAFT')]]) {
          const sent = await send('POST', [...fields, JSON_TYPE], call('echo'))
          expect({ fields, ...sent }).toMatchObject({ status: 200, arrived: [call('echo')] })
          for (const method of ['GET', 'DELETE']) {
            expect((await send(method, fields)).status).toBe(200)
          }
        }
        expect((await send('POST', STATELESS, stateless('echo'))).status).toBe(200)
      },
    )
  })

  verifies(['STA-01', 'HDR-08'], 'several sessions are no session', async () => {
    const sessionKeys = ['k'.repeat(32)]
    const { send } = await startFixture(host, { policy: POLICY, sessionKeys }, 'of-the-server')
    const first = await send('POST', [JSON_TYPE], call('echo'))
    const id = /\r\nmcp-session-id: (\S+)/i.exec(first.head)?.[1] ?? ''
    const session = (value: string) => `Mcp-Session-Id: ${value}`
    for (const [fields, status] of [
      [[session(id)], 200],
      [[session(id), session(id)], 404],
      [[session(id), session('other')], 404],
      [[session('other'), session(id)], 404],
      [[session(`${id}, ${id}`)], 404],
      [[session(`${id},`)], 404],
    ] as const) {
      for (const method of ['POST', 'GET', 'DELETE']) {
        const more = method === 'POST' ? [JSON_TYPE] : []
        const sent = await send(method, [...fields, ...more], method === 'POST' ? call('echo') : '')
        expect({ method, fields, status: sent.status }).toEqual({ method, fields, status })
      }
    }
  })
})
