/** Answers of a command that are not JSON, or not of the form of JSON-RPC 2.0, and lines of a log. */
import { describe, expect, onTestFinished } from 'vitest'
import { parseJSONRPCMessage } from '@modelcontextprotocol/client'
import { JSONRPCMessageSchema } from '@modelcontextprotocol/sdk/types.js'
import {
  CUT,
  MISFORMED,
  NOT_A_NUMBER,
  type Flaw,
} from '../../../src/gateway/stdio/broken-message.js'
import { readChildMessage } from '../../../src/gateway/stdio/child-message.js'
import { STDOUT } from '../../../src/gateway/stdio/pooled-child.js'
import { shownRemark } from '../../../src/gateway/stdio/shown-remark.js'
import { createManualClock } from '../../support/clocks.js'
import { verifies } from '../../support/verifies.js'
import {
  Client,
  JSON_ONLY,
  messagesOf,
  MODERN,
  openClient,
  startScript,
  startServer,
  until,
  type RpcMessage,
} from './support.js'

async function messageOf(asked: Promise<Response>): Promise<readonly [number, RpcMessage]> {
  const answer = await asked
  return [answer.status, (await messagesOf(answer)).at(-1) ?? {}]
}

/** In place of `ID`, the id of the request. */
const sayLine = (line: string) =>
  `say(${JSON.stringify(line)}.replaceAll('ID', JSON.stringify(id)))`

describe('a member that is null', () => {
  const cases: readonly (readonly [string, string])[] = [
    [
      '{"jsonrpc":"2.0","id":7,"result":{"a":[1,null]},"error":null}',
      '{"jsonrpc":"2.0","id":7,"result":{"a":[1,null]}}',
    ],
    [
      '{"error" : null , "result":{}, "id":"x", "jsonrpc":"2.0"}',
      '{"result":{},"id":"x","jsonrpc":"2.0"}',
    ],
    [
      '{"jsonrpc":"2.0","id":7,"result":null,"error":{"code":1,"message":"x"}}',
      '{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"x"}}',
    ],
    [
      '{"jsonrpc":"2.0","id":null,"result":null,"error":{"code":1,"message":"x"}}',
      '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"x"}}',
    ],
    [
      '{"jsonrpc":"2.0","id":7,"method":null,"params":null,"result":{},"error":null}',
      '{"jsonrpc":"2.0","id":7,"result":{}}',
    ],
    [
      '{"jsonrpc":"2.0","id":7,"result":null,"error":null}',
      '{"jsonrpc":"2.0","id":7,"result":null}',
    ],
    // As it came: nothing contradicts it.
    [
      '{"jsonrpc":"2.0","id":7,"result":{},"x":null}',
      '{"jsonrpc":"2.0","id":7,"result":{},"x":null}',
    ],
  ]
  for (const [written, read] of cases) {
    verifies('FLD-08', `is absent: ${written}`, () => {
      const message = readChildMessage(Buffer.from(written))
      expect(message).toMatchObject({ kind: 'response' })
      expect(message !== undefined && 'bytes' in message && message.bytes.toString()).toBe(read)
    })
  }

  verifies('FLD-08', 'is what clients refuse, so it does not reach them', async () => {
    const result = { jsonrpc: '2.0', id: 7, result: {} }
    for (const read of [parseJSONRPCMessage, (each: unknown) => JSONRPCMessageSchema.parse(each)]) {
      expect(read(result)).toEqual(result)
      expect(() => read({ ...result, error: null })).toThrow()
    }
    const line = sayLine(
      '{"jsonrpc":"2.0","id":ID,"result":{"supportedVersions":["2026-07-28"]},"error":null}',
    )
    const fixture = await startServer(line)
    const opened = await new Client(fixture).open()
    expect([opened.status, Object.keys((await opened.json()) as object)]).toEqual([
      200,
      ['jsonrpc', 'id', 'result'],
    ])
    const modern = new Client(fixture, { version: MODERN })
    const [status, message] = await messageOf(modern.call('x', {}, { id: 'mine' }))
    expect([status, message.id, Object.keys(message)]).toEqual([
      200,
      'mine',
      ['jsonrpc', 'id', 'result'],
    ])
  })

  verifies('FLD-08', 'of a client is refused as before', async () => {
    const client = await openClient(await startScript(''))
    const body = '{"jsonrpc":"2.0","id":7,"result":{},"error":null}'
    expect((await client.send('POST', body)).status).toBe(400)
  })
})

/** Answers that cannot be forwarded, with `ID` in place of the id of their request. */
const BROKEN: readonly (readonly [string, Flaw])[] = [
  ['{"jsonrpc":"2.0","id":ID,"id":ID,"result":{}}', MISFORMED],
  ['{"jsonrpc":"2.0","id":ID,"result":{},"error":{"code":1,"message":"x"}}', MISFORMED],
  ['{"jsonrpc":"2.0","id":ID,"error":null}', MISFORMED],
  ['{"jsonrpc":"2.0","id":ID}', MISFORMED],
  ['{"jsonrpc":"2.0","result":{},"result":{},"id":ID}', MISFORMED],
  ['{"jsonrpc":"2.0","id":ID,"result":{"a":', CUT],
  ['{"jsonrpc": "2.0", "id": ID, "resu', CUT],
  ['{"jsonrpc":"2.0","id":ID,"result":{}} done', CUT],
  ['{"result":{},"jsonrpc":"2.0","id":ID,', CUT],
  ['{"jsonrpc":"2.0","id":"0ID","result":{"a":', CUT],
  ['{"jsonrpc": "2.0", "id": ID, "result": {"mean": NaN}}', NOT_A_NUMBER],
  ['{"jsonrpc": "2.0", "id": ID, "result": {"min": -Infinity, "name": "NaN"}}', NOT_A_NUMBER],
  ['{"jsonrpc": "2.0", "id": ID, "result": NaN}', NOT_A_NUMBER],
]

describe('an answer that is misformed', () => {
  for (const [line, flaw] of BROKEN) {
    verifies('FLD-09', `fails its own request, and no other: ${line}`, async () => {
      const fixture = await startScript(`
        if (params.name === 'wait') globalThis.waiting = id
        else { ${sayLine(line)}; answer(waiting, { whole: true }) }`)
      const client = await openClient(fixture)
      const waiting = messageOf(client.call('wait', {}, { id: 'w', ...JSON_ONLY }))
      const [status, message] = await messageOf(client.call('x', {}, { id: 5, ...JSON_ONLY }))
      expect([status, message]).toEqual([
        200,
        {
          jsonrpc: '2.0',
          id: 5,
          error: { code: -32_603, message: `The answer of the MCP server ${flaw.text}` },
        },
      ])
      expect((await waiting)[1]).toMatchObject({ id: 'w', result: { whole: true } })
      expect(fixture.reported('message.unusable')).toMatchObject([
        { reason: `a response that ${flaw.text}`, hint: flaw.hint },
      ])
      expect(fixture.reported('session.ended')).toEqual([])
    })
  }

  verifies('FLD-09', 'of a stateless client, too', async () => {
    for (const [line, flaw] of BROKEN) {
      const fixture = await startServer(`
        if (method === 'server/discover') return answer(id, { supportedVersions: ['${MODERN}'] })
        ${sayLine(line)}`)
      const client = new Client(fixture, { version: MODERN })
      const [, message] = await messageOf(client.call('x', {}, { id: 'mine' }))
      expect(message, line).toMatchObject({
        id: 'mine',
        error: { code: -32_603, message: `The answer of the MCP server ${flaw.text}` },
      })
    }
  })

  verifies('FLD-09', 'to initialize: 502 at once, in words that blame no setting', async () => {
    for (const [line, flaw] of BROKEN) {
      const fixture = await startServer(sayLine(line), {}, createManualClock())
      expect((await new Client(fixture).open()).status).toBe(502)
      expect(fixture.reported('upstream.failed')).toMatchObject([
        { reason: `the command sent a message that ${flaw.text}`, hint: flaw.hint },
      ])
      expect((await new Client(fixture, { version: MODERN }).call('x')).status).toBe(400)
    }
  })

  verifies('FLD-09', 'without an id before the broken place is for the only one', async () => {
    for (const line of ['{"jsonrpc":"2.0","result":{"a":', '{"jsonrpc":"2.0","i']) {
      const client = await openClient(await startScript(sayLine(line)))
      const [, message] = await messageOf(client.call('x', {}, { id: 'x' }))
      expect(message, line).toMatchObject({ id: 'x', error: { code: -32_603 } })
    }
  })

  verifies('FLD-09', 'and of two ends the session, if it is certain to be an answer', async () => {
    const script = (line: string) => `
      if (params.name === 'wait') globalThis.waiting = id
      else { ${sayLine(line)}; answer(waiting, {}); answer(id, {}) }`
    const two = async (line: string) => {
      const client = await openClient(await startScript(script(line)))
      const waiting = messageOf(client.call('wait', {}, { id: 1, ...JSON_ONLY }))
      const other = await messageOf(client.call('x', {}, { id: 'x', ...JSON_ONLY }))
      return [(await waiting)[0], other[0]]
    }
    expect(await two('{"jsonrpc":"2.0","result":{"a":')).toEqual([502, 502])
    // The beginning of a notification, perhaps.
    expect(await two('{"jsonrpc":"2.0","')).toEqual([200, 200])
  })

  verifies('FLD-09', 'in two ids is for neither of them', async () => {
    const fixture = await startScript(`
      if (params.name === 'wait') return
      say('{"jsonrpc":"2.0","id":1,"id":2,"result":{}}')`)
    const client = await openClient(fixture)
    const waiting = messageOf(client.call('wait', {}, { id: 1, ...JSON_ONLY }))
    const other = messageOf(client.call('x', {}, { id: 2, ...JSON_ONLY }))
    expect([(await waiting)[0], (await other)[0]]).toEqual([502, 502])
  })

  verifies('FLD-09', 'a text about NaN is an answer like any other', async () => {
    const fixture = await startScript(`answer(id, { text: 'NaN, or -Infinity' })`)
    const client = await openClient(fixture)
    const [, message] = await messageOf(client.call('x'))
    expect(message.result).toEqual({ text: 'NaN, or -Infinity' })
  })

  verifies('FLD-09', 'a notification with NaN reaches nobody, and is told', async () => {
    const fixture = await startScript(`
      say('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":NaN}}')
      answer(id, {})`)
    const client = await openClient(fixture)
    const answer = await client.call('x')
    expect(await answer.text()).not.toContain('NaN')
    expect(fixture.reported('message.unusable')).toMatchObject([
      { reason: `a notification that ${NOT_A_NUMBER.text}` },
    ])
  })
})

/** Lines that are no answers, with `ID` in place of the id of the request that waits. */
const LOGS = [
  '{"level":"warn","id":ID,"error":"retrying"}',
  '{"id":ID,"result":{}}',
  '{"jsonrpc":"1.0","id":ID,"result":{}}',
  '{"jsonrpc":2.0,"id":ID,"result":{}}',
  '{"id":ID,"result":{"a":',
  '{"level":"info","id":ID,"result":NaN}',
  '{"jsonrpc":"2.0"}',
  '{"jsonrpc":"2.0","id":ID,"level":"info"}',
  '[{"jsonrpc":"2.0","id":ID,"result":{}}]',
  'GET {"jsonrpc":"2.0","id":ID,"result":{}}',
  'Listening on stdio',
]

describe('a line of a log on stdout', () => {
  for (const line of LOGS) {
    verifies('FLD-09', `is no answer: ${line}`, async () => {
      const fixture = await startScript(`${sayLine(line)}; answer(id, { real: true })`)
      const client = await openClient(fixture)
      const [, message] = await messageOf(client.call('x', {}, { id: 5 }))
      expect(message.result).toEqual({ real: true })
      expect(fixture.reported('message.unusable')).toEqual([])
      expect(fixture.reported('child.remarked')).toEqual([
        {
          type: 'child.remarked',
          child: expect.any(String) as string,
          from: 'stdout',
          text: `not a message: ${line.replace('ID', '5')}`,
          hint: STDOUT,
        },
      ])
    })
  }

  verifies('FLD-12', 'has its hint where a request waits, once a minute', async () => {
    const clock = createManualClock()
    const fixture = await startScript(
      `if (method === 'notifications/x') say('idle'); else { say('busy'); say('busy'); answer(id, {}) }`,
      {},
      clock,
    )
    const client = await openClient(fixture)
    const hints = () => fixture.reported('child.remarked').map(({ text, hint }) => [text, hint])
    await client.post({ jsonrpc: '2.0', method: 'notifications/x' })
    await until(() => hints().length === 1)
    await messageOf(client.call('x', {}, JSON_ONLY))
    clock.pass(59_999)
    await messageOf(client.call('x', {}, JSON_ONLY))
    clock.pass(1)
    await messageOf(client.call('x', {}, JSON_ONLY))
    const busy = 'not a message: busy'
    const silent = [busy, undefined]
    expect(hints()).toEqual([
      ['not a message: idle', undefined],
      [busy, STDOUT],
      silent,
      silent,
      silent,
      [busy, STDOUT],
      silent,
    ])
  })
})

describe('a command whose first answer is no message', () => {
  const wrote = (what: string) => `the command wrote ${what} to stdout, which is not an MCP answer`
  const ANSWER = '{"id":ID,"result":{"apiKey":"hunter2"}}'
  const cases: readonly (readonly [string, string, number])[] = [
    [sayLine(ANSWER), '"{ id, result }"', 1],
    [`say(JSON.stringify({ jsonrpc: '2.0', id, result: {} }, null, 2))`, '"{"', 5],
    [`say('Ready on port 80'); ${sayLine(ANSWER)}; say('and more')`, '"{ id, result }"', 3],
    [`say('Ready, api_key=hunter2 s3cr3t')`, '"Ready, api_key=***"', 1],
  ]
  for (const [script, shown, lines] of cases) {
    verifies('FLD-08', `is told so, and the time is not blamed: ${shown}`, async () => {
      const clock = createManualClock()
      const fixture = await startServer(script, {}, clock)
      const asked = new Client(fixture).open()
      await until(() => fixture.reported('child.remarked').length === lines)
      clock.pass(30_000)
      expect((await asked).status).toBe(502)
      expect(fixture.reported('upstream.failed')).toMatchObject([
        { code: 'ERR_UPSTREAM_INVALID', reason: wrote(shown), hint: STDOUT },
      ])
    })
  }

  verifies('FLD-08', 'of a stateless client, and at a warm-up', async () => {
    const clock = createManualClock()
    const fixture = await startServer(sayLine(ANSWER), { childWarm: true }, clock)
    await until(() => fixture.reported('child.remarked').length === 1)
    const asked = new Client(fixture, { version: MODERN }).call('x')
    await until(() => fixture.reported('child.remarked').length === 2)
    clock.pass(30_000)
    expect((await asked).status).toBe(400)
    expect(fixture.reported('session.ended')[0]?.reason).toBe(wrote('"{ id, result }"'))
    expect(fixture.reported('command.warmed')).toMatchObject([
      { failure: wrote('"{ id, result }"'), hint: STDOUT },
    ])
    expect(JSON.stringify(fixture.reported('command.warmed'))).not.toContain('hunter2')
    for (const { hint } of fixture.reported('child.remarked')) expect(hint).toBe(STDOUT)
  })

  verifies('FLD-12', 'has lacked no variable; one that is silent may have', async () => {
    process.env['UV_INDEX_URL'] = 'https://secret'
    onTestFinished(() => void delete process.env['UV_INDEX_URL'])
    const ended = async (script: string) => {
      const clock = createManualClock()
      const fixture = await startServer(`process.stderr.write('asked\\n'); ${script}`, {}, clock)
      const asked = new Client(fixture).open()
      const lines = script === '' ? 1 : 2
      await until(() => fixture.reported('child.remarked').length === lines)
      clock.pass(30_000)
      await asked
      await until(() => fixture.reported('child.ended').length === 1)
      return fixture.reported('child.ended')[0]
    }
    expect(await ended(`say('{"id":0,"result":{}}')`)).not.toHaveProperty('hint')
    expect((await ended(''))?.hint).toContain('UV_INDEX_URL')
  })

  verifies('FLD-08', 'is shown short, and without what may be a secret', () => {
    const show = (text: string) => shownRemark(Buffer.from(text))
    expect(show('x '.repeat(100))).toHaveLength(63)
    expect(show('password: hunter')).toBe('"password: ***"')
    expect(show('password: correct horse')).toBe('"password: ***"')
    expect(show('{"a":1,"sk-live-1234567890":1}')).toBe('"{ a, *** }"')
    expect(show('Key sk-aaaaaaaaaaaaaaaaaaaa')).toBe('"Key ***"')
    expect(show('{"token":"hunter2","a":{"b":1}')).toBe('"{ token, a }"')
  })
})
