/**
 * Who did what, and who was kept from it: a record for every decision.
 *
 * @module
 */
import type { BearerTokenErrorCode } from '../errors.js'
import {
  MOST_OPERATIONS,
  operationsOf,
  tellOperations,
  UnclearOperation,
  type ToldOperation,
} from '../mcp/operation.js'
import type { RpcMessage } from '../mcp/message.js'
import type { AdmittedRequest } from './request/backend.js'
import type { Caller } from './request/caller.js'
import type { GatewayEvent, RequestCompleted } from './events.js'
import { valuesOf } from './request/hop-by-hop.js'
import type { RequestHead } from './request/head.js'
import { TransientMap } from './request/transients.js'

/** An operation of a record. */
export interface AuditedOperation {
  readonly method: string
  /** Of the tool or prompt, the URI of the resource; what is longer than 512 characters is cut. */
  readonly name?: string
  /** Of a tool's call, where they are asked for. */
  readonly arguments?: unknown
}

/**
 * One decision, written when its request has ended. Members that are not known are left out. Later versions add
 * members; a change of those that are here is a new {@link AuditRecord.version}.
 */
export interface AuditRecord {
  readonly version: 1
  /** When the request came (RFC 3339, UTC). */
  readonly time: string
  /** As the client got it in `X-Request-Id`, and as the log has it. */
  readonly requestId: string
  /** The one that it was for, where there are several. */
  readonly resource?: string
  /**
   * `allow`: it went on. `deny`: a good token that may not do this (403). `refused`: no good token, no good request, or
   * one whose client left before it was judged (`ERR_CLIENT_LEFT`).
   * `unavailable`: the identity provider could not be asked.
   */
  readonly outcome: 'allow' | 'deny' | 'refused' | 'unavailable'
  /** Why it was not allowed, or what the server behind did wrong. */
  readonly code?: string
  readonly issuer?: string
  readonly subject?: string
  readonly clientId?: string
  /** GET, POST, DELETE. */
  readonly httpMethod: string
  /** What it asked for, as far as it was read: with a policy, or in the stateless era. */
  readonly operations?: readonly AuditedOperation[]
  /** With a policy: of base and operations together. */
  readonly scopesNeeded?: readonly string[]
  readonly scopesHeld?: readonly string[]
  /** As sent; 0 when the client left before. */
  readonly status: number
  /** When the server behind answered: its status. */
  readonly upstreamStatus?: number
  readonly end: RequestCompleted['end']
  /** From its head to its end. */
  readonly seconds: number
  /** W3C Trace Context, as the client sent it. */
  readonly traceparent?: string
}

export interface AuditTrail {
  /** A request has come. */
  begin(requestId: string, head: RequestHead): void
  /** What is in it, where it was read and allowed. */
  read(requestId: string, messages: readonly RpcMessage[]): void
  /** Its token is good, whatever becomes of it. */
  identify(requestId: string, caller: Caller): void
  /** Its client left before anything was decided. */
  leave(requestId: string): void
  /** It goes on. */
  admit(admitted: AdmittedRequest): void
  /** To be called with every event. */
  note(event: GatewayEvent, resource: string | undefined): void
}

/** A record that is not complete. */
type Draft = { -readonly [Name in keyof AuditRecord]?: AuditRecord[Name] }

const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/
/** Refusals of a token that is good for something else. */
const DENIALS: ReadonlySet<BearerTokenErrorCode> = new Set([
  'ERR_SCOPE_INSUFFICIENT',
  'ERR_OPERATION_DENIED',
])

type Facts = { readonly [Name in keyof AuditRecord]?: AuditRecord[Name] | undefined }

function withoutAbsent(facts: Facts): Draft {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))
}

function toOperations(told: readonly ToldOperation[]): readonly AuditedOperation[] {
  return told.map(({ method, name }) => ({ method, ...(name !== undefined && { name }) }))
}

/** The operations of a message that was allowed, so that all of it is clear. */
function operationsIn(
  { method, params }: RpcMessage,
  hasArguments: boolean,
): readonly AuditedOperation[] {
  const operations = operationsOf(method, params)
  const known = operations instanceof UnclearOperation ? [{ method, name: undefined }] : operations
  const given = hasArguments && method === 'tools/call' ? params?.['arguments'] : undefined
  return toOperations(tellOperations(known)).map((each) => ({
    ...each,
    ...(given !== undefined && { arguments: given }),
  }))
}

/**
 * @param write gets each record once
 * @param hasArguments with the arguments of tools that were called
 * @param now milliseconds since 1970
 */
export function createAuditTrail(
  write: (record: AuditRecord) => void,
  hasArguments: boolean,
  now: () => number,
): AuditTrail {
  /** Of requests that have not ended. */
  const drafts = new TransientMap<string, Draft>()

  function conclude(requestId: string, outcome: AuditRecord['outcome'], facts: Facts): void {
    const draft = drafts.get(requestId)
    if (draft !== undefined) Object.assign(draft, withoutAbsent(facts), { outcome })
  }

  function complete(event: RequestCompleted, resource: string | undefined): void {
    const { requestId, method, status, from, end, seconds } = event
    const draft = drafts.get(requestId)
    drafts.delete(requestId)
    // Metadata, preflights, paths that are nobody's: nothing was decided.
    if (draft?.outcome === undefined) return
    const upstreamStatus = from === 'upstream' ? status : undefined
    const rest = { resource, httpMethod: method, status, upstreamStatus, end, seconds }
    write({ version: 1, ...draft, ...withoutAbsent(rest) } as AuditRecord)
  }

  return {
    begin(requestId, { forwarded }) {
      const [traceparent = ''] = valuesOf(forwarded, 'traceparent')
      const draft: Draft = { time: new Date(now()).toISOString(), requestId }
      if (TRACEPARENT.test(traceparent)) draft.traceparent = traceparent
      drafts.set(requestId, draft)
    },

    read(requestId, messages) {
      const draft = drafts.get(requestId)
      if (draft === undefined) return
      draft.operations = messages
        .slice(0, MOST_OPERATIONS)
        .flatMap((message) => operationsIn(message, hasArguments))
    },

    identify(requestId, { authenticated }) {
      const draft = drafts.get(requestId)
      if (draft === undefined || authenticated === undefined) return
      const { issuer, subject, clientId, scopes } = authenticated.token
      Object.assign(draft, withoutAbsent({ issuer, subject, clientId, scopesHeld: scopes }))
    },

    leave(requestId) {
      if (drafts.get(requestId)?.outcome !== undefined) return
      conclude(requestId, 'refused', { code: 'ERR_CLIENT_LEFT' })
    },

    admit({ requestId, message }) {
      if (message !== undefined && drafts.get(requestId)?.operations === undefined) {
        this.read(requestId, [message])
      }
      conclude(requestId, 'allow', {})
    },

    note(event, resource) {
      switch (event.type) {
        case 'operation.judged': {
          const { issuer, subject, clientId, scopesNeeded, scopesHeld } = event
          const operations = toOperations(event.operations)
          conclude(event.requestId, event.outcome === 'allowed' ? 'allow' : 'deny', {
            issuer,
            subject,
            clientId,
            operations,
            scopesNeeded,
            scopesHeld,
          })
          break
        }
        case 'operation.throttled': {
          const { requestId, issuer, subject, clientId } = event
          const code = 'ERR_REFUSALS_TOO_MANY'
          conclude(requestId, 'refused', { issuer, subject, clientId, code })
          break
        }
        case 'request.denied': {
          const { requestId, code, issuer } = event
          conclude(requestId, DENIALS.has(code) ? 'deny' : 'refused', { code, issuer })
          break
        }
        case 'request.unavailable':
          conclude(event.requestId, 'unavailable', { code: event.code, issuer: event.issuer })
          break
        case 'request.refused':
          conclude(event.requestId, 'refused', { code: event.code })
          break
        case 'origin.refused':
          conclude(event.requestId, 'refused', { code: 'ERR_ORIGIN_FOREIGN' })
          break
        case 'operation.unreadable':
          conclude(event.requestId, 'refused', { code: 'ERR_BODY_UNREADABLE' })
          break
        case 'request.failed':
          conclude(event.requestId, 'refused', { code: 'ERR_INTERNAL' })
          break
        case 'upstream.failed':
          // It was allowed, and came to nothing.
          conclude(event.requestId, 'allow', { code: event.code })
          break
        case 'request.completed':
          complete(event, resource)
          break
        default:
      }
    },
  }
}
