import { configDefaults, defineConfig } from 'vitest/config'
import base from '../../vitest.config.js'

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['test/clients/**/*.test.ts'],
    exclude: configDefaults.exclude,
    globalSetup: ['test/clients/python.ts', 'test/clients/go.ts'],
    // Processes of real clients and servers: one after the other, so that their times mean something.
    fileParallelism: false,
    testTimeout: 60_000,
  },
})
