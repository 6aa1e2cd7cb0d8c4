/** Bun, Deno and workerd themselves: installed once, in the versions named here, outside of the checkout. */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CACHE, needed, show, timed } from '../support/prepare.js'

const VERSIONS = { bun: '1.4.5', deno: '2.9.6', workerd: '1.20261117.1' } as const

export type Program = keyof typeof VERSIONS

const NAME = Object.entries(VERSIONS)
  .map(([name, version]) => `${name}-${version}`)
  .join('-')
const folder = join(CACHE, `runtimes-${NAME}`)

export function programOf(name: Program): string {
  return join(folder, 'node_modules', '.bin', name)
}

/**
 * What Vitest calls before the tests.
 *
 * @throws {Error} with one sentence that says what is needed
 */
export async function setup(): Promise<void> {
  if (existsSync(folder)) return
  // Elsewhere first, so that an installation that was cut is not taken for the whole.
  const unfinished = `${folder}-${process.pid}`
  mkdirSync(unfinished, { recursive: true })
  writeFileSync(join(unfinished, 'package.json'), '{"private":true}')
  const packages = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`)
  const args = ['install', '--prefix', unfinished, '--no-audit', '--no-fund', '--no-progress']
  await timed(`runtimes: installing ${packages.join(', ')}`, async () => {
    if ((await show('npm', [...args, ...packages])) === 0) return
    throw needed(
      `The tests of runtimes need ${packages.join(', ')}, and npm could not install them: its reason stands above.`,
    )
  })
  renameSync(unfinished, folder)
}
