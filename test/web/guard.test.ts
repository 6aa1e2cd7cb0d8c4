/** The order of the steps: a request that fails at all of them is refused by the first, and so on. */
import { describe, expect } from 'vitest'
import { createGuard, HostRequest, type GuardAnswer, type Passage } from 'mcp-gatehouse/fetch'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const MODERN = '2026-07-28'
const ORIGIN = 'https://app.example.com'
const encoder = new TextEncoder()
const call = (name: string) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name, _meta: { 'io.modelcontextprotocol/protocolVersion': MODERN } },
  })

class PlainRequest extends HostRequest {
  method = 'POST'
  path = '/mcp'
  fields: Record<string, string> = {}
  body = ''
  reads = 0

  header(name: string) {
    return this.fields[name]
  }
  bringsBody() {
    return this.body !== ''
  }
  readBody(limit: number) {
    this.reads++
    const body = encoder.encode(this.body)
    return Promise.resolve(body.length > limit ? undefined : body)
  }
}

/** What a client is told, in short. */
function reported(passage: Passage): string {
  if (passage === undefined) return 'elsewhere'
  if (passage.outcome === 'permitted') return 'permitted'
  return `${passage.status} ${errorIn(passage)}`
}

function errorIn({ body }: GuardAnswer): string {
  if (body === '') return ''
  const { error, resource } = JSON.parse(body) as { error?: unknown; resource?: string }
  return typeof error === 'object' ? JSON.stringify(error) : String(error ?? resource)
}

describe('with a policy', () => {
  verifies(
    ['TRN-01', 'TOK-01', 'SCP-01', 'STA-01', 'ATK-07', 'HDR-08'],
    'each step comes before the next, and nothing is read before its turn',
    async () => {
      const idp = await FakeIdp.start()
      let clock = Date.now()
      const guard = createGuard({
        resource: RESOURCE,
        authorizationServers: ISSUER,
        fetch: idp.fetch,
        allowOrigins: [ORIGIN],
        sessionKeys: ['k'.repeat(32)],
        maxBody: 1_000,
        now: () => clock,
        policy: {
          rules: [
            { tools: ['free'], scopes: [] },
            { tools: ['write'], scopes: ['mcp:write'] },
          ],
          unmatched: 'deny',
        },
      })
      const authorization = `Bearer ${await idp.token({ claims: { scope: 'mcp:tools' } })}`
      // This caller has been refused too often.
      const guess = new PlainRequest()
      guess.fields = { authorization, 'content-type': 'application/json' }
      guess.body = 'not JSON'
      for (let i = 0; i < 31; i++) await guard.pass(guess)

      const request = new PlainRequest()
      request.path = '/.well-known/oauth-protected-resource/mcp'
      request.method = 'GET'
      request.body = 'x'.repeat(2_000)
      request.fields = {
        origin: 'https://evil.example',
        'content-encoding': 'gzip',
        'content-type': 'text/plain',
        'mcp-session-id': 'of somebody else',
        'mcp-protocol-version': MODERN,
        'mcp-method': 'tools/call',
        'mcp-name': 'other',
      }
      const steps: readonly (readonly [reported: string, reads: number, next: () => void])[] = [
        [`200 ${RESOURCE}`, 0, () => (request.path = '/elsewhere')],
        ['elsewhere', 0, () => (request.path = '/mcp')],
        ['403 origin_not_allowed', 0, () => (request.fields['origin'] = ORIGIN)],
        ['401 unauthorized', 0, () => (request.fields['authorization'] = authorization)],
        ['400 invalid_request', 0, () => (request.method = 'POST')],
        ['429 too_many_requests', 0, () => (clock += 60_000)],
        ['415 unsupported_media_type', 0, () => delete request.fields['content-encoding']],
        [
          '415 unsupported_media_type',
          0,
          () => (request.fields['content-type'] = 'application/json'),
        ],
        ['413 content_too_large', 1, () => (request.body = 'not JSON')],
        [
          '400 {"code":-32700,"message":"The body is not one JSON-RPC request or notification"}',
          2,
          () => (request.body = call('write')),
        ],
        [
          '400 {"code":-32020,"message":"Mcp-Name does not match the body"}',
          3,
          () => (request.fields['mcp-name'] = 'write'),
        ],
        [
          '403 insufficient_scope',
          4,
          () => {
            request.body = call('free')
            request.fields['mcp-name'] = 'free'
          },
        ],
        ['404 session_not_found', 5, () => delete request.fields['mcp-session-id']],
        ['permitted', 6, () => undefined],
      ]
      for (const [expected, reads, next] of steps) {
        const passage = await guard.pass(request)
        expect([reported(passage), request.reads]).toEqual([expected, reads])
        next()
      }
    },
  )

  verifies('COR-01', 'a preflight needs an allowed origin and no token', async () => {
    const guard = createGuard({
      resource: RESOURCE,
      authorizationServers: ISSUER,
      allowOrigins: [ORIGIN],
      policy: { rules: [{ tools: ['free'], scopes: [] }], unmatched: 'deny' },
    })
    const request = new PlainRequest()
    request.method = 'OPTIONS'
    request.fields = { origin: 'https://evil.example' }
    expect(reported(await guard.pass(request))).toBe('403 origin_not_allowed')
    request.fields = { origin: ORIGIN }
    expect(reported(await guard.pass(request))).toBe('204 ')
  })
})
