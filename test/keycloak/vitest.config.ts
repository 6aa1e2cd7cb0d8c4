import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import base, { SHARED_SETUP } from '../../vitest.config.js'

/** By name, so that files that want the same Keycloak follow each other. */
class ByName extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve(files.sort((one, other) => (one.moduleId < other.moduleId ? -1 : 1)))
  }
}

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    isolate: true,
    include: ['test/keycloak/**/*.test.ts'],
    exclude: configDefaults.exclude,
    globalSetup: [SHARED_SETUP, 'test/keycloak/landlord.ts', 'test/clients/python.ts'],
    // There is one Keycloak at a time.
    fileParallelism: false,
    sequence: { sequencer: ByName },
    testTimeout: 60_000,
    hookTimeout: 240_000,
  },
})
