import { expect } from 'vitest'
import { runtimeFault } from '../../src/gateway/needed-runtime.js'
import { verifies } from '../support/verifies.js'

verifies('FLD-22', 'too old a Node, or Bun, is one line that says what is needed', () => {
  for (const node of ['18.20.8', '20.18.3', '16.0.0', '']) {
    expect(runtimeFault({ node })).toBe(
      `the gateway needs Node 20.19 or later: this is Node ${node}`,
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
