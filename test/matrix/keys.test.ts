/** API keys through every host: what opens it, and what does not. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { entryOf, KEY_ISSUER, keysOf, newKey } from '../support/api-keys.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { withoutReference } from '../support/references.js'
import { verifies } from '../support/verifies.js'
import { createHosts, HOSTS, type Host } from './hosts.js'

const NAMES = ['good', 'ended', 'elsewhere', 'slash', 'scopeless'] as const
const KEYS = Object.fromEntries(NAMES.map((name) => [name, newKey()])) as Record<
  (typeof NAMES)[number],
  string
>
const YESTERDAY = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)
const TOMORROW = new Date(Date.now() + 86_400_000).toISOString()

let idp: FakeIdp
let hosts: Host[]
const events: GatewayEvent[] = []

beforeAll(async () => {
  idp = await FakeIdp.start()
  hosts = await createHosts({
    resource: RESOURCE,
    authorizationServers: ISSUER,
    scopes: 'mcp:tools',
    fetch: idp.fetch,
    onEvent: (event) => events.push(event),
    apiKeys: keysOf(
      entryOf(KEYS.good, { id: 'good', expires: TOMORROW }),
      entryOf(KEYS.ended, { id: 'ended', expires: YESTERDAY }),
      entryOf(KEYS.elsewhere, { id: 'elsewhere', resources: ['https://mcp.example.com/other'] }),
      entryOf(KEYS.slash, { id: 'slash', resources: [`${RESOURCE}/`] }),
      entryOf(KEYS.scopeless, { id: 'scopeless', scopes: 'mcp:too' }),
    ),
  })
})
afterAll(() => Promise.all(hosts.map((host) => host.close())))

/** The key with one bit of its random part changed, and the checksum that fits again. */
function otherBit(key: string): string {
  const bytes = Buffer.from(key.slice(4, 47), 'base64url')
  bytes[7] = (bytes[7] ?? 0) ^ 1
  return key.slice(0, 4) + bytes.toString('base64url') + key.slice(47)
}

const REFUSED: readonly (readonly [name: string, key: () => string, code: string])[] = [
  ['one bit changed', () => otherBit(KEYS.good), 'ERR_KEY_MALFORMED'],
  ['never made, or revoked', newKey, 'ERR_KEY_UNKNOWN'],
  ['cut', () => KEYS.good.slice(0, -1), 'ERR_KEY_MALFORMED'],
  ['ended', () => KEYS.ended, 'ERR_TOKEN_EXPIRED'],
  ['of another resource', () => KEYS.elsewhere, 'ERR_TOKEN_AUDIENCE'],
  ['of this one with a slash', () => KEYS.slash, 'ERR_TOKEN_AUDIENCE'],
  ['of another prefix', () => KEYS.good.replace('mgh_', 'mgx_'), 'ERR_TOKEN_OPAQUE'],
  ['without the scope', () => KEYS.scopeless, 'ERR_SCOPE_INSUFFICIENT'],
]

describe.each(HOSTS)('%s', (name) => {
  async function send(key: string) {
    events.length = 0
    const host = hosts.find((each) => each.name === name) as Host
    const headers = [['Authorization', `Bearer ${key}`]] as const
    return host.send({ method: 'GET', path: '/mcp', headers })
  }
  const ownEvents = () => events.filter(({ type }) => type.startsWith('request.'))

  verifies('IDN-11', 'a key opens it, for whom its entry names', async () => {
    const { status, caller } = await send(KEYS.good)
    expect([status, caller?.subject]).toEqual([200, 'ci'])
    const isGateway = name === 'gateway'
    const issuer = isGateway ? KEY_ISSUER : ''
    expect(caller?.rest ?? '').toContain(issuer)
    expect(caller?.rest ?? '').not.toContain(KEYS.good)
    // Several hosts share the listener; a kernel alone has no others.
    expect(ownEvents()).toContainEqual({
      type: 'request.authenticated',
      issuer: KEY_ISSUER,
      remembered: false,
      apiKey: 'good',
    })
  })

  for (const [what, keyOf, code] of REFUSED) {
    verifies('IDN-11', `${what}: ${code}`, async () => {
      const key = keyOf()
      const { status, caller, headers, body } = await send(key)
      expect(caller).toBeUndefined()
      expect(status).toBe(code === 'ERR_SCOPE_INSUFFICIENT' ? 403 : 401)
      const text = withoutReference(`${headers.get('www-authenticate')} ${body}`)
      const isEnded = code === 'ERR_TOKEN_EXPIRED'
      expect(text.includes('The access token has expired')).toBe(isEnded)
      expect(text.includes('is not valid here')).toBe(status === 401 && !isEnded)
      const denied = events.filter((event) => event.type === 'request.denied')
      expect(denied.map((event) => event.code)).toEqual([code])
      expect(JSON.stringify(events)).not.toContain(key.slice(4, 20))
    })
  }

  verifies('IDN-11', 'nobody is asked about a key, and a token still opens it', async () => {
    idp.requests.length = 0
    for (const [, keyOf] of REFUSED.slice(0, 5)) await send(keyOf())
    expect(idp.requests).toEqual([])
    expect((await send(await idp.token())).status).toBe(200)
  })
})
