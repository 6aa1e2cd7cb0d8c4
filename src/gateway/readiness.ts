/**
 * Whether requests would succeed now.
 *
 * @module
 */
import type { Route } from './route.js'

/** Readiness checks fetch keys at most this often. */
const INTERVAL = 2_000

/** One condition for requests to succeed. */
export interface ReadinessCheck {
  readonly name: 'keys' | 'introspection' | 'upstream' | 'gateway'
  /** The issuer or the upstream, without its query. */
  readonly subject: string
  readonly ok: boolean
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

/** @param now milliseconds of the clock that never runs backwards */
export function createReadiness(
  now: () => number,
): (routes: readonly Route[]) => Promise<Readiness> {
  let askedAt = Number.NEGATIVE_INFINITY

  /** Frequent readiness checks must not cause frequent requests to other servers. */
  async function askForKeys(routes: readonly Route[]): Promise<void> {
    const missing = routes
      .flatMap(({ guard }) => guard?.resourceServer ?? [])
      .filter((server) => server.status().issuers.some(({ serving }) => !serving))
    if (missing.length === 0 || now() - askedAt <= INTERVAL) return
    askedAt = now()
    await Promise.all(missing.map((server) => server.refreshKeys()))
  }

  return async function readiness(routes) {
    await askForKeys(routes)
    const found = await Promise.all(
      routes.map(async (route) => {
        const authorization = authorizationOf(route)
        const server = check('upstream', route.backend.label, await route.backend.unreachable())
        return { authorization, server, canServe: server.ok && isServed(authorization) }
      }),
    )
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
