/**
 * A process of `npm run faults` that plants the faults it is told, one after the other, in one test runner that stays
 * up: it keeps what it has loaded, and takes anew only the file with the fault. The tests run in a process of their own.
 */
import { resolve } from 'node:path'
import { createVitest, type TestModule, type Vitest } from 'vitest/node'
import { faultCalled, placeOf, PLANTED } from './plugin.js'
import type { Fault } from './faults.js'

const ROOT = resolve(import.meta.dirname, '../..')

/** What the tests of a fault said, with it or without. */
export interface Outcome {
  /** The first test that failed. A file that did not load is no test: it proves nothing. */
  readonly failed: string | undefined
  readonly passed: number
  /** Of files that did not load, and of errors that no test caught. */
  readonly errors: readonly string[]
}

export interface Wish {
  readonly id: string
  /** Without it the tests of the fault must pass, or they show nothing. */
  readonly planted: boolean
}

/** Errors of another process come without their prototype. */
function textOf(error: unknown): string {
  const { message } = Object(error) as { readonly message?: unknown }
  return typeof message === 'string' ? message : JSON.stringify(error)
}

function textsOf(module: TestModule): readonly string[] {
  return module.errors().map(({ message }) => `${module.relativeModuleId}: ${message}`)
}

async function runTestsOf(vitest: Vitest, fault: Fault): Promise<Outcome> {
  vitest.state.filesMap.clear()
  const files = fault.tests.map((file) => `test/${file}`)
  const specifications = await vitest.getRelevantTestSpecifications(files)
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications)
  const tests = testModules.flatMap(({ children }) => [...children.allTests()])
  return {
    failed: tests.find((test) => test.result().state === 'failed')?.fullName,
    passed: tests.filter((test) => test.result().state === 'passed').length,
    errors: [...testModules.flatMap(textsOf), ...unhandledErrors.map(textOf)],
  }
}

async function fulfil(vitest: Vitest, { id, planted }: Wish): Promise<Outcome> {
  const fault = faultCalled(id)
  const file = resolve(ROOT, 'src', placeOf(fault))
  // The process of the tests inherits it: some of them bundle the source themselves.
  if (planted) process.env[PLANTED] = id
  vitest.invalidateFile(file)
  try {
    return await runTestsOf(vitest, fault)
  } finally {
    delete process.env[PLANTED]
    vitest.invalidateFile(file)
  }
}

const vitest = await createVitest('test', {
  run: true,
  watch: false,
  bail: 1,
  // A second worker would load the source once more.
  maxWorkers: 1,
  reporters: [{}],
  // Many faults show as a test that waits for ever. Without a fault no test takes half of this.
  testTimeout: 12_000,
})
process.on('message', (wish: Wish) => {
  void fulfil(vitest, wish).then(
    (outcome) => process.send?.(outcome),
    (error: unknown) =>
      process.send?.({ failed: undefined, passed: 0, errors: [textOf(error)] } satisfies Outcome),
  )
})
// The parent has no more wishes, or has gone.
process.on('disconnect', () => void vitest.close().then(() => process.exit()))
