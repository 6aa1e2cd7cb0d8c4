/** What an administrator does in the console, by the API that the console uses. */

/** The members of a client's representation that tests set. */
export interface ClientSpec {
  readonly clientId?: string
  readonly publicClient?: boolean
  readonly standardFlowEnabled?: boolean
  readonly directAccessGrantsEnabled?: boolean
  readonly serviceAccountsEnabled?: boolean
  readonly redirectUris?: readonly string[]
  readonly defaultClientScopes?: readonly string[]
  readonly optionalClientScopes?: readonly string[]
  readonly attributes?: Readonly<Record<string, string>>
}

export interface Client {
  /** The one in the API's URLs. */
  readonly id: string
  readonly clientId: string
  /** Of a confidential client, as Keycloak chose it. */
  readonly secret?: string
}

/** One event of a realm. */
export interface KeptEvent {
  readonly time: number
  readonly type: string
  readonly clientId?: string
  readonly details?: Readonly<Record<string, string>>
}

/** The algorithms that a provider of keys can make keys for, by the provider's name. */
const KEY_PROVIDERS = { RS256: 'rsa-generated', ES256: 'ecdsa-generated' } as const

const KEY_PROVIDER = 'org.keycloak.keys.KeyProvider'
/** The token of the administrator lives for a minute. */
const TOKEN_AGE = 30_000

export class Admin {
  readonly #origin: string
  readonly #realm: string
  #token = ''
  #tokenAt = 0

  constructor(origin: string, realm = 'mcp') {
    this.#origin = origin
    this.#realm = realm
  }

  /** Makes the realm as the console does, with all that Keycloak gives a new one. */
  async createRealm(): Promise<void> {
    await this.#send('POST', '', { realm: this.#realm, enabled: true })
  }

  /** @param path below the realm's */
  request(method: string, path: string, body?: unknown): Promise<unknown> {
    return this.#send(method, `/${this.#realm}${path}`, body)
  }

  async #send(method: string, path: string, body?: unknown): Promise<unknown> {
    const url = `${this.#origin}/admin/realms${path}`
    const answer = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${await this.#authenticate()}`,
        'content-type': 'application/json',
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text === '' ? answer.headers.get('location')?.split('/').at(-1) : JSON.parse(text)
  }

  async #authenticate(): Promise<string> {
    if (Date.now() - this.#tokenAt > TOKEN_AGE) {
      const url = `${this.#origin}/realms/master/protocol/openid-connect/token`
      const body = new URLSearchParams({
        grant_type: 'password',
        client_id: 'admin-cli',
        username: 'admin',
        password: 'admin',
      })
      const answer = (await (await fetch(url, { method: 'POST', body })).json()) as {
        access_token: string
      }
      this.#token = answer.access_token
      this.#tokenAt = Date.now()
    }
    return this.#token
  }

  /** With the default client scopes of the realm, unless told otherwise. */
  async createClient(spec: ClientSpec = {}): Promise<Client> {
    const clientId = spec.clientId ?? `test-${crypto.randomUUID()}`
    const id = (await this.request('POST', '/clients', {
      publicClient: true,
      redirectUris: ['http://127.0.0.1/callback'],
      directAccessGrantsEnabled: true,
      ...spec,
      clientId,
    })) as string
    return (await this.request('GET', `/clients/${id}`)) as Client
  }

  async findClient(clientId: string): Promise<Client> {
    const [client] = (await this.request(
      'GET',
      `/clients?clientId=${encodeURIComponent(clientId)}`,
    )) as Client[]
    if (client === undefined) throw new Error(`no client ${clientId}`)
    return client
  }

  /** Changes some members; attributes are merged. */
  async updateClient({ id }: Client, change: Record<string, unknown>): Promise<void> {
    const before = (await this.request('GET', `/clients/${id}`)) as Record<string, unknown>
    await this.request('PUT', `/clients/${id}`, { ...before, ...change })
  }

  async disableClient(client: Client): Promise<void> {
    await this.updateClient(client, { enabled: false })
  }

  async findUser(username: string): Promise<string> {
    const users = (await this.request('GET', `/users?exact=true&username=${username}`)) as {
      readonly id: string
    }[]
    const [user] = users
    if (user === undefined) throw new Error(`no user ${username}`)
    return user.id
  }

  /** Shown in `scope`, and tied to nothing. */
  async createScope(name: string): Promise<string> {
    return (await this.request('POST', '/client-scopes', {
      name,
      protocol: 'openid-connect',
      attributes: { 'include.in.token.scope': 'true' },
    })) as string
  }

  /** Lets a client that exists ask for a scope, or all that will be registered without naming scopes. */
  async allowScope(scope: string, client: Client | 'new ones'): Promise<void> {
    const below = client === 'new ones' ? '/default' : `/clients/${client.id}/`
    const path = client === 'new ones' ? '-optional-client-scopes' : 'optional-client-scopes'
    await this.request('PUT', `${below}${path}/${scope}`)
  }

  /** A role of the realm, and who has it. */
  async createRole(name: string, usernames: readonly string[]): Promise<void> {
    await this.request('POST', '/roles', { name })
    const role = await this.request('GET', `/roles/${name}`)
    for (const username of usernames) {
      const user = await this.findUser(username)
      await this.request('POST', `/users/${user}/role-mappings/realm`, [role])
    }
  }

  /** Writes down from now on what happens: `LOGIN`, `CODE_TO_TOKEN`, `REFRESH_TOKEN`, and their errors. */
  async keepEvents(): Promise<void> {
    const enabledEventTypes = ['LOGIN', 'CODE_TO_TOKEN', 'REFRESH_TOKEN', 'CLIENT_REGISTER']
    await this.request('PUT', '/events/config', {
      eventsEnabled: true,
      enabledEventTypes: enabledEventTypes.flatMap((type) => [type, `${type}_ERROR`]),
    })
  }

  /** What was written down since the last time, in its order. */
  async takeEvents(): Promise<readonly KeptEvent[]> {
    const events = (await this.request('GET', '/events?max=200')) as KeptEvent[]
    await this.request('DELETE', '/events')
    return events.sort((one, other) => one.time - other.time)
  }

  /** Ends every session of a user. */
  async logoutUser(username: string): Promise<void> {
    await this.request('POST', `/users/${await this.findUser(username)}/logout`)
  }

  /** Ends one session: `sid` of a token. */
  async deleteSession(sid: string, { isOffline = false } = {}): Promise<void> {
    await this.request('DELETE', `/sessions/${sid}?isOffline=${isOffline}`)
  }

  /** Makes a key that signs from now on when its priority is the highest. */
  async addKey(priority: number, algorithm: keyof typeof KEY_PROVIDERS = 'RS256'): Promise<string> {
    const realm = (await this.request('GET', '')) as { readonly id: string }
    return (await this.request('POST', '/components', {
      name: `key-${priority}`,
      providerId: KEY_PROVIDERS[algorithm],
      providerType: KEY_PROVIDER,
      parentId: realm.id,
      config: { priority: [String(priority)], active: ['true'], enabled: ['true'] },
    })) as string
  }

  /** The provider of the key that signs with this algorithm at present. */
  async activeKey(
    algorithm = 'RS256',
  ): Promise<{ readonly kid: string; readonly provider: string }> {
    const { keys, active } = (await this.request('GET', '/keys')) as {
      readonly active: Readonly<Record<string, string>>
      readonly keys: readonly { readonly kid: string; readonly providerId: string }[]
    }
    const key = keys.find(({ kid }) => kid === active[algorithm])
    if (key === undefined) throw new Error(`no active key for ${algorithm}`)
    return { kid: key.kid, provider: key.providerId }
  }

  /** `active: false` keeps it published, `enabled: false` takes it away. */
  async setKey(
    provider: string,
    change: Partial<Record<'active' | 'enabled', boolean>>,
  ): Promise<void> {
    const component = (await this.request('GET', `/components/${provider}`)) as {
      readonly config: Record<string, string[]>
    }
    const config = { ...component.config }
    for (const [name, value] of Object.entries(change)) config[name] = [String(value)]
    await this.request('PUT', `/components/${provider}`, { ...component, config })
  }
}
