/**
 * The client's side: the MCP SDK's own client, unchanged. What is ours is where it keeps its tokens
 * and how it opens a browser.
 */
import {
  UnauthorizedError,
  type OAuthClientProvider,
} from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js'
import { visit, type Visit } from './browser.js'
import type { Recorder } from './recorder.js'

/** Where a login leads back to, and who takes it there. */
export interface Browser {
  readonly redirectUrl: string
  visit(authorizationUrl: URL): Promise<Visit>
}

/** The one that fills in forms by itself. */
function scriptedBrowser(user: string): Browser {
  return {
    // No listener is needed there: it hands the URL back.
    redirectUrl: 'http://127.0.0.1:9/callback',
    visit: (authorizationUrl) => visit(authorizationUrl, user),
  }
}

/** Keeps everything in memory. */
export class MemoryProvider implements OAuthClientProvider {
  readonly redirectUrl: string
  readonly clientMetadata: OAuthClientMetadata
  /** Every login that was started: the request and where it led. */
  readonly logins: (Visit & { readonly authorizationUrl: URL })[] = []
  readonly #browser: Browser
  #client: OAuthClientInformationMixed | undefined
  #tokens: OAuthTokens | undefined
  #verifier = ''
  #state = ''

  /** @param browser that of a person, or the name of a user that the scripted one types */
  constructor(browser: Browser | string = 'alice') {
    this.#browser = typeof browser === 'string' ? scriptedBrowser(browser) : browser
    this.redirectUrl = this.#browser.redirectUrl
    this.clientMetadata = {
      client_name: 'mcp-gatehouse demo client',
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    }
  }

  state(): string {
    this.#state = crypto.randomUUID()
    return this.#state
  }
  clientInformation(): OAuthClientInformationMixed | undefined {
    return this.#client
  }
  saveClientInformation(client: OAuthClientInformationMixed | undefined): void {
    this.#client = client
  }
  tokens(): OAuthTokens | undefined {
    return this.#tokens
  }
  saveTokens(tokens: OAuthTokens): void {
    this.#tokens = tokens
  }
  codeVerifier(): string {
    return this.#verifier
  }
  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier
  }
  async redirectToAuthorization(authorizationUrl: URL): Promise<void> {
    const visited = await this.#browser.visit(authorizationUrl)
    this.logins.push({ ...visited, authorizationUrl })
  }

  /** The answer to the last login, as the redirect carries it. */
  callback(): URLSearchParams {
    const parameters = this.logins.at(-1)?.callback.searchParams
    // A client that skips this comparison can be handed somebody else's code.
    if (parameters?.get('state') !== this.#state) throw new Error('this is not our login')
    return parameters
  }
}

/** Connects; where the server asks for it, after a login. */
export async function connect(
  url: string,
  provider: MemoryProvider,
  recorder: Recorder,
): Promise<Client> {
  const attempt = async (): Promise<Client | undefined> => {
    const transport = new StreamableHTTPClientTransport(new URL(url), {
      authProvider: provider,
      fetch: recorder.fetch,
    })
    const client = new Client({ name: 'demo-client', version: '1.0.0' })
    try {
      await client.connect(transport)
      return client
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error
      await transport.finishAuth(provider.callback().get('code') ?? '')
      return undefined
    }
  }
  // A transport that was refused cannot be used again.
  const client = (await attempt()) ?? (await attempt())
  if (client === undefined) throw new UnauthorizedError('still refused after the login')
  return client
}
