/**
 * A server with notes whose tools need different scopes, behind a gateway with a policy, and an identity provider:
 * and one journal of what goes over both wires, in the order in which it does.
 */
import { getRequestListener } from '@hono/node-server'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import type { PolicyDocument } from 'mcp-gatehouse'
import { createGateway } from 'mcp-gatehouse/gateway'
import type { Configuration } from 'oidc-provider'
import { startIdp, type Idp } from '../../examples/demo/idp.js'
import { listen, type Running } from '../interop/support.js'
import { startWitness, type Seen } from './witness.js'

export const USE = 'mcp:use'
const READ = 'mcp:read'
export const WRITE = 'mcp:write'
export const ALL = `${USE} ${READ} ${WRITE}`

const POLICY: PolicyDocument = {
  rules: [
    { tools: 'read_note', scopes: READ },
    { tools: 'write_note', scopes: WRITE },
    // No scope lets anybody in here.
    { tools: 'burn_note', claims: { role: 'librarian' } },
  ],
  unmatched: 'base',
}

function createNotes(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  for (const name of ['read_note', 'write_note', 'seal_note', 'burn_note']) {
    server.registerTool(name, { description: name }, () => ({
      content: [{ type: 'text', text: `${name} done` }],
    }))
  }
  return server
}

/** The server, of the stateless revision and older ones. */
export function startNotes(): Promise<Running> {
  return listen(() => {
    const handler = createMcpHandler(createNotes)
    return getRequestListener((request) => handler.fetch(request))
  })
}

/** One line for a request with an id and its answer; none for anything else. */
export function journalLine({ operation, hasId, status, challenge }: Seen): string | undefined {
  // Python's clients look for the schema of what a tool has answered.
  if (!hasId || operation === 'tools/list') return undefined
  const scope = /scope="([^"]*)"/.exec(challenge)?.[1]
  return `${operation}: ${status}${scope === undefined ? '' : `, needs ${ordered(scope)}`}`
}

export interface StepUpFixture {
  /** The only thing that a client is told. */
  readonly url: string
  readonly issuer: string
  /** Requests with an id and their answers, registrations, logins and tokens, since the last time. */
  takeJournal(): string[]
  /** All requests to the gateway since the last time: streams, notifications and metadata too. */
  takeRequests(): number
  /** What the identity provider gives at most for this resource. */
  grantAtMost(scope: string): void
  /** What its owner does beforehand: registers a client, with all scopes unless told otherwise. */
  register(more?: Readonly<Record<string, unknown>>): Promise<string>
  stop(): Promise<void>
}

export interface StepUpOptions {
  /** Default {@link USE}. */
  readonly baseScopes?: string
  readonly identityProvider?: Configuration
}

/** The parts of oidc-provider's events that are written down. */
interface ReportedRequest {
  readonly oidc: {
    readonly params?: Readonly<Record<string, string | undefined>>
  }
  readonly body?: unknown
}

/** In one order, whatever the client's is; and without what some clients add for the sake of refresh tokens. */
export function ordered(scope: string): string {
  const names = scope.split(' ').filter((name) => name !== '' && name !== 'offline_access')
  return names.length === 0 ? 'nothing' : names.sort().join(' ')
}

function scopeIn(value: unknown): string {
  return ordered(String((value as { readonly scope?: unknown } | undefined)?.scope ?? ''))
}

function tell({ provider }: Idp, write: (line: string) => void): void {
  const on = provider.on.bind(provider) as (
    event: string,
    listener: (ctx: ReportedRequest, more: unknown) => void,
  ) => void
  on('registration_create.success', ({ body }) => write(`registered for ${scopeIn(body)}`))
  on('authorization.success', ({ oidc }) => write(`login for ${scopeIn(oidc.params)}`))
  on('authorization.error', ({ oidc }, error) => {
    write(`login for ${scopeIn(oidc.params)}: ${(error as { readonly error: string }).error}`)
  })
  on('grant.success', ({ oidc, body }) => {
    const how = oidc.params?.['grant_type'] === 'refresh_token' ? 'refreshed' : 'token'
    write(`${how} for ${scopeIn(body)}`)
  })
  on('grant.error', (_, error) => write(`no token: ${(error as { readonly error: string }).error}`))
}

export async function startStepUpFixture({
  baseScopes = USE,
  identityProvider = {},
}: StepUpOptions = {}): Promise<StepUpFixture> {
  const journal: string[] = []
  let requests = 0
  const idp = await startIdp(ALL.split(' '), identityProvider)
  tell(idp, (line) => journal.push(line))
  const upstream = await startNotes()
  let gatewayPort = 0
  const witness = await startWitness(
    () => gatewayPort,
    (seen) => {
      requests++
      const line = journalLine(seen)
      if (line !== undefined) journal.push(line)
    },
  )
  const url = `http://127.0.0.1:${witness.port}/mcp`
  const gateway = createGateway({
    port: 0,
    resource: url,
    authorizationServers: idp.issuer,
    upstream: upstream.url,
    scopes: baseScopes,
    policy: POLICY,
  })
  gatewayPort = (await gateway.listen()).port
  idp.resources.set(url, { scope: ALL })
  return {
    url,
    issuer: idp.issuer,
    takeJournal: () => journal.splice(0),
    takeRequests() {
      const taken = requests
      requests = 0
      return taken
    },
    grantAtMost: (scope) => void idp.resources.set(url, { scope }),
    async register(more = {}) {
      const answer = await fetch(`${idp.issuer}/reg`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          client_name: 'registered by the owner',
          // Native: any port of the loopback interface.
          application_type: 'native',
          redirect_uris: ['http://127.0.0.1/callback'],
          token_endpoint_auth_method: 'none',
          grant_types: ['authorization_code', 'refresh_token'],
          scope: `${ALL} offline_access`,
          ...more,
        }),
      })
      const registered = (await answer.json()) as { readonly client_id?: string }
      if (registered.client_id === undefined) throw new Error(JSON.stringify(registered))
      journal.length = 0
      return registered.client_id
    },
    async stop() {
      await gateway.close()
      await Promise.all([witness.stop(), upstream.stop(), idp.stop()])
    },
  }
}
