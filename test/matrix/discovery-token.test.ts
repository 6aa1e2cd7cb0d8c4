/** A token for the documents of an issuer, through every host: where it goes, and where it never does. */
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { afterEach, describe, expect } from 'vitest'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { createHosts, type Host, type HostOptions } from './hosts.js'

const TOKEN = 'eyJ.discovery.canary'
const ELSEWHERE = 'https://keys.example.net/keys'

let hosts: Host[] = []
afterEach(async () => {
  await Promise.all(hosts.map((host) => host.close()))
})

/** Every host, each before a provider that shows its documents to callers with a token alone. */
async function ask(change: (idp: FakeIdp) => void, server: object = {}) {
  const idp = await FakeIdp.start()
  change(idp)
  /** By URL: what came with the requests. */
  const seen = new Map<string, Set<string | null>>()
  const events: GatewayEvent[] = []
  const options: HostOptions = {
    resource: RESOURCE,
    authorizationServers: { issuer: ISSUER, discoveryToken: TOKEN, ...server },
    fetch: (input, init) => {
      const url = String(input)
      const sent = new Headers(init?.headers).get('authorization')
      seen.set(url, (seen.get(url) ?? new Set()).add(sent))
      expect(init?.redirect).toBe('manual')
      return idp.fetch(url, init)
    },
    wait: 0,
    onEvent: (event) => events.push(event),
  }
  hosts = await createHosts(options)
  const headers = [['authorization', `Bearer ${await idp.token()}`]] as const
  const answers = hosts.map((host) => host.send({ method: 'GET', path: '/mcp', headers }))
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  expect(JSON.stringify(events)).not.toContain('canary')
  return {
    statuses: [...new Set(statuses)],
    sentTo: [...seen].filter(([, sent]) => sent.has(`Bearer ${TOKEN}`)).map(([url]) => url),
    notSentTo: [...seen].filter(([, sent]) => sent.has(null)).map(([url]) => url),
  }
}

describe('every host', () => {
  verifies('IDN-34', 'sends it for metadata and keys of the issuer', async () => {
    const { statuses, sentTo, notSentTo } = await ask(() => undefined)
    expect(statuses).toEqual([200])
    expect(sentTo).toContain(`${ISSUER}/.well-known/openid-configuration`)
    expect(sentTo).toContain(`${ISSUER}/keys`)
    expect(notSentTo).toEqual([])
  })

  verifies('IDN-34', 'never sends it to a jwks_uri of another origin', async () => {
    const { statuses, notSentTo } = await ask((idp) => (idp.jwksUri = ELSEWHERE))
    expect([statuses, notSentTo]).toEqual([[200], [ELSEWHERE]])
  })

  verifies('IDN-34', 'sends it there if the configuration names it', async () => {
    const { statuses, sentTo } = await ask((idp) => (idp.jwksUri = ELSEWHERE), {
      jwksUri: ELSEWHERE,
    })
    expect([statuses, sentTo]).toEqual([[200], [ELSEWHERE]])
  })

  verifies('IDN-34', 'never follows a redirect with it', async () => {
    const { statuses, sentTo, notSentTo } = await ask((idp) => {
      idp.fault = () => new Response('', { status: 307, headers: { location: ELSEWHERE } })
    })
    expect([statuses, notSentTo]).toEqual([[503], []])
    expect(sentTo).not.toContain(ELSEWHERE)
  })
})
