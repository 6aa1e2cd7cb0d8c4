import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { CASES, ORIGIN, type Layer } from './cases.js'
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
        expect(answer.headers.get(field), field).toBe(value)
      }
      if (expected.body !== undefined) {
        const body = expected.body === '' || entry.method !== 'HEAD' ? expected.body : ''
        expect(answer.body).toBe(body)
      }
      if (expected.reached === 'no') expect(answer.caller).toBeUndefined()
      if (expected.reached === 'with auth') {
        expect(answer.caller?.subject).toBe('user-1')
        expect(answer.caller?.token).toBe(name === 'gateway' ? undefined : token)
        expect(answer.caller?.rest).not.toContain(token)
      }
      if (expected.reached === 'without auth') {
        expect(answer.caller).toBeUndefined()
        if (entry.path === '/health' && entry.method === 'GET')
          expect(answer.body).toBe(PUBLIC_BODY)
      }

      // Whatever was refused can be found in the log by the id that the client got, and no token is there.
      if (answer.status >= 400 && answer.status !== 405 && answer.status !== 404) {
        expect(answer.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/)
        expect(events).toContainEqual(
          expect.objectContaining({ requestId: answer.headers.get('x-request-id') }),
        )
      }
      const [, payload = '-', signature = '-'] = token.split('.')
      const told = JSON.stringify(events) + answer.body + JSON.stringify([...answer.headers])
      expect(told).not.toContain(payload)
      expect(told).not.toContain(signature)
    })
  }
})
