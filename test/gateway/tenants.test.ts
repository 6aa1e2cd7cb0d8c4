/** A gateway whose list of issuers has one with tenants: it stands for several, and the others keep their place. */
import { expect } from 'vitest'
import type { TokenIntrospector } from 'mcp-gatehouse'
import { startGateway, startUpstream } from '../support/gateway.js'
import { ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const TEMPLATE = {
  issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
  tenants: ['9f2b6d1e-6a0f-4a3c-8d2e-3b1a5c7d9e10', '1b7e2a9c-4d5f-4c1e-9a77-2f6d8e0c3b41'],
}

verifies('IDN-30', 'the introspector of another issuer is made once, and asked', async () => {
  const asked: string[] = []
  let made = 0
  const introspector = (): TokenIntrospector => {
    made++
    return {
      introspect(token) {
        asked.push(token)
        return Promise.resolve({ claims: { active: false }, validUntil: 0 })
      },
    }
  }
  const upstream = await startUpstream((_request, response) => void response.end('{}'))
  const { call } = await startGateway(upstream, {
    authorizationServers: [TEMPLATE, { issuer: ISSUER, introspector }],
  })
  const authorization = 'Bearer opaque_0123456789abcdef'
  expect((await call({ headers: { authorization } })).status).toBe(401)
  expect([asked, made]).toEqual([['opaque_0123456789abcdef'], 1])
})

verifies('IDN-30', 'its problems are told at its place', async () => {
  const upstream = await startUpstream((_request, response) => void response.end('{}'))
  const authorizationServers = [TEMPLATE, { issuer: ISSUER, introspector: 7 }] as never
  await expect(startGateway(upstream, { authorizationServers })).rejects.toThrow(
    'authorizationServers[1].introspector',
  )
})
