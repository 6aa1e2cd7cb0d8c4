/** Which implementation checks signatures: runtimes have several, and not each does what its name promises. */
import * as nodeCrypto from 'node:crypto'
import { afterEach, expect, vi } from 'vitest'
import { createSigningKey, SIGNATURE_ALGORITHMS } from '../../src/discovery/signing-key.js'
import { fakeKey, FakeIdp } from '../support/idp.js'
import { createFixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

type Verify = (...args: unknown[]) => unknown
type Settle = (error: Error | null, valid?: boolean) => void

/** As another runtime's `node:crypto` would. */
function stubVerify(verify: Verify): void {
  vi.spyOn(process, 'getBuiltinModule').mockImplementation(((id: string) =>
    id === 'node:crypto' ? { ...nodeCrypto, verify } : undefined) as never)
}

afterEach(() => {
  vi.restoreAllMocks()
})

const fails: Verify = () => {
  throw new Error('not implemented')
}

async function createScene(alg = 'RS256') {
  const idp = await FakeIdp.start(undefined, alg)
  return { ...createFixture(idp), idp }
}

for (const [name, verify] of [
  ['throws', fails],
  ['answers with an error', (...args) => (args.at(-1) as Settle)(new Error('not implemented'))],
  ['calls everything a signature', (...args) => (args.at(-1) as Settle)(null, true)],
  ['calls everything a signature at once', () => true],
] as readonly (readonly [string, Verify])[]) {
  for (const alg of ['RS256', 'PS256']) {
    verifies('ATK-19', `${alg}: where node:crypto ${name}, WebCrypto serves`, async () => {
      stubVerify(verify)
      const { idp, verdict } = await createScene(alg)
      const token = await idp.token()
      expect(await verdict(token)).toBe('authenticated')
      expect(await verdict(`${token.slice(0, -8)}AAAAAAAA`)).toBe('ERR_TOKEN_SIGNATURE')
    })
  }
}

verifies('ATK-19', 'a key that nothing can check is unusable, and told; others serve', async () => {
  stubVerify(fails)
  const { verify } = crypto.subtle
  vi.spyOn(crypto.subtle, 'verify').mockImplementation((algorithm, ...rest) => {
    const name = typeof algorithm === 'string' ? algorithm : algorithm.name
    if (name.startsWith('RSA')) return Promise.reject(new Error('not implemented'))
    return verify.call(crypto.subtle, algorithm, ...rest)
  })
  const { idp, verdict, events } = await createScene()
  const token = await idp.token()
  expect(await verdict(token)).toBe('ERR_KEYS_UNAVAILABLE')
  expect(JSON.stringify(events)).toContain('nothing here can check its signatures')
  const both = await createScene('ES256')
  both.idp.keys.push(await fakeKey('key-2', 'RS256'))
  expect(await both.verdict(await both.idp.token())).toBe('authenticated')
  expect(JSON.stringify(both.events)).toContain('nothing here can check its signatures')
})

verifies(
  'ATK-19',
  'what throws for one token is 401 with its reason, and the next is served',
  async () => {
    let isBroken = false
    stubVerify((...args) => {
      if (isBroken) throw new Error('of one token')
      return (nodeCrypto.verify as unknown as Verify)(...args)
    })
    const { idp, verdict, events } = await createScene()
    const [token, other] = [await idp.token(), await idp.token({ claims: { sub: 'user-2' } })]
    expect(await verdict(token)).toBe('authenticated')
    isBroken = true
    expect(await verdict(other)).toBe('ERR_TOKEN_SIGNATURE')
    expect(events.at(-1)).toMatchObject({
      type: 'request.denied',
      status: 401,
      reason: 'the runtime failed to check the signature',
    })
    isBroken = false
    expect(await verdict(other)).toBe('authenticated')
  },
)

for (const alg of SIGNATURE_ALGORITHMS) {
  verifies('ATK-19', `${alg}: what Node has passes its own test`, async () => {
    const { jwk } = await fakeKey(`self-test ${alg}`, alg === 'EdDSA' ? 'Ed25519' : alg)
    for (const hasNodeCrypto of [true, false]) {
      if (!hasNodeCrypto) stubVerify(fails)
      const key = await createSigningKey(jwk, [alg])
      expect(key).toMatchObject({ kid: `self-test ${alg}` })
      expect(typeof key === 'object' && key.fits(alg)).toBe(true)
    }
  })
}
