/**
 * A login from the URL of an MCP server to an access token.
 *
 * @module
 */
import { parseHttpUrl, unlessAborted } from '../../base/http.js'
import { shownFile } from '../../config/named-file.js'
import { inOneLine } from '../policy/shown.js'
import type { LoginOptions } from './arguments.js'
import { findAuthorizationServer, type AuthorizationServer } from './authorization-server.js'
import { openBrowser, runHeadless } from './browser.js'
import { listenForCallback, type Callback } from './callback.js'
import { Interrupted, CommandFault } from '../command-fault.js'
import { Grants, RefreshRefused, type Tokens } from './grants.js'
import type { CommandIo } from '../command-io.js'
import type { Network } from './network.js'
import { clientByDocument, registerClient, type Client } from './registration.js'
import { discoverResource, type Resource } from './resource.js'
import { readStored, writeStored, type StoredLogin } from './store.js'

/** What one login knows of its surroundings. */
interface Scene {
  readonly options: LoginOptions
  readonly network: Network
  readonly io: CommandIo
  readonly resource: Resource
  readonly server: AuthorizationServer
  readonly scopes: readonly string[]
  readonly stored: StoredLogin | undefined
}

/** A login that succeeded. */
interface Success {
  readonly tokens: Tokens
  readonly client: Client
  readonly redirectUri: string | undefined
}

function checkPkce(server: AuthorizationServer, { stderr }: CommandIo): void {
  const hasS256 = server.lists('code_challenge_methods_supported', 'S256')
  if (hasS256 === true) return
  if (hasS256 === false) {
    const hint = 'MCP clients use S256 and nothing else'
    throw new CommandFault(`${server.issuer} does not support PKCE with S256`, hint)
  }
  stderr(
    `warning: ${server.issuer} does not list code_challenge_methods_supported; ` +
      'some clients stop here (Claude Code, ChatGPT); this command goes on with S256\n',
  )
}

/** It asks for a refresh token only if `--store` keeps it. */
function scopesOf(
  { scopes, store }: LoginOptions,
  resource: Resource,
  server: AuthorizationServer,
) {
  const wanted = scopes ?? resource.scopes
  const isOffered = server.lists('scopes_supported', 'offline_access') === true
  const isMissing = store !== undefined && !wanted.includes('offline_access')
  return isOffered && isMissing ? [...wanted, 'offline_access'] : wanted
}

/** What `--store` has for this server. It goes only to the issuer that it came from. */
function usableStored(
  { url, store, register, clientId, clientMetadataUrl }: LoginOptions,
  server: AuthorizationServer,
  { stderr }: CommandIo,
): StoredLogin | undefined {
  const stored = store === undefined ? undefined : readStored(store)
  if (stored === undefined || store === undefined || register) return undefined
  if (stored.url !== url) {
    const hint = 'use one file for each server'
    throw new CommandFault(`${shownFile(store)} holds the login at ${stored.url}`, hint)
  }
  const wanted = clientId ?? clientMetadataUrl
  const isOther = wanted !== undefined && wanted !== stored.client.id
  if (stored.issuer === server.issuer && !isOther) return stored
  stderr(
    `the stored login is for another ${isOther ? 'client' : 'authorization server'}: log in again\n`,
  )
  return undefined
}

async function chooseClient(scene: Scene, redirectUri: string | undefined): Promise<Client> {
  const { options, network, io, server, scopes, stored } = scene
  const { clientId, clientSecret: secret, clientMetadataUrl } = options
  if (clientId !== undefined) {
    return { id: clientId, secret, authentication: undefined, idTokenAlgorithm: undefined }
  }
  if (clientMetadataUrl !== undefined) return clientByDocument(server, clientMetadataUrl)
  if (stored !== undefined && stored.redirectUri === redirectUri) return stored.client
  const client = await registerClient(server, { redirectUri, scopes }, network)
  io.stderr(`registered as ${inOneLine(client.id, 120)}\n`)
  return client
}

/** @returns `undefined` when only a new login helps */
async function refresh(scene: Scene): Promise<Success | undefined> {
  const { stored, options, server, resource, network, io } = scene
  if (stored === undefined) return undefined
  const { redirectUri, refreshToken } = stored
  const client = { ...stored.client, secret: options.clientSecret ?? stored.client.secret }
  const grants = await Grants.create(server, client, resource, network)
  try {
    const tokens = await grants.refresh(refreshToken)
    // Without rotation the old one stays good.
    const kept = tokens.refreshToken ?? refreshToken
    return { tokens: { ...tokens, refreshToken: kept }, client, redirectUri }
  } catch (error) {
    if (!(error instanceof RefreshRefused)) throw error
    io.stderr('the stored refresh token is no longer good: log in again\n')
    return undefined
  }
}

/** Waits for the person, until `--timeout` has passed or Ctrl-C is pressed. */
async function patiently<T>(
  { options, network }: Scene,
  hint: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const patience = AbortSignal.timeout(options.timeout)
  const signal = AbortSignal.any([network.signal, patience])
  try {
    return await unlessAborted(work(signal), signal)
  } catch (error) {
    if (network.signal.aborted) throw new Interrupted()
    if (!patience.aborted) throw error
    const seconds = options.timeout / 1000
    throw new CommandFault(`nobody logged in within ${seconds} s`, hint)
  }
}

function show({ options, io }: Scene, url: string, signal: AbortSignal): Promise<never>[] {
  if (options.way === 'headless') return [runHeadless(options.headless, url, signal)]
  io.stderr(`Log in here:\n\n  ${url}\n\n`)
  if (options.way === 'browser') {
    openBrowser(url, () => io.stderr('no browser could be opened: open the URL yourself\n'))
  }
  return []
}

async function byCode(scene: Scene, callback: Callback): Promise<Success> {
  const { server, resource, network, io, scopes } = scene
  const { redirectUri } = callback
  const client = await chooseClient(scene, redirectUri)
  const grants = await Grants.create(server, client, resource, network)
  const attempt = await grants.begin(redirectUri, scopes)
  io.stderr(`client ${inOneLine(client.id, 120)}, redirect URI ${redirectUri}\n`)
  const hint =
    'if there was an error page about the redirect URI, allow the one above at the identity provider; --timeout 15m waits longer'
  const returned = await patiently(scene, hint, (signal) =>
    Promise.race([
      callback.returned(attempt.state, () =>
        io.stderr('a request to the redirect URI with another state was ignored\n'),
      ),
      ...show(scene, attempt.url.href, signal),
    ]),
  )
  return { tokens: await grants.exchange(returned, attempt), client, redirectUri }
}

async function byDevice(scene: Scene): Promise<Success> {
  const { server, resource, network, io, scopes } = scene
  const client = await chooseClient(scene, undefined)
  const grants = await Grants.create(server, client, resource, network)
  const { verificationUri, userCode, expiresIn, poll } = await grants.beginDevice(scopes)
  const page = parseHttpUrl(verificationUri)
  if (page === undefined) {
    const hint = 'its administrator must correct its metadata'
    throw new CommandFault(`${server.issuer} names no page to enter the code`, hint)
  }
  io.stderr(`Open this page on any device, and enter the code:\n\n`)
  io.stderr(`  ${page.href}\n  ${inOneLine(userCode, 40)}\n\n`)
  io.stderr(`The code is valid for ${expiresIn} s.\n`)
  const hint = 'start again, because the code has expired; --timeout 15m waits longer'
  return { tokens: await patiently(scene, hint, poll), client, redirectUri: undefined }
}

/** The port of the stored client's redirect URI: many providers compare it exactly. */
function portOf({ options, stored }: Scene): number {
  if (options.redirectPort !== 0 || stored?.redirectUri === undefined) return options.redirectPort
  return Number(new URL(stored.redirectUri).port)
}

async function logInAnew(scene: Scene): Promise<Success> {
  if (scene.options.way === 'device') return byDevice(scene)
  const callback = await listenForCallback(portOf(scene))
  try {
    return await byCode(scene, callback)
  } finally {
    callback.close()
  }
}

function keep({ options, server, io }: Scene, { tokens, client, redirectUri }: Success): void {
  const { store, url, clientId } = options
  if (store === undefined) return
  const { refreshToken } = tokens
  if (refreshToken === undefined) {
    io.stderr(
      'the authorization server issued no refresh token, so nothing was stored ' +
        '(allow this client refresh tokens, or the scope offline_access)\n',
    )
    return
  }
  const { issuer } = server
  // A secret from a file of its own is not stored again.
  const stored = clientId === undefined ? client : { ...client, secret: undefined }
  writeStored(store, { url, issuer, client: stored, redirectUri, refreshToken })
  io.stderr(`the refresh token is in ${shownFile(store)}\n`)
}

/**
 * Logs in, or refreshes the stored login.
 *
 * @throws {CommandFault}
 */
export async function logIn(
  options: LoginOptions,
  network: Network,
  io: CommandIo,
): Promise<Tokens> {
  const resource = await discoverResource(options.url, network)
  const server = await findAuthorizationServer(resource.issuer, network)
  io.stderr(`resource ${resource.identifier}, authorization server ${server.issuer}\n`)
  if (options.way !== 'device') checkPkce(server, io)
  const scopes = scopesOf(options, resource, server)
  const stored = usableStored(options, server, io)
  const scene: Scene = { options, network, io, resource, server, scopes, stored }
  const success = (await refresh(scene)) ?? (await logInAnew(scene))
  keep(scene, success)
  const { scope, expiresIn } = success.tokens
  const granted = scope === undefined ? '' : ` with the scopes ${inOneLine(scope, 200)}`
  const lifetime = expiresIn === undefined ? '' : `, for ${expiresIn} s`
  io.stderr(`logged in${granted}${lifetime}\n`)
  return success.tokens
}
