import { configDefaults, defineConfig } from 'vitest/config'
import base from '../vitest.config.js'

/** What to run while one works: the kernel, the guard and the matrix, by folder. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: [
      'test/{advice,base,discovery,forged,introspect,matrix,node,property,rs,web}/**/*.test.ts',
    ],
    exclude: [
      ...configDefaults.exclude,
      // They wait for real time to pass, or start processes: `npm test` runs them.
      'test/discovery/{isolated,waiting}.test.ts',
      'test/introspect/introspection.test.ts',
    ],
  },
})
