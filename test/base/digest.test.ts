import { afterEach, expect, test, vi } from 'vitest'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.resetModules()
})

/** Loads the kernel as a runtime does that has nothing of Node's. */
async function loadWithout(): Promise<typeof import('mcp-gatehouse')> {
  vi.resetModules()
  vi.stubGlobal('process', { ...process, getBuiltinModule: undefined })
  return import('mcp-gatehouse')
}

test('on a runtime without node:crypto tokens are remembered too, and judged the same', async () => {
  const { createResourceServer } = await loadWithout()
  const idp = await FakeIdp.start()
  const resourceServer = createResourceServer({
    resource: RESOURCE,
    authorizationServers: ISSUER,
    fetch: idp.fetch,
  })
  const token = await idp.token()
  const send = (text: string) => resourceServer.authenticate({ authorization: `Bearer ${text}` })
  expect(await send(token)).toMatchObject({ outcome: 'authenticated' })
  const verify = vi.spyOn(crypto.subtle, 'verify')
  expect(await send(token)).toMatchObject({
    outcome: 'authenticated',
    token: { subject: 'user-1' },
  })
  expect(verify).not.toHaveBeenCalled()
  verify.mockRestore()
  expect(await send(`${token.slice(0, -1)}_`)).toMatchObject({ outcome: 'denied' })
})

test('both digests are the same', async () => {
  const { sha256, sha256Sync } = await import('../../src/base/digest.js')
  const synchronous = sha256Sync?.('token é')
  vi.resetModules()
  vi.stubGlobal('process', { ...process, getBuiltinModule: undefined })
  const neutral = await import('../../src/base/digest.js')
  expect(neutral.sha256Sync).toBeUndefined()
  expect(await neutral.sha256('token é')).toBe(synchronous)
  expect(await sha256('token é')).toBe(synchronous)
})
