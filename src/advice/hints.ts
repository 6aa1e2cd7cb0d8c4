/**
 * Which setting of which identity provider causes a refusal. Advice for logs and the doctor, chosen
 * by issuer and token; no decision depends on it.
 *
 * @module
 */
import { quoted } from '../errors.js'
import {
  ANY_PROVIDER,
  PROVIDERS,
  type TokenContext,
  type Hint,
  type HintTopic,
  type ProviderTime,
} from './identity-providers.js'
import { hasPlaceholder } from '../base/http.js'
import type { JsonObject } from '../base/json.js'

/** The facts that choose a hint. */
export interface HintContext {
  /** The configured issuer that the token names; if it names none, the only configured one. */
  readonly issuer?: string | undefined
  /** The token, for its prefix. */
  readonly token?: string | undefined
  /** The claims of a token with a valid signature. Called only for such topics. */
  readonly claims?: (() => JsonObject | undefined) | undefined
  /** The missing scopes. */
  readonly missing?: readonly string[] | undefined
  /** The provider's clock. Called only when a hint is wanted. */
  readonly clock?: (() => ProviderTime) | undefined
}

const EQUAL_CLOCKS: ProviderTime = { ahead: 0, tolerance: 0 }

/** Checked after the signature: the claims are not a stranger's invention. */
const VERIFIED: ReadonlySet<HintTopic> = new Set([
  'at+jwt required',
  'ERR_TOKEN_AUDIENCE',
  'ERR_TOKEN_BOUND',
  'ERR_TOKEN_CLAIM',
  'ERR_TOKEN_TYPE',
  'ERR_SCOPE_INSUFFICIENT',
])

/** Claims in which providers list a user's rights. Not names or titles: users choose those. */
const GRANTS = /(?:^|[/:_])(?:permissions|roles|groups|authorities|entitlements|scopes?|scp)$/
const SCOPES = /(?:^|[/:_])(?:scopes?|scp)$/

function grants(scope: string, name: string, value: unknown): boolean {
  if (Array.isArray(value)) return GRANTS.test(name) && value.includes(scope)
  return typeof value === 'string' && SCOPES.test(name) && value.split(' ').includes(scope)
}

/** Names under which a user's rights are found. Elsewhere (`user_metadata`) users can write. */
const PARENTS = /^(?:realm_access|resource_access|app_metadata)$/

/** Where in the claims this scope is granted, as `--oauth-scope-claim` would name it: `resource_access.CLIENT.roles`. */
function placeOf(
  scope: string,
  claims: JsonObject,
  path: readonly string[] = [],
): string | undefined {
  for (const [name, value] of Object.entries(claims)) {
    const place = [...path, name]
    // A dotted path cannot lead through a name with dots; the whole name of a claim may have some.
    if (place.length > 1 && place.some((step) => step.includes('.'))) continue
    if (grants(scope, name, value)) return place.join('.')
    const isParent = place.length === 1 ? PARENTS.test(name) : place.length < 3
    if (!isParent || typeof value !== 'object' || value === null) continue
    const found = placeOf(scope, value as JsonObject, place)
    if (found !== undefined) return found
  }
  return undefined
}

/** The scope is there, in a claim that is not read. The operator decides whether it should be. */
function misplaced({ claims, missing }: TokenContext): string | undefined {
  for (const scope of missing) {
    const place = placeOf(scope, claims)
    if (place !== undefined) {
      return `the token has it in ${quoted(place)}; it counts only if --oauth-scope-claim names that claim`
    }
  }
  return undefined
}

/** One sentence, or `undefined` when there is nothing useful to say. */
export function hintFor(topic: HintTopic, given: HintContext): string | undefined {
  const { issuer, token = '', missing = [] } = given
  const claims = (VERIFIED.has(topic) ? given.claims?.() : undefined) ?? {}
  const clock = given.clock?.() ?? EQUAL_CLOCKS
  const context = { token, claims, missing, clock }
  const say = (hint: Hint | undefined) => (typeof hint === 'function' ? hint(context) : hint)
  const provider = PROVIDERS.find(
    (entry) =>
      entry.token?.test(token) === true ||
      (issuer !== undefined && entry.issuer?.test(issuer) === true) ||
      entry.matches?.(claims) === true,
  )
  const own = say(provider?.hints[topic])
  const place = topic === 'ERR_SCOPE_INSUFFICIENT' ? misplaced(context) : undefined
  return [place, own].filter(Boolean).join('; ') || say(ANY_PROVIDER[topic])
}

const ENTRA_TENANT =
  /^https:\/\/(?:login\.microsoftonline\.com|sts\.windows\.net)\/([^/]+)\/(?:v2\.0)?$/
const OKTA_ORG = /^https:\/\/[^/]+\.okta(?:preview|-emea|-gov)?\.com(?=\/|$)/
const AUTH0 = /^https:\/\/[^/]+\.auth0\.com\/$/

/**
 * Why a token names no issuer, or one that is not configured where the two look related.
 *
 * @param named claims of the token; nothing of it is verified
 */
export function hintForIssuer(
  { iss, sub }: { readonly iss: unknown; readonly sub?: unknown },
  known: readonly string[],
): string | undefined {
  if (iss === undefined) {
    return typeof sub === 'string' && sub.startsWith('spiffe://')
      ? 'SPIFFE: set jwt_issuer of the SPIRE server, and configure that issuer; without it a JWT-SVID names none'
      : 'only tokens that name their issuer are accepted: let the provider put iss into access tokens'
  }
  if (typeof iss !== 'string') return undefined
  if (known.some((issuer) => iss === `${issuer}/` || issuer === `${iss}/`)) {
    return 'they differ in the last slash: correct --oauth-issuer'
  }
  if (known.some((issuer) => withoutScheme(iss) === withoutScheme(issuer))) {
    return 'they differ in http and https: correct --oauth-issuer, or the address that the provider gives itself (Keycloak: --hostname)'
  }
  if (known.some(hasPlaceholder)) {
    return 'replace the placeholder in the configured issuer: tokens name one exact issuer'
  }
  const tenant = ENTRA_TENANT.exec(iss)?.[1]
  if (tenant !== undefined && known.some((issuer) => ENTRA_TENANT.exec(issuer)?.[1] === tenant)) {
    return 'Entra: v1 tokens are issued by sts.windows.net, v2 tokens by login.microsoftonline.com; requestedAccessTokenVersion in the application manifest selects the version'
  }
  if (tenant !== undefined && known.some((each) => ENTRA_TENANT.test(each))) {
    return 'Entra: the token is of another tenant; if its users may come in, list the tenant (tenants, beside an issuer with {tenantid})'
  }
  const org = OKTA_ORG.exec(iss)?.[0]
  if (org !== undefined && known.some((issuer) => OKTA_ORG.exec(issuer)?.[0] === org)) {
    return 'Okta: each authorization server has its own issuer, and only Okta can validate tokens of the org itself; let the client log in at the configured authorization server'
  }
  const path = pathOf(iss)
  if (known.some((issuer) => /\/realms\/[^/]+$/.test(issuer) && pathOf(issuer) === path)) {
    return 'Keycloak: set --hostname, so that iss does not follow the Host of the login'
  }
  if (path === '/' && [iss, ...known].some((each) => AUTH0.test(each)) && isOnlyRoots(known)) {
    return 'Auth0: iss is the domain where the login took place; if both domains are yours, configure the one that clients use'
  }
  return undefined
}

function withoutScheme(url: string): string {
  return url.replace(/^https?:/, '')
}

function pathOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).pathname : undefined
}

/** Auth0's issuers end with the slash of the root, under whatever name. */
function isOnlyRoots(issuers: readonly string[]): boolean {
  return issuers.every((issuer) => issuer.endsWith('/') && pathOf(issuer) === '/')
}
