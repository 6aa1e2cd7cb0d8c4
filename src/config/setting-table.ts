/**
 * The settings: the one place that knows their names, types, defaults and descriptions. Flags,
 * environment names, help, docs/settings.md and the JSON schema for editors follow from it.
 *
 * @module
 */
import * as z from 'zod'
import type { JsonObject } from '../base/json.js'
import type { ConfigurationProblem } from '../errors.js'
import { hostValueFault, listenHostFault, upstreamFault } from '../gateway/addresses.js'
import { MOST_REQUESTS } from '../gateway/request/admission.js'
import type { ForwardedClaim } from '../gateway/forwarded-claims.js'
import { claimHeaderFault, forwardFault, setFault } from '../gateway/http/operator-headers.js'
import {
  choice,
  count,
  details,
  duration,
  port,
  portOrOff,
  size,
  text,
  textOr,
  texts,
  toggle,
} from './kinds.js'
import { DEFAULT_LIMITS } from '../gateway/stdio/limits.js'
import {
  INTROSPECTION_AUTHENTICATIONS,
  type IntrospectionAuthentication,
} from '../introspect/authentication-methods.js'
import { INTROSPECTION_DIALECTS, type IntrospectionDialect } from '../introspect/dialects.js'
import type { RequiredClaims } from '../token/required-claims.js'
import { networkFault } from '../web/client-address.js'
import { formFault, REFUSAL_FORMS } from '../web/refusal-form.js'
import type { GivenValue, GivenValues, Setting } from './setting.js'
import { splitPair } from './values.js'

/** The fault of a text that should be `NAME=FILE`. */
function pairFault(text: string): string | undefined {
  const [name] = splitPair(text) ?? []
  return name === undefined ? 'is not NAME=FILE' : setFault(name)
}

/** Values of the same claim are alternatives. */
export function toRequiredClaims(texts: readonly string[]): RequiredClaims {
  const claims = new Map<string, string[]>()
  for (const [name, value] of texts.map((each) => splitPair(each) ?? ['', ''])) {
    claims.set(name, [...(claims.get(name) ?? []), value])
  }
  return Object.fromEntries(claims)
}

function toForwardClaims(texts: readonly string[]): readonly ForwardedClaim[] {
  return texts.map((each) => {
    const [claim, header] = splitPair(each) ?? ['', '']
    return { claim, header }
  })
}

/** The fault of a text that should be `NAME=HEADER`. */
function forwardClaimFault(text: string): string | undefined {
  const [, header] = splitPair(text) ?? []
  return header === undefined ? 'is not NAME=HEADER' : claimHeaderFault(header)
}

/** The fault of a text that should be `NAME=VALUE`. */
function claimFault(text: string): string | undefined {
  return splitPair(text) === undefined ? 'is not NAME=VALUE' : undefined
}

/**
 * All values, by path. Durations are seconds, sizes bytes. A setting that is not given and has no
 * fixed default is `undefined`.
 */
export interface Settings {
  readonly auth: 'none' | 'oauth'
  readonly transport: 'streamable-http' | 'stdio'
  readonly host: string
  readonly port: number
  readonly resource?: string | undefined
  readonly path?: string | undefined
  readonly resourceName?: string | undefined
  readonly resourceDocumentation?: string | undefined
  readonly upstream?: string | undefined
  /** The command of one of several resources. The command of a single resource follows `--`. */
  readonly command?: readonly string[] | undefined
  /** Each is `NAME=FILE`. */
  readonly upstreamHeader?: readonly string[] | undefined
  readonly upstreamHost?: string | undefined
  readonly upstreamTimeout: number
  readonly forwardHeader?: readonly string[] | undefined
  readonly forwardClaim?: readonly string[] | undefined
  readonly sessionKeyFile?: string | undefined
  readonly streamGrace: number
  readonly sseKeepAlive: number
  readonly healthPath?: string | undefined
  readonly childEnv?: readonly string[] | undefined
  readonly childStartTimeout: number
  readonly childWarm: boolean
  readonly childIdle: number
  readonly childMaxMessage: number
  readonly childQueue: number
  readonly maxChildren: number
  readonly maxChildrenPerPrincipal: number
  readonly maxAnonymousChildren: number
  readonly oauth: {
    readonly issuer?: readonly string[] | undefined
    readonly audience?: readonly string[] | undefined
    readonly scopes?: readonly string[] | undefined
    readonly advertiseScopes?: readonly string[] | undefined
    readonly discoveryUrl?: string | undefined
    readonly jwksUri?: string | undefined
    readonly scopePrefix?: string | undefined
    readonly jwksFile?: string | undefined
    readonly requireType: boolean
    readonly scopeClaim?: readonly string[] | undefined
    readonly published: boolean
    readonly anySubject: boolean
    readonly tenants?: readonly string[] | undefined
    readonly authorizationServer?: string | undefined
    readonly discoveryTokenFile?: string | undefined
    readonly caFile?: string | undefined
    readonly requireClaim?: readonly string[] | undefined
    readonly soleAudience: boolean
    readonly alsoAudience?: readonly string[] | undefined
    readonly audienceClaim: 'aud' | 'client_id' | 'azp'
    readonly acceptIdTokenClaims: boolean
    readonly validation: 'auto' | 'jwt' | 'introspection'
    readonly introspectionUrl?: string | undefined
    readonly introspectionAuth: IntrospectionAuthentication
    readonly introspectionDialect: IntrospectionDialect
    readonly introspectionCache: number
    readonly introspectionConcurrency: number
    readonly clientId?: string | undefined
    readonly clientSecret?: string | undefined
    readonly clientSecretFile?: string | undefined
    readonly clientKeyFile?: string | undefined
    readonly clientKeyId?: string | undefined
    readonly keysFile?: string | undefined
    readonly mirrorMetadata: boolean
    readonly tokenPrefix?: string | undefined
    readonly policy?: string | undefined
    readonly clockTolerance: number
    readonly jwksMaxAge: number
    readonly jwksStaleFor: number
    readonly wait: number
  }
  readonly allowOrigin?: readonly string[] | undefined
  readonly allowHost?: readonly string[] | undefined
  readonly trustedProxy?: readonly string[] | undefined
  readonly refusalForm?: string | undefined
  readonly allowHttp?: readonly string[] | undefined
  readonly caFile?: string | undefined
  readonly maxBody: number
  readonly maxRequests: number
  readonly maxRequestsPerCaller: number
  readonly adminHost: string
  /** `undefined`: there is no second listener. */
  readonly adminPort?: number | undefined
  readonly adminTokenFile?: string | undefined
  readonly auditFile?: string | undefined
  readonly auditArguments: boolean
  readonly accessLog: 'on' | 'off'
  readonly userClaim?: readonly string[] | undefined
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug'
  readonly logFormat: 'auto' | 'json' | 'pretty'
  readonly config?: string | undefined
}

const DAY = 86_400
const HOST_HINT = '127.0.0.1, ::1, 0.0.0.0 or a name of this machine'

/** A setting that `./flags` has too. */
const SHARED = { inFlags: true } as const
const OAUTH = { section: 'OAuth', inFlags: true, perResource: 'too', needs: 'tokens' } as const
const ONE_ISSUER = { ...OAUTH, perIssuer: 'only' } as const
const EACH_ISSUER = { ...OAUTH, perIssuer: 'too' } as const

const schema = z.object({
  auth: choice(['none', 'oauth'], {
    ...SHARED,
    section: 'Listening',
    becomes: 'gateway.auth',
    inStdio: true,
    description: 'oauth: every request needs a token',
  }),
  transport: choice(['streamable-http', 'stdio'], {
    section: 'Listening',
    inStdio: true,
    description: 'stdio: pass stdin and stdout of the command through, without tokens',
  }),
  host: textOr('127.0.0.1', {
    section: 'Listening',
    becomes: 'gateway.host',
    description: 'address to listen on',
    placeholder: 'HOST',
    fault: listenHostFault,
    hint: HOST_HINT,
  }),
  port: port(8080, {
    section: 'Listening',
    becomes: 'gateway.port',
    description: 'port to listen on; 0 picks a free one',
  }),
  healthPath: text({
    section: 'Listening',
    becomes: 'gateway.healthPath',
    description:
      'answers 200 without a token, whatever the Host, for load balancers; beside every resource',
    placeholder: 'PATH',
    hint: '/healthz',
  }),
  resource: text({
    ...SHARED,
    perResource: 'only',
    section: 'Listening',
    becomes: 'endpoint.resource',
    description: 'the MCP endpoint as clients type it',
    placeholder: 'URL',
    required: true,
    defaultInGateway: 'http://HOST:PORT/mcp if HOST is loopback, else it is required',
    hint: 'the URL that users type: https://mcp.example.com/mcp',
  }),
  path: text({
    perResource: 'only',
    section: 'Listening',
    becomes: 'endpoint.path',
    description: 'where requests arrive, if a proxy in front strips a prefix of that URL',
    placeholder: 'PATH',
    hint: '/mcp',
  }),
  resourceName: text({
    ...SHARED,
    perResource: 'only',
    section: 'Listening',
    becomes: 'tokens.resourceName',
    needs: 'tokens',
    description: 'name that clients show to users',
    placeholder: 'NAME',
  }),
  resourceDocumentation: text({
    ...SHARED,
    perResource: 'only',
    section: 'Listening',
    becomes: 'tokens.resourceDocumentation',
    needs: 'tokens',
    description: 'page for developers',
    placeholder: 'URL',
  }),
  maxBody: size(
    { fallback: 4 * 2 ** 20, max: 2 ** 30 },
    {
      section: 'Listening',
      becomes: 'gateway.maxBody',
      onlyWhen: 'given',
      description: 'largest request body; if not set, 2MiB where the body is authorized',
    },
  ),
  maxRequests: count(
    { fallback: MOST_REQUESTS.maxRequests, max: 1_000_000, positive: true },
    {
      section: 'Listening',
      becomes: 'gateway.maxRequests',
      description: 'requests at once, including open streams; more get 429',
    },
  ),
  maxRequestsPerCaller: count(
    { fallback: MOST_REQUESTS.maxRequestsPerCaller, max: 1_000_000, positive: true },
    {
      section: 'Listening',
      becomes: 'gateway.maxRequestsPerCaller',
      description: 'requests at once of one user across all clients; needs tokens',
    },
  ),
  upstream: text({
    perResource: 'only',
    section: 'Upstream',
    becomes: 'upstream.upstream',
    description: 'exact endpoint of the MCP server behind the gateway',
    placeholder: 'URL',
    required: 'unless a command follows --',
    fault: upstreamFault,
    hint: 'the endpoint of your MCP server: http://127.0.0.1:8000/mcp',
  }),
  command: texts({
    perResource: 'alone',
    section: 'Upstream',
    description: 'the command that the gateway starts as the MCP server: a file and its arguments',
    placeholder: 'COMMAND',
    hint: "[npx, -y, '@modelcontextprotocol/server-filesystem', /srv]",
  }),
  upstreamHeader: texts({
    perResource: 'only',
    section: 'Upstream',
    becomes: 'upstream.upstreamHeaders',
    description: 'a secret header that the upstream needs (an API key); the file holds its value',
    placeholder: 'NAME=FILE',
    file: 'after =',
    fault: pairFault,
    hint: 'X-Api-Key=/run/secrets/key; not Host, Content-Length, X-Gatehouse-* nor hop-by-hop',
  }),
  upstreamHost: text({
    perResource: 'only',
    section: 'Upstream',
    becomes: 'upstream.upstreamHost',
    description: 'the Host that the upstream gets, if it refuses its own; never the TLS name',
    placeholder: 'HOST[:PORT]',
    fault: hostValueFault,
    hint: 'localhost:8000',
  }),
  upstreamTimeout: duration(
    { fallback: 60, max: DAY, positive: true },
    {
      perResource: 'too',
      section: 'Upstream',
      becomes: 'upstream.upstreamTimeout',
      description: 'how long the upstream may take to begin its answer',
    },
  ),
  forwardHeader: texts({
    perResource: 'too',
    section: 'Upstream',
    becomes: 'server.forwardHeaders',
    description: 'an additional request header to forward to the upstream',
    placeholder: 'NAME',
    fault: forwardFault,
    hint: 'a header that is not about credentials, origin, routing or framing: X-Tenant',
  }),
  forwardClaim: texts({
    perResource: 'too',
    section: 'Upstream',
    becomes: 'upstream.forwardClaims',
    toOption: toForwardClaims,
    needs: 'tokens',
    description: 'a claim of the token for the upstream, as X-Gatehouse-Claim-HEADER',
    placeholder: 'NAME=HEADER',
    fault: forwardClaimFault,
    hint: 'email=Email, or realm_access.roles=Roles',
  }),
  sessionKeyFile: text({
    section: 'Upstream',
    becomes: 'gateway.sessionKeys',
    needs: 'tokens',
    description: 'keys that bind sessions to their user, one per line; the first signs, all verify',
    placeholder: 'FILE',
    default: 'random: sessions end with the process',
    file: 'whole',
  }),
  streamGrace: duration(
    { fallback: 300, max: DAY },
    {
      section: 'Upstream',
      becomes: 'gateway.streamGrace',
      onlyWhen: 'tokens',
      needs: 'tokens',
      description: 'how long an answer to a POST may continue after its token expires',
    },
  ),
  sseKeepAlive: duration(
    { fallback: 15, max: DAY },
    {
      section: 'Upstream',
      becomes: 'gateway.sseKeepAlive',
      description: 'silence after which a comment keeps an event stream open; 0: no comments',
    },
  ),
  childEnv: texts({
    perResource: 'too',
    section: 'Command',
    needs: 'command',
    description: 'an environment variable to pass to the command',
    placeholder: 'NAME',
    fault: (name) => (/^[a-z_]\w*$/i.test(name) ? undefined : 'is not the name of a variable'),
    hint: 'only the name; the gateway passes its own value: DATABASE_URL',
  }),
  childStartTimeout: duration(
    { fallback: DEFAULT_LIMITS.startTimeout, max: 600, positive: true },
    {
      perResource: 'too',
      section: 'Command',
      becomes: 'children.startTimeout',
      needs: 'command',
      description: 'how long the command may take to give its first answer, or to listen',
    },
  ),
  childWarm: toggle({
    perResource: 'too',
    section: 'Command',
    needs: 'child',
    description: 'run the command once at the start, so that its downloads are over',
  }),
  childIdle: duration(
    { fallback: DEFAULT_LIMITS.idle, max: DAY, positive: true },
    {
      perResource: 'too',
      section: 'Command',
      becomes: 'children.idle',
      needs: 'child',
      description: 'how long a child without a client keeps running',
    },
  ),
  maxChildren: count(
    { fallback: DEFAULT_LIMITS.maxChildren, max: 10_000, positive: true },
    {
      section: 'Command',
      becomes: 'children.maxChildren',
      needs: 'child',
      description: 'children at once; one subject has at most half of them',
    },
  ),
  maxChildrenPerPrincipal: count(
    { fallback: DEFAULT_LIMITS.maxChildrenPerPrincipal, max: 10_000, positive: true },
    {
      perResource: 'too',
      section: 'Command',
      becomes: 'children.maxChildrenPerPrincipal',
      needs: 'child',
      description: 'children at once of one caller (user and client)',
    },
  ),
  maxAnonymousChildren: count(
    { fallback: DEFAULT_LIMITS.maxAnonymousChildren, max: 10_000 },
    {
      perResource: 'too',
      section: 'Command',
      becomes: 'children.maxAnonymousChildren',
      needs: 'child',
      description: 'children at once for callers without a token, whom anonymous rules let in',
    },
  ),
  childMaxMessage: size(
    { fallback: DEFAULT_LIMITS.maxMessage, max: 2 ** 30 },
    {
      perResource: 'too',
      section: 'Command',
      becomes: 'children.maxMessage',
      needs: 'child',
      description: 'largest message of a child',
    },
  ),
  childQueue: size(
    { fallback: DEFAULT_LIMITS.queue, max: 2 ** 30 },
    {
      perResource: 'too',
      section: 'Command',
      becomes: 'children.queue',
      needs: 'child',
      description: 'data kept for a slow client or child, and for a client that resumes a stream',
    },
  ),
  oauth: z.object({
    issuer: texts({
      ...OAUTH,
      becomes: 'issuer.issuer',
      description: 'exact issuer of the IdP',
      placeholder: 'URL',
      required: true,
      hint: 'the issuer of your identity provider: https://sso.example.com/realms/mcp',
    }),
    audience: texts({
      ...EACH_ISSUER,
      becomes: 'tokens.audience',
      description: 'accepted aud value',
      placeholder: 'AUDIENCE',
      default: 'the resource',
    }),
    scopes: texts({
      ...OAUTH,
      kind: 'words',
      becomes: 'tokens.scopes',
      description: 'scopes that every request needs',
      placeholder: '"A B"',
    }),
    advertiseScopes: texts({
      ...OAUTH,
      kind: 'words',
      becomes: 'tokens.advertiseScopes',
      description: 'scopes that metadata and challenges name instead of --oauth-scopes (Entra)',
      placeholder: '"A B"',
      default: 'the required ones',
    }),
    policy: text({
      ...OAUTH,
      becomes: 'tokens.policy',
      description:
        'who may call what: scopes for tools, prompts and resources; the gateway reads it again at SIGHUP',
      placeholder: 'FILE',
      default: 'the base scopes suffice',
      file: 'whole',
      hint: 'a file in YAML or JSON; mcp-gatehouse policy init writes one to begin with',
    }),
    jwksUri: text({
      ...ONE_ISSUER,
      becomes: 'issuer.jwksUri',
      description: 'where to fetch the keys',
      placeholder: 'URL',
      default: 'from discovery',
    }),
    discoveryUrl: text({
      ...ONE_ISSUER,
      becomes: 'issuer.discoveryUrl',
      description: 'where to fetch the metadata of the issuer',
      placeholder: 'URL',
      default: 'its well-known places',
    }),
    jwksFile: text({
      ...ONE_ISSUER,
      becomes: 'issuer.jwks',
      description: 'keys from a file: the issuer is never contacted',
      placeholder: 'FILE',
      file: 'whole',
    }),
    requireType: toggle({
      ...EACH_ISSUER,
      becomes: 'tokens.requireType',
      description: 'only tokens with the header typ: at+jwt',
    }),
    scopeClaim: texts({
      ...EACH_ISSUER,
      becomes: 'tokens.scopeClaims',
      description: 'claim that holds scopes',
      placeholder: 'NAME',
      default: 'scope, scp',
    }),
    scopePrefix: text({
      ...ONE_ISSUER,
      becomes: 'issuer.scopePrefix',
      description: 'prefix of each scope in metadata and challenges, but not in tokens (Entra)',
      placeholder: 'PREFIX',
      hint: 'api://APP/',
    }),
    published: toggle(
      {
        ...OAUTH,
        inFlags: false,
        perIssuer: 'alone',
        onlyWhen: 'given',
        becomes: 'issuer.published',
        description: 'whether the metadata names this issuer, so that clients log in there',
      },
      true,
    ),
    anySubject: toggle({
      ...OAUTH,
      inFlags: false,
      perIssuer: 'alone',
      onlyWhen: 'given',
      becomes: 'issuer.anySubject',
      description: 'accept every token of an unpublished issuer for this resource',
    }),
    tenants: texts({
      ...OAUTH,
      inFlags: false,
      perIssuer: 'alone',
      onlyWhen: 'given',
      becomes: 'issuer.tenants',
      description:
        'ids of the tenants whose tokens are accepted, if the issuer contains {tenantid} (Entra); the metadata names the first',
      placeholder: 'ID',
      default: 'the issuer is one tenant',
      hint: '[9f2b6d1e-6a0f-4a3c-8d2e-3b1a5c7d9e10]',
    }),
    authorizationServer: text({
      ...OAUTH,
      inFlags: false,
      perIssuer: 'alone',
      onlyWhen: 'given',
      becomes: 'issuer.authorizationServer',
      description:
        'issuer that the metadata names and clients are sent to, if access tokens name another one (AD FS)',
      placeholder: 'URL',
      default: 'the issuer',
      hint: 'https://adfs.example.com/adfs',
    }),
    discoveryTokenFile: text({
      ...OAUTH,
      inFlags: false,
      perIssuer: 'alone',
      becomes: 'issuer.discoveryToken',
      description:
        'file with a bearer token for metadata and keys of this issuer (Kubernetes); it is sent only to the origins of issuer, discoveryUrl and jwksUri',
      placeholder: 'FILE',
      file: 'whole',
      hint: '/var/run/secrets/kubernetes.io/serviceaccount/token',
    }),
    caFile: text({
      ...OAUTH,
      inFlags: false,
      perIssuer: 'alone',
      becomes: 'issuer.fetch',
      description: 'further certificate authorities for this issuer alone, in PEM',
      placeholder: 'FILE',
      default: 'those of the system and of --ca-file',
      file: 'whole',
      hint: '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
    }),
    requireClaim: texts({
      ...EACH_ISSUER,
      becomes: 'tokens.requiredClaims',
      toOption: toRequiredClaims,
      fault: claimFault,
      description:
        'claim that a token must have, with an accepted value; * stands for text without / and :',
      placeholder: 'NAME=VALUE',
      hint: "repository_id=123456, or 'sub=repo:acme/*:environment:production'",
    }),
    soleAudience: toggle({
      ...EACH_ISSUER,
      becomes: 'tokens.soleAudience',
      description:
        'refuse tokens for other audiences, too: those see the token, and could use it here',
    }),
    alsoAudience: texts({
      ...EACH_ISSUER,
      becomes: 'tokens.alsoAudience',
      description: 'the same, but a token may also name this audience (Keycloak: account)',
      placeholder: 'AUDIENCE',
    }),
    audienceClaim: choice(['aud', 'client_id', 'azp'], {
      ...EACH_ISSUER,
      becomes: 'tokens.audienceClaim',
      description: 'claim to compare with the audience, for an IdP without aud',
    }),
    acceptIdTokenClaims: toggle({
      ...EACH_ISSUER,
      becomes: 'tokens.acceptIdTokenClaims',
      description: 'accept tokens that have at_hash or nonce, and so ID tokens, too (Dex)',
    }),
    validation: choice(['auto', 'jwt', 'introspection'], {
      ...EACH_ISSUER,
      becomes: 'asked.validation',
      description: 'auto: JWTs by keys, others by introspection if there is a client id',
    }),
    introspectionUrl: text({
      ...ONE_ISSUER,
      becomes: 'introspector.introspectionUrl',
      needs: 'client',
      description: 'introspection endpoint',
      placeholder: 'URL',
      default: 'from discovery',
    }),
    introspectionAuth: choice(INTROSPECTION_AUTHENTICATIONS, {
      ...EACH_ISSUER,
      placeholder: 'METHOD',
      becomes: 'introspector.authentication',
      description:
        'how the client authenticates there: client_secret_basic, client_secret_post, private_key_jwt, bearer or none',
    }),
    introspectionDialect: choice(INTROSPECTION_DIALECTS, {
      ...EACH_ISSUER,
      placeholder: 'DIALECT',
      becomes: 'introspector.dialect',
      description:
        'how the provider answers: rfc7662, google (tokeninfo) or github; their tokens also open their own APIs',
    }),
    introspectionCache: duration(
      { fallback: 30, max: 300 },
      {
        ...EACH_ISSUER,
        becomes: 'introspector.cache',
        description: 'how long an introspection answer is used',
      },
    ),
    introspectionConcurrency: count(
      { fallback: 20, max: 1000, positive: true },
      {
        ...EACH_ISSUER,
        becomes: 'introspector.concurrency',
        description: 'introspection calls at once',
      },
    ),
    clientId: text({
      ...ONE_ISSUER,
      becomes: 'introspector.clientId',
      description: 'client id for introspection',
      placeholder: 'ID',
    }),
    clientSecret: text({
      ...ONE_ISSUER,
      needs: 'client',
      description: 'client secret for introspection',
      placeholder: 'SECRET',
      secret: true,
    }),
    clientSecretFile: text({
      ...ONE_ISSUER,
      becomes: 'introspector.clientSecret',
      needs: 'client',
      description: 'file with the client secret; or MCP_GATEHOUSE_OAUTH_CLIENT_SECRET',
      placeholder: 'FILE',
      file: 'whole',
    }),
    clientKeyFile: text({
      ...ONE_ISSUER,
      becomes: 'introspector.clientKey',
      needs: 'client',
      description: 'file with the client key: PEM, JWK, or the key file of Zitadel',
      placeholder: 'FILE',
      file: 'whole',
    }),
    clientKeyId: text({
      ...ONE_ISSUER,
      becomes: 'introspector.clientKeyId',
      needs: 'client',
      description: 'key id (kid) of a client key in PEM',
      placeholder: 'KID',
    }),
    keysFile: text({
      ...OAUTH,
      becomes: 'tokens.apiKeys',
      description: 'API keys beside tokens: a file of mcp-gatehouse key; nobody else may write it',
      placeholder: 'FILE',
      file: 'whole',
    }),
    tokenPrefix: text({
      ...ONE_ISSUER,
      becomes: 'asked.tokenPrefix',
      needs: 'client',
      description: 'prefix of opaque tokens',
      placeholder: 'PREFIX',
    }),
    clockTolerance: duration(
      { fallback: 30, max: 300 },
      { ...OAUTH, becomes: 'tokens.clockTolerance', description: 'how far clocks may differ' },
    ),
    jwksMaxAge: duration(
      { fallback: 600, max: DAY },
      {
        ...OAUTH,
        becomes: 'tokens.jwksMaxAge',
        description: 'age at which keys are fetched again',
      },
    ),
    jwksStaleFor: duration(
      { fallback: DAY, max: 30 * DAY },
      {
        ...OAUTH,
        becomes: 'tokens.jwksStaleFor',
        description: 'how long old keys are used when new ones cannot be fetched',
      },
    ),
    wait: duration(
      { fallback: 3, max: 60 },
      {
        ...OAUTH,
        becomes: 'tokens.wait',
        description: 'how long a request waits for the provider',
      },
    ),
    mirrorMetadata: toggle({
      ...OAUTH,
      becomes: 'tokens.mirrorMetadata',
      description:
        'serve the metadata of the provider here, too, for clients of revision 2025-03-26',
    }),
  }),
  allowOrigin: texts({
    ...SHARED,
    perResource: 'too',
    section: 'Browser and hosts',
    becomes: 'endpoint.allowOrigins',
    description: 'browser origin',
    placeholder: 'ORIGIN',
    default: 'loopback if the resource is',
  }),
  allowHost: texts({
    section: 'Browser and hosts',
    becomes: 'gateway.allowHosts',
    description: 'additional accepted Host, on both listeners; a port counts only if written',
    placeholder: 'HOST',
    default: 'if HOST is loopback, the host of the resource and loopback names; else any',
    fault: hostValueFault,
    hint: 'mcp.internal, mcp.internal:8080 or [::1]:8080',
  }),
  trustedProxy: texts({
    ...SHARED,
    perResource: 'too',
    section: 'Browser and hosts',
    becomes: 'endpoint.trustedProxies',
    needs: 'tokens',
    description:
      'proxy whose X-Forwarded-For is believed, for the limit of callers without a token',
    placeholder: 'CIDR',
    fault: networkFault,
    hint: '10.0.0.0/8 or 2001:db8::1',
  }),
  refusalForm: text({
    ...SHARED,
    perResource: 'too',
    section: 'Browser and hosts',
    becomes: 'endpoint.refusalForm',
    needs: 'tokens',
    description:
      'how a client hears that a tool needs a login or a scope; tool-result: as ChatGPT needs it',
    placeholder: REFUSAL_FORMS.join('|'),
    default: 'http',
    fault: formFault,
    hint: 'leave it out for http',
  }),
  allowHttp: texts({
    ...SHARED,
    section: 'OAuth',
    becomes: 'tokens.allowHttp',
    needs: 'tokens',
    description: 'host that may be reached without TLS',
    placeholder: 'HOST',
    default: 'loopback hosts',
  }),
  caFile: text({
    section: 'Operation',
    becomes: 'gateway.ca',
    description: 'additional trusted certificates (PEM), for IdP and upstream',
    placeholder: 'FILE',
    file: 'whole',
  }),
  adminHost: textOr('127.0.0.1', {
    section: 'Operation',
    description:
      'address of the second listener: /livez, /readyz, /metrics; beyond loopback it accepts as Host IP addresses and the names of --allow-host',
    placeholder: 'HOST',
    fault: listenHostFault,
    hint: HOST_HINT,
  }),
  adminPort: portOrOff({ section: 'Operation', description: 'port of the second listener' }),
  adminTokenFile: text({
    section: 'Operation',
    description:
      'file with the token for the admin page, at / of the second listener; only its owner may read the file',
    placeholder: 'FILE',
    default: 'no page',
    file: 'whole',
    hint: 'openssl rand -base64 32 > admin.token; chmod 600 admin.token',
  }),
  auditFile: text({
    section: 'Operation',
    description: 'file to append one JSON line per decision to; - for the log. SIGHUP reopens it',
    placeholder: 'FILE',
    file: 'whole',
  }),
  auditArguments: toggle({
    section: 'Operation',
    becomes: 'gateway.auditArguments',
    onlyWhen: 'given',
    description: 'record the arguments of tools, where requests are read',
  }),
  accessLog: choice(['on', 'off'], {
    section: 'Operation',
    description: 'log a line at info for each call of a tool, each prompt and each resource',
  }),
  userClaim: texts({
    section: 'Operation',
    becomes: 'tokens.userClaims',
    needs: 'tokens',
    description:
      'claim with the name of the person, for log and audit; the first that the token has counts; it decides nothing',
    placeholder: 'NAME',
    default: 'none: only subject and client',
    hint: 'preferred_username, upn, email, or a dotted path',
  }),
  logLevel: choice(
    ['error', 'warn', 'info', 'debug'],
    { section: 'Operation', inStdio: true, description: 'how much to log, on stderr' },
    'info',
  ),
  logFormat: choice(['auto', 'json', 'pretty'], {
    section: 'Operation',
    inStdio: true,
    description: 'auto: pretty on a terminal',
  }),
  config: text({
    section: 'Operation',
    inStdio: true,
    description: 'settings from a file, YAML or JSON',
    placeholder: 'FILE',
    file: 'whole',
  }),
})

function settingsOf(shape: Readonly<Record<string, z.ZodType>>, prefix = ''): readonly Setting[] {
  return Object.entries(shape).flatMap(([name, member]) => {
    const path = prefix + name
    if (member instanceof z.ZodObject) return settingsOf(member.shape, `${path}.`)
    const about = details.get(member)
    if (about === undefined) throw new TypeError(`${path} has no details`)
    return [{ path, ...about }]
  })
}

/** All of them, in the order of the help. */
export const EVERYWHERE: readonly Setting[] = settingsOf(schema.shape)

export function valueOf(settings: Settings, path: string): unknown {
  const [name = '', member] = path.split('.')
  const value = (settings as unknown as JsonObject)[name]
  return member === undefined ? value : (value as JsonObject)[member]
}

/** The nested form. Members that were not given are `undefined`. */
function nest(given: GivenValues): Record<string, unknown> {
  const root: Record<string, unknown> = {}
  for (const { path } of EVERYWHERE) {
    const [name = '', member] = path.split('.')
    const value = given.get(path)?.value
    if (member === undefined) root[name] = value
    else root[name] = { ...(root[name] as object | undefined), [member]: value }
  }
  return root
}

/**
 * Converts the given texts to values. A wrong value becomes a problem and counts as missing, so
 * that everything else can still be checked.
 */
export function parseSettings(given: GivenValues): {
  readonly settings: Settings
  readonly problems: readonly ConfigurationProblem[]
} {
  const parsed = schema.safeParse(nest(given))
  if (parsed.success) return { settings: parsed.data, problems: [] }
  const right = new Map<string, GivenValue>(given)
  const problems = EVERYWHERE.flatMap(({ path, hint }) => {
    const messages = parsed.error.issues
      .filter((each) => `${each.path.join('.')}.`.startsWith(`${path}.`))
      .map(({ message }) => message)
    if (messages.length > 0) right.delete(path)
    const source = given.get(path)?.source ?? path
    return [...new Set(messages)].map((message) => ({ path: source, message, hint }))
  })
  return { settings: schema.parse(nest(right)), problems }
}
