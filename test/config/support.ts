/** Reads a configuration from texts: nothing here touches a disk. */
import { expect } from 'vitest'
import type { Configuration } from '../../src/config/configuration.js'
import { readConfiguration } from '../../src/config/read-configuration.js'

export const UPSTREAM = 'http://127.0.0.1:8000/mcp'
export const ISSUER = 'https://sso.example.com/realms/mcp'
export const RESOURCE = 'https://mcp.example.com/mcp'
/** The least that is right, without and with tokens. */
export const OPEN: readonly string[] = ['--upstream', UPSTREAM]
export const OAUTH: readonly string[] = [...OPEN, '--auth', 'oauth', '--oauth-issuer', ISSUER]
/** Must never be shown. */
export const CANARY = 'eyJhbGciOiJub25lIn0.canary-hunter2'

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>
  /** By absolute name. */
  readonly files?: Readonly<Record<string, string>>
}

export function readerOf(files: Surroundings['files'] = {}): (path: string) => string {
  return (path) => {
    const content = files[path]
    if (content === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' })
    return content
  }
}

/** The lines of the same texts, one after the other. */
export function linesOf(
  files: Surroundings['files'] = {},
): (path: string) => AsyncIterable<string> {
  const readFile = readerOf(files)
  return async function* lines(path) {
    await Promise.resolve()
    yield* readFile(path).split('\n')
  }
}

export function read(
  argv: readonly string[],
  { env = {}, files }: Surroundings = {},
): Promise<Configuration> {
  return readConfiguration({ argv, env, readFile: readerOf(files) })
}

/** Of a configuration that must be right. */
export async function settingsOf(
  ...input: Parameters<typeof read>
): Promise<Configuration['settings']> {
  const { settings, problems } = await read(...input)
  expect(problems).toEqual([])
  return settings
}

/** `source: message`, in the order in which they are shown. */
export async function problemsOf(...input: Parameters<typeof read>): Promise<readonly string[]> {
  const { problems, warnings } = await read(...input)
  for (const { path, message, hint } of problems) {
    for (const text of [path, message, hint]) expect(text).toMatch(/^\S(?:.*\S)?$/)
  }
  expect(JSON.stringify([problems, warnings])).not.toContain('hunter2')
  return problems.map(({ path, message }) => `${path}: ${message}`)
}

/** With the settings of a file, which is called `gatehouse.yaml` and is in the current folder. */
export function inFile(content: string, files: Surroundings['files'] = {}): Surroundings {
  return {
    env: { MCP_GATEHOUSE_CONFIG: 'gatehouse.yaml' },
    files: { ...files, [`${process.cwd()}/gatehouse.yaml`]: content },
  }
}
