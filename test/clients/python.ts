/**
 * The Python environments of the clients and servers: pinned, outside the checkout, made once.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { CACHE, needed, show } from '../support/prepare.js'

const run = promisify(execFile)
const requirements = resolve(import.meta.dirname, 'python')

/** Each has a file with its requirements. */
const ENVIRONMENTS = ['mcp-1', 'mcp-2', 'linkedin'] as const

/** The directories of their executables. */
export type PythonEnvironments = Readonly<Record<(typeof ENVIRONMENTS)[number], string>>

declare module 'vitest' {
  interface ProvidedContext {
    python: PythonEnvironments
  }
}

interface Interpreter {
  readonly executable: string
  readonly version: string
}

const PROBE = `
import ensurepip, json, sys, venv
print(json.dumps([list(sys.version_info[:3]), sys.executable]))
`

/** `undefined` where there is none, it is too old, or it cannot make environments. */
async function probe(command: string): Promise<Interpreter | undefined> {
  try {
    const { stdout } = await run(command, ['-c', PROBE])
    const [version, executable] = JSON.parse(stdout) as [[number, number, number], string]
    const [major, minor] = version
    if (major !== 3 || minor < 12) return undefined
    return { executable, version: version.join('.') }
  } catch {
    return undefined
  }
}

/** Those of pyenv are there also when no shim leads to them. */
function pyenvCommands(): string[] {
  const versions = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions')
  if (!existsSync(versions)) return []
  return readdirSync(versions)
    .filter((name) => /^3\.1[23]\.\d+$/.test(name))
    .sort((one, other) => other.localeCompare(one))
    .map((name) => join(versions, name, 'bin', 'python3'))
}

async function findInterpreter(): Promise<Interpreter> {
  for (const command of ['python3.13', 'python3.12', 'python3', ...pyenvCommands()]) {
    const interpreter = await probe(command)
    if (interpreter !== undefined) return interpreter
  }
  throw needed(
    'The client tests need Python 3.12 or later with venv and pip: install it, and have it on the PATH as python3.13, python3.12 or python3.',
  )
}

async function makeEnvironment(name: string, interpreter: Interpreter): Promise<string> {
  const file = join(requirements, `${name}.txt`)
  const key = createHash('sha256')
    .update(`${interpreter.executable} ${interpreter.version}\n`)
    .update(readFileSync(file))
    .digest('hex')
  const directory = join(CACHE, `python-${name}-${key.slice(0, 12)}`)
  const marker = join(directory, 'complete')
  const bin = join(directory, 'bin')
  if (existsSync(marker)) return bin

  const startedAt = performance.now()
  process.stderr.write(`python ${interpreter.version}: installing ${name}.txt …\n`)
  rmSync(directory, { recursive: true, force: true })
  const made =
    (await show(interpreter.executable, ['-m', 'venv', directory])) === 0 &&
    (await show(join(bin, 'python'), ['-m', 'pip', 'install', '-q', '--no-input', '-r', file])) ===
      0
  if (!made) {
    throw needed(
      `The client tests need the packages of test/clients/python/${name}.txt, and pip could not install them: its reason stands above.`,
    )
  }
  writeFileSync(marker, '')
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
  process.stderr.write(
    `python ${interpreter.version}: ${name}.txt is in ${directory} (${seconds} s)\n`,
  )
  return bin
}

/**
 * Makes what is missing, one after the other.
 *
 * @throws {Error} with one sentence that says what is needed
 */
async function makeEnvironments(): Promise<PythonEnvironments> {
  const interpreter = await findInterpreter()
  const directories: Record<string, string> = {}
  for (const name of ENVIRONMENTS) directories[name] = await makeEnvironment(name, interpreter)
  return directories as PythonEnvironments
}

/** What Vitest calls before the tests. */
export async function setup({
  provide,
}: {
  provide(key: 'python', value: PythonEnvironments): void
}): Promise<void> {
  provide('python', await makeEnvironments())
}
