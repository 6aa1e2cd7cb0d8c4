/** The server beside us: what it gets to see. */
import { expect, onTestFinished, vi } from 'vitest'
import { startSidecar } from '../../src/cli/sidecar.js'
import { commandEnvironment } from '../../src/gateway/stdio/process-group.js'
import { freePort } from '../support/cli.js'
import { verifies } from '../support/verifies.js'

const SERVER = `require('node:http').createServer((_request, response) => response.end(JSON.stringify(process.env))).listen(Number(process.argv[1]), '127.0.0.1')`

verifies(
  'CASE-62',
  'of our environment it sees what a server needs, and what was asked for',
  async () => {
    const port = await freePort()
    const sidecar = await startSidecar({
      command: [process.execPath, '-e', SERVER, '--', String(port)],
      upstream: new URL(`http://127.0.0.1:${port}/mcp`),
      environment: commandEnvironment(
        {
          PATH: process.env['PATH'],
          TZ: 'UTC',
          ASKED_FOR: 'yes',
          MCP_GATEHOUSE_SECRET: 'canary',
          NODE_OPTIONS: '',
        },
        ['ASKED_FOR', 'NOT_THERE'],
      ),
      startTimeout: 10,
      onOutput: () => undefined,
    })
    onTestFinished(() => sidecar.stop())
    await sidecar.started
    const seen = (await (await fetch(`http://127.0.0.1:${port}`)).json()) as Record<string, string>
    expect(Object.keys(seen).sort()).toEqual(['ASKED_FOR', 'GATEHOUSE_PROCESS', 'PATH', 'TZ'])
  },
)

verifies('FLD-12', 'what it may have lacked is told when it ends before it listens', async () => {
  vi.stubEnv('UV_INDEX_URL', 'https://secret')
  onTestFinished(() => void vi.unstubAllEnvs())
  const { started } = await startSidecar({
    command: [process.execPath, '-e', 'process.exit(7)'],
    upstream: new URL(`http://127.0.0.1:${await freePort()}/mcp`),
    environment: { PATH: process.env['PATH'] ?? '' },
    startTimeout: 10,
    onOutput: () => undefined,
  })
  await expect(started).rejects.toThrow(/^ended with exit code 7; set here and not .*UV_INDEX_URL/)
})
