import { expect, test } from 'vitest'
import { CLIENT_PLACES } from '../../src/advice/client-places.js'
import { CLIENT_SETUPS } from '../../src/advice/client-setup.js'
import { CLIENTS } from '../../src/advice/clients.js'

test('every client has its place, and no other', () => {
  const names = CLIENT_PLACES.flatMap((place) => place.names)
  expect([...names].sort()).toEqual(CLIENTS.map(({ name }) => name).sort())
})

test('what people type names the URL', () => {
  for (const { typed } of CLIENT_PLACES) expect(typed ?? 'URL').toContain('URL')
})

test('a place in a file is the one of the setup', () => {
  const deployment = { url: 'https://a.example/mcp', name: 'a', clientId: undefined, scopes: [] }
  for (const { names, where } of CLIENT_PLACES) {
    const file = /^[~.\w/-]+\.(?:json|yaml)/.exec(where)?.[0]
    const setup = CLIENT_SETUPS.find(({ name }) => name === names[0])
    expect(file ?? setup?.paste?.(deployment).into).toBe(setup?.paste?.(deployment).into)
  }
})
