/** The server of the Go SDK: built once from the module in `go`, and kept outside of the checkout. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { CACHE, needed, show, timed } from '../support/prepare.js'

const SOURCE = resolve(import.meta.dirname, 'go')

/** All that goes into it. */
const digest = createHash('sha256')
for (const file of ['main.go', 'go.mod', 'go.sum']) digest.update(readFileSync(join(SOURCE, file)))
const folder = join(CACHE, `go-sdk-${digest.digest('hex').slice(0, 12)}`)

export const GO_SERVER = join(folder, 'server')

/**
 * What Vitest calls before the tests.
 *
 * @throws {Error} with one sentence that says what is needed
 */
export async function setup(): Promise<void> {
  if (existsSync(GO_SERVER)) return
  const found = await promisify(execFile)('go', ['version']).then(
    () => true,
    () => false,
  )
  if (!found) {
    throw needed(
      'The client tests need Go 1.25 or later for a server of the Go SDK: install it, and have go on the PATH.',
    )
  }
  mkdirSync(folder, { recursive: true })
  // Elsewhere first, so that a build that was cut is not taken for the whole.
  const unfinished = join(folder, `build-${process.pid}`)
  await timed('go: building the server of its SDK', async () => {
    const args = ['build', '-C', SOURCE, '-trimpath', '-o', unfinished, '.']
    const env = { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local' }
    if ((await show('go', args, env)) === 0) return
    throw needed(
      'The client tests need the module in test/clients/go, and Go could not build it: its reason stands above.',
    )
  })
  renameSync(unfinished, GO_SERVER)
}
