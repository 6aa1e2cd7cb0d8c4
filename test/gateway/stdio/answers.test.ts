/** Answers of a command whose id is not that of the request. */
import { describe, expect } from 'vitest'
import { createManualClock } from '../../support/clocks.js'
import { eventually } from '../../support/gateway.js'
import { verifies } from '../../support/verifies.js'
import { MISNAMED } from '../../../src/gateway/stdio/broken-message.js'
import { SAME_ID } from '../../../src/gateway/stdio/pooled-child.js'
import {
  Client,
  JSON_ONLY,
  messagesOf,
  MODERN,
  openClient,
  startScript,
  startServer,
  type RpcMessage,
} from './support.js'

const OPENED = `{ protocolVersion: '2025-11-25', capabilities: {} }`
const UNREAD = `say('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"unread"}}')`

/** The bytes of an answer in JSON. */
async function answerTo(asked: Promise<Response>): Promise<readonly [number, string]> {
  const answer = await asked
  // A slow machine gets it as an event.
  return [answer.status, /\{.*\}/.exec(await answer.text())?.[0] ?? '']
}

function initialize(client: Client, id: string | number) {
  return client.post(client.request('initialize', { protocolVersion: '2025-11-25' }, id))
}

describe('an id that comes back as a text', () => {
  verifies('FLD-08', 'is the number, and its client gets the number', async () => {
    const fixture = await startServer(`answer(String(id), ${OPENED})`)
    const client = new Client(fixture)
    expect(await answerTo(initialize(client, 0))).toEqual([
      200,
      '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}',
    ])
    expect(fixture.reported('message.unusable')).toEqual([])
  })

  verifies('FLD-08', 'also of a negative one, and of a stateless client', async () => {
    const fixture = await startServer(
      `answer(String(id), { supportedVersions: ['${MODERN}'], content: [] })`,
    )
    const client = new Client(fixture, { version: MODERN })
    expect((await messagesOf(await client.call('a', {}, { id: 'mine' })))[0]).toMatchObject({
      id: 'mine',
      result: {},
    })
    const other = await openClient(await startServer(`answer(String(id), ${OPENED})`))
    expect((await messagesOf(await other.call('a', {}, { id: -7 })))[0]?.id).toBe(-7)
  })

  for (const text of ['00', '+0', '-0', '0.0', ' 0', '0 ']) {
    verifies('FLD-08', `in another form fails its request: ${JSON.stringify(text)}`, async () => {
      const clock = createManualClock()
      const fixture = await startServer(`answer(${JSON.stringify(text)}, ${OPENED})`, {}, clock)
      const [status, body] = await answerTo(initialize(new Client(fixture), 0))
      expect(status).toBe(502)
      expect(body).toContain('"id":0,"error"')
      expect(fixture.reported('upstream.failed')[0]).toMatchObject({
        code: 'ERR_UPSTREAM_INVALID',
        hint: MISNAMED.hint,
      })
    })
  }

  verifies('FLD-08', 'a number for a text fails its request, and no other', async () => {
    const fixture = await startScript(`
      if (params.name === 'wait') globalThis.other = id
      else { answer(7, {}); answer(other, { whole: true }) }`)
    const client = await openClient(fixture)
    const other = answerTo(client.call('wait', {}, { id: 'b', ...JSON_ONLY }))
    const [, body] = await answerTo(client.call('a', {}, { id: '7', ...JSON_ONLY }))
    expect(JSON.parse(body)).toEqual({
      jsonrpc: '2.0',
      id: '7',
      error: {
        code: -32_603,
        message:
          'The answer of the MCP server does not have the id of its request as it was written',
      },
    })
    expect((await other)[1]).toContain('"whole":true')
    expect(fixture.reported('session.ended')).toEqual([])
  })

  verifies('FLD-08', 'is for none of two whose number it may be', async () => {
    const fixture = await startScript(`
      globalThis.first ??= id
      if (id !== first) { answer('07', {}); answer(first, { n: 1 }); answer(id, { n: 2 }) }`)
    const client = await openClient(fixture)
    const one = answerTo(client.call('a', {}, { id: 7, ...JSON_ONLY }))
    const other = answerTo(client.call('a', {}, { id: '7', ...JSON_ONLY }))
    expect([(await one)[1], (await other)[1]].sort()).toEqual([
      '{"jsonrpc":"2.0","id":"7","result":{"n":2}}',
      '{"jsonrpc":"2.0","id":7,"result":{"n":1}}',
    ])
    expect(fixture.reported('message.unusable')).toMatchObject([
      { reason: 'a response with the id "07", for which no request waits', hint: SAME_ID },
    ])
  })

  for (const text of ['0x0', '1', '']) {
    verifies('FLD-08', `is nothing else: ${JSON.stringify(text)} is not 0`, async () => {
      const clock = createManualClock()
      const fixture = await startServer(`answer(${JSON.stringify(text)}, ${OPENED})`, {}, clock)
      const answer = initialize(new Client(fixture), 0)
      await eventually(() => fixture.reported('message.unusable').length === 1)
      const [unusable] = fixture.reported('message.unusable')
      expect(unusable?.reason).toContain('for which no request waits')
      clock.pass(30_000)
      const [status, body] = await answerTo(answer)
      expect(status).toBe(502)
      expect(body).toContain('"id":0,"error"')
      const [failed] = fixture.reported('upstream.failed')
      expect(failed?.code).toBe('ERR_UPSTREAM_INVALID')
      expect(JSON.stringify(fixture.events)).not.toContain('--child-start-timeout')
    })
  }

  verifies('FLD-08', 'of a stateless client: the log does not blame the time either', async () => {
    const clock = createManualClock()
    const fixture = await startServer('answer(5, {})', {}, clock)
    const answer = new Client(fixture, { version: MODERN }).call('x')
    await eventually(() => fixture.reported('message.unusable').length === 1)
    clock.pass(30_000)
    expect((await answer).status).toBe(400)
    expect(fixture.reported('session.ended')[0]?.reason).toBe(
      'the command answered with the id 5, which no request has',
    )
  })

  verifies('FLD-08', 'is the text while a request with the text waits', async () => {
    const client = await openClient(
      await startScript(`
        globalThis.first ??= id
        if (id !== first) for (const n of [1, 2]) answer('5', { n })`),
    )
    const number = answerTo(client.call('a', {}, { id: 5, ...JSON_ONLY }))
    const text = await answerTo(client.call('a', {}, { id: '5', ...JSON_ONLY }))
    expect(text[1]).toBe('{"jsonrpc":"2.0","id":"5","result":{"n":1}}')
    expect((await number)[1]).toBe('{"jsonrpc":"2.0","id":5,"result":{"n":2}}')
  })

  verifies('FLD-08', 'is the text while one is remembered whose client has left', async () => {
    const fixture = await startScript(`
      if (id === 5) answer('5', { late: true })
      if (id === 5) answer(5, {})
      if (method === 'tools/call') process.stderr.write('heard\\n')`)
    const client = await openClient(fixture)
    const leaving = new AbortController()
    const gone = client.call('a', {}, { id: '5', signal: leaving.signal })
    await eventually(() => fixture.reported('child.remarked').length === 1)
    leaving.abort()
    await expect(gone.then((answer) => answer.text())).rejects.toThrow('abort')
    const [, body] = await answerTo(client.call('a', {}, { id: 5, ...JSON_ONLY }))
    expect(body).toBe('{"jsonrpc":"2.0","id":5,"result":{}}')
  })
})

describe('an error with the id null', () => {
  verifies('FLD-08', 'is for the only request that waits', async () => {
    const fixture = await startScript(UNREAD)
    const client = await openClient(fixture)
    expect(await answerTo(client.call('a', {}, { id: 'mine', ...JSON_ONLY }))).toEqual([
      200,
      '{"jsonrpc":"2.0","id":"mine","error":{"code":-32700,"message":"unread"}}',
    ])
    expect(fixture.reported('message.unusable')).toEqual([])
  })

  verifies('FLD-08', 'for the question that we ask ourselves, too', async () => {
    const fixture = await startServer(
      `say('{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"unknown"}}')`,
    )
    const answer = await new Client(fixture, { version: MODERN }).call('a')
    expect(answer.status).toBe(400)
    expect(fixture.reported('session.ended')[0]?.reason).toContain('does not support a stateless')
  })

  verifies('FLD-08', 'is for none of two', async () => {
    const fixture = await startScript(`
      globalThis.first ??= id
      if (id !== first) { ${UNREAD}; answer(first, {}); answer(id, {}) }`)
    const client = await openClient(fixture)
    const answers = ['a', 'b'].map((id) => answerTo(client.call('x', {}, { id })))
    for (const [, body] of await Promise.all(answers)) expect(body).toContain('"result":{}')
    expect(fixture.reported('message.unusable')[0]?.reason).toContain('the id null')
  })

  verifies('FLD-08', 'is for none when anything was written since', async () => {
    const fixture = await startScript(`
      globalThis.asked ??= id
      if (method === 'notifications/x') { ${UNREAD}; answer(asked, {}) }`)
    const client = await openClient(fixture)
    const asked = client.call('x')
    const noted = await client.post({ jsonrpc: '2.0', method: 'notifications/x' })
    expect(noted.status).toBe(202)
    expect(await (await asked).text()).toContain('"result":{}')
    expect(fixture.reported('message.unusable')).toHaveLength(1)
  })

  for (const answer of [
    '{"jsonrpc":"2.0","id":null,"result":{}}',
    '{"jsonrpc":"2.0","id":true,"error":{"code":1,"message":"x"}}',
  ]) {
    const script = `
      if (method === 'tools/call') { say('${answer}'); answer(id, { real: true }) }`
    verifies('FLD-08', `may be the answer to a notification: ${answer}`, async () => {
      const fixture = await startScript(script)
      const client = await openClient(fixture)
      await client.post({ jsonrpc: '2.0', method: 'notifications/initialized' })
      expect((await answerTo(client.call('a')))[1]).toContain('"real":true')
      expect(fixture.reported('message.unusable')).toMatchObject([{ hint: SAME_ID }])
      // The server has answered since, so the next one can be about nothing else.
      expect((await answerTo(client.call('a')))[1]).toContain('"code":-32603')
    })

    for (const [whose, before, after] of [
      ['of two', '', 'answer(id, {})'],
      ['that is not the last', 'answer(id, {})', ''],
    ] as const) {
      verifies('FLD-08', `is for none ${whose}: ${answer}`, async () => {
        const client = await openClient(
          await startScript(`
            if (params.name === 'a') globalThis.first = id
            else { ${before}; say('${answer}'); answer(first, {}); ${after} }`),
        )
        const first = answerTo(client.call('a', {}, JSON_ONLY))
        expect((await answerTo(client.call('b', {}, JSON_ONLY)))[1]).toContain('"result":{}')
        expect((await first)[1]).toContain('"result":{}')
      })
    }

    verifies('FLD-08', `to initialize fails it at once: ${answer}`, async () => {
      const fixture = await startServer(`say('${answer}')`, {}, createManualClock())
      expect((await new Client(fixture).open()).status).toBe(502)
    })
  }
})

verifies(
  'FLD-08',
  'an answer that comes twice, and one to nobody, are lines in the log',
  async () => {
    const fixture = await startScript(`answer(id, {}); answer(id, {}); answer('ü\\n', {})`)
    const client = await openClient(fixture)
    const [message] = (await messagesOf(await client.call('x', {}, { id: 3 }))) as [RpcMessage]
    expect(message.id).toBe(3)
    await eventually(() => fixture.reported('message.unusable').length === 2)
    expect(fixture.reported('message.unusable').map(({ reason }) => reason)).toEqual([
      'a response with the id 3, for which no request waits',
      'a response with the id "?\\n", for which no request waits',
    ])
  },
)
