/** Registration is tried only when somebody asks for it, and leaves nothing behind that is not named. */
import { expect } from 'vitest'
import { clientNamed, type Client } from '../../src/advice/clients.js'
import {
  found,
  idsOf,
  look,
  openToBrowsers,
  startProvider,
  startResource,
} from '../support/doctor.js'
import { ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const CLIENTS = ['chatgpt', 'cursor', 'gemini-cli'].flatMap((name) => clientNamed(name) ?? [])
const TOKEN = 'canary-registration-token'

interface Call {
  readonly method: string
  readonly url: string
  readonly authorization: string | null
  readonly body: string
}

interface Registrar {
  readonly register: (body: Readonly<Record<string, unknown>>) => Response
  readonly remove?: () => Response
  /** Default: a page where people log in. */
  readonly authorize?: (parameters: URLSearchParams) => Response
}

function created(url = `${ISSUER}/register/client-1`): Response {
  const body = {
    client_id: 'client-1',
    registration_access_token: TOKEN,
    registration_client_uri: url,
  }
  return Response.json(body, { status: 201 })
}

async function lookAt(
  {
    register,
    remove = () => new Response(null, { status: 204 }),
    authorize = () => new Response('<h1>Log in</h1>'),
  }: Registrar,
  triesRegistration = true,
  clients: readonly Client[] = CLIENTS,
) {
  const calls: Call[] = []
  const logins: URLSearchParams[] = []
  const idp = await startProvider()
  const open = openToBrowsers(idp)
  const provider: typeof fetch = async (input, init) => {
    const url = String(input)
    const { method = 'GET' } = init ?? {}
    if (url.startsWith(`${ISSUER}/authorize?`)) {
      logins.push(new URL(url).searchParams)
      return authorize(new URL(url).searchParams)
    }
    if (!url.includes('/register') || method === 'OPTIONS') return open(url, init)
    const body = typeof init?.body === 'string' ? init.body : ''
    const authorization = new Headers(init?.headers).get('authorization')
    calls.push({ method, url, authorization, body })
    return method === 'POST' ? register(JSON.parse(body) as Record<string, unknown>) : remove()
  }
  const { origin } = await startResource()
  const hosts = {
    'https://mcp.example.com': origin,
    'https://sso.example.com': provider,
    'https://elsewhere.example.com': provider,
  }
  return { calls, logins, diagnosis: await look({ hosts, clients, triesRegistration }) }
}

verifies('DOC-03', 'without --try-registration nobody is registered', async () => {
  const { calls } = await lookAt({ register: () => created() }, false)
  expect(calls).toEqual([])
})

verifies('DOC-03', 'each client registers with its own redirect URIs, and is removed', async () => {
  const { calls, diagnosis } = await lookAt({ register: () => created() })
  expect(calls.map(({ method }) => method)).toEqual([
    'POST',
    'DELETE',
    'POST',
    'DELETE',
    'POST',
    'DELETE',
  ])
  const bodies = calls.flatMap(({ body }) => (body === '' ? [] : [JSON.parse(body) as object]))
  expect(bodies).toMatchObject([
    {
      redirect_uris: [
        'https://chatgpt.com/connector_platform_oauth_redirect',
        'https://platform.openai.com/apps-manage/oauth',
      ],
    },
    {
      redirect_uris: expect.arrayContaining([
        'cursor://anysphere.cursor-mcp/oauth/callback',
      ]) as unknown,
      scope: 'mcp:tools',
    },
    { redirect_uris: ['http://localhost:7777/oauth/callback'] },
  ])
  expect(calls[1]?.authorization).toBe(`Bearer ${TOKEN}`)
  expect(idsOf(diagnosis)).toEqual(['audience-advice'])
  expect(JSON.stringify(diagnosis)).not.toContain(TOKEN)
})

verifies('DOC-03', 'a client that cannot be removed is named', async () => {
  const remove = () => new Response(null, { status: 403 })
  const { diagnosis } = await lookAt({ register: () => created(), remove })
  expect(found(diagnosis, 'registration-stays').seen).toMatch(
    /^The client "client-1", registered as ChatGPT,/,
  )
})

verifies('DOC-03', 'the token of a registration goes to no other server', async () => {
  const { calls, diagnosis } = await lookAt({
    register: () => created('https://elsewhere.example.com/register/client-1'),
  })
  expect(calls.filter(({ authorization }) => authorization !== null)).toEqual([])
  expect(idsOf(diagnosis)).toContain('registration-stays')
})

/** Answers a login by a redirect to the client. */
function sentBack(parameters: URLSearchParams, error: string): Response {
  const location = new URL(parameters.get('redirect_uri') ?? '')
  location.searchParams.set('error', error)
  location.searchParams.set('error_description', 'resource \u001b[31m is unknown')
  return new Response(null, { status: 303, headers: { location: location.href } })
}

verifies(
  'DOC-03',
  'a login begins only for a client that is registered, and is right',
  async () => {
    const none = await lookAt({ register: () => created() }, false)
    expect(none.logins).toEqual([])
    const refused = await lookAt({ register: () => Response.json({}, { status: 403 }) })
    expect(refused.logins).toEqual([])
    const { logins, calls } = await lookAt({ register: () => created() })
    expect(logins.map((each) => each.get('redirect_uri'))).toEqual([
      'https://chatgpt.com/connector_platform_oauth_redirect',
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'http://localhost:7777/oauth/callback',
    ])
    expect(Object.fromEntries(logins[0] ?? [])).toMatchObject({
      client_id: 'client-1',
      response_type: 'code',
      code_challenge_method: 'S256',
      resource: 'https://mcp.example.com/mcp',
      scope: 'mcp:tools',
    })
    expect(calls.map(({ body }) => body.includes('"application_type":"native"'))).toEqual([
      false,
      false,
      true,
      false,
      true,
      false,
    ])
  },
)

verifies(
  ['DOC-02', 'DOC-05'],
  'a login that is refused stops the client, and is quoted',
  async () => {
    const { diagnosis } = await lookAt({
      register: () => created(),
      authorize: (parameters) =>
        parameters.get('redirect_uri')?.startsWith('cursor:') === true
          ? new Response('<h1>Log in</h1>')
          : sentBack(parameters, 'invalid_target'),
    })
    const finding = found(diagnosis, 'login-refused')
    expect(finding.breaks).toEqual(['chatgpt', 'gemini-cli'])
    expect(finding.seen).toBe(
      'The authorization endpoint refuses with "invalid_target" "resource ?[31m is unknown", before anybody logs in.',
    )
  },
)

verifies('DOC-02', 'a redirect to another place is no refusal, and neither is 429', async () => {
  for (const answer of [
    new Response(null, { status: 302, headers: { location: `${ISSUER}/login?error=none` } }),
    new Response('', { status: 429 }),
  ]) {
    const { diagnosis } = await lookAt({ register: () => created(), authorize: () => answer })
    expect(idsOf(diagnosis)).toEqual(['audience-advice'])
  }
})

verifies('DOC-02', 'a provider that compares ports may stop who takes any', async () => {
  const clients = ['mcp-remote', 'gemini-cli'].flatMap((name) => clientNamed(name) ?? [])
  const registered = new Set<unknown>()
  const { diagnosis, logins } = await lookAt(
    {
      register({ redirect_uris: uris }) {
        for (const uri of uris as string[]) registered.add(uri)
        return created()
      },
      authorize: (parameters) =>
        registered.has(parameters.get('redirect_uri'))
          ? new Response('<h1>Log in</h1>')
          : new Response('', { status: 400 }),
    },
    true,
    clients,
  )
  expect(logins.map((each) => each.get('redirect_uri'))).toEqual([
    'http://localhost:33418/oauth/callback',
    'http://localhost:33419/oauth/callback',
    'http://localhost:7777/oauth/callback',
  ])
  const finding = found(diagnosis, 'login-port')
  expect([finding.severity, finding.breaks, finding.mayBreak]).toEqual([
    'warning',
    [],
    ['mcp-remote'],
  ])
  expect(finding.seen).toMatch(/answered 400 if the port is not the registered one\.$/)
})

verifies(
  ['DOC-03', 'DOC-04'],
  'a refusal stops the clients that met it, in the words of the provider',
  async () => {
    const { diagnosis } = await lookAt({
      register({ redirect_uris: uris }) {
        if (!JSON.stringify(uris).includes('cursor:')) return created()
        const description = "Policy 'Trusted Hosts' rejected request\u001b[31m"
        return Response.json(
          { error: 'invalid_redirect_uri', error_description: description },
          { status: 403 },
        )
      },
    })
    const finding = found(diagnosis, 'registration-refused')
    expect(finding.breaks).toEqual(['cursor'])
    expect(finding.seen).toBe(
      `The registration endpoint answered 403 "invalid_redirect_uri" "Policy 'Trusted Hosts' rejected request?[31m".`,
    )
    expect(finding.change).toMatch(/^Keycloak: .*Trusted Hosts/)
  },
)
