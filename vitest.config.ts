import { configDefaults, defineConfig } from 'vitest/config'
import { plantedFault } from './test/faults/plugin.js'

/** The configurations of other runs add theirs. */
export const SHARED_SETUP = 'test/support/cli-folder.ts'

/** Where `.ci/run` wants to count the tests. */
const report = process.env['GATEHOUSE_TEST_REPORT']

export default defineConfig({
  // What users import by name is the source here; test/package imports the packed files.
  resolve: {
    alias: [
      {
        find: /^mcp-gatehouse\/(.+)$/,
        replacement: new URL('./src/$1.ts', import.meta.url).pathname,
      },
      { find: /^mcp-gatehouse$/, replacement: new URL('./src/index.ts', import.meta.url).pathname },
    ],
  },
  plugins: [plantedFault()],
  test: {
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    include: ['test/**/*.test.ts'],
    // They need Python, Java, Go, a browser or other runtimes: `npm run test:clients`, `test:keycloak` and so on.
    exclude: [
      ...configDefaults.exclude,
      'test/authelia/**',
      'test/clients/**',
      'test/dex/**',
      'test/keycloak/**',
      'test/pages/**',
      'test/runtimes/**',
    ],
    globalSetup: [SHARED_SETUP],
    // Loading the source anew for each file costs more than many files do. So what a file changes, it restores.
    isolate: false,
    // Vitest leaves one core to others; half of the tests wait for processes and sockets.
    maxWorkers: '100%',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: { include: ['src/**'], reporter: ['text-summary', 'text'] },
  },
})
