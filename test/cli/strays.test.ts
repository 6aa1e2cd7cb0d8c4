/** Processes that a command started in groups of their own, when the gateway ends at once. */
import { expect } from 'vitest'
import type { GatewayFixture } from '../support/gateway.js'
import { commandOf, isAlive, openClient, until } from '../gateway/stdio/support.js'
import { startCli } from '../support/cli.js'
import { verifies } from '../support/verifies.js'

verifies(
  'ATK-09',
  'a second signal ends the gateway at once, and leaves no process behind',
  async () => {
    const cli = startCli(['--port', '0', '--log-format', 'json', '--', ...commandOf('legacy')])
    const url = await cli.listening()
    const call = (init: RequestInit = {}) => fetch(`${url}/mcp`, init)
    const client = await openClient({ call } as GatewayFixture)
    const pids = (await client.value('family')) as number[]
    expect(pids.every(isAlive)).toBe(true)
    // One that is under way keeps the gateway from ending by itself.
    const waiting = await client.call('never')
    cli.process.kill('SIGTERM')
    await until(() => cli.stderr().includes('shutting down: running answers may finish'))
    cli.process.kill('SIGTERM')
    expect(await cli.exited).toBe(1)
    await expect(waiting.text()).rejects.toThrow()
    await until(() => !pids.some(isAlive))
  },
)
