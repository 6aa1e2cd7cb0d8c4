/**
 * The gateway's events for the operator, besides those of the kernel, and one table of their
 * meaning, which log, metrics and request records use.
 *
 * @module
 */
import type {
  BearerTokenErrorCode,
  RequestCode,
  RequestRefusedCode,
  UpstreamErrorCode,
} from '../errors.js'
import type { ResourceServerEvent } from '../events.js'
import type { ReportedOperation } from '../mcp/operation.js'
import type { ChildEvent } from './stdio/events.js'

/** A request was answered completely, or was cut. */
export interface RequestCompleted {
  readonly type: 'request.completed'
  readonly requestId: string
  readonly method: string
  /**
   * As sent, and that of the refusal where a tool result stands for it; 0 when the client left before
   * an answer began.
   */
  readonly status: number
  /** Who answered: the upstream or the gateway. */
  readonly from: 'upstream' | 'gateway'
  /**
   * How it ended: complete, when the client left, cut with the upstream's answer, or with its
   * token. Without a token that is the end of its time, or of the anonymous rules.
   */
  readonly end: 'whole' | 'client left' | 'cut' | 'token ended'
  /** Why we refused it, if `request.refused` already reported that. */
  readonly refused?: RequestRefusedCode
  /** Seconds from the request's head to the end. */
  readonly seconds: number
  /** Seconds until the upstream's answer began; absent if it did not begin. */
  readonly upstreamSeconds?: number
}

/** The upstream failed a request (502 or 504), or there were no credentials for it (502 or 503). */
export interface UpstreamFailed {
  readonly type: 'upstream.failed'
  readonly requestId: string
  readonly code: UpstreamErrorCode
  readonly reason: string
  readonly hint?: string
  /** Seconds, as sent to the client with a 503. */
  readonly retryAfter?: number
  /** An answer with the same status failed another request within a minute. The log has it at `debug`. */
  readonly isRepeated?: true
}

/**
 * The request went on although something was wrong with the upstream: no MCP server answers like
 * that, or the request had to be sent once more. One event for each reason and upstream in a minute.
 */
export interface UpstreamUnexpected {
  readonly type: 'upstream.unexpected'
  readonly requestId: string
  readonly reason: string
  readonly hint: string
}

/**
 * A readiness check found something wrong with the server behind a resource. At most one event in 10
 * seconds for each.
 */
export interface UpstreamProbed {
  readonly type: 'upstream.probed'
  /** Without a query, which could hold a key. */
  readonly upstream: string
  /** It answers, so the gateway is ready all the same. */
  readonly ok: boolean
  readonly reason: string
  readonly hint?: string
}

/** A request was refused for a reason other than its token. */
export interface RequestRefused {
  readonly type: 'request.refused'
  readonly requestId: string
  /** Absent if no answer could be sent: its connection ended, or an earlier answer was under way. */
  readonly status?: number
  readonly code: RequestRefusedCode
  readonly reason: string
  readonly hint?: string
}

/**
 * A request was for a path that no resource has (404). One event for each path, and at most ten in
 * a minute.
 */
export interface PathUnserved {
  readonly type: 'path.unserved'
  readonly requestId: string
  readonly method: string
  /** Without its query, quoted and cut. */
  readonly path: string
  /** `Host`, quoted and cut. */
  readonly host: string
  /** The resource that its client may have meant, or all resources. */
  readonly served: readonly string[]
  /** What could help. */
  readonly hint: string
}

export type GatewayEvent =
  | PathUnserved
  | ResourceServerEvent
  | RequestCompleted
  | UpstreamFailed
  | UpstreamUnexpected
  | UpstreamProbed
  | RequestRefused
  | ChildEvent

/** The caller and the operation of the request or the command that an event is about, as far as they are known. */
export interface EventSubject {
  /** The person, by `userClaims`, for people to read; never compare it. */
  readonly user: string | undefined
  readonly subject: string | undefined
  readonly clientId: string | undefined
  /** `anonymous`: a caller without a token, whom a policy with anonymous rules lets in. */
  readonly caller?: 'anonymous' | undefined
  /** The method of the message, such as `tools/call`; the first one of a batch. */
  readonly rpcMethod: string | undefined
  /** Its tool or prompt, or the URI of its resource. */
  readonly target: string | undefined
  /**
   * What its messages ask for. `undefined`: they were not read, and `rpcMethod` and `target` are what
   * header fields claim.
   */
  readonly operations: readonly ReportedOperation[] | undefined
  /** The path of the request, without its query. */
  readonly path: string | undefined
  /** The last decision about the request. */
  readonly decision: RequestDecision | undefined
}

/**
 * Receives every event, synchronously. Exceptions and rejected promises are ignored.
 *
 * @param resource the resource of the event, if there are several; `undefined` if the request
 * reached none
 * @param about who and what the event is about; `undefined` if it is about no request and no command. Read it at once: it
 * changes while the request goes on
 */
export type GatewayEventListener = (
  event: GatewayEvent,
  resource?: string,
  about?: EventSubject,
) => void

/** The decision about a request. */
export type RequestDecision = 'allow' | 'deny' | 'refused' | 'unavailable'

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

type Of<Event, Value> = Value | ((event: Event) => Value)

/** The meaning of one event type. Each member is a value, or is read from the event. */
interface Meaning<Event> {
  readonly level: Of<Event, LogLevel>
  /** The line in the log. */
  readonly line: Of<Event, string>
  /** The outcome of the request, as metrics count it; without one it is not counted. */
  readonly outcome?: Of<Event, string | undefined>
  /** Why: an error code. */
  readonly code?: Of<Event, RequestCode>
  /** The reason that metrics count with the outcome. Default: the code. */
  readonly reason?: Of<Event, string>
  /** Its effect on the request's record. */
  readonly decision?: Of<Event, RequestDecision>
}

/** Refusals of a token that is valid for something else. */
const DENIALS: ReadonlySet<BearerTokenErrorCode> = new Set([
  'ERR_SCOPE_INSUFFICIENT',
  'ERR_OPERATION_DENIED',
])

/** The statuses of our own answers that no other event reports. */
const ANSWERED: ReadonlySet<number> = new Set([200, 204, 404])

function completedOutcome({ refused, from, status }: RequestCompleted): string | undefined {
  if (refused !== undefined) return undefined
  if (from === 'upstream') return 'forwarded'
  return ANSWERED.has(status) ? 'answered' : undefined
}

/** For callers without a token. */
const OF_ADDRESSES =
  '; anonymousLimit in the policy sets it, and --trusted-proxy tells callers behind a proxy apart'

type Meanings = {
  readonly [Type in GatewayEvent['type']]: Meaning<Extract<GatewayEvent, { readonly type: Type }>>
}

const MEANINGS: Meanings = {
  'request.denied': {
    // Every client begins without a token, to learn where to log in.
    level: ({ code }) => (code === 'ERR_CREDENTIALS_MISSING' ? 'debug' : 'info'),
    line: ({ reason }) => `denied: ${reason}`,
    outcome: 'denied',
    code: ({ code }) => code,
    decision: ({ code }) => (DENIALS.has(code) ? 'deny' : 'refused'),
  },
  'request.unavailable': {
    level: 'warn',
    line: ({ reason }) => `identity provider unavailable: ${reason}`,
    outcome: 'unavailable',
    code: ({ code }) => code,
    decision: 'unavailable',
  },
  // No decision about a caller: the audit has none about metadata.
  'metadata.unmirrored': {
    level: 'warn',
    line: ({ reason }) => `metadata not mirrored: ${reason}`,
    outcome: 'unavailable',
    code: ({ code }) => code,
  },
  'request.refused': {
    // Clients of several protocol revisions ask for the newest first.
    level: ({ code }) => (code === 'ERR_VERSION_UNSUPPORTED' ? 'debug' : 'info'),
    line: ({ reason }) => `refused: ${reason}`,
    outcome: 'refused',
    code: ({ code }) => code,
    decision: 'refused',
  },
  'origin.refused': {
    level: 'info',
    line: ({ origin }) => `refused: Origin ${origin}`,
    outcome: 'refused',
    code: 'ERR_ORIGIN_FOREIGN',
    decision: 'refused',
  },
  // Only in the middleware: the gateway reports `request.refused`.
  'session.refused': { level: 'info', line: ({ reason }) => `refused: ${reason}` },
  'operation.unreadable': {
    level: 'info',
    line: ({ reason }) => `refused: ${reason}`,
    outcome: 'refused',
    code: 'ERR_BODY_UNREADABLE',
    decision: 'refused',
  },
  'operation.throttled': {
    level: ({ isFirst }) => (isFirst ? 'warn' : 'debug'),
    line: 'too many refusals: this caller must wait',
    outcome: 'refused',
    code: 'ERR_REFUSALS_TOO_MANY',
    decision: 'refused',
  },
  'operation.limited': {
    level: ({ isFirst }) => (isFirst ? 'warn' : 'debug'),
    line: ({ limit, issuer }) =>
      `beyond the limit of ${limit}: this caller must wait${issuer === undefined ? OF_ADDRESSES : ''}`,
    outcome: 'refused',
    code: 'ERR_LIMIT_REACHED',
    decision: 'refused',
  },
  'operation.judged': {
    level: 'debug',
    line: ({ outcome, operations }) =>
      `${outcome}: ${operations.map(({ method }) => method).join(', ')}`,
    decision: ({ outcome }) => (outcome === 'allowed' ? 'allow' : 'deny'),
  },
  'path.unserved': {
    level: 'info',
    line: ({ method, path, host, served }) =>
      `not found: ${method} ${path} (Host ${host}); served: ${served.join(', ')}`,
    code: 'ERR_PATH_UNSERVED',
  },
  'upstream.failed': {
    level: ({ isRepeated }) => (isRepeated === true ? 'debug' : 'warn'),
    line: ({ reason }) => `upstream: ${reason}`,
    outcome: 'upstream_failed',
    code: ({ code }) => code,
    // The request was allowed but failed.
    decision: 'allow',
  },
  'upstream.probed': { level: 'warn', line: ({ reason }) => `readiness: upstream: ${reason}` },
  'upstream.unexpected': { level: 'warn', line: ({ reason }) => `upstream: ${reason}` },
  'request.failed': {
    level: 'error',
    line: 'internal error of the gateway',
    outcome: 'failed',
    code: 'ERR_INTERNAL',
    reason: '',
    decision: 'refused',
  },
  'request.completed': {
    level: 'debug',
    line: ({ method, status }) => `${method} ${status}`,
    outcome: completedOutcome,
    reason: ({ from, end, status }) =>
      from === 'upstream' ? end.replace(' ', '_') : String(status),
  },
  'request.authenticated': { level: 'debug', line: 'authenticated' },
  'token.ended': {
    level: 'info',
    line: ({ reason }) => `the token of an open answer is no longer valid: ${reason}`,
  },
  'keys.loaded': {
    level: ({ added, retired }) => (added + retired > 0 ? 'info' : 'debug'),
    line: ({ issuer, usable, skipped }) => {
      const unused = skipped.slice(0, 5).join('; ')
      return `keys of ${issuer}: ${usable} usable${unused === '' ? '' : `, not used: ${unused}`}`
    },
  },
  'keys.failed': {
    level: ({ serving }) => (serving ? 'warn' : 'error'),
    line: ({ reason }) => reason,
  },
  'introspection.answered': {
    level: 'debug',
    line: ({ active }) => `introspection: ${active ? 'active' : 'not active'}`,
  },
  'introspection.failed': {
    level: ({ concerns }) => (concerns === 'issuer' ? 'error' : 'info'),
    line: ({ reason }) => reason,
  },
  'scopes.dropped': { level: 'info', line: ({ reason }) => reason },
  'claim.suspected': { level: 'warn', line: ({ reason }) => reason },
  'path.slash': { level: 'warn', line: ({ reason }) => reason },
  'request.unguarded': { level: 'warn', line: ({ reason }) => reason },
  'store.failed': { level: 'warn', line: ({ reason }) => reason },
  'child.started': { level: 'info', line: ({ child }) => `child ${child} started` },
  'child.ended': {
    level: 'info',
    line: ({ child, reason, seconds }) => `child ${child} ${reason} after ${seconds.toFixed(1)} s`,
  },
  'child.strays': {
    level: 'warn',
    line: ({ child, count }) =>
      `child ${child} left ${count} processes in other process groups: they were ended`,
  },
  'child.remarked': {
    level: ({ hint }) => (hint === undefined ? 'info' : 'warn'),
    line: ({ child, from, text }) => `child ${child} on ${from}: ${text}`,
  },
  'message.unusable': {
    level: ({ hint }) => (hint === undefined ? 'info' : 'warn'),
    line: ({ child, reason }) => `child ${child} sent ${reason}`,
  },
  'start.abandoned': {
    level: 'info',
    line: ({ child }) => `child ${child} goes on without its client until its first answer`,
  },
  'start.resumed': {
    level: 'info',
    line: ({ child }) => `a retry of its caller waits for child ${child}`,
  },
  'command.warmed': {
    level: ({ failure }) => (failure === undefined ? 'info' : 'warn'),
    line: ({ child, seconds, failure }) => {
      const after = `after ${seconds.toFixed(1)} s`
      return failure === undefined
        ? `child ${child} answered ${after}, and nobody was served`
        : `child ${child} failed ${after}: ${failure}`
    },
  },
  'session.ended': {
    level: 'info',
    line: ({ child, reason }) => `session of child ${child} ended: ${reason}`,
  },
}

function meaningOf(event: GatewayEvent): Meaning<GatewayEvent> {
  return MEANINGS[event.type] as Meaning<GatewayEvent>
}

function read<Value extends string | undefined>(
  of: Of<GatewayEvent, Value>,
  event: GatewayEvent,
): Value {
  return typeof of === 'function' ? of(event) : of
}

/** For the log. */
export function lineOf(event: GatewayEvent): readonly [level: LogLevel, text: () => string] {
  const { level, line } = meaningOf(event)
  return [read(level, event), () => read(line, event)]
}

/** Why, for events that have no member for it. */
export function codeFor(event: GatewayEvent): RequestCode | undefined {
  return read(meaningOf(event).code, event)
}

/** For metrics; `undefined` for an event that ends no request. */
export function outcomeOf(
  event: GatewayEvent,
): readonly [outcome: string, reason: string] | undefined {
  const { outcome, code, reason = code } = meaningOf(event)
  const label = read(outcome, event)
  return label === undefined ? undefined : [label, read(reason, event) ?? '']
}

/** For the record of a request; `undefined` if nothing was decided. */
export function decisionOf(
  event: GatewayEvent,
): readonly [decision: RequestDecision, code: string | undefined] | undefined {
  const { decision, code } = meaningOf(event)
  const decided = read(decision, event)
  return decided === undefined ? undefined : [decided, read(code, event)]
}
