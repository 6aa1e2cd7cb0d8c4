/** Messages of a command that cannot be forwarded. */
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  NOT_UTF8,
  readBroken,
  tooLarge,
  type BrokenMessage,
} from '../../../src/gateway/stdio/broken-message.js'
import { Child } from '../../../src/gateway/stdio/child.js'
import { LineSplitter } from '../../../src/gateway/stdio/lines.js'
import { eventually } from '../../support/gateway.js'
import { verifies } from '../../support/verifies.js'
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

/** Latin-1: `é` is the one byte E9, which is not UTF-8. */
const LATIN = `const latin = (text) => process.stdout.write(Buffer.from(text + '\\n', 'latin1'));`

async function messageOf(asked: Promise<Response>): Promise<readonly [number, RpcMessage]> {
  const answer = await asked
  return [answer.status, (await messagesOf(answer)).at(-1) ?? {}]
}

describe('the beginning of a message', () => {
  const read = (text: string, encoding: BufferEncoding = 'latin1') => {
    const broken = readBroken(Buffer.from(text, encoding), NOT_UTF8)
    return broken && ([broken.kind, broken.idText] as const)
  }
  const cases: readonly (readonly [
    string,
    readonly [BrokenMessage['kind'], string] | undefined,
  ])[] = [
    ['{"jsonrpc":"2.0","id":5,"result":{"text":"é', ['response', '5']],
    ['{"id" : "a" ,"result":"é', ['response', '"a"']],
    ['{"jsonrpc":"2.0","result":{"id":5,"text":"é"},"id":6}', ['response', 'null']],
    ['{"result":{"text":"\\"id\\":5 é', ['response', 'null']],
    // `1` could be the beginning of `12`.
    ['{"jsonrpc":"2.0","error":{},"id":1', ['response', 'null']],
    ['{"jsonrpc":"2.0","error":{},"id":1}é', ['response', '1']],
    ['{"jsonrpc":"2.0","error":{},"id":1 x', ['response', 'null']],
    ['{"jsonrpc":"2.0","id":{},"result":"é', ['response', 'null']],
    ['{"jsonrpc":"2.0","id":tru5,"result":"é', ['response', 'null']],
    ['{"jsonrpc":"2.0","method":"notifications/x","params":{"é', ['notification', 'null']],
    ['{"jsonrpc":"2.0","method":"sampling","id":7,"params":{"é', ['request', '7']],
    ['{"jsonrpc":"2.0","id":7,"params":{"é"},"method":"x"}', ['request', '7']],
    // Others' members, and no mark of a message before the broken place: a line of a log.
    ['{"level":"info","id":5,"result":"é', undefined],
    ['{"id":5,"text":"é', undefined],
    ['{"id":5,"é', undefined],
    ['{"jsonrpc":"1.0","id":5,"result":"é', undefined],
    ['{"jsonrpc":"2.0","id":5,"id":5,"result":"é', ['response', '5']],
    ['{"jsonrpc":"2.0","id":5,"id":6,"id":5,"result":"é', ['response', 'null']],
    ['{"jsonrpc":"2.0","id":5,"id":"5","result":"é', ['response', 'null']],
    ['[{"jsonrpc":"2.0","id":5,"result":"é', undefined],
    ['Démarrage', undefined],
    ['', undefined],
  ]
  test.each(cases)('%s', (text, expected) => {
    expect(read(text)).toEqual(expected)
  })

  verifies('FLD-09', 'is read up to the broken byte, also behind U+FFFD', () => {
    const utf8 = (text: string) => Buffer.from(text, 'utf8')
    const begun = utf8('{"jsonrpc":"2.0","result":"\ufffd","id":5,"x":"')
    const line = Buffer.concat([begun, Buffer.from([0xe9]), utf8('"}')])
    expect(readBroken(line, NOT_UTF8)?.idText).toBe('5')
    const earlier = Buffer.concat([utf8('{"x":"\ufffd'), Buffer.from([0xe9]), begun])
    expect(readBroken(earlier, NOT_UTF8)).toBeUndefined()
  })
})

describe('an answer that is not UTF-8', () => {
  const ANSWER = `${LATIN} latin('{"jsonrpc":"2.0","id":' + JSON.stringify(id) + ',"result":{"text":"é"}}')`

  verifies('FLD-09', 'fails its own request at once; others of the session go on', async () => {
    const fixture = await startScript(`
      if (params.name === 'wait') globalThis.waiting = id
      else { ${ANSWER}; answer(waiting, { whole: true }) }`)
    const client = await openClient(fixture)
    const waiting = messageOf(client.call('wait', {}, { id: 'w', ...JSON_ONLY }))
    const [status, message] = await messageOf(client.call('x', {}, { id: 'x', ...JSON_ONLY }))
    expect(status).toBe(200)
    expect(message).toEqual({
      jsonrpc: '2.0',
      id: 'x',
      error: { code: -32_603, message: 'The answer of the MCP server is not UTF-8' },
    })
    expect((await waiting)[1]).toMatchObject({ id: 'w', result: { whole: true } })
    const [reported] = fixture.reported('message.unusable')
    expect(reported?.reason).toBe('a response that is not UTF-8')
    expect(reported?.hint).toContain('PYTHONUTF8')
    expect(fixture.reported('session.ended')).toEqual([])
  })

  verifies('FLD-09', 'of a stateless client, too', async () => {
    const fixture = await startServer(`
      if (method === 'server/discover') return answer(id, { supportedVersions: ['${MODERN}'] })
      ${ANSWER}`)
    const client = new Client(fixture, { version: MODERN })
    const [, message] = await messageOf(client.call('x', {}, { id: 'mine' }))
    expect(message).toMatchObject({ id: 'mine', error: { code: -32_603 } })
  })

  const LATE_ID = (id: string) =>
    `${LATIN} latin('{"jsonrpc":"2.0","result":{"id":1,"text":"é"},"id":' + ${id} + '}')`

  verifies('FLD-09', 'without a readable id fails the only request that waits', async () => {
    const fixture = await startScript(LATE_ID('JSON.stringify(id)'))
    const client = await openClient(fixture)
    const [, message] = await messageOf(client.call('x', {}, { id: 'x' }))
    expect(message).toMatchObject({ id: 'x', error: { code: -32_603 } })
    expect(fixture.reported('session.ended')).toEqual([])
  })

  verifies('FLD-09', 'and of two ends the session, with both told', async () => {
    const fixture = await startScript(`
      if (params.name !== 'x') globalThis.waiting = id
      else { ${LATE_ID('JSON.stringify(id)')} }`)
    const client = await openClient(fixture)
    const waiting = messageOf(client.call('wait', {}, { id: 1, ...JSON_ONLY }))
    const failed = await messageOf(client.call('x', {}, { id: 'x', ...JSON_ONLY }))
    expect([failed[0], (await waiting)[0]]).toEqual([502, 502])
    expect(fixture.reported('session.ended')[0]?.reason).toBe(
      'the command sent a message that is not UTF-8',
    )
  })

  verifies('FLD-09', 'to nobody: the session goes on', async () => {
    const fixture = await startScript(`
      if (id !== undefined) return answer(id, { whole: true })
      ${LATE_ID('9')}
      latin('{"jsonrpc":"2.0","id":9,"result":{"text":"é"}}')`)
    const client = await openClient(fixture)
    await client.post({ jsonrpc: '2.0', method: 'notifications/x' })
    await eventually(() => fixture.reported('message.unusable').length === 3)
    const [, message] = await messageOf(client.call('x'))
    expect(message.result).toEqual({ whole: true })
    expect(fixture.reported('session.ended')).toEqual([])
  })

  verifies('FLD-09', 'to initialize: 502 at once, and no session', async () => {
    const fixture = await startServer(ANSWER)
    const opened = await new Client(fixture).open()
    expect(opened.status).toBe(502)
    expect(fixture.reported('upstream.failed')[0]).toMatchObject({
      code: 'ERR_UPSTREAM_INVALID',
      reason: 'the command sent a message that is not UTF-8',
      hint: NOT_UTF8.hint,
    })
    await eventually(() => fixture.reported('child.ended').length === 1)
  })

  verifies(
    'FLD-09',
    'a log line in another encoding is not an answer: requests that wait go on',
    async () => {
      const fixture = await startScript(`
      ${LATIN}
      latin('D\\u00e9marrage')
      latin('{"level":30,"id":' + JSON.stringify(id) + ',"msg":"d\\u00e9"}')
      answer(id, { whole: true })`)
      const client = await openClient(fixture)
      const [, message] = await messageOf(client.call('x'))
      expect(message.result).toEqual({ whole: true })
      expect(fixture.reported('child.remarked').map(({ text }) => text)).toEqual([
        'not a message: D\ufffdmarrage',
        expect.stringContaining('not a message: {"level":30') as string,
      ])
    },
  )
})

describe('an answer that is too large', () => {
  const children = { maxMessage: 1_000 }
  const BIG = `say('{"jsonrpc":"2.0","id":' + JSON.stringify(id) + ',"result":"' + 'x'.repeat(params.arguments.bytes) + '"}');`

  verifies('FLD-09', 'fails its own request, with the setting in the log', async () => {
    const fixture = await startScript(
      `if (params.name === 'wait') globalThis.waiting = id
      else { ${BIG} answer(waiting, { whole: true }) }`,
      { children },
    )
    const client = await openClient(fixture)
    const waiting = messageOf(client.call('wait', {}, { id: 'w', ...JSON_ONLY }))
    const [status, message] = await messageOf(client.call('big', { bytes: 2_000 }, { id: 'b' }))
    expect(status).toBe(200)
    expect(message).toEqual({
      jsonrpc: '2.0',
      id: 'b',
      error: { code: -32_603, message: 'The answer of the MCP server has more than 1000 bytes' },
    })
    expect((await waiting)[1]).toMatchObject({ id: 'w', result: { whole: true } })
    expect(fixture.reported('message.unusable')).toMatchObject([
      { reason: 'a response that has more than 1000 bytes', hint: tooLarge(1).hint },
    ])
    expect(fixture.reported('session.ended')).toEqual([])
  })

  verifies('FLD-09', 'and does not end ends the session', async () => {
    const fixture = await startScript(BIG, { children })
    const client = await openClient(fixture)
    const [, message] = await messageOf(client.call('big', { bytes: 100_000 }, { id: 'b' }))
    expect(message).toMatchObject({ id: 'b', error: { code: -32_603 } })
    await eventually(() => fixture.reported('session.ended').length === 1)
    expect(fixture.reported('session.ended')[0]?.reason).toBe(
      'the command sent a message that has more than 1000 bytes',
    )
  })

  verifies('FLD-09', 'and is a notification is dropped; a question is refused', async () => {
    const fixture = await startScript(
      `const big = ',"params":{"x":"' + 'x'.repeat(2000) + '"}}'
      if (method === undefined) return answer(asked, { refused: message.error.message })
      globalThis.asked = id
      say('{"jsonrpc":"2.0","method":"notifications/x"' + big)
      say('{"jsonrpc":"2.0","id":"q","method":"sampling/createMessage"' + big)`,
      { children },
    )
    const client = await openClient(fixture)
    const [, message] = await messageOf(client.call('x'))
    expect(message.result).toEqual({ refused: 'This request has more than 1000 bytes' })
    expect(fixture.reported('message.unusable')).toHaveLength(2)
  })
})

verifies(
  'FLD-09',
  'a byte order mark fails the answer at once, and is seen in the log',
  async () => {
    const fixture = await startServer(`
    say('\\ufeffhello')
    say('\\ufeff' + JSON.stringify({ jsonrpc: '2.0', id, result: {} }))`)
    const opened = await new Client(fixture).open()
    expect(opened.status).toBe(502)
    expect(fixture.reported('upstream.failed')[0]?.reason).toContain(
      'begins with a byte order mark',
    )
    expect(fixture.reported('child.remarked')[0]?.text).toBe('not a message: \\ufeffhello')
  },
)

describe('the rest of a line that is too long', () => {
  function split(limit: number) {
    const heard: string[] = []
    const lines = new LineSplitter(limit, {
      onLine: (line) => heard.push(line.toString()),
      onTooLong: (beginning) => heard.push(`too long: ${beginning.toString()}`),
      onEndless: () => heard.push('endless'),
    })
    return { heard, push: (text: string) => lines.push(Buffer.from(text)) }
  }

  verifies('FLD-09', 'is dropped up to four times the limit', () => {
    const { heard, push } = split(3)
    push('ab')
    push('cd')
    push(`${'x'.repeat(11)}\nok\n`)
    expect(heard).toEqual(['too long: abcd', 'ok'])
    push('y'.repeat(4))
    push('y'.repeat(11))
    expect(heard).toEqual(['too long: abcd', 'ok', 'too long: yyyy'])
    for (const _ of [1, 2, 3]) push('y')
    expect(heard.slice(3)).toEqual(['endless'])
  })

  verifies('FLD-09', 'has 30 seconds', async () => {
    const timers: (readonly [() => void, number])[] = []
    const heard: string[] = []
    const child = new Child(
      ['sh', '-c', 'printf xxxx; read line; echo; read line; printf yyyy; read line'],
      { PATH: process.env['PATH'] ?? '' },
      3,
      {
        onLine: () => undefined,
        onTooLong: (beginning) => heard.push(beginning.toString()),
        onEndless: () => heard.push('endless'),
        onStderr: () => undefined,
        onEnd: () => undefined,
      },
      (callback, delay) => {
        const timer = [callback, delay] as const
        timers.push(timer)
        return () => undefined
      },
    )
    onTestFinished(() => void child.stop())
    const rests = () => timers.filter(([, delay]) => delay === 30_000)
    await eventually(() => heard.length === 1)
    child.pause()
    rests()[0]?.[0]()
    // While we do not read, it cannot go on: it gets another 30 seconds.
    expect([heard, rests().length]).toEqual([['xxxx'], 2])
    child.resume()
    child.write(Buffer.from('on'))
    child.write(Buffer.from('on'))
    await eventually(() => heard.length === 2)
    expect(heard).toEqual(['xxxx', 'yyyy'])
    rests().at(-1)?.[0]()
    expect(heard).toEqual(['xxxx', 'yyyy', 'endless'])
  })
})
