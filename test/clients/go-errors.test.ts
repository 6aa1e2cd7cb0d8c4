/** What the Go SDK says is wrong, in text/plain, comes through the gateway as it is. */
import { expect, inject, onTestFinished } from 'vitest'
import { startGateway } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'
import { GO_SDK } from './upstreams.js'

const ACCEPT = { accept: 'application/json, text/event-stream' }
const JSON_TYPE = { 'content-type': 'application/json' }
const LIST = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'

function post(body: string, fields: Record<string, string> = {}): RequestInit {
  return { method: 'POST', body, headers: { ...ACCEPT, ...JSON_TYPE, ...fields } }
}

/** The upstream's own; `Date` and what concerns a connection differ. */
const FIELDS = ['content-type', 'content-length', 'x-content-type-options', 'allow']

async function shown(answer: Response) {
  return {
    status: answer.status,
    fields: FIELDS.map((name) => `${name}: ${answer.headers.get(name)}`),
    body: Buffer.from(await answer.arrayBuffer()).toString('latin1'),
  }
}

const ERRORS: readonly (readonly [string, RequestInit, number, string])[] = [
  [
    'no message',
    post('{}'),
    400,
    'malformed payload: invalid message version tag ""; expected "2.0"',
  ],
  ['not JSON', post('{'), 400, 'malformed payload: unmarshaling jsonrpc message: unexpected EOF'],
  [
    'an unknown method',
    post(LIST.replace('tools/list', 'ä')),
    400,
    'JSON RPC not handled: "ä" unsupported',
  ],
  [
    'an unknown version',
    post(LIST, { 'mcp-protocol-version': '1999-01-01' }),
    400,
    'Bad Request: Unsupported protocol version',
  ],
  [
    'another type',
    post(LIST, { 'content-type': 'text/plain' }),
    415,
    "Content-Type must be 'application/json'",
  ],
  [
    'a GET without a session',
    { headers: ACCEPT },
    400,
    'Bad Request: GET requires an Mcp-Session-Id header',
  ],
  [
    'a DELETE without a session',
    { method: 'DELETE' },
    400,
    'Bad Request: DELETE requires an Mcp-Session-Id header',
  ],
]

verifies(
  ['TRN-04', 'TRN-06'],
  'byte for byte, and a session that it has forgotten too',
  async () => {
    const upstream = await GO_SDK.start(inject('python'))
    onTestFinished(() => upstream.stop())
    const fixture = await startGateway(upstream.url)
    for (const [name, init, status, body] of ERRORS) {
      const direct = await shown(await fetch(upstream.url, init))
      expect(direct, name).toMatchObject({
        status,
        fields: expect.arrayContaining(['content-type: text/plain; charset=utf-8']) as string[],
        body: expect.stringContaining(Buffer.from(body).toString('latin1')) as string,
      })
      expect(await shown(await fixture.call(init)), name).toEqual(direct)
    }
    const initialize = post(
      '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}',
    )
    const opened = await fixture.call(initialize)
    expect(await opened.text()).toContain('"protocolVersion":"2025-11-25"')
    const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
    const ended = await fixture.call({ method: 'DELETE', headers: session })
    expect(ended.status).toBe(204)
    const forgotten = await shown(
      await fetch(upstream.url, post(LIST, { 'mcp-session-id': 'gone' })),
    )
    expect(forgotten).toMatchObject({ status: 404, body: 'session not found\n' })
    expect(await shown(await fixture.call(post(LIST, session)))).toEqual(forgotten)
  },
)
