import { configDefaults, defineConfig } from 'vitest/config'
import base, { SHARED_SETUP } from '../../vitest.config.js'

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['test/pages/**/*.test.ts'],
    exclude: configDefaults.exclude,
    globalSetup: [SHARED_SETUP, 'test/pages/chromium.ts'],
    // One browser at a time: two cores carry no more.
    fileParallelism: false,
    testTimeout: 60_000,
  },
})
