/**
 * `npm run faults`: plants each fault, one after the other, and runs the tests that must notice it. A fault
 * that stays green is a hole in the tests, and the exit code says so.
 */
import { spawn } from 'node:child_process'
import { ALL_FAULTS } from './all.js'
import type { Fault } from './faults.js'

/** One more than the cores of a small machine: many tests wait. Each run starts its own test runner. */
const AT_ONCE = 3
/** The slowest takes 20 s. One that hangs (a test runner that does not end, as seen once) shows nothing. */
const DEADLINE = 180_000
const ATTEMPTS = 2

interface Outcome {
  readonly noticed: boolean
  readonly hung: boolean
  readonly output: string
}

async function run(fault: Fault): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await runOnce(fault)
    if (!outcome.hung || attempt === ATTEMPTS) return outcome
    console.log(`? ${fault.id}: no end after ${DEADLINE / 1000} s, once more`)
  }
}

function runOnce(fault: Fault): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const files = fault.tests.map((file) => `test/${file}`)
    const child = spawn(
      process.execPath,
      // A second worker would load the source once more.
      [
        'node_modules/vitest/vitest.mjs',
        ...['run', '--bail=1', '--maxWorkers=1', '--reporter=json', ...files],
      ],
      {
        env: { ...process.env, GATEHOUSE_PLANTED_FAULT: fault.id },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: DEADLINE,
        killSignal: 'SIGKILL',
      },
    )
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', reject)
    child.on('close', (_code, signal) => {
      // A run that ended without a failed assertion (a missing file, a text that is not there) proves nothing.
      const failedTests = Number(/"numFailedTests":(\d+)/.exec(output)?.[1] ?? 0)
      resolve({ noticed: failedTests > 0, hung: signal === 'SIGKILL', output })
    })
  })
}

let passed = 0
/** Their ids, for the last lines: a long run is often read from its end. */
const unnoticed: string[] = []
/** `npm run faults -- NAME…` plants those whose name contains one of them. */
const wanted = process.argv.slice(2)
const queue = ALL_FAULTS.filter(
  ({ id }) => wanted.length === 0 || wanted.some((name) => id.includes(name)),
)

async function work(): Promise<void> {
  for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
    const { noticed, hung, output } = await run(fault)
    if (noticed) passed++
    else unnoticed.push(fault.id)
    console.log(`${noticed ? '✓ noticed' : '✗ NOT NOTICED'} ${fault.id} (${fault.breaks})`)
    if (!noticed) console.log(hung ? 'it did not end' : output.slice(-2000))
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, work))
for (const id of unnoticed) console.log(`not noticed: ${id}`)
console.log(`planted faults: ${passed} noticed, ${unnoticed.length} not`)
process.exitCode = unnoticed.length === 0 && passed > 0 ? 0 : 1
