/** One identity provider of the table and a resource server before it: set up by options, or by typing flags. */
import { SignJWT } from 'jose'
import {
  createResourceServer,
  type Decision,
  type ResourceServerEvent,
  type ResourceServerOptions,
} from 'mcp-gatehouse'
import { readAuthFlags } from 'mcp-gatehouse/flags'
import { createTokenIntrospector } from 'mcp-gatehouse/introspect'
import { FakeIdp, fakeKey, RESOURCE } from '../support/idp.js'
import type { Change, Members, Row, Settings } from './row.js'

const SECRET = 'secret of our client'

function merged<T extends object>(...parts: readonly (T | undefined)[]): T {
  // As JSON writes it: what is undefined is away.
  return JSON.parse(JSON.stringify(Object.assign({}, ...parts))) as T
}

/** The row with a change in it. */
function changed(
  row: Row,
  change: Change,
): Required<Omit<Change, 'answer' | 'token'>> & Pick<Change, 'answer' | 'token'> {
  const token = 'token' in change ? change.token : row.token
  return {
    issuer: change.issuer ?? row.issuer,
    settings: merged(row.settings, change.settings),
    header: merged(row.header, change.header),
    // Claims of a change are what the token says, `iss` and times included.
    claims: { ...row.claims, ...change.claims },
    ...(token !== undefined && { token }),
    ...((change.answer ?? row.answer) !== undefined && { answer: change.answer ?? row.answer }),
  }
}

function optionsOf(issuer: string, settings: Settings): ResourceServerOptions {
  const { clientId, introspectionUrl, tokenPrefix, ...rest } = settings
  return {
    ...(merged(rest) as Partial<ResourceServerOptions>),
    resource: RESOURCE,
    authorizationServers: {
      issuer,
      ...(tokenPrefix !== undefined && { tokenPrefix }),
      ...(clientId !== undefined && {
        introspector: (world) =>
          createTokenIntrospector({
            ...world,
            clientId,
            clientSecret: SECRET,
            ...(introspectionUrl !== undefined && { introspectionUrl }),
          }),
      }),
    },
  }
}

/** What a guide tells people to type. */
function flagsOf(issuer: string, settings: Settings): readonly string[] {
  const flags: readonly (readonly [string, string | true | readonly string[] | undefined])[] = [
    ['audience', settings.audience],
    ['scopes', settings.scopes],
    ['scope-claim', settings.scopeClaims],
    ['audience-claim', settings.audienceClaim],
    ['require-type', settings.requireType],
    ['accept-id-token-claims', settings.acceptIdTokenClaims],
    ['validation', settings.validation],
    ['token-prefix', settings.tokenPrefix],
    ['client-id', settings.clientId],
    ['introspection-url', settings.introspectionUrl],
  ]
  return [
    ...['--auth', 'oauth', '--resource', RESOURCE, '--oauth-issuer', issuer],
    ...flags.flatMap(([name, value]) => {
      if (value === undefined) return []
      const flag = `--oauth-${name}`
      return value === true ? [flag] : [value].flat().flatMap((each) => [flag, each])
    }),
  ]
}

function optionsOfFlags(issuer: string, settings: Settings): ResourceServerOptions {
  const env = settings.clientId === undefined ? {} : { MCP_GATEHOUSE_OAUTH_CLIENT_SECRET: SECRET }
  const result = readAuthFlags({ argv: flagsOf(issuer, settings), env })
  if (result.auth !== 'oauth') throw new Error(JSON.stringify(result))
  return result.options
}

export const WAYS = { options: optionsOf, flags: optionsOfFlags } as const

export interface Outcome {
  readonly decision: Decision
  readonly events: readonly ResourceServerEvent[]
  /** Every URL that was asked for. */
  readonly requests: readonly string[]
}

async function mint(header: Members, claims: Members, idp: FakeIdp): Promise<string> {
  const at = Math.floor(Date.now() / 1000)
  const payload = merged({ iss: idp.issuer, iat: at, exp: at + 300, ...claims })
  const alg = String(header['alg'])
  const key = alg.startsWith('HS') ? new Uint8Array(64).fill(7) : idp.key.privateKey
  const kid = alg.startsWith('HS') ? 'shared' : idp.key.kid
  return new SignJWT(payload)
    .setProtectedHeader({ ...header, alg, ...(kid !== undefined && { kid }) })
    .sign(key)
}

/** Options of a resource server before the provider of a row, and a token of it. */
export interface Prepared {
  readonly options: ResourceServerOptions
  readonly token: string
  /** Every URL that was asked for. */
  readonly requests: readonly string[]
}

/** Sets up a resource server in this way for a row, or for a near miss of it. */
export async function prepare(
  row: Row,
  change: Change,
  way: keyof typeof WAYS = 'options',
): Promise<Prepared> {
  const { issuer, settings, header, claims, token, answer } = changed(row, change)
  const idp = new FakeIdp(row.issuer)
  const { alg = 'RS256' } = row.header
  idp.keys = [await fakeKey('idps', String(alg))]
  if (row.jwksUri !== undefined) idp.jwksUri = row.jwksUri
  if (row.metadataUrl !== undefined) idp.metadataUrl = row.metadataUrl
  idp.metadata = { ...row.metadata }
  const endpoint = settings.introspectionUrl ?? row.metadata?.['introspection_endpoint']
  return {
    options: {
      ...WAYS[way](issuer, settings),
      fetch: async (input, init) => {
        if (String(input) !== endpoint) return idp.fetch(input as string, init)
        idp.requests.push(String(input))
        return Response.json({ ...answer })
      },
    },
    token: token ?? (await mint(header, claims, idp)),
    requests: idp.requests,
  }
}

/** Shows a token of this row, or of a near miss, to a resource server that is set up in this way. */
export async function show(row: Row, change: Change, way: keyof typeof WAYS): Promise<Outcome> {
  const { options, token, requests } = await prepare(row, change, way)
  const events: ResourceServerEvent[] = []
  const resourceServer = createResourceServer({
    ...options,
    onEvent: (event) => events.push(event),
  })
  const decision = await resourceServer.authenticate({ authorization: `Bearer ${token}` })
  return { decision, events, requests }
}
