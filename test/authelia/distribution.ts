/**
 * Authelia itself: built once from its Go module, which is the newest that can be had so. The binary stays outside
 * of the checkout.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { CACHE, needed, show, timed } from '../support/prepare.js'

/** December 2022. Of later ones the module proxy lacks what they need (2026-11-23). */
const VERSION = '4.37.5'
const MODULE = 'github.com/authelia/authelia/v4'
/** `go.mod` and `go.sum`, which pin everything that it is made of. */
const SOURCE = resolve(import.meta.dirname, 'build')
const OLDEST_GO = 26

const folder = join(CACHE, `authelia-${VERSION}`)

/** Where the binary is, once it is built. */
export const AUTHELIA = join(folder, 'authelia')

async function outputOf(command: string, args: readonly string[]): Promise<string> {
  return promisify(execFile)(command, args).then(
    ({ stdout }) => stdout,
    () => '',
  )
}

async function requireCompilers(): Promise<void> {
  const go = /\bgo1\.(\d+)/.exec(await outputOf('go', ['version']))?.[1]
  if (Number(go ?? 0) < OLDEST_GO) {
    throw needed(
      `The Authelia tests need Go 1.${OLDEST_GO} or later: install it, and have go on the PATH.`,
    )
  }
  if ((await outputOf('gcc', ['--version'])) === '') {
    throw needed(
      'The Authelia tests need gcc, for the SQLite in it: install it, and have gcc on the PATH.',
    )
  }
}

async function build(): Promise<void> {
  await requireCompilers()
  mkdirSync(folder, { recursive: true })
  // Elsewhere first, so that a build that was cut is not taken for the whole.
  const unfinished = join(folder, `authelia-${process.pid}`)
  const utils = `${MODULE}/internal/utils`
  const flags = `-s -w -X ${utils}.BuildTag=v${VERSION} -X '${utils}.BuildState=tagged clean'`
  await timed(`authelia ${VERSION}: building it, with 400 MB of modules`, async () => {
    const code = await show(
      'go',
      [
        ...['build', '-C', SOURCE, '-mod=readonly', '-trimpath', '-ldflags', flags],
        ...['-o', unfinished, `${MODULE}/cmd/authelia`],
      ],
      // Without cgo it starts and never listens.
      { ...process.env, CGO_ENABLED: '1', GOTOOLCHAIN: 'local' },
    )
    if (code === 0) return
    throw needed(
      `The Authelia tests need ${MODULE}@v${VERSION}, and Go could not build it: its reason stands above.`,
    )
  })
  renameSync(unfinished, AUTHELIA)
}

/** What Vitest calls before the tests. */
export async function setup(): Promise<void> {
  if (!existsSync(AUTHELIA)) await build()
}
