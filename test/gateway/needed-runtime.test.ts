import { expect } from 'vitest'
import { startCli, startProcess } from '../support/cli.js'
import { runtimeFault } from '../../src/gateway/needed-runtime.js'
import { verifies } from '../support/verifies.js'

verifies('FLD-22', 'too old a Node, or Bun, is one line that says what is needed', () => {
  for (const node of ['18.20.8', '20.18.3', '16.0.0', '']) {
    expect(runtimeFault({ node })).toBe(
      `mcp-gatehouse needs Node 20.19 or later: this is Node ${node}`,
    )
  }
  for (const node of ['20.19.0', '20.20.2', '22.0.0', '24.1.0', process.versions.node]) {
    expect(runtimeFault({ node })).toBeUndefined()
  }
  expect(runtimeFault({ node: '24.0.0', bun: '1.4.5' })).toMatch(
    /^the gateway needs Node.*Bun 1.4.5/,
  )
  expect(runtimeFault({ node: '24.0.0', deno: '2.9.6' })).toBeUndefined()
})

/** For a child process that shall take itself for an old Node. */
const OLD = {
  NODE_OPTIONS: `--import "data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'18.20.8'}})"`,
}
const LINE = 'mcp-gatehouse needs Node 20.19 or later: this is Node 18.20.8\n'

const COMMANDS: readonly (readonly string[])[] = [
  [],
  ['serve', '--auth', 'typo'],
  ['check'],
  ['check', '--live'],
  ['doctor', 'http://127.0.0.1:9/mcp'],
  ['doctor', 'http://127.0.0.1:9/mcp', '--version'],
  ['login', 'http://127.0.0.1:9/mcp'],
  ['explain'],
  ['policy', 'check', 'missing.yaml'],
  ['clients', 'http://127.0.0.1:9/mcp'],
  ['key', 'new'],
  ['typo'],
]

verifies('FLD-22', 'every command says first, and only, that Node is too old', async () => {
  for (const args of COMMANDS) {
    const cli = startCli(args, OLD)
    const code = await cli.exited
    expect([args, code, cli.stderr(), cli.stdout().toString()]).toEqual([args, 2, LINE, ''])
  }
  for (const args of [['--version'], ['-V'], ['--help'], ['help'], ['doctor', '--help']]) {
    const cli = startCli(args, OLD)
    const code = await cli.exited
    expect([args, code, cli.stderr()]).toEqual([args, 0, ''])
  }
})

verifies('FLD-22', 'the demo says first, and only, that Node is too old', async () => {
  const args = ['--import', 'tsx', 'examples/demo/main.ts', '--once']
  const demo = startProcess(process.execPath, args, OLD)
  const code = await demo.exited
  expect([code, demo.stderr(), demo.stdout().toString()]).toEqual([2, LINE, ''])
})
