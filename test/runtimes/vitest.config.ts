import { configDefaults, defineConfig } from 'vitest/config'
import base, { SHARED_SETUP } from '../../vitest.config.js'

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['test/runtimes/**/*.test.ts'],
    exclude: configDefaults.exclude,
    globalSetup: [SHARED_SETUP, 'test/runtimes/programs.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
  },
})
