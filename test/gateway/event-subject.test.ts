/** What a listener of events gets besides the event: who and what, and nothing that must not be logged. */
import { inspect } from 'node:util'
import type { EventSubject, GatewayEvent } from 'mcp-gatehouse/gateway'
import { expect } from 'vitest'
import { eventually, startGateway, startUpstream } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

/** As developers log it: `onEvent: console.log`, or a logger for JSON. */
function logged(args: readonly unknown[]): string {
  return JSON.stringify(args) + inspect(args, { depth: Infinity, showHidden: true })
}

verifies(
  'GW-08',
  'a listener that logs all that it gets logs no token and no session',
  async () => {
    const upstream = await startUpstream((request, response) => {
      request.resume()
      response.setHeader('mcp-session-id', 'id-of-the-server').end('{}')
    })
    const lines: string[] = []
    const subjects: unknown[] = []
    const { call, token } = await startGateway(upstream, {
      onEvent(event: GatewayEvent, resource?: string, about?: EventSubject) {
        lines.push(logged([event, resource, about]))
        if (event.type !== 'request.completed') return
        subjects.push([about?.subject, about?.clientId, about?.rpcMethod, about?.target])
      },
    })
    const ofMessage = {
      'content-type': 'application/json',
      'mcp-method': 'tools/call',
      'mcp-name': 'echo',
    }
    const first = await call({ method: 'POST', headers: ofMessage, body: '{}' })
    const session = first.headers.get('mcp-session-id') ?? 'none'
    const again = { ...ofMessage, 'mcp-session-id': session }
    await call({ method: 'POST', headers: again, body: '{}' })
    const stranger = { ...ofMessage, 'mcp-session-id': 'id-of-nobody' }
    await call({ method: 'POST', headers: stranger, body: '{}' })
    await eventually(() => subjects.length === 3)
    expect(subjects[0]).toEqual(['user-1', 'client-1', 'tools/call', 'echo'])
    expect(lines.length).toBeGreaterThan(3)
    for (const secret of [token, session, 'id-of-the-server', 'id-of-nobody']) {
      expect(lines.filter((line) => line.includes(secret))).toEqual([])
    }
  },
)
