/** Files that belong to one issuer of a config file: its certificates, and the token for its documents. */
import { createServer } from 'node:https'
import { rootCertificates } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { changedSettings } from '../../src/config/changed-settings.js'
import { toGatewayOptions } from '../../src/config/to-gateway-options.js'
import { createGateway } from '../../src/gateway/gateway.js'
import { makeCertificates } from '../support/certificates.js'
import { startUpstream } from '../support/gateway.js'
import { FakeIdp, RESOURCE } from '../support/idp.js'
import { listenForTest } from '../support/listening.js'
import { verifies } from '../support/verifies.js'
import { inFile, ISSUER, problemsOf, read } from './support.js'

const CERTIFICATES = makeCertificates()
const OTHER_CA = rootCertificates[0] ?? ''

/** Issuers at one server, whose certificate no system knows. */
async function startIssuers(paths: readonly string[]) {
  const idps = new Map<string, FakeIdp>()
  const server = createServer(CERTIFICATES, (request, response) => {
    const url = `https://localhost:${port}${request.url}`
    const [, one] = [...idps].find(([path]) => url.includes(path)) ?? []
    void one?.fetch(url).then(async (answer) => {
      response.statusCode = answer.status
      response.end(await answer.text())
    })
  })
  const port = await listenForTest(server)
  for (const path of paths) idps.set(path, await FakeIdp.start(`https://localhost:${port}${path}`))
  return paths.map((path) => idps.get(path) as FakeIdp)
}

async function startGateway(issuers: string, files: Readonly<Record<string, string>>, top = '') {
  const upstream = await startUpstream((_request, response) => void response.end('{}'))
  const content = `upstream: ${upstream}
resource: ${RESOURCE}
port: 0
auth: oauth
${top}
oauth:
  wait: 0
  issuers:
${issuers}`
  const configuration = await read([], inFile(content, files))
  expect(configuration.problems).toEqual([])
  const events: GatewayEvent[] = []
  const gateway = createGateway({
    ...toGatewayOptions(configuration),
    onEvent: (event) => events.push(event),
  })
  const { url } = await gateway.listen()
  onTestFinished(() => gateway.close())
  const statusOf = async (idp: FakeIdp) => {
    const headers = { authorization: `Bearer ${await idp.token()}` }
    return (await fetch(`${url}/mcp`, { headers })).status
  }
  return { statusOf, events }
}

verifies('IDN-35', 'certificates of one issuer are trusted for that one alone', async () => {
  const [one, other] = (await startIssuers(['/one', '/other'])) as [FakeIdp, FakeIdp]
  const { statusOf, events } = await startGateway(
    `    - { issuer: "${one.issuer}", caFile: /etc/one.pem }
    - { issuer: "${other.issuer}" }
`,
    { '/etc/one.pem': CERTIFICATES.ca },
  )
  expect(await statusOf(one)).toBe(200)
  expect(await statusOf(other)).toBe(503)
  const reasons = events.flatMap((event) => (event.type === 'keys.failed' ? [event.reason] : []))
  expect(reasons.join()).toContain('add your own CA with --ca-file')
})

verifies('IDN-35', 'those of all connections are trusted besides', async () => {
  const [one] = (await startIssuers(['/one'])) as [FakeIdp]
  const issuers = `    - { issuer: "${one.issuer}", caFile: /etc/one.pem }\n`
  const files = { '/etc/one.pem': OTHER_CA, '/etc/all.pem': CERTIFICATES.ca }
  const { statusOf } = await startGateway(issuers, files, 'caFile: /etc/all.pem')
  expect(await statusOf(one)).toBe(200)
})

describe('problems', () => {
  const withFile = (setting: string, name: string, content?: string) =>
    problemsOf(
      ['--upstream', 'http://127.0.0.1:8000/mcp', '--resource', RESOURCE],
      inFile(
        `auth: oauth\noauth:\n  issuers:\n    - issuer: ${ISSUER}\n      ${setting}: ${name}\n`,
        content === undefined ? {} : { [name]: content },
      ),
    )

  test.each([
    ['caFile', 'no certificate', '/etc/ca.pem holds no certificate'],
    ['caFile', undefined, '/etc/ca.pem cannot be read (ENOENT)'],
    ['discoveryTokenFile', 'a b', '/etc/ca.pem must be one token, without blanks and line ends'],
    ['discoveryTokenFile', '\n', '/etc/ca.pem must be one token, without blanks and line ends'],
    ['discoveryTokenFile', undefined, '/etc/ca.pem cannot be read (ENOENT)'],
  ])('%s %j', async (setting, content, problem) => {
    expect(await withFile(setting, '/etc/ca.pem', content)).toEqual([
      `gatehouse.yaml:5:7: oauth.issuers[0].${setting}: ${problem}`,
    ])
  })
})

test('a changed certificate of an issuer needs a restart', async () => {
  const file = `auth: oauth\noauth:\n  issuers:\n    - { issuer: "${ISSUER}", caFile: /etc/ca.pem }\n`
  const argv = ['--upstream', 'http://127.0.0.1:8000/mcp', '--resource', RESOURCE]
  const withCa = (ca: string) => read(argv, inFile(file, { '/etc/ca.pem': ca }))
  const [before, same, after] = [
    await withCa(OTHER_CA),
    await withCa(OTHER_CA),
    await withCa(CERTIFICATES.ca),
  ]
  expect(changedSettings(before, same)).toEqual([])
  expect(changedSettings(before, after)).toEqual(['caFile'])
})
