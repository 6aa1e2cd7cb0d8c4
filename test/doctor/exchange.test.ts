/** What the doctor reads of a foreign server, however it is sent. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished } from 'vitest'
import { exchange, isAnswer } from '../../src/cli/doctor/exchange.js'
import { verifies } from '../support/verifies.js'

/** Sends an event stream that stays open. */
async function startStream(pieces: readonly string[]): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const piece of pieces) response.write(piece)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function read(pieces: readonly string[], patience = 5_000) {
  const network = { fetch, now: Date.now, patience }
  const answer = await exchange(network, await startStream(pieces), { method: 'POST' })
  return isAnswer(answer) ? answer.text : answer.kind
}

verifies('ATK-23', 'an event of many lines takes no longer than its bytes', async () => {
  // Read anew from each line, it takes seconds, and no timer fires in between.
  const lines = 'data: x\n'.repeat(20_000)
  expect(await read([lines, '\n'], 1_500)).toBe(`${lines}\n`)
})

verifies('ATK-23', 'an event ends at its blank line, wherever the pieces are cut', async () => {
  const event = 'id: 1\r\ndata: \r\n\r\nevent: message\r\ndata: {}\r\n\r\n'
  expect(await read([...event])).toBe(event)
  expect(await read([event])).toBe(event)
  expect(await read(['data: {}\r\n', '\n'])).toBe('data: {}\r\n\n')
})

verifies('ATK-23', 'a stream that gives no event is read to the bound', async () => {
  const comment = `: ${'x'.repeat(1_000)}\n\n`
  const text = await read(Array.from({ length: 300 }, () => comment))
  expect(text.length).toBe(256 * 1024)
})
