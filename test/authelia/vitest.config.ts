import { configDefaults, defineConfig } from 'vitest/config'
import base, { SHARED_SETUP } from '../../vitest.config.js'

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    isolate: true,
    include: ['test/authelia/**/*.test.ts'],
    exclude: configDefaults.exclude,
    globalSetup: [SHARED_SETUP, 'test/authelia/distribution.ts'],
    // Some of them measure.
    fileParallelism: false,
    testTimeout: 60_000,
  },
})
