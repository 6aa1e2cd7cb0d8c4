import { configDefaults, defineConfig } from 'vitest/config'
import base from '../../vitest.config.js'

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['test/authelia/**/*.test.ts'],
    exclude: configDefaults.exclude,
    globalSetup: 'test/authelia/distribution.ts',
    // Some of them measure.
    fileParallelism: false,
    testTimeout: 60_000,
  },
})
