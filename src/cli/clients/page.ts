/**
 * What a person needs to connect one client to one server.
 *
 * @module
 */
import { CLIENTS, type Client, type Fact, type Registration } from '../../advice/clients.js'
import {
  CLIENT_SETUPS,
  type ClientSetup,
  type Deployment,
  type Paste,
} from '../../advice/client-setup.js'

export interface ClientPage {
  readonly name: string
  readonly title: string
  readonly url: string
  /** How the client gets its id. */
  readonly clientId: string
  /** What the identity provider must allow. Words in capitals stand for what differs. */
  readonly redirectUris: readonly string[]
  /** Whether the requests come from its vendor's servers. */
  readonly isHosted: boolean
  readonly steps: readonly string[]
  readonly paste: Paste | undefined
  readonly notes: readonly string[]
  /** Each with the day on which it was read. */
  readonly sources: readonly string[]
}

const WAYS: Readonly<Record<Registration, string>> = {
  cimd: 'by the URL of its own document (CIMD)',
  dcr: 'by registering itself (RFC 7591)',
  manual: 'by hand',
}

function clientIdOf({ registration: { value = [] } }: Client, { clientId }: Deployment): string {
  if (clientId !== undefined) {
    return value.includes('manual') ? clientId : `it takes no client id: ${waysOf(value)}`
  }
  return value.length === 0 ? 'not known' : waysOf(value)
}

function waysOf(registration: readonly Registration[]): string {
  return registration.map((way) => WAYS[way]).join(', else ')
}

function sourcesOf(facts: readonly Pick<Fact<unknown>, 'sources'>[]): readonly string[] {
  const all = facts.flatMap(({ sources }) => sources.map(({ at, date }) => `${at} (${date})`))
  return [...new Set(all)]
}

/** The redirect URIs that the setup fixes, else those that the client uses. */
export function redirectUrisOf(client: Client, setup: ClientSetup): readonly string[] {
  return setup.redirectUris ?? client.redirectUris.value ?? []
}

export interface KnownClient {
  readonly client: Client
  readonly setup: ClientSetup
}

/** Every client, in the order of the table. */
export const KNOWN_CLIENTS: readonly KnownClient[] = CLIENTS.flatMap((client) => {
  const setup = CLIENT_SETUPS.find(({ name }) => name === client.name)
  return setup === undefined ? [] : [{ client, setup }]
})

/** @param name as `--client` spells it */
export function knownClient(name: string): KnownClient | undefined {
  return KNOWN_CLIENTS.find(({ client }) => client.name === name)
}

export function pageOf({ client, setup }: KnownClient, deployment: Deployment): ClientPage {
  const { name: _, title: _title, notes, ...facts } = client
  const { redirectUris, isHosted } = facts
  const fixed = setup.redirectUris === undefined || deployment.clientId === undefined
  return {
    name: client.name,
    title: client.title,
    url: deployment.url,
    clientId: clientIdOf(client, deployment),
    redirectUris: fixed ? (redirectUris.value ?? []) : redirectUrisOf(client, setup),
    isHosted: isHosted.value === true,
    steps: setup.steps(deployment),
    paste: setup.paste?.(deployment),
    notes: notes.flatMap(({ value }) => value ?? []),
    sources: sourcesOf([setup, ...Object.values(facts), ...notes]),
  }
}
