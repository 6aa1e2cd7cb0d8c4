/** `login` in the test's own process, with a person who follows the URL that it prints. */
import { readFileSync } from 'node:fs'
import type { Visit } from '../../../examples/demo/browser.js'
import { visit } from '../../../examples/demo/browser.js'
import { runLogin } from '../../../src/cli/login/command.js'

export interface LoginResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** What the person went through, if they were asked. */
  readonly visits: readonly Visit[]
  /** All URLs that a person was shown. */
  readonly shown: readonly string[]
}

export type Person = (url: URL) => Promise<Visit>

/** Logs in at oidc-provider or Keycloak, and goes back to the client. */
export const alice: Person = async (url) => {
  const visited = await visit(url, 'alice')
  await (await fetch(visited.callback)).text()
  return visited
}

/** Follows the redirect of a server that asks nothing. */
export const passer: Person = async (url) => {
  const { headers } = await fetch(url, { redirect: 'manual' })
  const callback = new URL(headers.get('location') ?? '', url)
  await (await fetch(callback)).text()
  return { callback, forms: [] }
}

/** Does nothing at all. */
export const nobody: Person = (url) => Promise.resolve({ callback: url, forms: [] })

/** Runs it with `--no-browser`, and hands the URL to the person. */
export async function login(
  argv: readonly string[],
  person: Person = alice,
  way: readonly string[] = ['--no-browser'],
): Promise<LoginResult> {
  let [stdout, stderr] = ['', '']
  const visits: Promise<Visit>[] = []
  const shown: string[] = []
  const code = await runLogin([...argv, ...way], {
    stdout: (text) => (stdout += text),
    stderr: (text) => {
      stderr += text
      const [, url] = /^Log in here:\s+(\S+)/.exec(text) ?? []
      if (url === undefined) return
      shown.push(url)
      visits.push(person(new URL(url)))
    },
    readFile: (path) => readFileSync(path, 'utf8'),
    env: {},
  })
  return { code, stdout, stderr, visits: await Promise.all(visits), shown }
}
