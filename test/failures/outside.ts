/** Deployments that `doctor` looks at from outside: right in everything, but for what a row says. */
import type { Client } from '../../src/advice/clients.js'
import { CLIENTS } from '../../src/advice/clients.js'
import type { Diagnosis } from '../../src/cli/doctor/diagnosis.js'
import {
  CHALLENGE,
  DOCUMENT,
  look,
  openToBrowsers,
  startProvider,
  startResource,
  type Replies,
} from '../support/doctor.js'
import { FakeIdp, ISSUER } from '../support/idp.js'
import type { Failure, Said } from './failure.js'

export const PRM = '/.well-known/oauth-protected-resource'

interface Deployment {
  /** In place of the right URL. */
  readonly url?: string
  /** Of the resource server. */
  readonly replies?: Replies
  /** Members of its metadata. */
  readonly document?: Readonly<Record<string, unknown>>
  /** As the metadata of the resource name it. */
  readonly issuer?: string
  /** Members of the metadata of the provider. */
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly change?: (idp: FakeIdp) => void
  /** What the provider answers to a page in a browser. */
  readonly isClosedToBrowsers?: boolean
  /** What the provider answers to a registration. */
  readonly register?: (body: Readonly<Record<string, unknown>>) => Response
  /** What it answers to the beginning of a login. */
  readonly authorize?: (parameters: URLSearchParams) => Response
}

/** The metadata of the resource, at both places. */
function documents(members: Readonly<Record<string, unknown>>): Replies {
  const headers = { 'access-control-allow-origin': '*', 'cache-control': 'max-age=300' }
  const reply = { headers, body: { ...DOCUMENT, ...members } }
  return { [`GET ${PRM}/mcp`]: reply, [`GET ${PRM}`]: reply }
}

export function unauthorized(headers: Readonly<Record<string, string>>): Replies {
  return { 'POST /mcp': { status: 401, headers: { 'cache-control': 'no-store', ...headers } } }
}

export function challenged(challenge: string): Replies {
  return unauthorized({ 'www-authenticate': challenge })
}

export { CHALLENGE }

async function startServer(issuer: string, { metadata = {}, change }: Deployment) {
  const isRealm = issuer === ISSUER
  const idp = isRealm ? await startProvider(metadata) : await FakeIdp.start(issuer)
  if (!isRealm) {
    const base = issuer.replace(/\/$/, '')
    const endpoints = ['authorize', 'token', 'register'].map((name) => `${base}/${name}`)
    const [authorization_endpoint, token_endpoint, registration_endpoint] = endpoints
    const code_challenge_methods_supported = ['S256']
    const own = { authorization_endpoint, token_endpoint, registration_endpoint }
    idp.metadata = { ...own, code_challenge_methods_supported, ...metadata }
  }
  change?.(idp)
  return idp
}

function answering(
  idp: FakeIdp,
  {
    isClosedToBrowsers,
    register = () => Response.json({ client_id: 'client-1' }, { status: 201 }),
    authorize = () => new Response('<h1>Log in</h1>'),
  }: Deployment,
): typeof fetch {
  const base = idp.issuer.replace(/\/$/, '')
  const answer: typeof fetch = async (input, init) => {
    const url = new URL(String(input))
    if (url.href === `${base}/register` && init?.method === 'POST') {
      return register(JSON.parse(String(init.body)) as Record<string, unknown>)
    }
    if (url.href.startsWith(`${base}/authorize?`)) return authorize(url.searchParams)
    return idp.fetch(url.href, init)
  }
  return isClosedToBrowsers === true ? answer : openToBrowsers({ fetch: answer })
}

export function said({ findings }: Pick<Diagnosis, 'findings'>): readonly Said[] {
  return findings.map(({ id, seen, change }) => ({ finding: id, text: `${seen} ${change}` }))
}

async function lookAt(
  deployment: Deployment,
  triesRegistration: boolean,
  clients: readonly Client[],
): Promise<readonly Said[]> {
  const { url, replies, document, issuer = ISSUER } = deployment
  const idp = await startServer(issuer, deployment)
  const named = documents({ authorization_servers: [issuer], ...document })
  const { origin } = await startResource({ ...named, ...replies })
  const hosts = {
    'https://mcp.example.com': origin,
    [new URL(issuer).origin]: answering(idp, deployment),
  }
  const given = { hosts, triesRegistration, clients, ...(url !== undefined && { url }) }
  return said(await look(given))
}

type Row = Pick<Failure, 'number' | 'name' | 'made' | 'finding' | 'advice'>

/** A row whose deployment is right but for `wrong`. `right`: what both have in common. */
export function fromOutside(row: Row, wrong: Deployment, right: Deployment = {}): Failure {
  return {
    ...row,
    command: 'doctor',
    run: (isBroken) => lookAt(isBroken ? { ...right, ...wrong } : right, false, CLIENTS),
  }
}

/** The same with `--try-registration`, as these clients. */
export function byRegistration(
  row: Row,
  wrong: Deployment,
  right: Deployment = {},
  clients: readonly Client[] = CLIENTS,
): Failure {
  return {
    ...row,
    command: 'doctor --try-registration',
    run: (isBroken) => lookAt(isBroken ? { ...right, ...wrong } : right, true, clients),
  }
}
