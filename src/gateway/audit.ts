/**
 * The audit: one record for every decision.
 *
 * @module
 */
import type { RequestCompleted } from './events.js'
import type { RequestHead } from './request/head.js'
import { valuesOf } from './request/hop-by-hop.js'
import type { UnreadReason } from './request/overheard-body.js'
import type { AuditedOperation } from './request/read-operations.js'
import type { RequestRecord } from './request/record.js'

/**
 * One decision, written when its request has ended. Unknown members are left out. Later versions
 * may add members; a change of existing ones is a new {@link AuditRecord.version}.
 */
export interface AuditRecord {
  readonly version: 1
  /** When the request arrived (RFC 3339, UTC). */
  readonly time: string
  /** The value of `X-Request-Id` and of the log. */
  readonly requestId: string
  /** The resource of the request, if there are several. */
  readonly resource?: string
  /**
   * `allow`: it proceeded. `deny`: a valid token that may not do this (403). `refused`: no valid
   * token, no valid request, or the client left before the decision (`ERR_CLIENT_LEFT`).
   * `unavailable`: the identity provider could not be queried.
   */
  readonly outcome: 'allow' | 'deny' | 'refused' | 'unavailable'
  /** Why it was not allowed, or the fault of the upstream. */
  readonly code?: string
  readonly issuer?: string
  /** The person, by `userClaims`, for people to read. The subject is who they are. */
  readonly user?: string
  readonly subject?: string
  readonly clientId?: string
  /** The caller had no token, and the policy has anonymous rules. */
  readonly anonymous?: true
  /** GET, POST, DELETE. */
  readonly httpMethod: string
  /** Its operations, if they were read. */
  readonly operations?: readonly AuditedOperation[]
  /** Why they could not be read, or not all of them; the request was forwarded all the same. */
  readonly unread?: UnreadReason
  /** With a policy: base scopes and those of the operations together. */
  readonly scopesNeeded?: readonly string[]
  readonly scopesHeld?: readonly string[]
  /** As sent; 0 when the client left before. */
  readonly status: number
  /** The status of the upstream's answer. */
  readonly upstreamStatus?: number
  readonly end: RequestCompleted['end']
  /** From its head to its end. */
  readonly seconds: number
  /** W3C Trace Context, as the client sent it. */
  readonly traceparent?: string
}

const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/

type Facts = { readonly [Name in keyof AuditRecord]-?: AuditRecord[Name] | undefined }

function withoutAbsent(facts: Facts): AuditRecord {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined)
  return Object.fromEntries(known) as unknown as AuditRecord
}

/** As the client sent it; `undefined` if invalid. */
function traceparentOf({ forwarded }: RequestHead): string | undefined {
  const [traceparent = ''] = valuesOf(forwarded, 'traceparent')
  return TRACEPARENT.test(traceparent) ? traceparent : undefined
}

/**
 * The line about a request that has ended.
 *
 * @returns `undefined` if nothing was decided: metadata, preflights, unknown paths
 */
export function auditRecordOf(record: RequestRecord): AuditRecord | undefined {
  const { decision, completed, caller } = record
  if (decision === undefined || completed === undefined) return undefined
  const { user, subject, clientId, scopes } = caller?.authenticated?.token ?? {}
  const { status, from, end, seconds } = completed
  return withoutAbsent({
    version: 1,
    time: new Date(record.arrivedAt).toISOString(),
    requestId: record.id,
    traceparent: traceparentOf(record.head),
    issuer: record.issuer,
    user,
    subject,
    clientId,
    anonymous: caller?.visitor?.outcome === 'anonymous' ? true : undefined,
    scopesHeld: scopes,
    operations: record.operations,
    unread: decision === 'allow' ? record.unread : undefined,
    scopesNeeded: record.scopesNeeded,
    code: record.code,
    outcome: decision,
    resource: record.resource,
    httpMethod: record.method,
    status,
    upstreamStatus: from === 'upstream' ? status : undefined,
    end,
    seconds,
  })
}
