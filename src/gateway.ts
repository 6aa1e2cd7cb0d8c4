/**
 * The gateway as a library: for embedding it, and for tests.
 *
 * Adding a name here is a decision about the public API.
 *
 * @module
 */
export type { RequestRefusedCode } from './errors.js'
export type { AuditRecord } from './gateway/audit.js'
export type { UnreadReason } from './gateway/request/overheard-body.js'
export type { AuditedOperation } from './gateway/request/read-operations.js'
export type {
  GatewayEvent,
  EventSubject,
  GatewayEventListener,
  PathUnserved,
  RequestCompleted,
  RequestRefused,
  UpstreamFailed,
  UpstreamProbed,
  UpstreamUnexpected,
} from './gateway/events.js'
export type {
  ChildEnded,
  ChildEvent,
  ChildRemarked,
  ChildStrays,
  ChildStarted,
  CommandWarmed,
  MessageUnusable,
  SessionEnded,
  StartAbandoned,
  StartResumed,
} from './gateway/stdio/events.js'
export type { ChildLimits } from './gateway/stdio/limits.js'
export {
  createGateway,
  type Gateway,
  type GatewayStatus,
  type Listening,
  type ResourceStatus,
  type ListeningResource,
} from './gateway/gateway.js'
export type { ForwardedClaim } from './gateway/forwarded-claims.js'
export type {
  GatewayOptions,
  GatewayResource,
  UpstreamCaller,
  UpstreamCredentials,
} from './gateway/options.js'
export type { Readiness, ReadinessCheck } from './gateway/readiness.js'
export type { GatewaySecrets } from './gateway/secrets.js'
