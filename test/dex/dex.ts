/** One running Dex: its configuration is a file, and what it remembers ends with it. */
import { createTokenIntrospector, type TokenIntrospectorOptions } from 'mcp-gatehouse/introspect'
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import { Child, freePort } from '../clients/child.js'
import { loginByCode, refresh, type Tokens } from '../keycloak/mint.js'
import { writeTemporary } from '../support/cli.js'
import { BINARY } from './binary.js'

/** Where users log in: public, as clients of MCP are. */
export const CLIENT = 'mcp-client'
/** Of the client that is named like the resource. */
const SECRET = 'secret'

const REDIRECT_URI = 'http://127.0.0.1:9/callback'
/** Of `alice`: the scripted browser's password is the name. Dex takes no cost below 10. */
const PASSWORD_HASH = '$2a$10$8V.es6uzWq7MPxJSqFXxNefqIu3lKeDcgzt9nlgtDog1CFqbuuRlm'

/** The settings that its access tokens need: they look like ID tokens, and have no scopes. */
export const SETTINGS = { scopes: [], acceptIdTokenClaims: true } as const

/** What makes Dex write a client into `aud`. */
export function audienceScope(audience: string): string {
  return `audience:server:client_id:${audience}`
}

export class Dex {
  readonly issuer: string
  readonly resource: string
  /** Another resource whose clients are the same. */
  readonly sibling: string
  readonly #port: number
  readonly #config: string
  #child: Child | undefined

  private constructor(port: number, resource: string) {
    this.#port = port
    this.resource = resource
    this.sibling = `${resource}2`
    this.issuer = `http://127.0.0.1:${port}/dex`
    // JSON is YAML.
    this.#config = writeTemporary('dex.json', JSON.stringify(this.#configuration()))
  }

  static async start(): Promise<Dex> {
    const dex = new Dex(await freePort(), `http://127.0.0.1:${await freePort()}/mcp`)
    await dex.start()
    return dex
  }

  #configuration(): object {
    const server = { name: 'server', secret: SECRET, redirectURIs: [] }
    return {
      issuer: this.issuer,
      storage: { type: 'memory' },
      web: { http: `127.0.0.1:${this.#port}` },
      oauth2: { skipApprovalScreen: true },
      expiry: { idTokens: '5m' },
      enablePasswordDB: true,
      staticPasswords: [{ email: 'alice', hash: PASSWORD_HASH, username: 'alice', userID: '1' }],
      staticClients: [
        { id: CLIENT, name: 'client', public: true, redirectURIs: [REDIRECT_URI] },
        { id: 'stranger', name: 'stranger', public: true, redirectURIs: [REDIRECT_URI] },
        { ...server, id: this.resource, trustedPeers: [CLIENT] },
        { ...server, id: this.sibling, trustedPeers: [CLIENT] },
      ],
    }
  }

  /** Returns when it can be used. Of an earlier start nothing is left. */
  async start(): Promise<void> {
    this.#child = new Child(BINARY, ['serve', this.#config])
    await this.#child.listens(this.#port)
  }

  async stop(): Promise<void> {
    await this.#child?.stop()
  }

  /** Code and PKCE through the login page. Default: the scope that names the resource. */
  login({
    scope = audienceScope(this.resource),
    ...login
  }: {
    readonly clientId?: string
    readonly scope?: string
    readonly resource?: string
  } = {}): Promise<Tokens> {
    return loginByCode(this, {
      clientId: CLIENT,
      redirectUri: REDIRECT_URI,
      // Without openid it takes no request, and without offline_access there is no refresh token.
      scope: `openid offline_access ${scope}`,
      ...login,
    })
  }

  refresh(tokens: Tokens): Promise<Tokens> {
    return refresh({ protocol: this.issuer }, { clientId: CLIENT }, tokens)
  }

  /** Settings of a gateway that asks about every token; as the client named like the resource, unless told otherwise. */
  introspection(given: Partial<TokenIntrospectorOptions> = {}): Partial<GatewayOptions> {
    return {
      ...SETTINGS,
      authorizationServers: {
        issuer: this.issuer,
        validation: 'introspection',
        introspector: (world) =>
          createTokenIntrospector({
            ...world,
            clientId: this.resource,
            clientSecret: SECRET,
            ...given,
          }),
      },
    }
  }
}
