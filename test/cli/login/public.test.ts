/** A login at a server that has tools for everybody, so that the first message needs no token. */
import { expect } from 'vitest'
import { protect } from 'mcp-gatehouse/fetch'
import { discoverResource } from '../../../src/cli/login/resource.js'
import { ISSUER, RESOURCE } from '../../support/idp.js'
import { verifies } from '../../support/verifies.js'

verifies('IDN-20', 'a login finds the challenge where a stream needs one', async () => {
  const guard = protect({
    resource: RESOURCE,
    authorizationServers: ISSUER,
    scopes: ['mcp:tools'],
    policy: { rules: [{ tools: ['search'], anonymous: true }], unmatched: 'deny' },
    sessionKeys: ['0123456789abcdef0123456789abcdef'],
    onEvent: false,
  })
  const asked: string[] = []
  const network = {
    fetch: (input: RequestInfo | URL, init?: RequestInit) => {
      const request = new Request(input, init)
      asked.push(request.method)
      return guard(request, () => Response.json({}))
    },
    signal: new AbortController().signal,
    limit: () => AbortSignal.timeout(5_000),
  }
  expect(await discoverResource(RESOURCE, network)).toMatchObject({
    identifier: RESOURCE,
    issuer: ISSUER,
    scopes: ['mcp:tools'],
  })
  expect(asked).toEqual(['POST', 'GET', 'GET'])
})
