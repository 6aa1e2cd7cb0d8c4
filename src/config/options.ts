/**
 * From settings to the options of the kernel, and from its problems back to the settings.
 *
 * @module
 */
import { ConfigurationError, type ConfigurationProblem } from '../errors.js'
import { createGate, type ProtectedResourceOptions } from '../web/gate.js'
import { createTokenIntrospector } from '../rs/token-introspector.js'
import type { AuthorizationServerOptions, TokenOptions } from '../rs/options.js'
import type { PolicyDocument } from '../policy/document.js'
import type { ReadIssuer } from './issuers.js'
import { flagOf } from './names.js'
import { ISSUER, ISSUERS, type Settings } from './schema.js'

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
  ['introspectionUrl', ['oauth.introspectionUrl']],
  ['clientId', ['oauth.clientId']],
])

/** Stand in for what is missing, so that the kernel judges the rest. RFC 6761 §6.4 keeps the name free. */
const MISSING_RESOURCE = 'https://resource.invalid/mcp'
const missingIssuer = (index: number) => `https://issuer-${index}.invalid`

/** Our client at the issuer, when it is asked about tokens. */
function introspectorOf({
  settings: { oauth },
  credentials,
}: ReadIssuer): Pick<AuthorizationServerOptions, 'introspector' | 'tokenPrefix' | 'validation'> {
  const { clientId, tokenPrefix, introspectionUrl, validation } = oauth
  // Without a client nobody can be asked, which has its problem already.
  if (clientId === undefined || credentials === undefined) return {}
  return {
    validation,
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

/** Its own rules; those of all stand at the top. */
function ownRules({ settings: { oauth }, own }: ReadIssuer): TokenOptions {
  const has = (name: keyof Settings['oauth']) => own.has(`oauth.${name}`)
  const { audience, scopeClaim, requireType, audienceClaim, acceptIdTokenClaims } = oauth
  return {
    ...(has('audience') && audience !== undefined && { audience }),
    ...(has('scopeClaim') && scopeClaim !== undefined && { scopeClaims: scopeClaim }),
    ...(has('requireType') && { requireType }),
    ...(has('audienceClaim') && { audienceClaim }),
    ...(has('acceptIdTokenClaims') && { acceptIdTokenClaims }),
  }
}

function toAuthorizationServer(issuer: ReadIssuer, index: number): AuthorizationServerOptions {
  const { jwks } = issuer
  const {
    issuer: [name = missingIssuer(index)] = [],
    jwksUri,
    discoveryUrl,
  } = issuer.settings.oauth
  return {
    issuer: name,
    ...(jwksUri !== undefined && { jwksUri }),
    ...(discoveryUrl !== undefined && { discoveryUrl }),
    ...(jwks !== undefined && { jwks: jwks as NonNullable<AuthorizationServerOptions['jwks']> }),
    ...ownRules(issuer),
    ...introspectorOf(issuer),
  }
}

/**
 * @param issuers with what their files hold
 * @param policy what that file holds
 */
export function toOptions(
  settings: Settings,
  issuers: readonly ReadIssuer[],
  policy?: PolicyDocument,
): Omit<ProtectedResourceOptions, 'onEvent'> {
  const { resourceName, resourceDocumentation, allowOrigin, allowHttp, oauth } = settings
  const { audience, scopes, scopeClaim } = oauth
  return {
    resource: settings.resource ?? MISSING_RESOURCE,
    authorizationServers: issuers.map(toAuthorizationServer),
    ...(resourceName !== undefined && { resourceName }),
    ...(resourceDocumentation !== undefined && { resourceDocumentation }),
    ...(allowOrigin !== undefined && { allowOrigins: allowOrigin }),
    ...(allowHttp !== undefined && { allowHttp }),
    ...(audience !== undefined && { audience }),
    ...(scopes !== undefined && { scopes }),
    ...(scopeClaim !== undefined && { scopeClaims: scopeClaim }),
    ...(policy !== undefined && { policy }),
    requireType: oauth.requireType,
    audienceClaim: oauth.audienceClaim,
    acceptIdTokenClaims: oauth.acceptIdTokenClaims,
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
 * @param sourceOf where a setting got its value: that of all, or that of the issuer with this index
 */
export function optionProblems(
  options: ProtectedResourceOptions,
  sourceOf: (path: string, issuer?: number) => string | undefined,
): readonly ConfigurationProblem[] {
  try {
    createGate(options)
    return []
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return error.problems.map(({ path, message, hint }) => {
      const option = path.replace(/\[\d+\]$/, '').replace(/^.*\./, '')
      const index = /^authorizationServers\[(\d+)\]/.exec(path)?.[1]
      const issuer = index === undefined ? undefined : Number(index)
      // What it says of all entries is about the list.
      const isOfList = path === 'authorizationServers'
      const settings = isOfList ? [ISSUERS, ISSUER] : (SETTINGS_OF_OPTION.get(option) ?? [])
      const sources = settings.flatMap((each) => sourceOf(each, issuer) ?? [])
      return {
        path: sources.join(', ') || path,
        message: placeInList(path) + toFlagWords(message),
        hint: toFlagWords(hint),
      }
    })
  }
}
