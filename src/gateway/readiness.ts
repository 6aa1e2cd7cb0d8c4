/**
 * Whether requests would succeed now.
 *
 * @module
 */
import type { GatewayEventListener } from './events.js'
import type { Backend, BackendState } from './request/backend.js'
import type { Route } from './route.js'

/** Milliseconds: readiness checks fetch keys at most this often. */
const KEYS_INTERVAL = 2_000
/** The same for a request to an upstream. */
const PROBE_INTERVAL = 10_000

/** One condition for requests to succeed. */
export interface ReadinessCheck {
  readonly name: 'keys' | 'introspection' | 'upstream' | 'gateway'
  /** The issuer or the upstream, without its query. */
  readonly subject: string
  readonly ok: boolean
  /** Why it is not; beside `ok: true`, what the operator should look at. */
  readonly reason?: string
}

export interface Readiness {
  /** At least one resource can serve: its server answers, and one of its issuers does. */
  readonly ready: boolean
  /** Each issuer and each server once, whichever resources they belong to. */
  readonly checks: readonly ReadinessCheck[]
}

function check(
  name: ReadinessCheck['name'],
  subject: string,
  reason: string | undefined,
  ok = reason === undefined,
): ReadinessCheck {
  return { name, subject, ok, ...(reason !== undefined && { reason }) }
}

function authorizationOf({ guard }: Route): readonly ReadinessCheck[] {
  const { issuers = [], introspectors = [] } = guard?.resourceServer.status() ?? {}
  return [
    ...issuers.map(({ issuer, serving, fault }) => check('keys', issuer, fault?.message, serving)),
    ...introspectors.map(({ issuer, fault }) => check('introspection', issuer, fault?.message)),
  ]
}

/** One issuer that is down must not take the users of the others with it. */
function isServed(authorization: readonly ReadinessCheck[]): boolean {
  if (authorization.length === 0) return true
  return authorization.some(({ subject }) =>
    authorization.every((each) => each.subject !== subject || each.ok),
  )
}

/** The results of two resources for the same server are merged; a fault wins. */
function once(checks: readonly ReadinessCheck[]): readonly ReadinessCheck[] {
  const byName = new Map<string, ReadinessCheck>()
  for (const each of checks) {
    const key = `${each.name} ${each.subject}`
    if (byName.get(key)?.ok !== false) byName.set(key, each)
  }
  return [...byName.values()]
}

export interface ReadinessOptions {
  /** Milliseconds of the clock that never runs backwards. */
  readonly now: () => number
  /** Hears what is wrong with a backend; `undefined` if nobody listens. */
  readonly hear: GatewayEventListener | undefined
}

/** Asks backends: checks that come meanwhile, or soon after, share the answer. */
function createProbes({ now, hear }: ReadinessOptions): (route: Route) => Promise<BackendState> {
  const asked = new Map<Backend, { readonly at: number; readonly state: Promise<BackendState> }>()

  async function probe({ backend, resourceLabel }: Route): Promise<BackendState> {
    const state = await backend.probe()
    const { ok, reason, hint } = state
    if (reason !== undefined) {
      const about = { upstream: backend.label, ok, reason, ...(hint !== undefined && { hint }) }
      hear?.({ type: 'upstream.probed', ...about }, resourceLabel)
    }
    return state
  }

  return function stateOf(route) {
    const known = asked.get(route.backend)
    if (known !== undefined && now() - known.at < PROBE_INTERVAL) return known.state
    const state = probe(route)
    asked.set(route.backend, { at: now(), state })
    return state
  }
}

export function createReadiness(
  options: ReadinessOptions,
): (routes: readonly Route[]) => Promise<Readiness> {
  const { now } = options
  const stateOf = createProbes(options)
  let askedAt = Number.NEGATIVE_INFINITY

  /** Frequent readiness checks must not cause frequent requests to other servers. */
  async function askForKeys(routes: readonly Route[]): Promise<void> {
    const missing = routes
      .flatMap(({ guard }) => guard?.resourceServer ?? [])
      .filter((server) => server.status().issuers.some(({ serving }) => !serving))
    if (missing.length === 0 || now() - askedAt <= KEYS_INTERVAL) return
    askedAt = now()
    await Promise.all(missing.map((server) => server.refreshKeys()))
  }

  return async function readiness(routes) {
    const states = Promise.all(routes.map(stateOf))
    await askForKeys(routes)
    const found = (await states).map(({ ok, reason }, index) => {
      const route = routes[index] as Route
      const authorization = authorizationOf(route)
      const server = check('upstream', route.backend.label, reason, ok)
      return { authorization, server, canServe: server.ok && isServed(authorization) }
    })
    return {
      ready: found.some(({ canServe }) => canServe),
      checks: once([
        ...found.flatMap(({ authorization }) => authorization),
        ...found.map(({ server }) => server),
      ]),
    }
  }
}

export function notReady(reason: string): ReadinessCheck {
  return check('gateway', 'this process', reason)
}
