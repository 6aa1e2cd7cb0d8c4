/**
 * From settings to the options of the kernel, and from its problems back to the settings.
 *
 * @module
 */
import { ConfigurationError, type ConfigurationProblem } from '../errors.js'
import { createGate, type ProtectedResourceOptions } from '../rs/gate.js'
import { createTokenIntrospector } from '../introspect.js'
import type { AuthorizationServerOptions } from '../rs/options.js'
import type { Credentials } from './credentials.js'
import { flagOf } from './names.js'
import type { Settings } from './schema.js'

/** Settings that belong to one issuer. */
export const ISSUER_SETTINGS: readonly string[] = [
  'oauth.jwksUri',
  'oauth.discoveryUrl',
  'oauth.jwksFile',
  'oauth.introspectionUrl',
  'oauth.clientId',
  'oauth.clientSecret',
  'oauth.clientSecretFile',
  'oauth.clientKeyFile',
  'oauth.tokenPrefix',
]

const SETTINGS_OF_OPTION: ReadonlyMap<string, readonly string[]> = new Map([
  ['resource', ['resource']],
  ['resourceName', ['resourceName']],
  ['resourceDocumentation', ['resourceDocumentation']],
  ['allowOrigins', ['allowOrigin']],
  ['allowHttp', ['allowHttp']],
  ['issuer', ['oauth.issuer']],
  ['jwksUri', ['oauth.jwksUri']],
  ['discoveryUrl', ['oauth.discoveryUrl']],
  ['jwks', ['oauth.jwksFile']],
  // What the kernel says of an entry as a whole is that its key sources exclude each other.
  ['authorizationServers', ['oauth.jwksUri', 'oauth.discoveryUrl', 'oauth.jwksFile']],
  ['audience', ['oauth.audience']],
  ['scopes', ['oauth.scopes']],
  ['scopeClaims', ['oauth.scopeClaim']],
  ['audienceClaim', ['oauth.audienceClaim']],
  ['tokenPrefix', ['oauth.tokenPrefix']],
])

/** Stand in for what is missing, so that the kernel judges the rest. RFC 6761 §6.4 keeps the name free. */
const MISSING_RESOURCE = 'https://resource.invalid/mcp'
const MISSING_ISSUER = 'https://issuer.invalid'

/** Our client at the one issuer that is asked about tokens. */
function introspectorOf(
  { oauth }: Settings,
  credentials: Credentials,
): Pick<AuthorizationServerOptions, 'introspector' | 'tokenPrefix'> {
  const { clientId, tokenPrefix, introspectionUrl } = oauth
  if (clientId === undefined) return {}
  return {
    ...(tokenPrefix !== undefined && { tokenPrefix }),
    introspector: (world) =>
      createTokenIntrospector({
        ...world,
        ...credentials,
        clientId,
        authentication: oauth.introspectionAuth,
        cache: oauth.introspectionCache,
        concurrency: oauth.introspectionConcurrency,
        ...(introspectionUrl !== undefined && { introspectionUrl }),
      }),
  }
}

/**
 * @param jwks what the file of `oauth.jwksFile` holds
 * @param credentials without problems; else without any, and nobody is asked
 */
export function toOptions(
  settings: Settings,
  jwks: unknown,
  credentials: Credentials | undefined,
): Omit<ProtectedResourceOptions, 'onEvent'> {
  const { resourceName, resourceDocumentation, allowOrigin, allowHttp, oauth } = settings
  const { audience, scopes, scopeClaim, jwksUri, discoveryUrl } = oauth
  const keySource = {
    ...(jwksUri !== undefined && { jwksUri }),
    ...(discoveryUrl !== undefined && { discoveryUrl }),
    ...(jwks !== undefined && { jwks: jwks as NonNullable<AuthorizationServerOptions['jwks']> }),
  }
  const issuers = oauth.issuer ?? [MISSING_ISSUER]
  return {
    resource: settings.resource ?? MISSING_RESOURCE,
    authorizationServers: issuers.map((issuer, index) => ({
      issuer,
      ...(index === 0 && keySource),
      ...(index === 0 && credentials !== undefined && introspectorOf(settings, credentials)),
    })),
    ...(resourceName !== undefined && { resourceName }),
    ...(resourceDocumentation !== undefined && { resourceDocumentation }),
    ...(allowOrigin !== undefined && { allowOrigins: allowOrigin }),
    ...(allowHttp !== undefined && { allowHttp }),
    ...(audience !== undefined && { audience }),
    ...(scopes !== undefined && { scopes }),
    ...(scopeClaim !== undefined && { scopeClaims: scopeClaim }),
    requireType: oauth.requireType,
    audienceClaim: oauth.audienceClaim,
    acceptIdTokenClaims: oauth.acceptIdTokenClaims,
    // Without a client nobody can be asked, which has its problem already.
    validation:
      credentials === undefined || oauth.clientId === undefined ? 'auto' : oauth.validation,
    clockTolerance: oauth.clockTolerance,
    jwksMaxAge: oauth.jwksMaxAge,
    jwksStaleFor: oauth.jwksStaleFor,
    wait: oauth.wait,
  }
}

/** In the words of whoever types flags, and without the password in a URL that the kernel spells anew. */
function toFlagWords(text: string): string {
  return text
    .replace(/\b(?:allowHttp|jwksUri|discoveryUrl|jwks|audienceClaim)\b/g, (name) =>
      (SETTINGS_OF_OPTION.get(name) ?? []).map(flagOf).join(),
    )
    .replace(/\/\/[^/?#\s]*@/g, '//…@')
}

/** Which value of a repeated flag: the value itself may be a secret typed into the wrong place. */
function placeInList(path: string): string {
  const index = /^allowOrigins\[(\d+)\]$/.exec(path)?.[1]
  return index === undefined ? '' : `value ${Number(index) + 1} `
}

/**
 * What the kernel itself finds wrong.
 *
 * @param sourceOf the flag or environment name that gave a setting its value
 */
export function optionProblems(
  options: ProtectedResourceOptions,
  sourceOf: (path: string) => string | undefined,
): readonly ConfigurationProblem[] {
  try {
    createGate(options)
    return []
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return error.problems.map(({ path, message, hint }) => {
      const option = path.replace(/\[\d+\]$/, '').replace(/^.*\./, '')
      const sources = (SETTINGS_OF_OPTION.get(option) ?? []).flatMap((each) => sourceOf(each) ?? [])
      return {
        path: sources.join(', ') || path,
        message: placeInList(path) + toFlagWords(message),
        hint: toFlagWords(hint),
      }
    })
  }
}
