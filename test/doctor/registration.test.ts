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
  { register, remove = () => new Response(null, { status: 204 }) }: Registrar,
  triesRegistration = true,
  clients: readonly Client[] = CLIENTS,
) {
  const calls: Call[] = []
  const idp = await startProvider()
  const open = openToBrowsers(idp)
  const provider: typeof fetch = async (input, init) => {
    const url = String(input)
    if (!url.includes('/register')) return open(url, init)
    const { method = 'GET' } = init ?? {}
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
  return { calls, diagnosis: await look({ hosts, clients, triesRegistration }) }
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
