import { configDefaults, defineConfig } from 'vitest/config'
import base, { SHARED_SETUP } from '../../vitest.config.js'

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    isolate: true,
    include: ['test/dex/**/*.test.ts'],
    exclude: configDefaults.exclude,
    globalSetup: [SHARED_SETUP, 'test/dex/binary.ts'],
    // Each listens again on ports that it had before: nobody must take them meanwhile.
    fileParallelism: false,
  },
})
