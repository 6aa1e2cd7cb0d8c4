/**
 * An authorization server in the test's own process: real keys, real documents, and every way to fail.
 * It is reached through the `fetch` that it hands out, which counts.
 */
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTPayload } from 'jose'

export const RESOURCE = 'https://mcp.example.com/mcp'
export const ISSUER = 'https://sso.example.com/realms/mcp'

type Responder = (url: string) => Response | Promise<Response>

export interface FakeKey {
  readonly kid: string | undefined
  readonly alg: string
  readonly jwk: JWK
  readonly privateKey: CryptoKey
}

/** Making RSA keys takes a while, so tests of one file share these. */
const pool = new Map<string, Promise<FakeKey>>()

/** A key pair. The same `name` and `alg` give the same key. `kid: null` makes one without. */
export function fakeKey(
  name = 'key-1',
  alg = 'ES256',
  kid: string | null = name,
): Promise<FakeKey> {
  const id = `${name} ${alg} ${kid}`
  let key = pool.get(id)
  if (key === undefined) {
    key = generateKeyPair(alg, { extractable: true }).then(async ({ publicKey, privateKey }) => ({
      kid: kid ?? undefined,
      alg,
      jwk: { ...(await exportJWK(publicKey)), alg, use: 'sig', ...(kid !== null && { kid }) },
      privateKey,
    }))
    pool.set(id, key)
  }
  return key
}

export interface TokenSpec {
  /** Merged over the defaults; `undefined` takes a claim away. */
  readonly claims?: JWTPayload
  /** Merged over alg, kid and `typ: at+jwt`; `undefined` takes a member away. */
  readonly header?: Record<string, unknown>
  readonly key?: FakeKey
}

export class FakeIdp {
  readonly issuer: string
  jwksUri: string
  /** The first signs. */
  keys: FakeKey[] = []
  /** Replaces the keys of the document, for odd ones. */
  publishedKeys: unknown[] | undefined
  /** Answers instead of us while set. */
  fault: Responder | undefined
  /** Members over those of the metadata. */
  metadata: Record<string, unknown> = {}
  /** Further headers of the key set. */
  jwksHeaders: Record<string, string> = {}
  /** The one well-known form that is served. */
  metadataUrl: string
  /** Every URL asked for. */
  readonly requests: string[] = []
  /** Milliseconds since 1970; the default is the real time. */
  now: () => number = Date.now

  constructor(issuer: string = ISSUER) {
    this.issuer = issuer
    const base = issuer.replace(/\/$/, '')
    this.jwksUri = `${base}/keys`
    this.metadataUrl = `${base}/.well-known/openid-configuration`
  }

  /** With one ES256 key. */
  static async start(issuer: string = ISSUER, alg = 'ES256'): Promise<FakeIdp> {
    const idp = new FakeIdp(issuer)
    idp.keys = [await fakeKey('key-1', alg)]
    return idp
  }

  get key(): FakeKey {
    const [key] = this.keys
    if (key === undefined) throw new Error('this IdP has no key')
    return key
  }

  get jwks(): { keys: unknown[] } {
    return { keys: this.publishedKeys ?? this.keys.map(({ jwk }) => jwk) }
  }

  /** How often the keys were fetched. */
  get jwksFetches(): number {
    return this.requests.filter((url) => url === this.jwksUri).length
  }

  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input)
    this.requests.push(url)
    init?.signal?.throwIfAborted()
    // As a network does: the answer comes in another turn of the loop.
    await new Promise((resolve) => setImmediate(resolve))
    if (this.fault !== undefined) {
      return Promise.race([
        this.fault(url),
        new Promise<never>((_, reject) => {
          init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
        }),
      ])
    }
    if (url === this.metadataUrl) {
      return Response.json({ issuer: this.issuer, jwks_uri: this.jwksUri, ...this.metadata })
    }
    if (url === this.jwksUri) return Response.json(this.jwks, { headers: this.jwksHeaders })
    return new Response('<h1>Not found</h1>', {
      status: 404,
      headers: { 'content-type': 'text/html' },
    })
  }

  /** A token that is right in everything, except for what the spec says. */
  async token({ claims = {}, header = {}, key = this.key }: TokenSpec = {}): Promise<string> {
    const at = Math.floor(this.now() / 1000)
    const payload = {
      iss: this.issuer,
      sub: 'user-1',
      aud: RESOURCE,
      client_id: 'client-1',
      scope: 'mcp:tools',
      iat: at,
      exp: at + 300,
      jti: 'id-1',
      ...claims,
    }
    const protectedHeader = { alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header }
    return new SignJWT(withoutUndefined(payload))
      .setProtectedHeader(withoutUndefined(protectedHeader) as { alg: string })
      .sign(key.privateKey, { crit: { exp: true, x: true, b64: true } })
  }
}

function withoutUndefined<T extends object>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}
