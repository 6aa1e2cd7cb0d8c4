/**
 * Variables of our environment that a command may need and does not get: without its proxy or its
 * CA a package manager downloads nothing.
 *
 * @module
 */
import type { ChildEnded } from './events.js'

const NEEDED =
  /^(?:SSL_CERT_(?:FILE|DIR)|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|(?:ALL|HTTPS?|NO)_PROXY|(?:all|https?|no)_proxy|(?:NPM_CONFIG|UV)_\w+)$/

/** How many are named. */
const MOST = 10

/** How a command ended, with the hint. */
export function withHint(reason: string, hint: string | undefined): string {
  return hint === undefined ? reason : `${reason}; ${hint}`
}

/**
 * The hint for a command that ended before it answered.
 *
 * @param ours our environment; of its values nothing is told
 * @param passed the environment of the command
 * @returns `undefined` if it has them all
 */
export function withheldHint(
  ours: Readonly<Record<string, string | undefined>>,
  passed: Readonly<Record<string, string>>,
): ChildEnded['hint'] {
  const names = Object.keys(ours).filter((name) => NEEDED.test(name) && !(name in passed))
  if (names.length === 0) return undefined
  const listed = names.slice(0, MOST).join(', ')
  return `set here and not passed to it: ${listed}; --child-env NAME passes a variable`
}
