/**
 * The parts of a configuration that stand in files and can be replaced while requests are served.
 *
 * @module
 */
import type { ConfigurationProblem } from '../errors.js'
import { KEY_FORMS } from '../introspect/private-key.js'
import type { Gateway } from '../gateway/gateway.js'
import type { PolicyDocument } from '../policy/document.js'
import type { Configuration } from './configuration.js'
import { authenticationOf } from './credentials.js'
import { readHeaders, readSessionKeys } from './files.js'
import { readIssuer, type ReadIssuer } from './issuers.js'
import type { ReadFile } from './named-file.js'
import { optionProblems } from './option-problems.js'
import { API_KEYS, readApiKeys } from './api-keys-file.js'
import { readPolicy } from './policy-file.js'
import type { ConfiguredResource } from './resources.js'
import { POLICY } from './setting-lists.js'
import type { GivenValues } from './setting.js'
import { toOptions } from './to-options.js'
import { splitPair } from './values.js'

/** Secrets or keys that are replaced together. */
export interface FilePart {
  /** Where its files are named: flags, environment names, or places in the config file. */
  readonly sources: readonly string[]
  /** Absolute names. */
  readonly files: readonly string[]
  /** Reads the files again. Nothing changes yet. */
  read(): PartRead | Promise<PartRead>
}

/** What was read. */
interface PartRead {
  /** With a problem, it must not be taken. */
  readonly problems: readonly ConfigurationProblem[]
  /** Requests use it from now on. */
  take(): void | Promise<void>
}

/** What the parts need from the gateway. */
type PartGateway = Pick<Gateway, 'replaceSecrets' | 'refreshKeys'>

interface Context {
  readonly configuration: Configuration
  /** The resources of the gateway, in the order of the configuration. */
  readonly resources: readonly string[]
  readonly gateway: PartGateway
  readonly readFile: ReadFile
}

const OF_ISSUER = [
  'oauth.jwksFile',
  'oauth.clientSecretFile',
  'oauth.clientKeyFile',
  'oauth.discoveryTokenFile',
]

function sourcesOf(given: GivenValues, paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => given.get(path)?.source ?? [])
}

function headersPart(
  { settings, given }: ConfiguredResource,
  resource: string,
  { gateway, readFile }: Context,
): FilePart {
  const { upstreamHeader = [] } = settings
  const sources = sourcesOf(given, ['upstreamHeader'])
  return {
    sources,
    files: upstreamHeader.flatMap((text) => splitPair(text)?.[1] ?? []),
    read() {
      const { headers, problems } = readHeaders(upstreamHeader, sources.join(), readFile)
      const take = () => gateway.replaceSecrets({ upstreamHeaders: { [resource]: headers } })
      return { problems, take }
    },
  }
}

/** Why the credentials of an issuer cannot be used, though their files can be read. */
async function credentialProblems(
  { settings, given, credentials, live }: ReadIssuer,
  source: string,
): Promise<readonly ConfigurationProblem[]> {
  if (live.introspector === undefined || credentials === undefined) return []
  const { credentialsFault } = await import('../introspect/client-authentication.js')
  const authentication = authenticationOf(settings, given)
  const message = await credentialsFault({ authentication, ...credentials })
  return message === undefined ? [] : [{ path: source, message, hint: KEY_FORMS }]
}

/** The keys of an issuer, and our credentials there. */
function issuerPart(
  issuer: ReadIssuer,
  { settings, given }: ConfiguredResource,
  { gateway, readFile }: Context,
): FilePart {
  const { live, own } = issuer
  const { jwksFile, clientSecretFile, clientKeyFile, discoveryTokenFile } = issuer.settings.oauth
  const sourceOf = (path: string, index?: number) =>
    (index === undefined ? given : issuer.given).get(path)?.source
  async function read(): Promise<PartRead> {
    const configured = { settings: issuer.settings, given: issuer.given, own }
    const { now, problems } = readIssuer(configured, readFile)
    const found = [
      ...problems,
      ...optionProblems(toOptions(settings, [now]), { sourceOf, issuers: [now], settings }),
    ]
    const source = sourceOf('oauth.clientKeyFile', 0) ?? 'clientKeyFile'
    if (found.length === 0) found.push(...(await credentialProblems({ ...now, live }, source)))
    return {
      problems: found,
      async take() {
        live.jwks = now.jwks
        const { discoveryToken } = now.live
        if (discoveryToken !== undefined) live.discoveryToken = discoveryToken
        if (jwksFile !== undefined) await gateway.refreshKeys()
        const isOurs = clientSecretFile !== undefined || clientKeyFile !== undefined
        if (isOurs) await live.introspector?.replaceCredentials({ ...now.credentials })
      },
    }
  }
  return {
    sources: sourcesOf(issuer.given, OF_ISSUER),
    files: [jwksFile, clientSecretFile, clientKeyFile, discoveryTokenFile].flatMap(
      (file) => file ?? [],
    ),
    read,
  }
}

/** The API keys of a resource. */
function apiKeysPart(
  { settings, given }: ConfiguredResource,
  resource: string,
  { gateway, readFile }: Context,
): FilePart {
  const { keysFile } = settings.oauth
  return {
    sources: sourcesOf(given, [API_KEYS]),
    files: keysFile === undefined ? [] : [keysFile],
    read() {
      const { document, problems } = readApiKeys(given, readFile)
      const take = () => {
        if (document !== undefined) gateway.replaceSecrets({ apiKeys: { [resource]: document } })
      }
      return { problems, take }
    },
  }
}

function sessionKeysPart({ configuration, gateway, readFile }: Context): FilePart {
  const { settings, given } = configuration
  const { sessionKeyFile = '' } = settings
  const sources = sourcesOf(given, ['sessionKeyFile'])
  return {
    sources,
    files: sessionKeyFile === '' ? [] : [sessionKeyFile],
    read() {
      const { sessionKeys, problems } = readSessionKeys(sessionKeyFile, sources.join(), readFile)
      return { problems, take: () => gateway.replaceSecrets({ sessionKeys }) }
    },
  }
}

/** All secrets and keys that stand in files. */
export function secretParts(context: Context): readonly FilePart[] {
  const { configuration, resources } = context
  const { settings, files } = configuration
  const parts = configuration.resources.flatMap((each, index) => [
    headersPart(each, resources[index] ?? '', context),
    ...(settings.auth === 'oauth' ? [apiKeysPart(each, resources[index] ?? '', context)] : []),
    ...(files.resources[index]?.issuers ?? []).map((issuer) => issuerPart(issuer, each, context)),
  ])
  const all = settings.auth === 'oauth' ? [...parts, sessionKeysPart(context)] : parts
  return all.filter(({ files }) => files.length > 0)
}

/** The policies of all resources. */
export interface PoliciesRead {
  readonly sources: readonly string[]
  readonly problems: readonly ConfigurationProblem[]
  /** By resource. */
  readonly policies: Readonly<Record<string, PolicyDocument>>
}

/** Reads the policies of all resources again. */
export function readPolicies({
  configuration,
  resources,
  readFile,
}: Pick<Context, 'configuration' | 'resources' | 'readFile'>): PoliciesRead {
  const isOAuth = configuration.settings.auth === 'oauth'
  const read = (isOAuth ? configuration.resources : []).map(({ given }, index) => ({
    sources: sourcesOf(given, [POLICY]),
    resource: resources[index] ?? '',
    ...readPolicy(given, readFile),
  }))
  return {
    sources: read.flatMap(({ sources }) => sources),
    problems: read.flatMap(({ problems }) => problems),
    policies: Object.fromEntries(
      read.flatMap(({ resource, document }) =>
        document === undefined ? [] : [[resource, document]],
      ),
    ),
  }
}
