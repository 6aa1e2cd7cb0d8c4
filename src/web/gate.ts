/**
 * The guard, under the names that the gateway has for it.
 *
 * @module
 */
export { answer, type GuardAnswer as GateAnswer } from './answers.js'
export {
  createGuard as createGate,
  refuseOrigin,
  type Guard as Gate,
  type GateOutcome,
} from './guard.js'
export type { GateRequest } from './guard-request.js'
