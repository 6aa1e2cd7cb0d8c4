/** Our own credentials at an introspection endpoint, replaced while requests are served. */
import { ConfigurationError, createResourceServer, type ResourceServerEvent } from 'mcp-gatehouse'
import { createTokenIntrospector, type TokenIntrospectorOptions } from 'mcp-gatehouse/introspect'
import { describe, expect } from 'vitest'
import { ISSUER, RESOURCE } from '../support/idp.js'
import { eventually } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'
import { TOKEN } from './fixture.js'
import { FakeIntrospection } from './server.js'

const basicOf = (secret: string) => `Basic ${Buffer.from(`rs:${secret}`).toString('base64')}`

function startAsked(options: Partial<TokenIntrospectorOptions> = {}) {
  const server = new FakeIntrospection()
  const events: ResourceServerEvent[] = []
  let now = Date.now()
  const common = {
    fetch: server.fetch,
    now: () => now,
    onEvent: (event: ResourceServerEvent) => events.push(event),
  }
  const introspector = createTokenIntrospector({
    ...common,
    issuer: ISSUER,
    clientId: 'rs',
    clientSecret: 'one',
    cache: 0,
    wait: 0,
    ...options,
  })
  const authorizationServers = { issuer: ISSUER, introspector }
  const rs = createResourceServer({ ...common, resource: RESOURCE, authorizationServers, wait: 0 })
  const refused = () => Response.json({ error: 'invalid_client' }, { status: 401 })
  let accepted = 'one'
  server.now = () => now
  server.answer = () =>
    server.calls.at(-1)?.authorization === basicOf(accepted) ? server.active() : refused()
  return {
    server,
    introspector,
    refused,
    accept: (secret: string) => (accepted = secret),
    pass: (seconds: number) => (now += seconds * 1000),
    failures: () => events.filter(({ type }) => type === 'introspection.failed'),
    async ask() {
      const decision = await rs.authenticate({ authorization: `Bearer ${TOKEN}` })
      return decision.outcome === 'authenticated' ? 200 : decision.status
    },
  }
}

describe('credentials that are replaced', () => {
  verifies('FLD-16', 'are used from the next call on, whatever was refused before', async () => {
    const { server, introspector, accept, ask } = startAsked()
    accept('two')
    expect([await ask(), await ask()]).toEqual([503, 503])
    await introspector.replaceCredentials({ clientSecret: 'two' })
    expect(await ask()).toBe(200)
    expect(server.calls.at(-1)?.authorization).toBe(basicOf('two'))
  })

  verifies('FLD-16', 'and refused are not tried again until they are replaced again', async () => {
    const { server, introspector, accept, ask, pass, failures } = startAsked()
    await introspector.replaceCredentials({ clientSecret: 'two' })
    expect(await ask()).toBe(503)
    const asked = server.calls.length
    accept('two')
    for (let i = 0; i < 5; i++) {
      pass(60)
      expect(await ask()).toBe(503)
    }
    expect(server.calls).toHaveLength(asked)
    expect(failures().at(-1)).toMatchObject({
      concerns: 'issuer',
      code: 'ERR_INTROSPECTION_CLIENT_REJECTED',
      reason: expect.stringContaining('not tried again before they are replaced'),
    })
    expect(introspector.status?.().fault?.code).toBe('ERR_INTROSPECTION_CLIENT_REJECTED')
    await introspector.replaceCredentials({ clientSecret: 'two' })
    expect(await ask()).toBe(200)
  })

  verifies('FLD-16', 'are not at fault for another reason: it is tried again', async () => {
    const { server, introspector, ask, pass } = startAsked()
    await introspector.replaceCredentials({ clientSecret: 'one' })
    const { answer } = server
    server.answer = () => new Response('', { status: 500 })
    expect(await ask()).toBe(503)
    server.answer = answer
    pass(60)
    expect(await ask()).toBe(200)
  })

  verifies('FLD-16', 'the first ones are tried again: the provider may learn of them', async () => {
    const { accept, ask, pass } = startAsked()
    accept('two')
    expect(await ask()).toBe(503)
    accept('one')
    pass(60)
    expect(await ask()).toBe(200)
  })

  verifies('FLD-16', 'are not blamed for a call with the old ones', async () => {
    const { server, introspector, refused, ask } = startAsked({ wait: 3 })
    await introspector.replaceCredentials({ clientSecret: 'old' })
    let refuse: ((answer: Response) => void) | undefined
    const { answer } = server
    server.answer = () => new Promise<Response>((resolve) => (refuse = resolve))
    const slow = ask()
    await eventually(() => refuse !== undefined)
    server.answer = answer
    await introspector.replaceCredentials({ clientSecret: 'one' })
    refuse?.(refused())
    expect([await slow, await ask()]).toEqual([200, 200])
  })

  verifies('FLD-16', 'are not blamed for a control with the old ones', async () => {
    const { server, introspector, refused, accept, ask, pass } = startAsked()
    await introspector.replaceCredentials({ clientSecret: 'wrong' })
    accept('right')
    let refuse: ((answer: Response) => void) | undefined
    const { answer } = server
    server.answer = () => {
      // The call about the token is refused, and its control is under way.
      if (server.calls.length === 1) return refused()
      return new Promise<Response>((resolve) => (refuse = resolve))
    }
    const slow = ask()
    await eventually(() => refuse !== undefined)
    server.answer = answer
    await introspector.replaceCredentials({ clientSecret: 'right' })
    refuse?.(refused())
    await slow
    pass(60)
    expect(await ask()).toBe(200)
  })

  verifies('FLD-16', 'stay where they are left out', async () => {
    const { introspector, accept, ask } = startAsked()
    accept('two')
    await introspector.replaceCredentials({ clientSecret: 'two' })
    await introspector.replaceCredentials({})
    expect(await ask()).toBe(200)
  })

  verifies('FLD-16', 'must be usable: else the old ones stay', async () => {
    const { introspector, ask } = startAsked()
    await expect(introspector.replaceCredentials({ clientSecret: '' })).rejects.toThrow(
      ConfigurationError,
    )
    expect(await ask()).toBe(200)
    const signing = startAsked({ authentication: 'private_key_jwt', clientKey: 'no key yet' })
    const replaced = signing.introspector.replaceCredentials({ clientKey: 'hunter2' })
    const error = await replaced.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(JSON.stringify(error)).not.toContain('hunter2')
  })
})
