/** One server under load, in a process of its own: `server.ts MODE`, keys on standard input. */
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { createRemoteJWKSet, customFetch, decodeJwt, jwtVerify, type JWK } from 'jose'
import { protectedResource } from 'mcp-gatehouse/hono'
import { createTokenIntrospector } from 'mcp-gatehouse/introspect'
import { ISSUER, RESOURCE } from './tokens.js'

export type Mode =
  'noop' | 'remembered' | 'introspected' | 'first-sight' | 'jose' | 'policy' | 'limited'

const noop: MiddlewareHandler = (_c, next) => next()

/** What people write by hand: jose as its documentation shows it. */
function handWritten(fetchKeys: typeof fetch): MiddlewareHandler {
  const keys = createRemoteJWKSet(new URL(`${ISSUER}/keys`), { [customFetch]: fetchKeys })
  return async function handWritten(c, next) {
    const [scheme, token] = (c.req.header('authorization') ?? '').split(' ')
    if (scheme !== 'Bearer' || token === undefined) return c.json({ error: 'unauthorized' }, 401)
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: ISSUER,
        audience: RESOURCE,
        typ: 'at+jwt',
        algorithms: ['RS256', 'ES256'],
      })
      c.set('auth', { token, clientId: payload['client_id'] })
    } catch {
      return c.json({ error: 'invalid_token' }, 401)
    }
    await next()
  }
}

/** An authorization server that says of every token what is written in it. */
const introspector = createTokenIntrospector({
  issuer: ISSUER,
  clientId: 'mcp-rs',
  clientSecret: 'secret',
  introspectionUrl: `${ISSUER}/introspect`,
  cache: 300,
  fetch: (_url, init) => {
    const form = new URLSearchParams(init?.body as URLSearchParams)
    return Promise.resolve(Response.json({ active: true, ...decodeJwt(form.get('token') ?? '') }))
  },
})

/** None of them is sent. */
const API_KEYS = Array.from({ length: 100 }, (_, at) => ({
  id: `key-${at}`,
  digest: at.toString(16).padStart(64, '0'),
  subject: 'ci',
  resources: [RESOURCE],
  expires: 'never',
}))

const RULE = { tools: 'read', scopes: 'mcp:tools' } as const

function middlewareFor(mode: Mode, fetchKeys: typeof fetch): MiddlewareHandler {
  if (mode === 'noop') return noop
  if (mode === 'jose') return handWritten(fetchKeys)
  return protectedResource({
    resource: RESOURCE,
    authorizationServers:
      mode === 'introspected'
        ? { issuer: ISSUER, validation: 'introspection', introspector }
        : { issuer: ISSUER, jwksUri: `${ISSUER}/keys` },
    fetch: fetchKeys,
    // Fewer than the tokens that come in a cycle: each is gone again before it returns.
    ...(mode === 'first-sight' && { rememberedTokens: 100 }),
    ...(mode !== 'first-sight' && { rememberedTokens: 20_000 }),
    ...(mode === 'policy' && { policy: { rules: [RULE], unmatched: 'deny' } }),
    ...(mode === 'limited' && {
      apiKeys: { keys: API_KEYS },
      // No caller reaches it.
      policy: {
        rules: [{ ...RULE, limit: [{ rate: '100000/s' }, { rate: '100000/s', per: 'client' }] }],
        unmatched: 'deny',
      },
    }),
  })
}

export function start(
  mode: Mode,
  jwks: { keys: JWK[] },
  onListening: (port: number) => void,
): void {
  const app = new Hono()
  app.use(middlewareFor(mode, () => Promise.resolve(Response.json(jwks))))
  app.all('/mcp', (c) => c.json({ hello: 'this is a JSON answer' }))
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () =>
    onListening((server.address() as AddressInfo).port),
  )
}

process.once('message', ({ mode, jwks }: { mode: Mode; jwks: { keys: JWK[] } }) => {
  start(mode, jwks, (port) => process.send?.({ port }))
})
