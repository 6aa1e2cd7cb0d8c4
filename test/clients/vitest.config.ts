import { configDefaults, defineConfig } from 'vitest/config'
import base, { SHARED_SETUP } from '../../vitest.config.js'

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    isolate: true,
    include: ['test/clients/**/*.test.ts'],
    exclude: configDefaults.exclude,
    globalSetup: [SHARED_SETUP, 'test/clients/python.ts', 'test/clients/go.ts'],
    // Processes of real clients and servers: one after the other, so that their times mean something.
    fileParallelism: false,
    testTimeout: 60_000,
  },
})
