/** `clients register` in the test's own process. */
import { readFileSync } from 'node:fs'
import { runClients } from '../../../src/cli/clients/command.js'

export async function register(argv: readonly string[]) {
  let [stdout, stderr] = ['', '']
  const code = await runClients(['register', ...argv], {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    readFile: (path) => readFileSync(path, 'utf8'),
    env: {},
  })
  return { code, stdout, stderr }
}
