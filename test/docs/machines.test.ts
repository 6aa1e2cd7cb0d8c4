/** The configuration of docs/machines.md, as it stands there. */
import { rootCertificates } from 'node:tls'
import { expect, test } from 'vitest'
import { runCheck } from '../../src/cli/check.js'
import { readGuide } from '../support/guides.js'

const FILE = /```yaml\n([\s\S]*?)```/.exec(readGuide('docs/machines'))?.[1] ?? ''

/** What Kubernetes puts into a pod. */
const FILES: Readonly<Record<string, string>> = {
  token: 'eyJ.projected.token',
  'ca.crt': rootCertificates[0] ?? '',
}

async function check(content: string) {
  let [stdout, stderr] = ['', '']
  const argv = ['--config', 'gatehouse.yaml', '--json']
  const code = await runCheck(
    argv,
    {},
    {
      stdout: (text) => (stdout += text),
      stderr: (text) => (stderr += text),
      readFile: (path) => FILES[path.slice(path.lastIndexOf('/') + 1)] ?? content,
    },
  )
  return { code, stdout, stderr }
}

test('is valid, and all but the first issuer are unpublished', async () => {
  const { code, stdout, stderr } = await check(FILE)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(stdout.match(/"published": false/g)).toHaveLength(3)
})

test('without the claims it is refused, and the message names what to write', async () => {
  const { code, stderr } = await check(FILE.replace(/ {6}requireClaim: \[project.*\n/, ''))
  expect(code).toBe(2)
  expect(stderr).toMatch(
    /issuers\[2\]\.published: is false, and tokens of everybody would be accepted/,
  )
  expect(stderr).toContain('--oauth-require-claim')
})
