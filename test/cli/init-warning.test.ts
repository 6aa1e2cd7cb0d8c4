/** Process 1 of a container, which inherits what a command leaves behind. */
import { expect } from 'vitest'
import { initWarnings } from '../../src/cli/init-warning.js'
import { OAUTH, OPEN, read } from '../config/support.js'
import { verifies } from '../support/verifies.js'

const WARNED = [expect.stringMatching(/docker run --init.*tini/) as string]

verifies('FLD-12', 'process 1 with a command is told that it needs an init', async () => {
  for (const argv of [
    ['--', 'server'],
    [...OPEN, '--', 'server'],
    ['--transport', 'stdio', '--', 'server'],
  ]) {
    const configuration = await read(argv)
    expect(initWarnings(1, configuration)).toEqual(WARNED)
    expect(initWarnings(2, configuration)).toEqual([])
  }
})

verifies('FLD-12', 'also where a file names the command, and not without one', async () => {
  const server = (key: string) => `resources:
  - resource: https://mcp.example.com/a
    ${key}
  - resource: https://mcp.example.com/b
    upstream: http://127.0.0.1:8001/mcp
oauth: { issuer: https://sso.example.com }
auth: oauth
`
  const warningsOf = async (key: string) => {
    const files = { '/gatehouse.yaml': server(key) }
    const configuration = await read(['--config', '/gatehouse.yaml'], { files })
    expect(configuration.problems).toEqual([])
    return initWarnings(1, configuration)
  }
  expect(await warningsOf('command: [server]')).toEqual(WARNED)
  expect(await warningsOf('upstream: http://127.0.0.1:8000/mcp')).toEqual([])
  expect(initWarnings(1, await read(OAUTH))).toEqual([])
})
