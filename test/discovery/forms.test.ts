/** The well-known documents of one issuer, which may differ, fail and hang, each by itself. */
import { discoverAuthorizationServer } from 'mcp-gatehouse'
import { describe, expect } from 'vitest'
import { firstOf } from '../../src/base/first-of.js'
import { findMetadata } from '../../src/discovery/authorization-server.js'
import { createFixture } from '../introspect/fixture.js'
import { FakeIntrospection } from '../introspect/server.js'
import { ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const HOST = new URL(ISSUER).origin
const FORMS = [
  `${HOST}/.well-known/oauth-authorization-server/realms/mcp`,
  `${HOST}/.well-known/openid-configuration/realms/mcp`,
  `${ISSUER}/.well-known/openid-configuration`,
]
const KEYS = `${ISSUER}/keys`
const INTROSPECT = `${ISSUER}/introspect`

/** What each form answers, in their order; `undefined`: it never does. */
function serving(...documents: readonly (object | undefined)[]): typeof fetch {
  return (input) => {
    const index = FORMS.indexOf(String(input))
    const document = documents[index]
    if (index >= 0 && document === undefined) return new Promise(() => undefined)
    return Promise.resolve(Response.json(document ?? {}))
  }
}

describe('one endpoint in one document, one in another', () => {
  const documents = [
    { issuer: ISSUER, jwks_uri: KEYS, introspection_endpoint: null },
    { issuer: `${ISSUER}/`, introspection_endpoint: 'https://other.example/introspect' },
    { issuer: ISSUER, introspection_endpoint: INTROSPECT },
  ]

  verifies('FLD-03', 'each is found, and only in a document of the exact issuer', async () => {
    const options = { fetch: serving(...documents) }
    expect(await findMetadata(ISSUER, options, 'jwks_uri')).toMatchObject({ jwks_uri: KEYS })
    expect(await findMetadata(ISSUER, options, 'introspection_endpoint')).toMatchObject({
      introspection_endpoint: INTROSPECT,
    })
  })

  verifies('FLD-03', 'an introspector asks at the endpoint of the last document', async () => {
    const server = new FakeIntrospection()
    const metadata = serving(...documents)
    const fixture = createFixture({
      fetch: (input, init) =>
        FORMS.includes(String(input)) ? metadata(input, init) : server.fetch(input as string, init),
    })
    expect(await fixture.verdict()).toBe('authenticated')
    expect(server.calls).toHaveLength(1)
  })

  for (const name of ['jwks_uri', 'introspection_endpoint'] as const) {
    verifies('FLD-03', `an untrusted ${name} does not hide the next document`, async () => {
      const fetch = serving(
        { issuer: ISSUER, [name]: 'http://169.254.169.254/latest' },
        { issuer: ISSUER, [name]: 'https://user:pass@sso.example.com/' },
        { issuer: ISSUER, [name]: KEYS },
      )
      expect(await findMetadata(ISSUER, { fetch }, name)).toMatchObject({ [name]: KEYS })
      const none = serving({ issuer: ISSUER, [name]: 'http://169.254.169.254/latest' }, {}, {})
      await expect(findMetadata(ISSUER, { fetch: none }, name)).rejects.toThrow(name)
      await expect(discoverAuthorizationServer(ISSUER, { fetch: none })).rejects.toThrow(name)
    })
  }
})

describe('a form that hangs', () => {
  verifies('FLD-03', 'does not hide the next, and is given up', async () => {
    const fetch = serving(undefined, undefined, { issuer: ISSUER, jwks_uri: KEYS })
    expect(await findMetadata(ISSUER, { fetch }, 'jwks_uri')).toMatchObject({ jwks_uri: KEYS })
  })

  verifies('FLD-03', 'the next begins at once after a failure', async () => {
    const began: number[] = []
    const attempt = (index: number, work: () => Promise<string>) => () => {
      began.push(index)
      return work()
    }
    const fail = (reason: string) => () => Promise.reject(new Error(reason))
    const day = 86_400_000
    const found = firstOf(
      [attempt(0, fail('a')), attempt(1, () => Promise.resolve('b')), attempt(2, fail('c'))],
      day,
    )
    expect(await found).toBe('b')
    expect(began).toEqual([0, 1])
    const none = firstOf([attempt(0, fail('a')), attempt(1, fail('b'))], day)
    await expect(none).rejects.toMatchObject({ errors: [{ message: 'a' }, { message: 'b' }] })
  })
})

describe('the origin of the operator’s own discovery URL', () => {
  const discoveryUrl = 'http://127.0.0.1:8080/realms/mcp/.well-known/openid-configuration'
  const found = (endpoint: string, options = {}) =>
    findMetadata(
      ISSUER,
      {
        discoveryUrl,
        fetch: () =>
          Promise.resolve(
            Response.json({ issuer: ISSUER, jwks_uri: endpoint, introspection_endpoint: endpoint }),
          ),
        ...options,
      },
      'introspection_endpoint',
    )

  verifies('FLD-03', 'is trusted: a sidecar on loopback', async () => {
    const endpoint = 'http://127.0.0.1:8080/realms/mcp/introspect'
    expect(await found(endpoint)).toMatchObject({ introspection_endpoint: endpoint })
  })

  for (const endpoint of [
    'http://127.0.0.1:8081/introspect',
    'http://localhost:8080/introspect',
    'http://user:pass@127.0.0.1:8080/introspect',
    'http://169.254.169.254/introspect',
  ]) {
    verifies('FLD-03', `${endpoint} is not`, async () => {
      await expect(found(endpoint)).rejects.toThrow('introspection_endpoint')
    })
  }

  verifies('FLD-03', 'without it loopback is not trusted for a public issuer', async () => {
    const endpoint = 'http://127.0.0.1:8080/introspect'
    await expect(found(endpoint, { discoveryUrl: undefined })).rejects.toThrow(
      'introspection_endpoint',
    )
  })
})
