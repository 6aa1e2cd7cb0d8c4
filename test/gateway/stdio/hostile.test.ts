/** Commands that misbehave and clients that mean ill: what they can do ends with them. */
import { describe, expect, test } from 'vitest'
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import { startGateway } from '../../support/gateway.js'
import { openClient } from './support.js'

/** A command that answers `initialize`, and does to any other message what `body` says. */
function startScript(body: string, options: Partial<GatewayOptions> = {}) {
  const script = `
    const say = (text) => process.stdout.write(text + '\\n')
    const answer = (id, result) => say(JSON.stringify({ jsonrpc: '2.0', id, result }))
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const message = JSON.parse(line)
      const { id, method, params } = message
      if (method === 'initialize') return answer(id, { protocolVersion: '2025-11-25' })
      ${body}
    })`
  return startGateway([process.execPath, '-e', script], {
    childEnvironment: { PATH: process.env['PATH'] ?? '' },
    ...options,
  })
}

describe('what must not end the gateway', () => {
  test.each([
    String.raw`{"\q":1,"id":1}`,
    String.raw`{"jsonrpc":"2.0","method":"notifications/progress","params":{"\u12":1}}`,
    String.raw`{"jsonrpc":"2.0","id":ID,"error":{"\x":1}}`,
    '{"jsonrpc":"2.0","method":"x","params":{"ä\u0001":1}}',
  ])('a name of a member that is no JSON: %j', async (line) => {
    const bench = await startScript(
      `if (id) { say(${JSON.stringify(line)}.replace('ID', 999)); answer(id, {}) }`,
    )
    const client = await openClient(bench)
    const answer = await client.call('anything', {}, { id: 'a' })
    expect(await answer.text()).toContain('"id":"a","result":{}')
  })
})
