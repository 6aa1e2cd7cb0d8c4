/** What the doctor says about an authorization server: all is right but for one thing. */
import { describe, expect } from 'vitest'
import type { Diagnosis } from '../../src/cli/doctor/diagnosis.js'
import {
  DOCUMENT,
  found,
  idsOf,
  look,
  openToBrowsers,
  startProvider,
  startResource,
} from '../support/doctor.js'
import { FakeIdp, fakeKey, ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const SSO = 'https://sso.example.com'
const INSERTED = `${SSO}/.well-known/oauth-authorization-server/realms/mcp`
const BELOW = `${ISSUER}/.well-known/openid-configuration`
const EVERYONE = ['claude', 'chatgpt', 'vscode', 'gemini-cli', 'goose', 'inspector', 'mcp-remote']

/** Metadata of the resource that name another issuer. */
function namedIssuer(issuer: string) {
  const reply = { body: { ...DOCUMENT, authorization_servers: [issuer] } }
  const path = 'GET /.well-known/oauth-protected-resource'
  return { [`${path}/mcp`]: reply, [path]: reply }
}

async function lookAt(idp: Pick<FakeIdp, 'fetch'>, issuer = ISSUER): Promise<Diagnosis> {
  const { origin } = await startResource(issuer === ISSUER ? {} : namedIssuer(issuer))
  const hosts = {
    'https://mcp.example.com': origin,
    [new URL(issuer).origin]: openToBrowsers(idp),
  }
  return look({ hosts })
}

interface Fault {
  readonly name: string
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly change?: (idp: FakeIdp) => void | Promise<void>
  /** As the resource names it. */
  readonly issuer?: string
  readonly id: string
  readonly seen: RegExp
  readonly advice?: RegExp
  readonly stops: readonly string[]
  readonly spares: readonly string[]
}

const FAULTS: readonly Fault[] = [
  {
    name: 'it is down',
    change: (idp) => {
      idp.fault = () => {
        const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
        throw new TypeError('fetch failed', { cause })
      }
    },
    id: 'issuer-unreachable',
    seen: /ECONNREFUSED/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'a wrong realm',
    issuer: `${SSO}/realms/mpc`,
    id: 'server-document-missing',
    seen: /realms\/mpc: 404; .*openid-configuration: 404/,
    advice: /^Keycloak: the issuer is/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'only the OpenID form below the issuer',
    change: (idp) => {
      idp.metadataUrl = BELOW
    },
    id: 'server-document-not-inserted',
    seen: /oauth-authorization-server\/realms\/mcp: 404\. The document is at \S+openid-configuration/,
    advice: /^Keycloak: use 26\.4 or later/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'only the form of RFC 8414 below the issuer',
    change: (idp) => {
      idp.metadataUrl = `${ISSUER}/.well-known/oauth-authorization-server`
    },
    id: 'server-document-not-inserted',
    seen: /The document is at https:\S+mcp\/\.well-known\/oauth-authorization-server/,
    stops: ['inspector', 'mcp-remote'],
    spares: ['vscode', 'goose'],
  },
  {
    name: 'a form that fails before the one that has the document',
    change: (idp) => {
      idp.metadataUrl = BELOW
      const { fetch } = idp
      const failing: typeof idp.fetch = async (input, init) =>
        String(input) === INSERTED ? new Response('', { status: 500 }) : fetch(input, init)
      Object.assign(idp, { fetch: failing })
    },
    id: 'server-document-fault',
    seen: /answered 500/,
    stops: ['inspector', 'mcp-remote'],
    spares: ['vscode'],
  },
  {
    name: 'a single-page app before the form that has the document',
    change: (idp) => {
      idp.metadataUrl = BELOW
      const { fetch } = idp
      const page = { headers: { 'content-type': 'text/html' } }
      const serving: typeof idp.fetch = async (input, init) =>
        String(input) === INSERTED ? new Response('<h1>App</h1>', page) : fetch(input, init)
      Object.assign(idp, { fetch: serving })
    },
    id: 'server-document-page',
    seen: /answered 200 with a web page/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'a slash that only its document has',
    metadata: { issuer: `${ISSUER}/` },
    id: 'issuer-slash',
    seen: /names "https:\S+mcp\/"; the resource names "https:\S+mcp"/,
    stops: ['inspector', 'mcp-remote'],
    spares: ['vscode'],
  },
  {
    name: 'a slash that only the resource has',
    issuer: `${ISSUER}/`,
    id: 'issuer-slash',
    seen: /names "https:\S+mcp"; the resource names "https:\S+mcp\/"/,
    stops: [],
    spares: ['inspector', 'mcp-remote'],
  },
  {
    name: 'http in its document',
    metadata: { issuer: ISSUER.replace('https:', 'http:') },
    id: 'issuer-scheme',
    seen: /names "http:/,
    advice: /^Keycloak: set --hostname/,
    stops: ['inspector', 'mcp-remote'],
    spares: [],
  },
  {
    name: 'an internal name in its document',
    metadata: { issuer: 'http://localhost:8080/realms/mcp' },
    id: 'issuer-differs',
    seen: /names "http:\/\/localhost:8080\/realms\/mcp"/,
    advice: /^Keycloak: set --hostname/,
    stops: ['inspector', 'mcp-remote'],
    spares: [],
  },
  {
    name: 'a placeholder',
    metadata: { issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0' },
    id: 'issuer-placeholder',
    seen: /\{tenantid\}/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'no word of PKCE',
    metadata: { code_challenge_methods_supported: undefined },
    id: 'pkce-absent',
    seen: /is absent/,
    stops: ['claude', 'claude-code', 'chatgpt'],
    spares: ['inspector', 'mcp-remote', 'vscode'],
  },
  {
    name: 'PKCE without S256',
    metadata: { code_challenge_methods_supported: ['plain'] },
    id: 'pkce-without-s256',
    seen: /is "plain"\.$/,
    stops: ['claude', 'chatgpt', 'inspector', 'mcp-remote'],
    spares: ['vscode'],
  },
  {
    name: 'no iss in its answers',
    metadata: { authorization_response_iss_parameter_supported: undefined },
    id: 'iss-not-sent',
    seen: /is not true/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'no endpoint for tokens',
    metadata: { token_endpoint: undefined },
    id: 'endpoint-missing',
    seen: /^token_endpoint: absent/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'an endpoint by http',
    metadata: { token_endpoint: 'http://sso.example.com/token' },
    id: 'endpoint-not-https',
    seen: /token_endpoint is "http:/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'no authorization codes',
    metadata: { grant_types_supported: ['client_credentials'] },
    id: 'code-not-offered',
    seen: /client_credentials/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'no refresh tokens',
    metadata: { grant_types_supported: ['authorization_code'] },
    id: 'refresh-not-offered',
    seen: /does not list refresh_token/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'no registration',
    metadata: {
      registration_endpoint: undefined,
      client_id_metadata_document_supported: undefined,
    },
    id: 'registration-manual',
    seen: /registration_endpoint is absent/,
    stops: ['goose'],
    spares: ['claude', 'vscode', 'inspector'],
  },
  {
    name: 'metadata documents of clients, and no client without a secret',
    metadata: { token_endpoint_auth_methods_supported: ['client_secret_basic'] },
    id: 'cimd-without-none',
    seen: /does not list none/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'a scope that it does not list',
    metadata: { scopes_supported: ['openid', 'offline_access'] },
    id: 'scope-unknown',
    seen: /does not list "mcp:tools"/,
    advice: /^Keycloak: create a client scope/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'no offline_access',
    metadata: { scopes_supported: ['mcp:tools'] },
    id: 'offline-access-missing',
    seen: /does not list offline_access/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'a list of resources without this one',
    metadata: { protected_resources: ['https://mcp.example.com/other'] },
    id: 'resource-not-listed',
    seen: /has 1 others/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'no keys',
    metadata: { jwks_uri: undefined },
    id: 'keys-not-named',
    seen: /jwks_uri is absent/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'keys that are not there',
    metadata: { jwks_uri: `${ISSUER}/no-keys` },
    id: 'keys-unreachable',
    seen: /no-keys answered 404/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'no key at all',
    change: (idp) => {
      idp.publishedKeys = []
    },
    id: 'keys-unusable',
    seen: /the list of keys is empty/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'only a shared secret',
    change: (idp) => {
      idp.publishedKeys = [{ kty: 'oct', k: 'Y2FuYXJ5', kid: 'shared' }]
    },
    id: 'keys-unusable',
    seen: /no usable key among 1/,
    stops: [],
    spares: EVERYONE,
  },
]

describe('an authorization server with one fault', () => {
  for (const { name, metadata, change, issuer, id, seen, advice, stops, spares } of FAULTS) {
    verifies(['DOC-02', 'DOC-04', 'CASE-43', 'PRM-19'], `${name}: ${id}`, async () => {
      const idp = await startProvider(metadata)
      await change?.(idp)
      const diagnosis = await lookAt(idp, issuer)
      const finding = found(diagnosis, id)
      expect(finding.seen).toMatch(seen)
      expect(finding.seen).not.toContain('Y2FuYXJ5')
      expect(finding.change).toMatch(advice ?? /./)
      expect(finding.breaks).toEqual(expect.arrayContaining([...stops]))
      expect(finding.breaks.filter((each) => spares.includes(each))).toEqual([])
    })
  }
})

verifies('DOC-04', 'clients of which nobody has told may fail, and are told apart', async () => {
  const diagnosis = await lookAt(
    await startProvider({ code_challenge_methods_supported: undefined }),
  )
  const { breaks, mayBreak } = found(diagnosis, 'pkce-absent')
  expect(mayBreak).toEqual(expect.arrayContaining(['vscode', 'goose', 'cursor']))
  expect(mayBreak.filter((name) => breaks.includes(name) || name === 'inspector')).toEqual([])
})

verifies('DOC-02', 'keys for encryption beside a usable one are in order', async () => {
  const idp = await startProvider()
  const { jwk } = await fakeKey()
  idp.publishedKeys = [{ ...jwk, kid: 'enc', use: 'enc' }, jwk]
  expect(idsOf(await lookAt(idp))).toEqual(['audience-advice'])
})

verifies('DOC-02', 'browsers that may not read from it are told of, and stop nobody', async () => {
  const { origin } = await startResource()
  const idp = await startProvider()
  const hosts = { 'https://mcp.example.com': origin, [SSO]: idp.fetch }
  const finding = found(await look({ hosts }), 'cors-provider')
  expect(finding.seen).toBe(
    'CORS does not allow its document, its token endpoint, its registration endpoint.',
  )
  expect(finding.breaks).toEqual([])
})

verifies('DOC-05', 'an issuer with an escape sequence acts on no terminal', async () => {
  const issuer = `${SSO}/realms/\u001b[31mmcp`
  const diagnosis = await lookAt(await startProvider(), issuer)
  expect(found(diagnosis, 'server-document-missing').about).toBe(`${SSO}/realms/?[31mmcp`)
  expect(JSON.stringify(diagnosis)).not.toMatch(/\\u001b/)
})

verifies('DOC-02', 'a second authorization server stops nobody', async () => {
  const reply = {
    body: { ...DOCUMENT, authorization_servers: [ISSUER, 'https://other.example.com'] },
  }
  const path = 'GET /.well-known/oauth-protected-resource'
  const { origin } = await startResource({ [`${path}/mcp`]: reply, [path]: reply })
  const idp = await startProvider()
  const diagnosis = await look({
    hosts: { 'https://mcp.example.com': origin, [SSO]: openToBrowsers(idp) },
  })
  const finding = found(diagnosis, 'issuer-unreachable')
  expect([finding.about, finding.severity, finding.breaks]).toEqual([
    'https://other.example.com',
    'warning',
    [],
  ])
})

for (const [issuer, scope, id, advice] of [
  ['https://login.microsoftonline.com/tenant/v2.0', 'mcp:tools', 'scope-unqualified', /^Entra: /],
  ['https://accounts.google.com', 'mcp:tools', 'provider-unfit', /^Google: /],
  ['https://tenant.eu.auth0.com/', 'mcp:tools', 'registration-manual', /^Auth0: /],
  ['https://auth.example.com', 'mcp:tools', 'registration-manual', /^Authelia: /],
] as const) {
  verifies('DOC-02', `advice for ${issuer} is in its own words: ${id}`, async () => {
    const base = issuer.replace(/\/$/, '')
    const idp = await FakeIdp.start(issuer)
    idp.metadata = {
      scopes_supported: [scope, 'offline_access'],
      authorization_endpoint: `${base}/api/oidc/authorization`,
      token_endpoint: `${base}/api/oidc/token`,
    }
    expect(found(await lookAt(idp, issuer), id).change).toMatch(advice)
  })
}

describe('how clients register', () => {
  const ways = async (metadata: Readonly<Record<string, unknown>>) => {
    const { verdicts } = await lookAt(await startProvider(metadata))
    return Object.fromEntries(verdicts.map(({ client, registration }) => [client, registration]))
  }

  verifies('DOC-04', 'by a document, where that is accepted without a secret', async () => {
    const all = await ways({})
    expect([all['claude'], all['vscode'], all['cursor']]).toEqual(['cimd', 'cimd', 'dcr'])
  })

  verifies('DOC-04', 'Claude uses no document where none is not listed', async () => {
    const all = await ways({ token_endpoint_auth_methods_supported: ['private_key_jwt'] })
    expect([all['claude'], all['claude-code'], all['vscode']]).toEqual(['dcr', 'dcr', 'cimd'])
  })

  verifies('DOC-04', 'by hand, where nothing else is offered', async () => {
    const all = await ways({
      registration_endpoint: undefined,
      client_id_metadata_document_supported: 'true',
    })
    expect([all['claude'], all['cursor'], all['goose']]).toEqual(['manual', 'manual', undefined])
  })
})
