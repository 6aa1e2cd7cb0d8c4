/** Bodies in pieces of one byte: each piece costs some hundred bytes of memory until it is merged. */
import { describe, expect, onTestFinished, vi } from 'vitest'
import { concatBytes } from '../../src/base/bytes.js'
import { Pieces } from '../../src/base/pieces.js'
import { readLimited } from '../../src/web/limited-body.js'
import { exchangeBytes, startGateway, startUpstream } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

/** Merged pieces, and those that are not merged yet. */
const MOST = 512
const SIZE = 60_000
const BODY = `{"jsonrpc":"2.0","id":1,"method":"ping","x":"${'y'.repeat(SIZE)}"}`

/** The longest list of buffers that was joined while the test runs. */
function longestJoin(): () => number {
  const spy = vi.spyOn(Buffer, 'concat')
  onTestFinished(() => spy.mockRestore())
  return () => Math.max(...spy.mock.calls.map(([list]) => list.length))
}

describe('a body of very small chunks', () => {
  for (const [name, options] of [
    ['that is sent on in one piece', {}],
    ['that a policy judges', { policy: { rules: [], unmatched: 'base' } }],
  ] as const) {
    verifies('ATK-21', `${name} costs little more than its bytes`, async () => {
      const bodies: string[] = []
      const upstream = await startUpstream((request, response) => {
        request.setEncoding('utf8')
        let body = ''
        request
          .on('data', (text: string) => (body += text))
          .on('end', () => {
            bodies.push(body)
            response.setHeader('content-type', 'application/json').end('{}')
          })
      })
      const { port, token } = await startGateway(upstream, options)
      const longest = longestJoin()
      const head = [
        'POST /mcp HTTP/1.1',
        'Host: localhost',
        `Authorization: Bearer ${token}`,
        'Content-Type: application/json',
        'Accept: application/json, text/event-stream',
        'Transfer-Encoding: chunked',
        'Connection: close',
        '\r\n',
      ].join('\r\n')
      const chunks = [...BODY].map((each) => `1\r\n${each}\r\n`).join('')
      const answer = await exchangeBytes(port, `${head}${chunks}0\r\n\r\n`)
      expect(answer).toContain('200 OK')
      expect(bodies).toEqual([BODY])
      expect(longest()).toBeGreaterThan(1)
      expect(longest()).toBeLessThan(MOST)
    })
  }

  verifies('ATK-21', 'costs as little in every host', async () => {
    let sent = 0
    const added = vi.spyOn(Pieces.prototype, 'add')
    onTestFinished(() => added.mockRestore())
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent === 5_000) return controller.close()
        controller.enqueue(Uint8Array.of(sent++ % 251))
      },
    })
    const body = await readLimited(stream, 5_000)
    expect(body).toEqual(Uint8Array.from({ length: 5_000 }, (_, n) => n % 251))
    expect(added).toHaveBeenCalledTimes(5_000)
  })
})

describe('pieces', () => {
  verifies('ATK-21', 'are merged, and stay in their order', () => {
    for (const count of [0, 1, 255, 256, 257, 512, 70_000]) {
      const pieces = new Pieces(concatBytes)
      for (let n = 0; n < count; n++) pieces.add(Uint8Array.of(n % 251))
      expect(pieces.all.length).toBeLessThan(256 + count / 256)
      expect(pieces.take()).toEqual(Uint8Array.from({ length: count }, (_, n) => n % 251))
      expect(pieces.all).toEqual([])
    }
  })

  verifies('ATK-21', 'and a single one is not copied', () => {
    const pieces = new Pieces(concatBytes)
    const only = Uint8Array.of(1)
    pieces.add(only)
    expect(pieces.take()).toBe(only)
  })
})
