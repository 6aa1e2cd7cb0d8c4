/**
 * The arguments of `clients register`.
 *
 * @module
 */
import {
  PROVIDER_REGISTRATIONS,
  type NewClient,
  type ProviderRegistration,
} from '../../../advice/client-registration.js'
import { isLoopbackHost, parseHttpUrl } from '../../../base/http.js'
import type { ConfigurationProblem } from '../../../errors.js'
import { flagOf } from '../../../config/names.js'
import type { GivenValues, Setting } from '../../../config/setting.js'
import { didYouMean } from '../../../config/sources.js'
import {
  collectArguments,
  gatewayFlags,
  ownFlag,
  textFlag,
  type ArgumentShape,
} from '../../arguments.js'
import { KNOWN_CLIENTS, knownClient, redirectUrisOf } from '../page.js'

export const IDPS: readonly string[] = PROVIDER_REGISTRATIONS.map(({ name }) => name)

/** The providers that `--apply` works for. Tests run both. */
const APPLICABLE: readonly string[] = ['keycloak', 'oidc']

export const REGISTER_FLAGS: readonly Setting[] = [
  textFlag('idp', 'IDP', 'the identity provider', IDPS.join(', ')),
  textFlag('client', 'NAME', 'the MCP client', 'a name that mcp-gatehouse clients lists'),
  textFlag(
    'issuer',
    'URL',
    `the issuer, as in ${flagOf('oauth.issuer')}; not needed for entra`,
    'the issuer that the gateway trusts',
  ),
  ownFlag({
    path: 'redirectUri',
    kind: 'list',
    placeholder: 'URI',
    description: 'where a login may lead back to',
    default: 'those that the client is known to use',
    hint: 'a URI that the client uses',
  }),
  ownFlag({
    path: 'clientId',
    kind: 'text',
    placeholder: 'ID',
    description: 'the client id, if it can be chosen',
    default: 'the name of the client',
    hint: 'letters, digits and hyphens',
  }),
  ownFlag({
    path: 'scope',
    kind: 'words',
    placeholder: '"A B"',
    description: 'the scopes to register, for oidc',
    hint: 'in one argument: "mcp:read mcp:write"',
  }),
  ownFlag({
    path: 'apply',
    kind: 'toggle',
    placeholder: '',
    description: 'make the calls',
    default: 'off: print them',
    hint: 'give it without a value',
  }),
  textFlag(
    'adminTokenFile',
    'FILE',
    'the token for them; only its owner may read it',
    'a file that holds it and nothing else',
  ),
  ...gatewayFlags('caFile'),
]

const SHAPE: ArgumentShape = { names: [], flags: REGISTER_FLAGS }

export interface RegisterOptions {
  readonly provider: ProviderRegistration
  readonly client: NewClient
  readonly issuer: string
  readonly isApplied: boolean
  readonly adminTokenFile: string | undefined
  readonly caFile: string | undefined
}

/** Words in capitals, for what differs from one installation to the next. */
const PLACEHOLDER = /(?:^|[:/=])[A-Z]{2,}(?=$|[:/?])/

const WEB = /^https?:\/\/[^\s#]+$/
/** RFC 8252 §7.1: an app's own scheme. */
const APP = /^[a-z][a-z\d+.-]*:\/\/[^\s#]+$/

function isRedirectUri(uri: string): boolean {
  if (/^(?:javascript|data|file|vbscript|blob):/i.test(uri)) return false
  if (!WEB.test(uri)) return APP.test(uri)
  const url = parseHttpUrl(uri)
  return url !== undefined && (url.protocol === 'https:' || isLoopbackHost(url.hostname))
}

type Report = (path: string, message: string, hint: string) => void

function textOf(given: GivenValues, path: string): string | undefined {
  const value = given.get(path)?.value
  return typeof value === 'string' ? value : undefined
}

function readProvider(given: GivenValues, report: Report): ProviderRegistration | undefined {
  const name = textOf(given, 'idp')
  const provider = PROVIDER_REGISTRATIONS.find((each) => each.name === name)
  if (provider === undefined) {
    const hint = name === undefined ? IDPS.join(', ') : didYouMean(name, IDPS)
    report(
      flagOf('idp'),
      name === undefined ? 'is missing' : 'is not a known provider',
      hint.startsWith('see') ? IDPS.join(', ') : hint,
    )
  }
  return provider
}

function readClient(given: GivenValues, report: Report): NewClient | undefined {
  const name = textOf(given, 'client')
  const known = name === undefined ? undefined : knownClient(name)
  const names = KNOWN_CLIENTS.map(({ client }) => client.name)
  if (known === undefined) {
    const message = name === undefined ? 'is missing' : 'is not a known client'
    report(flagOf('client'), message, names.join(', '))
    return undefined
  }
  const own = given.get('redirectUri')?.value
  const redirectUris = typeof own === 'object' ? own : redirectUrisOf(known.client, known.setup)
  const scopes = given.get('scope')?.value
  if (redirectUris.length === 0 || redirectUris.some((uri) => PLACEHOLDER.test(uri))) {
    const hint = `it differs: ${redirectUris.join(', ') || 'not known'}`
    report(flagOf('redirectUri'), 'is missing', hint)
  } else if (!redirectUris.every(isRedirectUri)) {
    report(flagOf('redirectUri'), 'is not a redirect URI', 'https, or http on loopback')
  }
  const id = textOf(given, 'clientId') ?? known.client.name
  if (!/^[\w.~-]{1,100}$/.test(id)) {
    report(flagOf('clientId'), 'cannot be used', 'letters, digits and hyphens')
  }
  const title = `MCP: ${known.client.title}`
  return { id, title, redirectUris, scopes: typeof scopes === 'object' ? scopes : [] }
}

function readIssuer(
  given: GivenValues,
  provider: ProviderRegistration | undefined,
  report: Report,
): string {
  const issuer = textOf(given, 'issuer') ?? ''
  if (provider?.issuerFault === undefined) return issuer
  const url = parseHttpUrl(issuer)
  const isSafe = url?.protocol === 'https:' || (url !== undefined && isLoopbackHost(url.hostname))
  const fault =
    issuer === ''
      ? 'is missing'
      : isSafe && url.username === ''
        ? provider.issuerFault(issuer)
        : 'is not an https URL'
  if (fault !== undefined) {
    report(flagOf('issuer'), fault, 'as in --oauth-issuer: https://sso.example.com/realms/mcp')
  }
  return issuer
}

/** A list holds all problems. */
export function readRegister(
  argv: readonly string[],
): RegisterOptions | readonly ConfigurationProblem[] {
  const help = 'mcp-gatehouse clients register --help'
  const { given, problems } = collectArguments(SHAPE, argv, [], help)
  const all: ConfigurationProblem[] = [...problems]
  const report: Report = (path, message, hint) => void all.push({ path, message, hint })
  const provider = readProvider(given, report)
  const client = readClient(given, report)
  const issuer = readIssuer(given, provider, report)
  const isApplied = textOf(given, 'apply') === 'true'
  const adminTokenFile = textOf(given, 'adminTokenFile')
  if (isApplied && provider !== undefined && !APPLICABLE.includes(provider.name)) {
    const hint = `leave it out: the calls are printed; it works for ${APPLICABLE.join(' and ')}`
    report(flagOf('apply'), `does not work for ${provider.name}`, hint)
  }
  if (isApplied && provider?.name === 'keycloak' && adminTokenFile === undefined) {
    report(flagOf('adminTokenFile'), 'is missing', 'the token of an administrator in a file')
  }
  if (!isApplied && adminTokenFile !== undefined) {
    report(flagOf('adminTokenFile'), 'has no effect without --apply', 'add --apply')
  }
  if (all.length > 0 || provider === undefined || client === undefined) return all
  return { provider, client, issuer, isApplied, adminTokenFile, caFile: textOf(given, 'caFile') }
}
