/** Tokens and the keys to check them by, shared by all benchmarks. */
import { exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose'

export const RESOURCE = 'https://mcp.example.com/mcp'
export const ISSUER = 'https://sso.example.com'

export interface Minted {
  readonly tokens: string[]
  readonly jwks: { keys: JWK[] }
}

export async function mint(count: number): Promise<Minted> {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const jwks = {
    keys: [{ ...(await exportJWK(publicKey)), kid: 'key-1', alg: 'RS256', use: 'sig' }],
  }
  const at = Math.floor(Date.now() / 1000)
  const make = (i: number) =>
    new SignJWT({ scope: 'mcp:tools', client_id: 'client-1', jti: `token-${i}` })
      .setProtectedHeader({ alg: 'RS256', kid: 'key-1', typ: 'at+jwt' })
      .setIssuer(ISSUER)
      .setAudience(RESOURCE)
      .setSubject(`user-${i}`)
      .setIssuedAt(at)
      .setNotBefore(at)
      .setExpirationTime(at + 7200)
      .sign(privateKey)
  const tokens: string[] = []
  while (tokens.length < count) {
    const batch = Array.from({ length: 200 }, (_, i) => make(tokens.length + i))
    tokens.push(...(await Promise.all(batch)))
  }
  return { tokens, jwks }
}
