/** What the kernel finds wrong is told in the words of the settings, and nothing is made to find it. */
import { describe, expect, test } from 'vitest'
import { EVERYWHERE } from '../../src/config/setting-table.js'
import { verifies } from '../support/verifies.js'
import { inFile, ISSUER, OAUTH, OPEN, problemsOf, read, RESOURCE } from './support.js'

const SECRET = { files: { '/s': 'secret\n' } }
const CLIENT = ['--oauth-client-id=rs', '--oauth-client-secret-file=/s']

describe('how the issuer is asked', () => {
  verifies('INT-01', 'is checked with all the rest', async () => {
    const wrong = ['--oauth-introspection-url=http://sso.internal/ask', '--resource=mcp']
    expect(await problemsOf([...OAUTH, ...CLIENT, ...wrong], SECRET)).toEqual([
      '--resource: must be an absolute http(s) URL',
      '--oauth-introspection-url: must be https',
    ])
    expect(await problemsOf([...OAUTH, ...CLIENT, wrong[0] ?? ''], SECRET)).toHaveLength(1)
    const allowed = [...OAUTH, ...CLIENT, wrong[0] ?? '', '--allow-http=sso.internal']
    expect(await problemsOf(allowed, SECRET)).toEqual([])
    // Without a client nobody is asked, and that alone is wrong.
    expect(await problemsOf([...OAUTH, wrong[0] ?? ''])).toEqual([
      '--oauth-introspection-url: needs --oauth-client-id',
    ])
  })

  test('is told of the issuer in the file', async () => {
    const client = 'clientId: rs, clientSecretFile: /s'
    const file = `auth: oauth
oauth:
  issuers:
    - { issuer: ${ISSUER}, tokenPrefix: a_, ${client} }
    - { issuer: https://b.example.com, tokenPrefix: b_, ${client}, introspectionUrl: ask }
`
    expect(await problemsOf(OPEN, inFile(file, SECRET.files))).toEqual([
      'gatehouse.yaml:5:93: oauth.issuers[1].introspectionUrl: must be an absolute https URL',
    ])
  })
})

test('what is missing is told once, and the rest is judged all the same', async () => {
  const argv = ['--auth=oauth', '--host=0.0.0.0', '--oauth-jwks-uri=http://sso.internal/keys']
  expect(await problemsOf([...OPEN, ...argv])).toEqual([
    '--oauth-issuer: is missing',
    '--resource: is missing',
    '--oauth-jwks-uri: must be https',
  ])
  const named = ['--oauth-issuer', ISSUER, '--resource', RESOURCE, '--allow-http=sso.internal']
  expect(await problemsOf([...OPEN, ...argv, ...named])).toEqual([])
})

test('a value of a list is told by its number, and not shown', async () => {
  const argv = ['--allow-http=keycloak', '--allow-http=https://u:hunter2@a', '--allow-http=B']
  expect(await problemsOf([...OAUTH, ...argv])).toEqual([
    '--allow-http: value 2 must be a host name',
    '--allow-http: value 3 must be a host name',
  ])
  const origins = ['--allow-origin=https://a.example', '--allow-origin=a.example']
  expect(await problemsOf([...OPEN, ...origins])).toEqual([
    '--allow-origin: value 2 is not an origin',
  ])
})

test('a hint names the setting that helps', async () => {
  const { problems } = await read([...OAUTH, '--oauth-discovery-url=http://sso.internal/meta'])
  expect(problems.map(({ hint }) => hint)).toEqual([
    'or name sso.internal in --allow-http if its network is private',
  ])
})

test('issuers that do nothing are a warning, listed ones, too', async () => {
  const listed = inFile(`oauth: { issuers: [{ issuer: ${ISSUER} }] }\n`)
  expect((await read(OPEN, listed)).warnings).toEqual([
    'no token is checked: without --auth oauth these settings have no effect: gatehouse.yaml:1:10: oauth.issuers',
  ])
  const named = inFile(`auth: oauth\noauth: { issuers: [{ issuer: ${ISSUER} }] }\n`)
  expect((await read(OPEN, named)).warnings).toEqual([])
})

test('no two settings become the same option', () => {
  const options = EVERYWHERE.flatMap(({ becomes }) => becomes ?? [])
  expect(new Set(options).size).toBe(options.length)
  expect(options.length).toBeGreaterThan(40)
})
