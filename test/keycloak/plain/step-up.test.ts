/**
 * Scopes for single tools, with optional client scopes and roles of Keycloak: what each client does when it lacks one.
 * Keycloak’s own events tell how often it logged in, and for what.
 */
import { createGateway, type Gateway } from 'mcp-gatehouse/gateway'
import { afterAll, beforeAll, describe, expect, inject } from 'vitest'
import {
  STEP_UP_CLIENTS,
  type StepUpClient,
  type StepUpTask,
} from '../../clients/step-up-clients.js'
import { journalLine, ordered, startNotes } from '../../clients/step-up-fixture.js'
import { startWitness, type Witness } from '../../clients/witness.js'
import type { Running } from '../../interop/support.js'
import { verifies } from '../../support/verifies.js'
import type { Client } from '../admin.js'
import { Keycloak } from '../keycloak.js'

const TOOLS = 'mcp:tools'
const READ = 'mcp:read'
const WRITE = 'mcp:write'
const ADMIN = 'mcp:admin'
const DENIED = 'This caller may not do this'

let keycloak: Keycloak
let upstream: Running
let readScope: string
let writeScope: string
/** Registered by its owner: with two scopes always, and two when it asks for them. */
let owned: Client

interface GuardedNotes {
  readonly journal: string[]
  stop(): Promise<void>
}

/** A gateway where the realm's resource is, with a witness before it. */
async function startGateway(scopes: string): Promise<GuardedNotes> {
  const journal: string[] = []
  let port = 0
  const witness: Witness = await startWitness(
    () => port,
    (seen) => {
      const line = journalLine(seen)
      if (line !== undefined) journal.push(line)
    },
    Number(new URL(keycloak.resource).port),
  )
  const gateway: Gateway = createGateway({
    port: 0,
    resource: keycloak.resource,
    authorizationServers: keycloak.issuer,
    upstream: upstream.url,
    scopes,
    policy: {
      rules: [
        { tools: 'read_note', scopes: READ },
        { tools: 'write_note', scopes: WRITE },
        // Keycloak gives it to users with the role mcp-admin, and says nothing to others.
        { tools: 'seal_note', scopes: ADMIN },
        { tools: 'burn_note', claims: { 'realm_access.roles': ['ops'] } },
      ],
      unmatched: 'deny',
    },
  })
  port = (await gateway.listen()).port
  return {
    journal,
    async stop() {
      await gateway.close()
      await witness.stop()
    },
  }
}

beforeAll(async () => {
  keycloak = await Keycloak.get()
  const { admin } = keycloak
  readScope = await admin.createScope(READ)
  writeScope = await admin.createScope(WRITE)
  await admin.createRole('ops', ['alice'])
  owned = await admin.createClient({
    defaultClientScopes: ['basic', 'roles', TOOLS, READ],
    optionalClientScopes: [WRITE, ADMIN, 'offline_access'],
  })
  await admin.keepEvents()
  upstream = await startNotes()
})
afterAll(async () => {
  await upstream.stop()
  // The next file has the same realm.
  const paths = [`/client-scopes/${readScope}`, `/client-scopes/${writeScope}`, '/roles/ops']
  for (const path of paths) await keycloak.admin.request('DELETE', path)
})

/** What came of it, what the gateway answered, and what Keycloak wrote down. */
async function run(
  client: StepUpClient,
  task: Omit<StepUpTask, 'url' | 'issuer'>,
  baseScopes: string = TOOLS,
) {
  const gateway = await startGateway(baseScopes)
  await keycloak.admin.takeEvents()
  const { resource: url, issuer } = keycloak
  const outcomes = await client
    .run(inject('python'), { url, issuer, ...task })
    .finally(() => gateway.stop())
  const kept = await keycloak.admin.takeEvents()
  const events = kept.map(({ type, details = {} }) => {
    // Of a login the scopes are told with its token.
    const { scope, reason } = details
    const what = scope === undefined ? (reason ?? '').replace(/: .*/, '') : ordered(scope)
    return `${type} ${what}`.trim()
  })
  const registered = kept.find(({ type }) => type === 'CLIENT_REGISTER')?.clientId ?? ''
  return { outcomes, journal: gateway.journal, events, registered }
}

const isPython = ({ sdk }: StepUpClient) => sdk.startsWith('mcp')
const opening = ({ revision }: StepUpClient, needs: string = TOOLS) => {
  const first = revision === 'modern' ? 'server/discover' : 'initialize'
  return [`${first}: 401${needs === '' ? '' : `, needs ${needs}`}`, `${first}: 200`]
}
const FIRST_LOGIN = ['LOGIN', `CODE_TO_TOKEN ${READ} ${TOOLS}`]

describe.each(STEP_UP_CLIENTS)('$name', (client) => {
  const challenge = (scope: string) =>
    ordered(client.revision === 'legacy' ? `${TOOLS} ${READ} ${scope}` : `${TOOLS} ${scope}`)

  verifies(
    ['SCP-01', 'SCP-02', 'SCP-03', 'SCP-06', 'CASE-52'],
    'asks for the optional scope when a tool needs it; with the role it may use what needs a role',
    async () => {
      const { clientId } = owned
      const calls = ['read_note', 'write_note', 'read_note', 'burn_note']
      const { outcomes, journal, events } = await run(client, { clientId, calls })
      const refused = `tools/call write_note: 403, needs ${challenge(WRITE)}`
      const isV1 = client.sdk === 'v1'
      expect(outcomes).toEqual([
        'read_note done',
        // It refreshes and gives up: see test/clients/step-up.test.ts for what its application can do.
        isV1 ? expect.stringContaining('403 after trying upscoping') : 'write_note done',
        'read_note done',
        'burn_note done',
      ])
      expect(journal).toEqual([
        ...opening(client),
        'tools/call read_note: 200',
        refused,
        isV1 ? refused : 'tools/call write_note: 200',
        'tools/call read_note: 200',
        'tools/call burn_note: 200',
      ])
      expect(events).toEqual([
        ...FIRST_LOGIN,
        ...(isV1
          ? [`REFRESH_TOKEN ${READ} ${TOOLS}`]
          : ['LOGIN', `CODE_TO_TOKEN ${READ} ${TOOLS} ${WRITE}`]),
      ])
    },
  )

  verifies(
    ['SCP-06', 'SCP-07'],
    'without the role it is denied for good, and nobody logs in again',
    async () => {
      const { clientId } = owned
      const calls = ['burn_note', 'read_note']
      const { outcomes, journal, events } = await run(client, { clientId, calls, user: 'bob' })
      const goesOn = client.sdk !== 'mcp 1'
      expect(outcomes).toHaveLength(goesOn ? 2 : 1)
      expect(outcomes[0]).toContain(
        {
          v1: DENIED,
          v2: DENIED,
          'mcp 1': "died of HTTPStatusError: Client error '403 Forbidden'",
          'mcp 2': 'MCPError: Server returned an error response',
        }[client.sdk],
      )
      expect(journal).toEqual([
        ...opening(client),
        'tools/call burn_note: 403',
        ...(goesOn ? ['tools/call read_note: 200'] : []),
      ])
      expect(events).toEqual(FIRST_LOGIN)
    },
  )

  verifies(
    'CASE-52',
    'stops when Keycloak gives a token without the scope, because the user lacks the role for it',
    async () => {
      const { clientId } = owned
      const calls = ['seal_note', 'read_note']
      const { outcomes, journal, events } = await run(client, { clientId, calls, user: 'bob' })
      const refused = `tools/call seal_note: 403, needs ${challenge(ADMIN)}`
      const goesOn = client.sdk !== 'mcp 1'
      expect(outcomes).toHaveLength(goesOn ? 2 : 1)
      expect(journal).toEqual([
        ...opening(client),
        refused,
        refused,
        ...(goesOn ? ['tools/call read_note: 200'] : []),
      ])
      expect(events).toEqual([
        ...FIRST_LOGIN,
        ...(client.sdk === 'v1' ? [`REFRESH_TOKEN ${READ} ${TOOLS}`] : FIRST_LOGIN),
        // One more was begun and not ended.
        ...(client.sdk === 'v2' ? ['LOGIN'] : []),
      ])
    },
  )
})

describe.each(STEP_UP_CLIENTS.filter(({ sdk }) => sdk !== 'v1'))('$name', (client) => {
  verifies(
    ['SCP-02', 'CASE-52'],
    'registered by itself: for the base scopes, and Keycloak refuses the others until they are allowed',
    async () => {
      const calls = ['write_note']
      const { outcomes, journal, events, registered } = await run(client, { calls })
      expect(outcomes[0]).toContain(isPython(client) ? 'invalid_scope' : 'Invalid scopes')
      const refused = `tools/call write_note: 403, needs ${ordered(`${TOOLS} ${WRITE}`)}`
      expect(journal).toEqual([...opening(client), refused])
      expect(events).toEqual([
        'CLIENT_REGISTER',
        'LOGIN',
        `CODE_TO_TOKEN ${TOOLS}`,
        'LOGIN_ERROR Invalid scopes',
      ])
      // Python's script forgets who it was, and comes back from another port.
      const runAgain = async () => {
        const { admin } = keycloak
        await admin.allowScope(writeScope, await admin.findClient(registered))
        return (await run(client, { calls, clientId: registered })).outcomes
      }
      const again = isPython(client) ? 'not tried' : await runAgain()
      expect(again).toEqual(isPython(client) ? 'not tried' : ['write_note done'])
    },
  )
})

describe('without base scopes, and with the scopes of tools as optional ones of the realm', () => {
  beforeAll(async () => {
    await keycloak.admin.allowScope(readScope, 'new ones')
    await keycloak.admin.allowScope(writeScope, 'new ones')
  })

  const calls = ['read_note', 'write_note', 'read_note']
  const clients = STEP_UP_CLIENTS.filter(({ sdk }) => sdk !== 'v1')

  describe.each(clients.filter(isPython))('$name', (client) => {
    verifies(
      ['SCP-02', 'CASE-52'],
      'registered by itself: not at all, because it asks for every scope',
      async () => {
        const { outcomes, journal, events } = await run(client, { calls }, '')
        // Without a scope in the challenge it asks for every scope in Keycloak’s metadata, and the policy for
        // registrations refuses that.
        expect(outcomes).toEqual([
          expect.stringMatching(/^died of OAuthRegistrationError: .*'Allowed Client Scopes'/),
        ])
        expect(journal).toEqual(opening(client, '').slice(0, 1))
        expect(events).toEqual(['CLIENT_REGISTER_ERROR'])
      },
    )
  })

  describe.each(clients.filter((each) => !isPython(each)))('$name', (client) => {
    verifies(
      ['SCP-02', 'CASE-52'],
      'registered by itself: for all that the realm has, and gets what each tool needs',
      async () => {
        const { outcomes, journal, events } = await run(client, { calls }, '')
        expect(outcomes).toEqual(['read_note done', 'write_note done', 'read_note done'])
        expect(journal).toEqual([
          ...opening(client, ''),
          `tools/call read_note: 403, needs ${READ}`,
          'tools/call read_note: 200',
          `tools/call write_note: 403, needs ${client.revision === 'legacy' ? `${READ} ${WRITE}` : WRITE}`,
          'tools/call write_note: 200',
          'tools/call read_note: 200',
        ])
        expect(events).toEqual([
          'CLIENT_REGISTER',
          'LOGIN',
          `CODE_TO_TOKEN ${TOOLS}`,
          'LOGIN',
          `CODE_TO_TOKEN ${READ} ${TOOLS}`,
          'LOGIN',
          `CODE_TO_TOKEN ${READ} ${TOOLS} ${WRITE}`,
        ])
      },
    )
  })
})
