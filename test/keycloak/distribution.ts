/**
 * Keycloak itself: downloaded once through Maven, and built once for each set of features. Both stay outside
 * of the checkout.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CACHE, needed, show, timed } from '../support/prepare.js'

const run = promisify(execFile)

/** The newest that Maven has (2026-11-25). */
const VERSION = '26.7.3'
const ARTIFACT = `org.keycloak:keycloak-quarkus-dist:${VERSION}:tar.gz`
const OLDEST_JAVA = 17

/** Each is an installation of its own, because features are compiled in. */
const FEATURES = {
  plain: [],
  cimd: ['cimd'],
  'resource-indicators': ['resource-indicators'],
} as const

export type FeatureSet = keyof typeof FEATURES

const folder = join(CACHE, `keycloak-${VERSION}`)
/** The archive, as it is downloaded. */
export const tarball: string = join(folder, `keycloak-quarkus-dist-${VERSION}.tar.gz`)

async function requireJava(): Promise<void> {
  const java =
    process.env['JAVA_HOME'] === undefined ? 'java' : join(process.env['JAVA_HOME'], 'bin', 'java')
  // It tells its version on stderr.
  const version = await run(java, ['-version']).then(
    ({ stderr }) => Number(/version "(\d+)/.exec(stderr)?.[1]),
    () => 0,
  )
  if (version >= OLDEST_JAVA) return
  throw needed(
    `The Keycloak tests need Java ${OLDEST_JAVA} or later: install it, and have java on the PATH or in JAVA_HOME.`,
  )
}

async function download(): Promise<void> {
  const found = await run('mvn', ['-v']).then(
    () => true,
    () => false,
  )
  if (!found) {
    throw needed(
      `The Keycloak tests need Maven to download ${ARTIFACT}: install it, and have mvn on the PATH.`,
    )
  }
  // Elsewhere first, so that a download that was cut is not taken for the whole.
  const unfinished = join(folder, `download-${process.pid}`)
  const args = ['-q', '-B', 'dependency:copy', `-Dartifact=${ARTIFACT}`]
  await timed(`keycloak ${VERSION}: downloading 176 MB`, async () => {
    if ((await show('mvn', [...args, `-DoutputDirectory=${unfinished}`])) === 0) return
    throw needed(
      `The Keycloak tests need ${ARTIFACT}, and Maven could not download it: its reason stands above.`,
    )
  })
  renameSync(join(unfinished, `keycloak-quarkus-dist-${VERSION}.tar.gz`), tarball)
  rmSync(unfinished, { recursive: true })
}

/** Where the installation with these features is, once it is made. */
export function homeOf(features: FeatureSet): string {
  return join(folder, features)
}

async function build(features: FeatureSet): Promise<void> {
  const home = homeOf(features)
  if (existsSync(home)) return
  const unfinished = join(folder, `build-${process.pid}`)
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished)
  await timed(`keycloak ${VERSION}: building it, features: ${features}`, async () => {
    await run('tar', ['xzf', tarball, '-C', unfinished, '--strip-components=1'])
    const args = ['build', '--db=dev-file', '--health-enabled=true']
    const chosen = FEATURES[features].map((feature) => `--features=${feature}`)
    await run(join(unfinished, 'bin/kc.sh'), [...args, ...chosen])
  })
  try {
    renameSync(unfinished, home)
  } catch (error) {
    // Another run was faster.
    rmSync(unfinished, { recursive: true, force: true })
    if (!existsSync(home)) throw error
  }
}

/**
 * Makes what is missing, one after the other.
 *
 * @throws {Error} with one sentence that says what is needed
 */
export async function install(): Promise<void> {
  await requireJava()
  mkdirSync(folder, { recursive: true })
  if (!existsSync(tarball)) await download()
  for (const features of Object.keys(FEATURES) as FeatureSet[]) await build(features)
}
