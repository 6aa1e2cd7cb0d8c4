/** One message in a body, read in one way only; and the header fields that mirror it. */
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { EventBoundary, lastEvent } from '../../src/gateway/http/event-stream.js'
import { readMessage, type RpcMessage } from '../../src/mcp/message.js'
import { compareMirrored, decodeMirrored, mirroredName } from '../../src/mcp/mirrored-headers.js'
import { RPC } from '../../src/mcp/rpc-error.js'
import { verifies } from '../support/verifies.js'

const VERSION = 'io.modelcontextprotocol/protocolVersion'
const read = (text: string) => readMessage(Buffer.from(text))

function message(text: string): RpcMessage {
  const found = read(text)
  if ('reason' in found) throw new Error(found.reason)
  return found
}

/** Texts of valid JSON, with blanks where they may stand. */
function written(value: unknown, blank: string): string {
  return JSON.stringify(value, null, blank.length === 0 ? undefined : 2).replaceAll(
    '\n',
    `\n${blank}`,
  )
}

describe('reading', () => {
  verifies(['HDR-08', 'CASE-59'], 'finds method and params of whatever can be a message', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.dictionary(fc.stringMatching(/^[x-z]\w*$/), fc.jsonValue(), { maxKeys: 5 }),
        fc.dictionary(fc.stringMatching(/^[x-z]\w*$/), fc.jsonValue(), { maxKeys: 5 }),
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.integer(),
          fc.double({ noNaN: true, noDefaultInfinity: true }),
        ),
        fc.constantFrom('', ' ', '\t', '\r'),
        (method, extra, params, id, blank) => {
          // Half of a surrogate pair is written as an escape, and so is UTF-8.
          const value = { ...extra, params, method, id, jsonrpc: '2.0' }
          const found = message(written(value, blank))
          expect(found).toMatchObject({ method, isRequest: true })
          expect(JSON.stringify(found.params)).toBe(JSON.stringify(params))
          expect(JSON.parse(found.id)).toEqual(JSON.parse(JSON.stringify(id)))
        },
      ),
    )
  })

  verifies(['CASE-59', 'HDR-02'], 'keeps an id as it was written', () => {
    for (const id of [
      '9007199254740993',
      '1.0',
      '1e2',
      '-0',
      '"\\u0061"',
      '"}"',
      '"\\"id\\":2,"',
      '"\u2028"',
      '""',
      '0',
    ]) {
      for (const text of [
        `{"jsonrpc":"2.0","id":${id},"method":"m"}`,
        `{"x":{"id":7},"params":{"id":[8,{"id":9}]},"method":"\\"id\\":1","i\\u0064" :\n ${id}\t,"jsonrpc":"2.0"}`,
        `{"jsonrpc":"2.0","method":"m","id":${id} }`,
      ]) {
        expect(message(text).id).toBe(id)
      }
    }
    expect(message('{"jsonrpc":"2.0","method":"m","params":{"id":5}}')).toMatchObject({
      isRequest: false,
      id: 'null',
    })
  })

  verifies(['HDR-08', 'CASE-58', 'CASE-59'], 'refuses a member that is named twice', () => {
    const names = ['method', 'id', 'jsonrpc', 'params', 'x']
    for (const name of names) {
      const rest = names
        .filter((each) => each !== name && each !== 'x')
        .map(
          (each) => `"${each}":${{ method: '"m"', id: '1', jsonrpc: '"2.0"', params: '{}' }[each]}`,
        )
      const twice = `{${[...rest, `"${name}":1`, `"${name}":2`].join()}}`
      expect(read(twice)).toMatchObject({ code: RPC.invalidRequest })
    }
    for (const params of [
      '{"name":"a","name":"b"}',
      '{"name":"a","n\\u0061me":"b"}',
      `{"_meta":{"${VERSION}":"1","${VERSION}":"2"}}`,
      '{"_meta":{},"_meta":{}}',
      '{"arguments":{"a":[{"b":1,"b":1}]}}',
    ]) {
      const found = read(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`)
      expect(found).toMatchObject({ code: RPC.invalidRequest })
    }
  })

  verifies(['HDR-08', 'CASE-58'], 'refuses what Go would read as another member', () => {
    for (const members of [
      '"Method":"tools/call"',
      '"METHOD":"x"',
      '"ID":2',
      '"Params":{}',
      '"param\u017f":{}',
      '"j\u017fonrpc":"2.0"',
    ]) {
      const found = read(`{"jsonrpc":"2.0","id":1,"method":"tools/list",${members}}`)
      expect(found).toMatchObject({ code: RPC.invalidRequest, id: '1' })
    }
    for (const members of [
      '"Name":"b"',
      '"NAME":1',
      '"Uri":"b"',
      '"_META":{}',
      '"tas\u212aId":1',
    ]) {
      const found = read(
        `{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"a",${members}}}`,
      )
      expect(found).toMatchObject({ code: RPC.invalidRequest, id: '"x"' })
    }
    // Arguments are the tool's own.
    const own = '{"jsonrpc":"2.0","id":1,"method":"m","params":{"arguments":{"a":1,"A":2}}}'
    expect(message(own).method).toBe('m')
  })

  verifies(
    ['HDR-09', 'CASE-58'],
    'refuses batches, and what is neither request nor notification',
    () => {
      const one = '{"jsonrpc":"2.0","id":1,"method":"m"}'
      for (const text of [
        `[${one}]`,
        '[]',
        `[${one},${one}]`,
        '1',
        'null',
        '"m"',
        '{}',
        '{"jsonrpc":"2.0","id":1}',
        '{"jsonrpc":"2.0","id":1,"result":{}}',
        '{"jsonrpc":"1.0","id":1,"method":"m"}',
        '{"id":1,"method":"m"}',
        '{"jsonrpc":"2.0","id":1,"method":["m"]}',
        '{"jsonrpc":"2.0","id":null,"method":"m"}',
        '{"jsonrpc":"2.0","id":{},"method":"m"}',
        '{"jsonrpc":"2.0","id":true,"method":"m"}',
        '{"jsonrpc":"2.0","id":1,"method":"m","params":[]}',
        '{"jsonrpc":"2.0","id":1,"method":"m","params":"x"}',
        '{"jsonrpc":"2.0","id":1,"method":"m","params":null}',
      ]) {
        expect(read(text), text).toMatchObject({ code: RPC.invalidRequest })
      }
    },
  )

  verifies('HDR-08', 'refuses bytes that are not JSON, or not in UTF-8', () => {
    const one = '{"jsonrpc":"2.0","id":1,"method":"m"}'
    for (const bytes of [
      Buffer.from(''),
      Buffer.from(`${one}x`),
      Buffer.from(`${one}\n${one}`),
      Buffer.from(one.slice(1)),
      Buffer.from(one.replaceAll('"', "'")),
      Buffer.from(`\ufeff${one}`),
      Buffer.from(one, 'utf16le'),
      Buffer.from(one.replace('m"}', 'gr\u00fcn"}'), 'latin1'),
      Buffer.concat([
        Buffer.from('{"jsonrpc":"2.0","id":1,"method":"'),
        Buffer.from([0xed, 0xa0, 0x80]),
        Buffer.from('"}'),
      ]),
    ]) {
      expect(readMessage(bytes)).toMatchObject({ code: RPC.parseError, id: 'null' })
    }
  })

  verifies('HDR-08', 'throws at nothing', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void readMessage(bytes)))
    const deep = `{"jsonrpc":"2.0","id":1,"method":"m","params":{"x":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`
    expect('method' in read(deep) || 'code' in read(deep)).toBe(true)
  })
})

describe('values', () => {
  verifies('HDR-03', 'Base64 between markers is what it encodes, anything else itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const encoded = `=?base64?${Buffer.from(text).toString('base64')}?=`
        expect(decodeMirrored(encoded)).toBe(text)
        expect(decodeMirrored(encoded.replace('base64', 'BASE64'))).not.toBe(text)
        const plain = text.replace(/^=\?base64\?/, '')
        expect(decodeMirrored(plain)).toBe(plain)
      }),
    )
    for (const [value, text] of [
      ['=?base64?SGVsbG8=?=', 'Hello'],
      ['=?base64??=', ''],
      ['=?Base64?SGVsbG8=?=', '=?Base64?SGVsbG8=?='],
      ['=?base64?SGVsbG8=', '=?base64?SGVsbG8='],
      ['SGVsbG8=?=', 'SGVsbG8=?='],
      ['=?base64?=', '=?base64?='],
      ['=?base64?SGVsbG8?=', undefined],
      ['=?base64?SGVsbG8==?=', undefined],
      ['=?base64?SGVsbG9=?=', undefined],
      ['=?base64?SGVs bG8=?=', undefined],
      ['=?base64?%%%?=', undefined],
      ['=?base64?_-8=?=', undefined],
      ['=?base64?/w==?=', undefined],
    ] as const) {
      expect(decodeMirrored(value), value).toBe(text)
    }
  })
})

describe('comparing', () => {
  const request = (method: string, params: object = {}, version: unknown = '2026-07-28') =>
    message(
      JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method,
        params: { ...params, _meta: { [VERSION]: version } },
      }),
    )
  const headers = (method: string | undefined, name?: string, version = '2026-07-28') => ({
    versions: [version],
    methods: method === undefined ? [] : [method],
    names: name === undefined ? [] : [name],
  })
  const MISMATCH = { code: RPC.headerMismatch }

  verifies('HDR-01', 'what we send mirrors the body, in characters of a field', () => {
    const markers = fc.constantFrom('=?base64?', '?=', ' ', '', 'a')
    fc.assert(
      fc.property(markers, fc.string({ unit: 'grapheme' }), markers, (before, middle, after) => {
        const name = `${before}${middle}${after}`
        const sent = mirroredName('tools/call', { name }) ?? 'none'
        expect(sent).toMatch(/^[!-~](?:[ -~]*[!-~])?$/)
        const own = headers('tools/call', sent)
        expect(compareMirrored(request('tools/call', { name }), own)).toBeUndefined()
      }),
    )
    expect(mirroredName('tools/list', { name: 'a' })).toBeUndefined()
    expect(mirroredName('tools/call', { name: 1 })).toBeUndefined()
    expect(mirroredName(undefined, { name: 'a' })).toBeUndefined()
  })

  verifies('HDR-01', 'each method mirrors its own member', () => {
    for (const [method, member] of [
      ['tools/call', 'name'],
      ['prompts/get', 'name'],
      ['resources/read', 'uri'],
      ['tasks/get', 'taskId'],
      ['tasks/update', 'taskId'],
      ['tasks/cancel', 'taskId'],
    ] as const) {
      const found = request(method, { [member]: 'a', other: 'b' })
      expect(compareMirrored(found, headers(method, 'a'))).toBeUndefined()
      expect(compareMirrored(found, headers(method, '=?base64?YQ==?='))).toBeUndefined()
      for (const name of ['b', 'A', '', '=?base64?Yg==?=', '=?base64?YQ?=', undefined]) {
        expect(compareMirrored(found, headers(method, name))).toMatchObject(MISMATCH)
      }
      const repeated = { ...headers(method), names: ['a', 'a'] }
      expect(compareMirrored(found, repeated)).toMatchObject(MISMATCH)
      // Named in the field and nowhere else.
      expect(compareMirrored(request(method), headers(method, 'a'))).toMatchObject(MISMATCH)
      expect(compareMirrored(request(method, { [member]: 1 }), headers(method, '1'))).toMatchObject(
        MISMATCH,
      )
      // Neither here nor there: the server's to say.
      expect(compareMirrored(request(method), headers(method))).toBeUndefined()
    }
    expect(compareMirrored(request('tools/list'), headers('tools/list'))).toBeUndefined()
    expect(compareMirrored(request('constructor'), headers('constructor'))).toBeUndefined()
  })

  verifies(['HDR-01', 'HDR-02'], 'method and version, exactly', () => {
    const found = request('tools/list')
    for (const method of ['TOOLS/LIST', 'tools/call', 'tools/list ', '', undefined]) {
      expect(compareMirrored(found, headers(method))).toMatchObject(MISMATCH)
    }
    const twice = { ...headers('tools/list'), methods: ['tools/list', 'tools/list'] }
    expect(compareMirrored(found, twice)).toMatchObject(MISMATCH)
    for (const version of ['2026-07-29', '2025-11-25', 20_260_728, null, ['2026-07-28'], {}]) {
      const other = request('tools/list', {}, version)
      expect(compareMirrored(other, headers('tools/list'))).toMatchObject(MISMATCH)
    }
    for (const text of [
      '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{}}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":[]}}',
    ]) {
      const code = RPC.invalidParams
      expect(compareMirrored(message(text), headers('tools/list'))).toMatchObject({ code })
    }
  })

  verifies('HDR-01', 'a notification may leave out both, and must not contradict them', () => {
    const found = message('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{}}')
    expect(compareMirrored(found, headers(undefined))).toBeUndefined()
    expect(compareMirrored(found, headers('notifications/cancelled'))).toBeUndefined()
    expect(compareMirrored(found, headers('tools/call'))).toMatchObject(MISMATCH)
    const other = message(
      `{"jsonrpc":"2.0","method":"n","params":{"_meta":{"${VERSION}":"2025-11-25"}}}`,
    )
    expect(compareMirrored(other, headers(undefined))).toMatchObject(MISMATCH)
  })
})

describe('streams of events', () => {
  verifies('TRN-09', 'between two events is known, however the bytes are cut', () => {
    const parts = fc.array(
      fc.constantFrom('data: x', ': c', 'id', '\n', '\r', '\r\n', '\n\n', '\r\n\r\n'),
      { minLength: 1, maxLength: 8 },
    )
    fc.assert(
      fc.property(parts, fc.array(fc.nat(5)), (texts, cuts) => {
        const bytes = Buffer.from(texts.join(''))
        const boundary = new EventBoundary()
        let at = 0
        for (const cut of [...cuts, bytes.length]) {
          boundary.pass(bytes.subarray(at, at + cut))
          at += cut
        }
        const isBetween = /(?:^|\n)\n$/.test(bytes.toString().replace(/\r\n|\r/g, '\n'))
        expect(boundary.isBetween).toBe(isBetween)
      }),
    )
    expect(new EventBoundary().isBetween).toBe(true)
  })

  verifies('TRN-09', 'the last event is the result of the subscription, with its id', () => {
    const listen = (id: string) =>
      message(`{"jsonrpc":"2.0","id":${id},"method":"subscriptions/listen","params":{}}`)
    for (const id of ['9007199254740993', '"a\\nb"', '1.0']) {
      expect(lastEvent(listen(id))).toBe(
        `data: {"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":${id}}}}\n\n`,
      )
    }
  })
})
