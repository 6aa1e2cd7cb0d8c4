/** The command line where it cannot run: one line, and exit code 2. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { expect } from 'vitest'
import { verifies } from '../support/verifies.js'
import { programOf } from './programs.js'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')

function run(args: readonly string[]): Promise<{ code: unknown; reported: string }> {
  return new Promise((resolve) => {
    execFile(programOf('bun'), [MAIN, ...args], (error, _stdout, reported) => {
      resolve({ code: error === null ? 0 : error.code, reported })
    })
  })
}

verifies('FLD-22', 'the gateway refuses to start on Bun, and says what it needs', async () => {
  const { code, reported } = await run(['--upstream', 'http://127.0.0.1:9/mcp', '--port', '0'])
  expect(code).toBe(2)
  expect(reported).toMatch(/^mcp-gatehouse: the gateway needs Node .*\n$/)
  expect((await run(['--help'])).code).toBe(0)
  // A local command needs no gateway.
  expect((await run(['--transport', 'stdio', '--', 'true'])).code).toBe(0)
})
