/** The reference by which a user and the operator find the same request. */
import { expect } from 'vitest'
import { createResourceServer, type ResourceServerEvent } from 'mcp-gatehouse'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { referencesIn } from '../support/references.js'
import { verifies } from '../support/verifies.js'

const ID = '01940000-aaaa-7bbb-8ccc-ddddeeeeffff'

async function refusalOf(authorization: string | readonly string[] | undefined) {
  const idp = await FakeIdp.start()
  const events: ResourceServerEvent[] = []
  const server = createResourceServer({
    resource: RESOURCE,
    authorizationServers: ISSUER,
    scopes: 'mcp:admin',
    fetch: idp.fetch,
    onEvent: (event) => events.push(event),
    randomUUID: () => ID,
  })
  const value = authorization === 'narrow' ? `Bearer ${await idp.token()}` : authorization
  const decision = await server.authenticate({ authorization: value })
  const { status, headers, body } = decision as Exclude<
    typeof decision,
    { readonly outcome: 'authenticated' }
  >
  return {
    status,
    header: referencesIn(headers['WWW-Authenticate'] ?? ''),
    body: referencesIn(body),
    logged: events.flatMap((event) => ('requestId' in event ? event.requestId : [])),
  }
}

verifies('WHO-04', 'a refused token has the end of the id, which the log has', async () => {
  const reference = ['eeeeffff']
  const logged = [ID]
  expect(await refusalOf('Bearer a.b.c')).toEqual({
    status: 401,
    header: reference,
    body: reference,
    logged,
  })
  expect(await refusalOf('narrow')).toEqual({
    status: 403,
    // SDK v1 compares it with the challenge before.
    header: [],
    body: reference,
    logged,
  })
})

verifies('WHO-04', 'an answer that does not refuse a token has none', async () => {
  expect(await refusalOf(undefined)).toMatchObject({ status: 401, header: [], body: [] })
  const two = ['Bearer a.b.c', 'Bearer a.b.c']
  expect(await refusalOf(two)).toMatchObject({ status: 400, header: [], body: [] })
})
