/** Documents behind authorization: by which ways their token is never sent, and what it may be. */
import { describe, expect, test } from 'vitest'
import { createTokenIntrospector } from 'mcp-gatehouse/introspect'
import { FakeIdp, ISSUER } from '../support/idp.js'
import { createFixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

const TOKEN = 'eyJ.discovery.canary'

/** A resource server, and with which credentials each URL was asked. */
async function fixtureFor(server: object, options: object = {}, issuer = ISSUER) {
  const idp = await FakeIdp.start(issuer)
  const asked: [url: string, authorization: string | null][] = []
  const fixture = createFixture(idp, {
    authorizationServers: { issuer, discoveryToken: TOKEN, ...server },
    fetch: (input, init) => {
      const url = String(input)
      asked.push([url, new Headers(init?.headers).get('authorization')])
      return init?.method === 'POST'
        ? Promise.resolve(Response.json({ active: false }))
        : idp.fetch(url, init)
    },
    ...options,
  })
  const urlsWith = (token: string | null) =>
    asked.filter(([, sent]) => sent === token).map(([url]) => url)
  return { ...fixture, idp, asked, urlsWith }
}

function problemsOf(server: object): string {
  try {
    createFixture(new FakeIdp(), { authorizationServers: { issuer: ISSUER, ...server } })
    return 'none'
  } catch (error) {
    return String(error)
  }
}

verifies('IDN-34', 'by plain HTTP it goes to loopback hosts alone', async () => {
  const named = 'http://keycloak/realms/mcp'
  const plain = await fixtureFor(
    { jwksUri: 'https://keys.example.net/keys' },
    { allowHttp: ['keycloak'] },
    named,
  )
  plain.idp.jwksUri = 'https://keys.example.net/keys'
  expect(await plain.verdict(await plain.idp.token())).toBe('authenticated')
  expect(plain.urlsWith(`Bearer ${TOKEN}`)).toEqual(['https://keys.example.net/keys'])

  const discovered = await fixtureFor(
    { discoveryUrl: 'https://keys.example.net/metadata' },
    { allowHttp: ['keycloak'] },
    named,
  )
  discovered.idp.metadataUrl = 'https://keys.example.net/metadata'
  expect(await discovered.verdict(await discovered.idp.token())).toBe('authenticated')
  expect(discovered.urlsWith(null)).toEqual([`${named}/keys`])

  const loopback = await fixtureFor({}, {}, 'http://127.0.0.1:8080/realms/mcp')
  expect(await loopback.verdict(await loopback.idp.token())).toBe('authenticated')
  expect(loopback.urlsWith(null)).toEqual([])
})

verifies('IDN-34', 'another port is another origin', async () => {
  const { idp, verdict, urlsWith } = await fixtureFor({})
  idp.jwksUri = `${new URL(ISSUER).origin}:8443/keys`
  expect(await verdict(await idp.token())).toBe('authenticated')
  expect(urlsWith(null)).toEqual([idp.jwksUri])
})

verifies('IDN-34', 'introspection has credentials of its own', async () => {
  const { idp, send, urlsWith } = await fixtureFor({
    introspector: (world: { issuer: string }) =>
      createTokenIntrospector({ ...world, clientId: 'rs', clientSecret: 'secret' }),
  })
  idp.metadata = { introspection_endpoint: `${ISSUER}/introspect` }
  await send('opaque_0123456789abcdef')
  expect(urlsWith(`Bearer ${TOKEN}`)).toContain(idp.metadataUrl)
  expect(urlsWith(`Bearer ${TOKEN}`)).not.toContain(`${ISSUER}/introspect`)
  expect(urlsWith(`Basic ${btoa('rs:secret')}`)).toEqual([`${ISSUER}/introspect`])
})

verifies('IDN-34', 'a function is asked for every document', async () => {
  let token = 'one'
  const { idp, verdict, urlsWith, wait } = await fixtureFor({ discoveryToken: () => token })
  await verdict(await idp.token())
  token = 'two'
  wait(7200)
  await verdict(await idp.token())
  expect(urlsWith('Bearer one').at(-1)).toBe(idp.jwksUri)
  expect(urlsWith('Bearer two').at(-1)).toBe(idp.jwksUri)
})

verifies('IDN-34', 'what cannot be sent is the operator’s fault, and shown nowhere', async () => {
  for (const [read, reason] of [
    [() => `${TOKEN}\n`, 'cannot be sent'],
    [() => '', 'cannot be sent'],
    [() => undefined, 'cannot be sent'],
    [
      () => {
        throw new Error(TOKEN)
      },
      'could not be read',
    ],
  ] as const) {
    const { idp, send, asked, events } = await fixtureFor({ discoveryToken: read })
    expect(await send(await idp.token())).toMatchObject({ outcome: 'unavailable', status: 503 })
    expect(asked).toEqual([])
    expect(JSON.stringify(events)).toContain(`the discovery token ${reason}`)
    expect(JSON.stringify(events)).not.toContain('canary')
  }
})

verifies('IDN-34', 'a fetch of the issuer replaces the shared one', async () => {
  const idp = await FakeIdp.start()
  const { verdict } = createFixture(new FakeIdp(), {
    authorizationServers: { issuer: ISSUER, fetch: idp.fetch as typeof fetch },
    fetch: () => Promise.reject(new Error('the shared one')),
  })
  expect(await verdict(await idp.token())).toBe('authenticated')
})

describe('problems', () => {
  test.each<[string, object, string]>([
    ['a line end', { discoveryToken: `${TOKEN}\n` }, 'discoveryToken: must be one token'],
    ['a blank', { discoveryToken: `Bearer ${TOKEN}` }, 'discoveryToken: must be one token'],
    ['nothing', { discoveryToken: '' }, 'discoveryToken: must be one token'],
    ['a number', { discoveryToken: 7 }, 'discoveryToken: must be a text, or a function'],
    [
      'keys that are given',
      { discoveryToken: TOKEN, jwks: () => undefined },
      'discoveryToken: has no effect',
    ],
    ['no function', { fetch: 'https://proxy' }, 'fetch: must be a function'],
  ])('%s', (_name, server, problem) => {
    const problems = problemsOf(server)
    expect(problems).toContain(`authorizationServers.${problem}`)
    expect(problems).not.toContain('canary')
  })

  verifies('IDN-34', 'a token that no address may see', () => {
    const authorizationServers = { issuer: 'http://keycloak/realms/mcp', discoveryToken: TOKEN }
    expect(() =>
      createFixture(new FakeIdp(), { authorizationServers, allowHttp: ['keycloak'] }),
    ).toThrow('discoveryToken: would never be sent')
  })
})

verifies('IDN-38', 'what it shows is not mirrored to everybody', async () => {
  const mirrored = { mirrorMetadata: true }
  const said = 'would show everybody a document that needs the discovery token'
  await expect(fixtureFor({}, mirrored)).rejects.toThrow(said)
  const unpublished = { issuer: 'https://k8s.example.com', discoveryToken: TOKEN, published: false }
  const authorizationServers = [ISSUER, { ...unpublished, anySubject: true }]
  const { verdict, idp } = await fixtureFor({}, { ...mirrored, authorizationServers })
  expect(await verdict(await idp.token())).toBe('authenticated')
})
