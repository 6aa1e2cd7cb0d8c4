/** Dex itself: built once from the Go module that `go.mod` pins, and kept outside of the checkout. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CACHE, needed, show, timed } from '../support/prepare.js'

const PACKAGE = 'github.com/dexidp/dex/cmd/dex'
const SOURCE = import.meta.dirname

/** It lists every module that goes in, so that another list makes another binary. */
const digest = createHash('sha256')
  .update(readFileSync(join(SOURCE, 'go.mod')))
  .digest('hex')
const folder = join(CACHE, `dex-${digest.slice(0, 12)}`)

export const BINARY = join(folder, 'dex')

/**
 * What Vitest calls before the tests.
 *
 * @throws {Error} with one sentence that says what is needed
 */
export async function setup(): Promise<void> {
  if (existsSync(BINARY)) return
  const found = await promisify(execFile)('go', ['version']).then(
    () => true,
    () => false,
  )
  if (!found) {
    throw needed(
      'The Dex tests need Go 1.25 or later to build Dex: install it, and have go on the PATH.',
    )
  }
  mkdirSync(folder, { recursive: true })
  // Elsewhere first, so that a build that was cut is not taken for the whole.
  const unfinished = join(folder, `build-${process.pid}`)
  await timed('dex: building it', async () => {
    const args = ['build', '-C', SOURCE, '-trimpath', '-o', unfinished, PACKAGE]
    const env = { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local' }
    if ((await show('go', args, env)) === 0) return
    throw needed(
      `The Dex tests need ${PACKAGE}, and Go could not build it: its reason stands above.`,
    )
  })
  renameSync(unfinished, BINARY)
}
