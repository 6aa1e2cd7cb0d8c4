/**
 * The gateway as a library: for embedding it, and for tests.
 *
 * Adding a name here is a decision about the public API.
 *
 * @module
 */
export type {
  GatewayEvent,
  GatewayEventListener,
  RequestCompleted,
  RequestRefused,
  RequestRefusedCode,
  UpstreamFailed,
} from './gateway/events.js'
export {
  createGateway,
  type Gateway,
  type GatewayStatus,
  type Listening,
  type Readiness,
  type ReadinessCheck,
} from './gateway/gateway.js'
export type { GatewayOptions } from './gateway/options.js'
