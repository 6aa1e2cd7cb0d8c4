/**
 * Options of whatever guards requests, and their checks.
 *
 * @module
 */
import { sha256Sync } from '../base/digest.js'
import { isJsonObject } from '../base/json.js'
import type { createKeySet } from '../discovery/key-set.js'
import { ConfigurationError, type ConfigurationProblem } from '../errors.js'
import type { ResourceServerOptions } from '../rs/options.js'
import { createResourceServerWith, type ResourceServer } from '../rs/resource-server.js'
import { checkOrigins } from './origins.js'
import { SESSION_KEY, sessionKeyFault } from './session-keys.js'

/** Options of the middleware: those of the resource server, and what concerns HTTP. */
export interface ProtectedResourceOptions extends ResourceServerOptions {
  /**
   * Browser origins that may call the endpoint: one list for CORS and for the `Origin` check. Others get
   * 403. Default: none; any loopback origin when the resource's host is loopback.
   */
  readonly allowOrigins?: readonly string[]
  /**
   * The path at which requests arrive here, when a proxy or Hono's `app.mount()` strips a prefix of the public one:
   * a literal one. Where it is not the one that your router serves, nothing is guarded. Default: that of the resource.
   */
  readonly path?: string
  /** Serve the metadata also without the resource's path. Default true; false when several resources share a host. */
  readonly rootMetadata?: boolean
  /**
   * Keys that bind sessions to their caller: at least 32 visible ASCII characters each, the first signs, all verify.
   * The `Mcp-Session-Id` that your handler sets is then sealed for this issuer, user, client and resource; your
   * handler gets its own id back, and in any other hands it is 404. Every process and isolate that serves the same
   * sessions needs the same keys, a gateway in place of this middleware too. Needs `node:crypto`. Default: ids pass
   * as they are, because keys that each process made for itself would end sessions at every other one; then your
   * handler must compare whose a session is (`principalOf`).
   */
  readonly sessionKeys?: readonly string[]
  /**
   * Seconds that a stream of events which answers a POST may go on after the end of its token; then it is cut, so that
   * it does not look complete. One that answers a GET, or `subscriptions/listen` of 2026-07-28, ends with its token, and
   * as if its writer had ended it. Default 300, at most 86400.
   */
  readonly streamGrace?: number
  /** Bytes of a body that is read: with a `policy`, and in protocol revision 2026-07-28 and later. Default 2 MiB. */
  readonly maxBody?: number
}

/** Room for a picture that a tool is given, in base64. */
export const MAX_JUDGED_BODY: number = 2 * 1024 * 1024

/** Patterns of routers and what `segmentsOf` takes away would guard another path than is meant. */
const ODD_IN_PATH = /[?#*:{}%\\\s]|\/\/|\/\.{1,2}(?:\/|$)/

const GATE_OPTIONS = [
  'allowOrigins',
  'path',
  'rootMetadata',
  'sessionKeys',
  'streamGrace',
  'maxBody',
] as const
type GateOption = (typeof GATE_OPTIONS)[number]

function checkSessionKeys(keys: unknown): readonly ConfigurationProblem[] {
  const path = 'sessionKeys'
  if (keys === undefined) return []
  if (!Array.isArray(keys) || keys.length === 0) {
    const message = 'must be a list of keys, and not empty'
    return [{ path, message, hint: `each of ${SESSION_KEY}` }]
  }
  const problems: ConfigurationProblem[] = []
  for (const [index, key] of (keys as unknown[]).entries()) {
    const message = typeof key === 'string' ? sessionKeyFault(key) : 'must be a text'
    if (message !== undefined) {
      problems.push({ path: `${path}[${index}]`, message, hint: SESSION_KEY })
    }
  }
  if (sha256Sync === undefined) {
    const message = 'needs node:crypto, which this runtime does not have'
    problems.push({ path, message, hint: 'nodejs_compat on Workers; or leave it out' })
  }
  return problems
}

function checkGateOptions(options: ProtectedResourceOptions): readonly ConfigurationProblem[] {
  const problems = [...checkOrigins(options.allowOrigins)]
  const { path, rootMetadata, streamGrace = 300 }: Partial<Record<GateOption, unknown>> = options
  if (path !== undefined) {
    if (typeof path !== 'string' || !path.startsWith('/') || ODD_IN_PATH.test(path)) {
      const message =
        'must be one path: beginning with /, without query, patterns, %, // and dot segments'
      problems.push({ path: 'path', message, hint: '/mcp' })
    }
  }
  if (rootMetadata !== undefined && typeof rootMetadata !== 'boolean') {
    const message = 'must be true or false'
    problems.push({ path: 'rootMetadata', message, hint: 'the default is true' })
  }
  if (typeof streamGrace !== 'number' || !(streamGrace >= 0 && streamGrace <= 86_400)) {
    const message = 'must be a number from 0 to 86400'
    problems.push({ path: 'streamGrace', message, hint: 'in seconds; the default is 300' })
  }
  const { maxBody }: Partial<Record<GateOption, unknown>> = options
  if (maxBody !== undefined && !(Number.isInteger(maxBody) && (maxBody as number) > 0)) {
    problems.push({ path: 'maxBody', message: 'must be a number of bytes', hint: '2097152' })
  }
  problems.push(...checkSessionKeys(options.sessionKeys))
  return problems
}

/** Both kinds of problems are wanted at once, so the resource server's are caught and joined. */
export function createCheckedResourceServer(
  options: ProtectedResourceOptions,
  keySetFor: typeof createKeySet,
): ResourceServer {
  // What is no object has no options of ours, and that is all that there is to say.
  if (!isJsonObject(options)) return createResourceServerWith(options, keySetFor)
  const rest: ResourceServerOptions & Partial<Record<GateOption, unknown>> = { ...options }
  for (const name of GATE_OPTIONS) delete rest[name]
  const problems = checkGateOptions(options)
  try {
    const resourceServer = createResourceServerWith(rest, keySetFor)
    if (problems.length === 0) return resourceServer
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    throw new ConfigurationError([...error.problems, ...problems])
  }
  throw new ConfigurationError(problems)
}
