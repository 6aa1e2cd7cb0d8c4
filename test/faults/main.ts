/**
 * `npm run faults`: plants each fault, one after the other, and runs the tests that must notice it. A fault
 * that stays green is a hole in the tests, and the exit code says so.
 */
import { spawn } from 'node:child_process'
import { FAULTS, type Fault } from './faults.js'
import { GATEWAY_FAULTS } from './gateway-faults.js'
import { INTROSPECTION_FAULTS } from './introspection-faults.js'

/** Two at once: each run starts its own test runner. */
const AT_ONCE = 2

function run(fault: Fault): Promise<{ noticed: boolean; output: string }> {
  return new Promise((resolve, reject) => {
    const files = fault.tests.map((file) => `test/${file}`)
    const child = spawn(
      process.execPath,
      ['node_modules/vitest/vitest.mjs', 'run', '--bail=1', '--reporter=json', ...files],
      {
        env: { ...process.env, GATEHOUSE_PLANTED_FAULT: fault.id },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', reject)
    child.on('close', () => {
      // A run that ended without a failed assertion (a missing file, a text that is not there) proves nothing.
      const failedTests = Number(/"numFailedTests":(\d+)/.exec(output)?.[1] ?? 0)
      resolve({ noticed: failedTests > 0, output })
    })
  })
}

let passed = 0
let failed = 0
/** `npm run faults -- NAME` plants those whose name contains it. */
const wanted = process.argv[2] ?? ''
const queue = [...FAULTS, ...GATEWAY_FAULTS, ...INTROSPECTION_FAULTS].filter(({ id }) =>
  id.includes(wanted),
)

async function work(): Promise<void> {
  for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
    const { noticed, output } = await run(fault)
    if (noticed) passed++
    else failed++
    console.log(`${noticed ? '✓ noticed' : '✗ NOT NOTICED'} ${fault.id} (${fault.breaks})`)
    if (!noticed) console.log(output.slice(-2000))
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, work))
console.log(`planted faults: ${passed} noticed, ${failed} not`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
