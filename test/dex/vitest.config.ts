import { configDefaults, defineConfig } from 'vitest/config'
import base from '../../vitest.config.js'

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['test/dex/**/*.test.ts'],
    exclude: configDefaults.exclude,
    globalSetup: 'test/dex/binary.ts',
    // Each listens again on ports that it had before: nobody must take them meanwhile.
    fileParallelism: false,
  },
})
