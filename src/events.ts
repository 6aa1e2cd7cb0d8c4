/**
 * What the kernel reports to the operator. The answer to a client stays vague on purpose; the exact
 * reason is here, under the request id in the answer. No event holds a token.
 *
 * @module
 */
import type { AuthorizationServerErrorCode, BearerTokenErrorCode } from './errors.js'

/** A request was refused with 400, 401 or 403. */
export interface RequestDenied {
  readonly type: 'request.denied'
  readonly requestId: string
  readonly status: 400 | 401 | 403
  readonly code: BearerTokenErrorCode
  /** The exact reason. */
  readonly reason: string
  /** The configured issuer, once the token named one. */
  readonly issuer?: string
  /** The setting of that identity provider to check. */
  readonly hint?: string
  /** The person, by `userClaims`, for people to read. */
  readonly user?: string
  /** Of the token, if it was verified: it lacks something, or a rule denies the operation. */
  readonly subject?: string
  readonly clientId?: string
}

/** A browser's request came from an origin that is not allowed (403). */
export interface OriginRefused {
  readonly type: 'origin.refused'
  readonly requestId: string
  /** Quoted and cut. */
  readonly origin: string
  /** What could help. */
  readonly hint: string
}

/**
 * A request to a middleware named an unknown session, or one that is not its caller's at this
 * resource (404).
 */
export interface SessionRefused {
  readonly type: 'session.refused'
  readonly requestId: string
  /** With a short hash of the id. */
  readonly reason: string
  /** What could help. */
  readonly hint: string
}

/** A request could not be decided because the authorization server failed (503). */
export interface RequestUnavailable {
  readonly type: 'request.unavailable'
  readonly requestId: string
  readonly code: AuthorizationServerErrorCode
  readonly reason: string
  readonly issuer: string
  /** Seconds, as sent to the client. */
  readonly retryAfter: number
}

/**
 * The metadata of the authorization server could not be mirrored: it must not be served (502,
 * `ERR_METADATA_UNFIT`), or cannot be read (503).
 */
export interface MetadataUnmirrored {
  readonly type: 'metadata.unmirrored'
  readonly requestId: string
  readonly status: 502 | 503
  readonly code: AuthorizationServerErrorCode
  readonly reason: string
  readonly issuer: string
  /** What could help. */
  readonly hint?: string
}

/** A bug in this package or in code plugged into it (500). */
export interface RequestFailed {
  readonly type: 'request.failed'
  readonly requestId: string
  /** Class of the error and where it was thrown; its message could quote a token and is left out. */
  readonly where: string
}

/**
 * A token is no longer valid while its stream goes on: the stream ends now, or as soon as it may.
 */
export interface TokenEnded {
  readonly type: 'token.ended'
  /** The id of the request that it arrived with. */
  readonly requestId: string
  readonly code: BearerTokenErrorCode
  /** The exact reason. */
  readonly reason: string
  readonly issuer: string
}

/**
 * A policy decided about the operations of a request with a token, or without one if it has anonymous
 * rules. If it was refused,
 * `request.denied` has the exact reason under the same id.
 */
export interface OperationJudged {
  readonly type: 'operation.judged'
  readonly requestId: string
  readonly outcome: 'allowed' | 'denied'
  /**
   * The operations: one, unless the request is a batch or a subscription. At most the first 100;
   * long names are cut.
   */
  readonly operations: readonly {
    readonly method: string
    /** Of the tool, prompt or resource. */
    readonly name: string | undefined
  }[]
  /** `undefined` for a caller without a token. */
  readonly issuer: string | undefined
  readonly subject: string | undefined
  readonly clientId: string | undefined
  /** All scopes that these operations need, including base scopes. */
  readonly scopesNeeded: readonly string[]
  readonly scopesHeld: readonly string[]
}

/** The operations of a request could not be read (400). */
export interface OperationUnreadable {
  readonly type: 'operation.unreadable'
  readonly requestId: string
  readonly reason: string
}

/** A caller was refused too often and must wait (429). */
export interface OperationThrottled {
  readonly type: 'operation.throttled'
  readonly requestId: string
  /** `undefined` for a caller without a token. */
  readonly issuer: string | undefined
  readonly subject: string | undefined
  readonly clientId: string | undefined
  /** Seconds, as sent to the client. */
  readonly retryAfter: number
  /** Their first throttled request since the last admitted one. */
  readonly isFirst: boolean
}

/** A caller used an operation more often than a limit of the policy allows, and must wait (429). */
export interface OperationLimited {
  readonly type: 'operation.limited'
  readonly requestId: string
  /** `undefined` for a caller without a token. */
  readonly issuer: string | undefined
  readonly subject: string | undefined
  readonly clientId: string | undefined
  /** As people read it: `20/min per subject`. */
  readonly limit: string
  /** Seconds, as sent to the client. */
  readonly retryAfter: number
  /** The first refusal by this limit since the last use that it allowed. */
  readonly isFirst: boolean
}

/** A request was let in. */
export interface RequestAuthenticated {
  readonly type: 'request.authenticated'
  readonly issuer: string
  /** True if the signature of these bytes had been checked before. */
  readonly remembered: boolean
  /** The id of the API key, if it was one. */
  readonly apiKey?: string
}

/** Keys were read from the authorization server. */
export interface KeysLoaded {
  readonly type: 'keys.loaded'
  readonly issuer: string
  readonly usable: number
  /** Keys that we cannot or must not use, each with the reason. */
  readonly skipped: readonly string[]
  /** Keys that were not known before. */
  readonly added: number
  /** Keys that were trusted until now and are gone; their tokens are refused from here on. */
  readonly retired: number
}

/**
 * An MCP message was answered without a token, on a path that no guard protects: the paths of resource and route differ.
 * The gateway never emits this.
 */
export interface RequestUnguarded {
  readonly type: 'request.unguarded'
  readonly requestId: string
  readonly resource: string
  /** Quoted and cut. */
  readonly path: string
  /** Of the answer. */
  readonly status: number
  readonly reason: string
  readonly hint: string
}

/**
 * A client uses the URL of the resource with another last slash than the published one. It is served. Clients that
 * compare the two refuse the metadata. Emitted once.
 */
export interface PathSlash {
  readonly type: 'path.slash'
  readonly requestId: string
  readonly resource: string
  readonly reason: string
  readonly hint: string
}

/** Keys could not be read. */
export interface KeysFailed {
  readonly type: 'keys.failed'
  readonly issuer: string
  readonly code: AuthorizationServerErrorCode
  readonly reason: string
  /** Milliseconds until the next attempt is allowed. */
  readonly retryIn: number
  /** True while older keys are still in use. */
  readonly serving: boolean
}

/**
 * A claim that holds scopes by configuration, such as `groups`, has an entry that cannot be a scope.
 * Such entries are left out. Told once for each issuer and claim.
 */
export interface ScopesDropped {
  readonly type: 'scopes.dropped'
  readonly issuer: string
  /** As configured. */
  readonly claim: string
  /** With the first such entry, quoted and cut. */
  readonly reason: string
}

/**
 * A claim of an accepted token is probably a mistake of its issuer. Told once for each issuer and claim.
 */
export interface ClaimSuspected {
  readonly type: 'claim.suspected'
  readonly issuer: string
  readonly claim: string
  readonly reason: string
}

/** The authorization server answered about a token. */
export interface IntrospectionAnswered {
  readonly type: 'introspection.answered'
  readonly issuer: string
  readonly active: boolean
}

/** The authorization server could not be asked about a token. */
export interface IntrospectionFailed {
  readonly type: 'introspection.failed'
  readonly issuer: string
  readonly code: AuthorizationServerErrorCode
  readonly reason: string
  /**
   * Milliseconds until the next attempt is allowed; `Infinity`: not before our credentials are
   * replaced.
   */
  readonly retryIn: number
  /** `token`: other tokens are introspected as before. */
  readonly concerns: 'issuer' | 'token'
}

/** A store of answers failed. The authorization server is asked instead, so nobody is refused for it. */
export interface StoreFailed {
  readonly type: 'store.failed'
  readonly issuer: string
  readonly reason: string
  /** Milliseconds until the store is tried again. */
  readonly retryIn: number
}

export type ResourceServerEvent =
  | RequestDenied
  | OriginRefused
  | SessionRefused
  | RequestUnavailable
  | MetadataUnmirrored
  | RequestFailed
  | RequestAuthenticated
  | OperationJudged
  | OperationThrottled
  | OperationLimited
  | OperationUnreadable
  | TokenEnded
  | KeysLoaded
  | KeysFailed
  | IntrospectionAnswered
  | IntrospectionFailed
  | StoreFailed
  | ScopesDropped
  | ClaimSuspected
  | PathSlash
  | RequestUnguarded

/**
 * Receives every event, synchronously. What it throws is ignored, and a promise of it that rejects
 * too: a broken log must neither admit anybody, nor refuse anybody, nor end the process.
 */
export type EventListener = (event: ResourceServerEvent) => void

export type Emit = (event: ResourceServerEvent) => void

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value
}

/**
 * `undefined` without a listener, so that callers need not even build the event.
 *
 * @typeParam About the subject of the event, if a listener serves several
 */
export function createEmit<Event, Place = undefined, About = undefined>(
  listener: ((event: Event, place?: Place, about?: About) => unknown) | undefined,
): ((event: Event, place?: Place, about?: About) => void) | undefined {
  if (listener === undefined) return undefined
  return function emit(event, place, about) {
    try {
      const returned = listener(event, place, about)
      if (isThenable(returned)) Promise.resolve(returned).catch(() => undefined)
    } catch {
      // Stated in EventListener.
    }
  }
}

/** The lines of a stack after its message; none if the stack does not begin with the message. */
function placesIn({ stack = '', message }: Error): readonly string[] {
  const [name = ''] = stack.split(/:|\n/, 1)
  const rest = stack.slice(name.length)
  const said = `: ${message}`
  const isSaid = rest.startsWith(`${said}\n`)
  if (!isSaid && !(message === '' && rest.startsWith('\n'))) return []
  return rest.slice(isSaid ? said.length : 0).split('\n')
}

/**
 * Class and place of an error without its message: JSON.parse and others quote their input in the
 * message, and a quoted line may look like a stack frame.
 */
export function whereThrown(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  try {
    return placesOf(error)
  } catch {
    // An error of a kind that throws when it is looked at.
    return 'Error'
  }
}

function placesOf(error: Error): string {
  const frames = placesIn(error).filter((line) => /^\s+at /.test(line))
  return [error.constructor.name, ...frames.slice(0, 5).map((line) => line.trim())]
    .map((text) => text.slice(0, 300).replace(/[^\x20-\x7e]/g, '?'))
    .join(' ')
}
