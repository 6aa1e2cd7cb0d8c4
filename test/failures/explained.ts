/** What `explain` says about a token. */
import { Readable } from 'node:stream'
import { adviceFor } from '../../src/advice/cures.js'
import { runExplain } from '../../src/cli/explain/command.js'
import type { Examination } from '../../src/cli/explain/examination.js'
import { fakeKey, FakeIdp, ISSUER, RESOURCE, type TokenSpec } from '../support/idp.js'
import type { Failure, Said } from './failure.js'

const NOW = Date.parse('2026-12-01T12:00:00Z')
/** Seconds. */
export const AT = NOW / 1000

/** A token, and the settings of the gateway that it is shown to. */
interface Shown {
  readonly issuer?: string
  readonly token?: TokenSpec | string
  readonly settings?: readonly string[]
}

async function explain({ issuer = ISSUER, token = {}, settings = [] }: Shown) {
  const idp = await FakeIdp.start(issuer)
  idp.now = () => NOW
  const text = typeof token === 'string' ? token : await idp.token(token)
  const isElsewhere = settings.includes('--oauth-jwks-uri')
  const argv = [
    ...['--auth', 'oauth', '--oauth-issuer', issuer, '--resource', RESOURCE, '--json'],
    ...['--oauth-scopes', 'mcp:tools', '--upstream', 'http://127.0.0.1:9/mcp'],
    ...(isElsewhere ? [] : ['--oauth-jwks-file', '/etc/jwks.json']),
    ...settings,
  ]
  let [stdout, stderr] = ['', '']
  const { jwk } = await fakeKey('key-1')
  await runExplain(argv, {
    stdin: Readable.from([text]),
    stdout: (line) => void (stdout += line),
    stderr: (line) => void (stderr += line),
    env: {},
    readFile: (path) => (path === '/etc/jwks.json' ? JSON.stringify({ keys: [jwk] }) : ''),
    now: () => NOW,
  })
  if (stdout === '') throw new Error(`no report: ${stderr}`)
  return JSON.parse(stdout) as Examination
}

async function explained(shown: Shown): Promise<readonly Said[]> {
  const { code, reason, hint, remarks } = await explain(shown)
  const text = [reason, ...adviceFor(hint, code)].join('; ')
  const refusal = code === undefined ? [] : [{ finding: code, text }]
  return [...refusal, ...remarks.map((remark) => ({ finding: 'remark', text: remark }))]
}

type Row = Pick<Failure, 'number' | 'name' | 'made' | 'finding' | 'advice'>

/** @param wrong over what is right: a token that is accepted */
export function byExplain(row: Row, wrong: Shown, right: Shown = {}): Failure {
  return explainedWhen(row, (isBroken) =>
    Promise.resolve(isBroken ? { ...right, ...wrong } : right),
  )
}

/** The same where the token or a server has to be made first. */
export function explainedWhen(row: Row, shownOf: (isBroken: boolean) => Promise<Shown>): Failure {
  return {
    ...row,
    command: 'explain',
    run: async (isBroken) => explained(await shownOf(isBroken)),
  }
}
