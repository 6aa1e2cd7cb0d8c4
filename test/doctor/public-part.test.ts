/** What the doctor says about a gateway whose policy opens some tools to everybody. */
import { expect } from 'vitest'
import type { PolicyDocument } from 'mcp-gatehouse'
import { found, idsOf, look, openToBrowsers, startProvider } from '../support/doctor.js'
import { startGateway, startUpstream } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

async function lookAt(policy: PolicyDocument) {
  const upstream = await startUpstream((request, response) => {
    request.resume()
    const body = { jsonrpc: '2.0', id: 1, result: {} }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  const { url } = await startGateway(upstream, { policy, scopes: 'mcp:tools' })
  const hosts = {
    'https://mcp.example.com': url,
    'https://sso.example.com': openToBrowsers(await startProvider()),
  }
  return look({ hosts })
}

const RULES = [
  { tools: 'search', anonymous: true },
  { tools: 'write', scopes: ['mcp:tools'] },
]

verifies(['DOC-01', 'IDN-20'], 'it is noted, and is not called open', async () => {
  const diagnosis = await lookAt({ rules: RULES, unmatched: 'deny' })
  expect(found(diagnosis, 'public-part').severity).toBe('note')
  expect(idsOf(diagnosis)).not.toContain('not-protected')
  // The challenge is that of the call which was refused.
  expect(idsOf(diagnosis).filter((id) => id.startsWith('challenge'))).toEqual([])
})

verifies(['DOC-01', 'IDN-20'], 'without anonymous rules there is no such note', async () => {
  const diagnosis = await lookAt({ rules: RULES.slice(1), unmatched: 'deny' })
  expect(idsOf(diagnosis)).not.toContain('public-part')
  expect(idsOf(diagnosis)).not.toContain('not-protected')
})
