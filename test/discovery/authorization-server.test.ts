import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect } from 'vitest'
import {
  AuthorizationServerError,
  createResourceServer,
  discoverAuthorizationServer,
} from 'mcp-gatehouse'
import { FakeIdp, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const HOST = 'https://sso.example.com'

/** Serves one document at one URL and remembers what was asked for. */
function onlyAt(url: string, document: object): { fetch: typeof fetch; asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    fetch: (input) => {
      asked.push(String(input))
      return Promise.resolve(
        String(input) === url ? Response.json(document) : new Response('nothing', { status: 404 }),
      )
    },
  }
}

async function reasonOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof AuthorizationServerError)) throw error
    expect(error.code).toBe('ERR_DISCOVERY_FAILED')
    return error.message
  }
  throw new Error('it was accepted')
}

describe('the five forms', () => {
  const forms: [issuer: string, url: string, attempts: number][] = [
    [`${HOST}/realms/mcp`, `${HOST}/.well-known/oauth-authorization-server/realms/mcp`, 1],
    [`${HOST}/realms/mcp`, `${HOST}/.well-known/openid-configuration/realms/mcp`, 2],
    [`${HOST}/realms/mcp`, `${HOST}/realms/mcp/.well-known/openid-configuration`, 3],
    [HOST, `${HOST}/.well-known/oauth-authorization-server`, 1],
    [HOST, `${HOST}/.well-known/openid-configuration`, 2],
    // Auth0 and authentik end in a slash; their documents live where they would without it.
    [`${HOST}/`, `${HOST}/.well-known/openid-configuration`, 2],
    [`${HOST}/o/app/`, `${HOST}/o/app/.well-known/openid-configuration`, 3],
  ]
  for (const [issuer, url, attempts] of forms) {
    verifies('KEY-02', `${issuer} is found at ${url}`, async () => {
      const { fetch, asked } = onlyAt(url, { issuer, jwks_uri: `${HOST}/keys` })
      const metadata = await discoverAuthorizationServer(issuer, { fetch })
      expect(metadata).toEqual({ issuer, jwks_uri: `${HOST}/keys` })
      expect(asked).toHaveLength(attempts)
    })
  }

  verifies('KEY-02', 'nothing anywhere: the reason lists every URL and its answer', async () => {
    const { fetch } = onlyAt('', {})
    const reason = await reasonOf(discoverAuthorizationServer(`${HOST}/realms/mcp`, { fetch }))
    for (const [, url] of forms.slice(0, 3)) expect(reason).toContain(`${url} answered 404`)
  })

  verifies(
    ['KEY-02', 'CASE-39'],
    'a configured discovery URL is the only one asked; the issuer must still be exact',
    async () => {
      const url = 'https://internal.example/meta'
      const issuer = `${HOST}/realms/mcp`
      const good = onlyAt(url, { issuer })
      await discoverAuthorizationServer(issuer, { fetch: good.fetch, discoveryUrl: url })
      expect(good.asked).toEqual([url])
      const other = onlyAt(url, { issuer: 'https://internal.example/realms/mcp' })
      await reasonOf(discoverAuthorizationServer(issuer, { fetch: other.fetch, discoveryUrl: url }))
    },
  )
})

describe('the issuer must be exact', () => {
  const issuer = `${HOST}/realms/mcp`
  for (const found of [
    `${issuer}/`,
    `${HOST}/realms/MCP`,
    `${HOST}:443/realms/mcp`,
    'http://sso.example.com/realms/mcp',
    `${HOST}/realms/other`,
    undefined,
    null,
    7,
    [issuer],
  ]) {
    verifies(
      ['KEY-01', 'CASE-38', 'CASE-11'],
      `${JSON.stringify(found)} is another, and both are shown`,
      async () => {
        const { fetch } = onlyAt(`${HOST}/realms/mcp/.well-known/openid-configuration`, {
          issuer: found,
        })
        const reason = await reasonOf(discoverAuthorizationServer(issuer, { fetch }))
        const shown = typeof found === 'string' ? [issuer, found] : [issuer]
        for (const each of shown) expect(reason).toContain(`"${each}"`)
      },
    )
  }

  verifies(
    'KEY-01',
    'a wrong document at the first form does not hide the right one at the third',
    async () => {
      const right = { issuer, jwks_uri: `${HOST}/keys` }
      const fetch = (input: unknown) =>
        Promise.resolve(
          String(input).startsWith(issuer) ? Response.json(right) : Response.json({ issuer: HOST }),
        )
      expect(await discoverAuthorizationServer(issuer, { fetch })).toEqual(right)
    },
  )
})

describe('where we can be led', () => {
  const issuer = `${HOST}/realms/mcp`
  const url = `${HOST}/realms/mcp/.well-known/openid-configuration`
  for (const uri of [
    'http://sso.example.com/keys',
    'http://169.254.169.254/keys',
    'http://localhost/keys',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'data:application/json,{}',
    '//sso.example.com/keys',
    '/keys',
    '',
    7,
    'https://user:pass@sso.example.com/keys',
  ]) {
    verifies(
      ['KEY-03', 'CASE-64', 'CASE-65'],
      `the jwks_uri ${JSON.stringify(uri)} is refused`,
      async () => {
        const { fetch, asked } = onlyAt(url, { issuer, jwks_uri: uri })
        expect(await reasonOf(discoverAuthorizationServer(issuer, { fetch }))).toContain('jwks_uri')
        expect(asked).not.toContain(uri)
      },
    )
  }

  verifies(
    'KEY-03',
    'another https host is fine (Google does it), http where the operator allowed it',
    async () => {
      const elsewhere = { issuer, jwks_uri: 'https://keys.example.net/' }
      const found = await discoverAuthorizationServer(issuer, {
        fetch: onlyAt(url, elsewhere).fetch,
      })
      expect(found).toMatchObject({ jwks_uri: elsewhere.jwks_uri })
      const inside = { issuer, jwks_uri: 'http://keycloak.internal:8080/keys' }
      const foundInside = await discoverAuthorizationServer(issuer, {
        fetch: onlyAt(url, inside).fetch,
        allowHttp: ['keycloak.internal'],
      })
      expect(foundInside).toMatchObject({ jwks_uri: inside.jwks_uri })
    },
  )

  for (const wrong of ['http://sso.example.com', 'ftp://sso.example.com', 'sso.example.com', '']) {
    verifies('KEY-03', `the issuer ${JSON.stringify(wrong)} is not even asked`, async () => {
      const { fetch, asked } = onlyAt('', {})
      await reasonOf(discoverAuthorizationServer(wrong, { fetch }))
      expect(asked).toEqual([])
    })
  }
})

describe('the operator’s own address of the metadata', () => {
  const issuer = `${HOST}/realms/mcp`
  for (const discoveryUrl of [
    'http://sso.example.com/meta',
    'ftp://sso.example.com/meta',
    '/meta',
  ]) {
    verifies('KEY-03', `${discoveryUrl} is not even asked`, async () => {
      const { fetch, asked } = onlyAt(discoveryUrl, { issuer })
      const reason = await reasonOf(discoverAuthorizationServer(issuer, { fetch, discoveryUrl }))
      expect(reason).toContain('discoveryUrl must be an https URL')
      expect(asked).toEqual([])
    })
  }

  verifies(
    'KEY-03',
    'plain http is asked where the operator allowed it, and on loopback',
    async () => {
      for (const host of ['keycloak.internal:8080', '127.0.0.1:8080']) {
        const discoveryUrl = `http://${host}/meta`
        const { fetch } = onlyAt(discoveryUrl, { issuer })
        const options = { fetch, discoveryUrl, allowHttp: ['keycloak.internal'] }
        expect(await discoverAuthorizationServer(issuer, options)).toEqual({ issuer })
      }
    },
  )
})

describe('over real sockets', () => {
  const servers: Server[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.close()
      server.closeAllConnections()
    }
  })

  async function listen(listener: RequestListener): Promise<string> {
    const server = createServer(listener)
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  const answers: Record<string, [RequestListener, RegExp]> = {
    'an HTML page': [
      (_, res) => res.setHeader('content-type', 'text/html').end('<html>'),
      /not JSON \(text\/html\)/,
    ],
    'a list': [(_, res) => res.end('[]'), /not an object/],
    'half a response': [
      (_, res) => {
        res.setHeader('content-length', '1000').write('{"issuer":')
        setImmediate(() => res.destroy())
      },
      /could not be reached/,
    ],
    'a redirect': [
      (_, res) => res.writeHead(302, { location: 'http://169.254.169.254/latest' }).end(),
      /redirect, which is not followed/,
    ],
    'a permanent redirect': [
      (_, res) => res.writeHead(308, { location: '/elsewhere' }).end(),
      /redirect, which is not followed/,
    ],
    'two megabytes': [
      (_, res) => res.end(`{"issuer":"${'x'.repeat(2 * 1024 * 1024)}"}`),
      /more than 1048576 bytes/,
    ],
    'an endless stream': [
      (_, res) => {
        const chunk = Buffer.alloc(65_536, 32)
        const more = () => {
          while (!res.destroyed && res.write(chunk));
          res.once('drain', more)
        }
        more()
      },
      /more than 1048576 bytes/,
    ],
    'one byte at a time': [
      (_, res) => {
        const timer = setInterval(() => res.write(' '), 50)
        res.on('close', () => clearInterval(timer))
      },
      /did not answer in time/,
    ],
    nothing: [() => undefined, /did not answer in time/],
    'a cut connection': [(_, res) => res.destroy(), /could not be reached/],
    'a 500': [(_, res) => res.writeHead(500).end('{"issuer":"x"}'), /answered 500/],
    'a 204': [(_, res) => res.writeHead(204).end(), /answered 204/],
  }
  for (const [name, [listener, expected]] of Object.entries(answers)) {
    verifies(['KEY-03', 'KEY-06', 'CASE-64'], `${name} is a fault of the IdP`, async () => {
      const paths: string[] = []
      const issuer = await listen((req, res) => {
        paths.push(req.url ?? '')
        listener(req, res)
      })
      expect(await reasonOf(discoverAuthorizationServer(issuer, { timeout: 500 }))).toMatch(
        expected,
      )
      expect(paths.every((path) => path.startsWith('/.well-known/'))).toBe(true)

      // The same answer for the keys: 503, never 401.
      const idp = await FakeIdp.start(issuer)
      const resourceServer = createResourceServer({
        resource: RESOURCE,
        authorizationServers: { issuer, jwksUri: `${issuer}/keys` },
        fetch: (input, init) =>
          fetch(input, {
            ...init,
            signal: AbortSignal.any([init?.signal as AbortSignal, AbortSignal.timeout(500)]),
          }),
        wait: 0,
      })
      const decision = await resourceServer.authenticate({
        authorization: `Bearer ${await idp.token()}`,
      })
      expect(decision).toMatchObject({ outcome: 'unavailable', code: 'ERR_KEYS_UNAVAILABLE' })
    })
  }

  verifies('KEY-03', 'an IdP on loopback works without TLS', async () => {
    const idp = new FakeIdp('http://unused.localhost')
    const issuer = await listen((req, res) => {
      if (req.url === '/keys') res.end(JSON.stringify(idp.jwks))
      else res.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }))
    })
    const real = await FakeIdp.start(issuer)
    idp.keys = real.keys
    const resourceServer = createResourceServer({
      resource: RESOURCE,
      authorizationServers: issuer,
    })
    const decision = await resourceServer.authenticate({
      authorization: `Bearer ${await real.token()}`,
    })
    expect(decision.outcome).toBe('authenticated')
  })
})
