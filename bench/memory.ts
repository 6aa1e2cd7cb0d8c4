/** Bytes that a remembered token costs. Run with --expose-gc. */
import { createResourceServer } from 'mcp-gatehouse'
import { generateKeyPair, exportJWK, SignJWT } from 'jose'
import { ISSUER, RESOURCE } from './tokens.js'

const COUNT = 20_000

function heap(): number {
  for (let i = 0; i < 4; i++) globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

/** Average over many tokens that differ as real ones do: subject, client, times, id. */
export async function bytesPerRememberedToken(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc')
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] }
  const resourceServer = createResourceServer({
    resource: RESOURCE,
    authorizationServers: { issuer: ISSUER, jwks },
    rememberedTokens: COUNT,
  })
  const at = Math.floor(Date.now() / 1000)
  const feed = async (i: number) => {
    const token = await new SignJWT({
      iss: ISSUER,
      aud: RESOURCE,
      sub: crypto.randomUUID(),
      client_id: `client-${i % 50}`,
      scope: 'mcp:tools mcp:read',
      iat: at,
      exp: at + 3600 + i,
      jti: crypto.randomUUID(),
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'k', typ: 'at+jwt' })
      .sign(privateKey)
    const { outcome } = await resourceServer.authenticate({ authorization: `Bearer ${token}` })
    if (outcome !== 'authenticated') throw new Error(outcome)
  }
  for (let i = 0; i < 1000; i++) await feed(i)
  const before = heap()
  for (let i = 1000; i < COUNT; i++) await feed(i)
  return (heap() - before) / (COUNT - 1000)
}

if (process.argv[1]?.endsWith('memory.ts') === true) {
  process.stdout.write(`${(await bytesPerRememberedToken()).toFixed(0)}\n`)
}
