import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { referencesIn, withoutReference } from '../support/references.js'
import { verifies } from '../support/verifies.js'
import { CASES, ORIGIN, type Case, type Layer } from './cases.js'
import { createHosts, HOSTS, PUBLIC_BODY, type Host } from './hosts.js'

/** Which cases a host is held to; the other hosts are middleware. */
const LAYERS: Readonly<Record<string, readonly Layer[]>> = {
  kernel: ['kernel'],
  gateway: ['kernel', 'http', 'gateway'],
}
const events: GatewayEvent[] = []
let idp: FakeIdp
let hosts: Host[]

beforeAll(async () => {
  idp = await FakeIdp.start()
  hosts = await createHosts({
    resource: RESOURCE,
    resourceName: 'Tools',
    authorizationServers: ISSUER,
    scopes: 'mcp:tools',
    allowOrigins: [ORIGIN],
    fetch: idp.fetch,
    onEvent: (event) => events.push(event),
  })
})

afterAll(() => Promise.all(hosts.map((host) => host.close())))

/** `undefined`: any. */
function expectedBody({ method, path, expected }: Case): string | undefined {
  if (expected.body !== undefined) return method === 'HEAD' ? '' : expected.body
  const isPublic = expected.reached === 'without auth' && path === '/health' && method === 'GET'
  return isPublic ? PUBLIC_BODY : undefined
}

type Answer = Awaited<ReturnType<Host['send']>>

function wireOf({ headers, body }: Answer): string {
  return `${headers.get('www-authenticate') ?? ''} ${body}`
}

/** Of a 401 for a token that came in header and body, of a 403 in the body alone. */
function expectedReferences(answer: Answer): string[] {
  const wire = wireOf(answer)
  const isReferred = answer.status === 403 || (answer.status === 401 && wire.includes('error="'))
  const reference = answer.headers.get('x-request-id')?.slice(-8) ?? ''
  const places = (answer.status === 403 ? answer.body : wire).match(/error_description/g) ?? []
  return isReferred ? places.map(() => reference) : []
}

describe.each(HOSTS)('%s', (name) => {
  const layers = LAYERS[name] ?? ['kernel', 'http', 'middleware']
  for (const entry of CASES.filter(({ layer }) => layers.includes(layer))) {
    verifies(entry.verifies, entry.name, async () => {
      const host = hosts.find((candidate) => candidate.name === name)
      if (host === undefined) throw new Error(`no host ${name}`)
      const token = await idp.token(entry.token)
      events.length = 0
      const answer = await host.send({
        method: entry.method ?? 'GET',
        path: (entry.path ?? '/mcp').replaceAll('TOKEN', token),
        headers: (entry.headers ?? []).map(([field, value]) => [
          field,
          value.replaceAll('TOKEN', token),
        ]),
      })

      const { expected } = entry
      expect(answer.status).toBe(expected.status)
      for (const [field, value] of Object.entries(expected.headers ?? {})) {
        const given = answer.headers.get(field)
        expect(given === null ? null : withoutReference(given), field).toBe(value)
      }
      const body = withoutReference(answer.body)
      expect(body).toBe(expectedBody(entry) ?? body)
      expect(referencesIn(wireOf(answer))).toEqual(expectedReferences(answer))
      const { caller } = answer
      expect(caller === undefined).toBe(expected.reached !== 'with auth')
      const shownToken = name === 'gateway' ? undefined : token
      expect([caller?.subject, caller?.token]).toEqual(
        caller ? ['user-1', shownToken] : [undefined, undefined],
      )
      expect(caller?.rest ?? '').not.toContain(token)

      // Whatever was refused can be found in the log by the id that the client got, and no token is there.
      const isReported = answer.status >= 400 && answer.status !== 405 && answer.status !== 404
      const requestId = answer.headers.get('x-request-id') ?? ''
      expect(isReported && !/^[\da-f-]{36}$/.test(requestId)).toBe(false)
      const reports = events.filter(
        (event) => 'requestId' in event && event.requestId === requestId,
      )
      expect(reports.length).toBeGreaterThanOrEqual(isReported ? 1 : 0)
      const [, payload = '-', signature = '-'] = token.split('.')
      const reported = JSON.stringify(events) + answer.body + JSON.stringify([...answer.headers])
      expect(reported).not.toContain(payload)
      expect(reported).not.toContain(signature)
    })
  }
})
