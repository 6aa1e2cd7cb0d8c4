/** What the doctor reads of a foreign server, however it is sent. */
import { expect } from 'vitest'
import { exchange, isAnswer } from '../../src/cli/doctor/exchange.js'
import { verifies } from '../support/verifies.js'

/** An event stream that stays open. Its last piece may come later, by milliseconds. */
function streaming(pieces: readonly string[], last?: string, after = 0): typeof fetch {
  return (_input, init) => {
    const body = new ReadableStream({
      async start(controller) {
        const send = (piece: string) => controller.enqueue(new TextEncoder().encode(piece))
        for (const piece of pieces) send(piece)
        init?.signal?.addEventListener('abort', () => controller.error(init.signal?.reason))
        if (last === undefined) return
        await new Promise((resolve) => setTimeout(resolve, after))
        send(last)
      },
    })
    const headers = { 'content-type': 'text/event-stream' }
    return Promise.resolve(new Response(body, { headers }))
  }
}

async function read(fetch: typeof globalThis.fetch, patience = 10_000) {
  const network = { fetch, now: Date.now, patience }
  const answer = await exchange(network, 'https://mcp.example.com/mcp', { method: 'POST' })
  return isAnswer(answer) ? answer.text : answer.kind
}

verifies('ATK-23', 'an event of many lines is read once, and holds up no timer', async () => {
  // Read anew from each line, it takes longer than the last line needs to come.
  const lines = 'data: x\n'.repeat(12_000)
  let ticks = 0
  const timer = setInterval(() => ticks++, 5)
  expect(await read(streaming([lines], '\n', 300))).toBe(`${lines}\n`)
  clearInterval(timer)
  expect(ticks).toBeGreaterThan(5)
})

verifies('ATK-23', 'an event ends at its blank line, wherever the pieces are cut', async () => {
  const event = 'id: 1\r\ndata: \r\n\r\nevent: message\r\ndata: {}\r\n\r\n'
  expect(await read(streaming([...event]), 500)).toBe(event)
  expect(await read(streaming([event]), 500)).toBe(event)
  expect(await read(streaming(['data: {}\r\n', '\n']), 500)).toBe('data: {}\r\n\n')
})

verifies('ATK-23', 'a stream that gives no event is read to the bound', async () => {
  const comment = `: ${'x'.repeat(1_000)}\n\n`
  const text = await read(streaming(Array.from({ length: 300 }, () => comment)))
  expect(text.length).toBe(256 * 1024)
})
