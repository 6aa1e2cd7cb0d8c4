/**
 * `npm run faults`: plants each fault, one after the other, and runs the tests that must notice it. A fault
 * that stays green is a hole in the tests, and the exit code says so.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { ALL_FAULTS } from './all.js'
import type { Outcome, Wish } from './planter.js'

/** One more than the cores of a small machine: many tests wait. */
const AT_ONCE = 3
/** The slowest takes 20 s. One that hangs (a test runner that does not end, as seen once) shows nothing. */
const DEADLINE = 180_000
const ATTEMPTS = 2
/** Above this a fault says how long it took: its tests are too many, or wait. */
const LONG = 5_000

/** A process that plants faults. One that hangs is ended, and another takes its place. */
class Planter {
  #process: ChildProcess | undefined

  /** @returns undefined if it did not end in time, or its process ended */
  async fulfil(wish: Wish): Promise<Outcome | undefined> {
    const planter = (this.#process ??= fork(join(import.meta.dirname, 'planter.ts'), {
      execArgv: process.execArgv,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    }))
    const outcome = await new Promise<Outcome | undefined>((settle) => {
      const deadline = setTimeout(() => planter.kill('SIGKILL'), DEADLINE)
      planter.once('exit', () => settle(undefined))
      planter.once('message', (message: Outcome) => {
        clearTimeout(deadline)
        settle(message)
      })
      planter.send(wish)
    })
    planter.removeAllListeners()
    if (outcome === undefined) this.#process = undefined
    return outcome
  }

  end(): void {
    this.#process?.disconnect()
  }
}

let noticed = 0
/** Their ids, for the last lines: a long run is often read from its end. */
const unnoticed: string[] = []
/** `npm run faults -- NAME…` plants those whose name contains one of them. */
const wanted = process.argv.slice(2)
const queue = ALL_FAULTS.filter(
  ({ id }) => wanted.length === 0 || wanted.some((name) => id.includes(name)),
)

async function fulfil(planter: Planter, wish: Wish): Promise<Outcome | undefined> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const outcome = await planter.fulfil(wish)
    if (outcome !== undefined) return outcome
    console.log(`? ${wish.id}: no end after ${DEADLINE / 1000} s, or the process ended`)
  }
  return undefined
}

async function work(): Promise<void> {
  const planter = new Planter()
  let last: string | undefined
  for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
    last = fault.id
    const began = performance.now()
    const outcome = await fulfil(planter, { id: fault.id, planted: true })
    const took = performance.now() - began
    const time = took < LONG ? '' : `, ${Math.round(took / 1000)} s`
    if (outcome?.failed === undefined) {
      unnoticed.push(fault.id)
      const { passed = 0, errors = [] } = outcome ?? {}
      console.log(`✗ NOT NOTICED ${fault.id} (${fault.breaks}): ${passed} tests passed`)
      for (const error of errors) console.log(`  ${error.slice(0, 2000)}`)
    } else {
      noticed++
      console.log(`✓ noticed ${fault.id} (${fault.breaks})${time}`)
    }
  }
  if (last !== undefined) await showThatTheyPass(planter, last)
  planter.end()
}

/** Without the last fault its tests pass: the runner has taken it out, and what noticed was no accident. */
async function showThatTheyPass(planter: Planter, id: string): Promise<void> {
  const outcome = await fulfil(planter, { id, planted: false })
  if (outcome?.failed === undefined && (outcome?.passed ?? 0) > 0) return
  unnoticed.push(`${id}, whose tests fail without it`)
  console.log(`✗ without ${id} this fails: ${outcome?.failed ?? outcome?.errors.join('\n')}`)
}

await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, work))
for (const id of unnoticed) console.log(`not noticed: ${id}`)
console.log(`planted faults: ${noticed} noticed, ${unnoticed.length} not`)
process.exitCode = unnoticed.length === 0 && noticed > 0 ? 0 : 1
