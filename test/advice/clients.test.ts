/** The table of clients: what it says has a source and a date, and what nobody told stays unknown. */
import { describe, expect, test } from 'vitest'
import { clientNamed, CLIENTS, type Client, type Fact } from '../../src/advice/clients.js'
import { verifies } from '../support/verifies.js'

function isFact(value: unknown): value is Fact<unknown> {
  return typeof value === 'object' && value !== null && 'sources' in value
}

function factsOf(client: Client): readonly (readonly [name: string, fact: Fact<unknown>])[] {
  return Object.entries(client).flatMap(([name, value]) =>
    [value].flat().flatMap((each: unknown) => (isFact(each) ? [[name, each] as const] : [])),
  )
}

const FACTS = CLIENTS.flatMap((client) =>
  factsOf(client).map(([name, fact]) => [`${client.name}, ${name}`, fact] as const),
)

test('each client has one name, which leads to it', () => {
  expect(CLIENTS.map(({ name }) => clientNamed(name))).toEqual(CLIENTS)
  expect(new Set(CLIENTS.map(({ title }) => title)).size).toBe(CLIENTS.length)
  expect(CLIENTS.length).toBeGreaterThan(10)
  expect(clientNamed('Claude')).toBeUndefined()
})

verifies('CASE-45', 'each fact has its sources with their dates, and an unknown has none', () => {
  const isDated = ({ value, sources }: Fact<unknown>) =>
    value === undefined
      ? sources.length === 0
      : sources.length > 0 && sources.every(({ at, date }) => at !== '' && !isNaN(Date.parse(date)))
  expect(FACTS.filter(([, fact]) => !isDated(fact)).map(([name]) => name)).toEqual([])
  expect(FACTS.length).toBeGreaterThan(12 * CLIENTS.length)
})

verifies('CASE-45', 'what nobody told is unknown, also where a sibling knows it', () => {
  expect(clientNamed('goose')?.sendsResource.value).toBeUndefined()
  expect(clientNamed('vscode')?.pkce.value).toBeUndefined()
  expect(clientNamed('claude-code')?.pkce.value).toBe('advertised')
})

describe('redirect URIs', () => {
  test.each(CLIENTS)('of $name are what a provider can be given', ({ redirectUris }) => {
    const uris = redirectUris.value ?? []
    const isGiven = (uri: string) => URL.canParse(uri.replace('PORT', '1'))
    expect(uris.filter((uri) => !isGiven(uri))).toEqual([])
    expect(uris.length).toBeGreaterThan(0)
  })
})

test('a document is known for those alone that register by one', () => {
  const named = CLIENTS.filter(({ clientMetadata }) => clientMetadata.value !== undefined)
  const users = CLIENTS.filter(({ registration }) => registration.value?.includes('cimd') === true)
  expect(named).toEqual(users)
})
