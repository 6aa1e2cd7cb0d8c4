/**
 * A protected MCP endpoint for any runtime with `Request` and `Response`, behind the Hono entry or the fetch entry.
 * Settings come as texts, because that is what every runtime hands on.
 */
import { Hono } from 'hono'
import type { AuthInfo } from 'mcp-gatehouse'
import { protect, type FetchContext } from 'mcp-gatehouse/fetch'
import {
  protectedResource,
  requireScopes,
  type ProtectedResourceEnv,
  type ProtectedResourceOptions,
} from 'mcp-gatehouse/hono'

export interface AppSettings {
  readonly ISSUER: string
  readonly RESOURCE: string
  readonly ORIGIN: string
  readonly SESSION_KEY: string
}

export type Entry = 'hono' | 'fetch'

const HANDLER_BODY = 'the protected thing'
const PUBLIC_BODY = 'a public page'

function optionsOf({ ISSUER, RESOURCE, ORIGIN, SESSION_KEY }: AppSettings) {
  return {
    resource: RESOURCE,
    resourceName: 'Tools',
    authorizationServers: ISSUER,
    scopes: 'mcp:tools',
    allowOrigins: [ORIGIN],
    sessionKeys: [SESSION_KEY],
    clockTolerance: 0,
    onEvent: () => undefined,
  } satisfies ProtectedResourceOptions
}

/** One event now, and no end. */
function endlessStream(): Response {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('data: first\n\n'))
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

/** Says in its headers what it saw of the caller. */
function handleProtected(request: Request, auth: AuthInfo | undefined): Response {
  const { searchParams } = new URL(request.url)
  if (searchParams.has('stream')) return endlessStream()
  const seen = { subject: auth?.extra?.['subject'], token: auth?.token }
  const session = request.headers.get('mcp-session-id')
  const headers = new Headers({ 'x-seen': JSON.stringify(auth === undefined ? null : seen) })
  if (session !== null) headers.set('x-seen-session', session)
  if (searchParams.has('open')) headers.set('mcp-session-id', 'own-id')
  return new Response(HANDLER_BODY, { headers })
}

/** Without a context that can wait for work: `waitUntil` is a near miss that must work too. */
type Handle = (request: Request, context?: FetchContext) => Promise<Response>

function honoApp(settings: AppSettings): Handle {
  const app = new Hono<ProtectedResourceEnv>()
  app.use(protectedResource(optionsOf(settings)))
  app.get('/health', (c) => c.text(PUBLIC_BODY))
  app.all('/mcp/admin', requireScopes('mcp:admin', 'mcp:audit'))
  app.all('*', (c) => handleProtected(c.req.raw, c.get('auth')))
  return async (request, context) => app.fetch(request, undefined, context as never)
}

function fetchApp(settings: AppSettings): Handle {
  const guard = protect(optionsOf(settings))
  return async (request, context) =>
    guard(
      request,
      (given, { auth, requireScopes: require }) => {
        const { pathname } = new URL(given.url)
        if (pathname === '/health' && given.method === 'GET') return new Response(PUBLIC_BODY)
        const isAdmin = pathname.startsWith('/mcp/admin')
        const refusal = isAdmin ? require('mcp:admin', 'mcp:audit') : undefined
        return refusal ?? handleProtected(given, auth)
      },
      context,
    )
}

export function createApp(entry: Entry, settings: AppSettings): Handle {
  return entry === 'hono' ? honoApp(settings) : fetchApp(settings)
}
