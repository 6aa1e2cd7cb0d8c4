import { configDefaults, defineConfig } from 'vitest/config'
import base from '../../vitest.config.js'

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['test/runtimes/**/*.test.ts'],
    exclude: configDefaults.exclude,
    globalSetup: ['test/runtimes/programs.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
  },
})
