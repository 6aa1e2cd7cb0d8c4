/**
 * Options of the middleware, and their checks.
 *
 * @module
 */
import { sha256Sync } from '../base/digest.js'
import { isJsonObject } from '../base/json.js'
import {
  OPTION_WORDS,
  OptionChecker,
  settingsOf,
  type Checked,
  type OptionChecks,
  type OptionPath,
  type OptionWords,
} from '../base/option-checker.js'
import type { createKeySet } from '../discovery/key-set.js'
import { checkResource } from '../rs/option-checks.js'
import type { ResourceServerOptions } from '../rs/options.js'
import { ResourceServerCore } from '../rs/resource-server.js'
import { readResourceServer, type ResourceServerSettings } from '../rs/settings.js'
import type { setQuietTimer } from '../rs/token-watch.js'
import { networkFault } from './client-address.js'
import { isOrigin } from './origins.js'
import { formFault, type RefusalForm } from './refusal-form.js'
import { SESSION_KEY, sessionKeyFault } from './session-keys.js'

/** Options of the middleware: those of the resource server, and those for HTTP. */
export interface ProtectedResourceOptions extends ResourceServerOptions {
  /**
   * Browser origins that may call the endpoint: one list for CORS and for the `Origin` check. Others get
   * 403. Those of extensions and apps are `scheme://host`, in lower case: `chrome-extension://ID`,
   * `app://obsidian.md`. Default: none; any loopback origin when the resource's host is loopback.
   */
  readonly allowOrigins?: readonly string[]
  /**
   * The literal path at which requests arrive here, if a proxy or Hono's `app.mount()` strips a
   * prefix of the public path. If it is not the path that your router serves, nothing is guarded.
   * Default: the path of the resource.
   */
  readonly path?: string
  /**
   * Also serve the metadata without the resource's path. Default true; false when several resources
   * share a host.
   */
  readonly rootMetadata?: boolean
  /**
   * Keys that bind sessions to their caller: at least 32 visible ASCII characters each, the first
   * signs, all verify. The `Mcp-Session-Id` that your handler sets is then sealed for this issuer,
   * user, client and resource. Your handler gets its own id back; any other caller gets 404. Every
   * process and isolate that serves the same sessions needs the same keys, including a gateway that
   * replaces this middleware. Needs `node:crypto`. Default: ids pass unchanged, because random keys
   * of each process would break sessions at the others; then your handler must check who owns a
   * session (`principalOf`).
   */
  readonly sessionKeys?: readonly string[]
  /**
   * Seconds that an event stream which answers a POST may continue after its token ends. Then it is
   * cut, so that it does not look complete. A stream that answers a GET, or `subscriptions/listen`
   * of 2026-07-28, ends normally when its token does. Default 300, at most 86400.
   */
  readonly streamGrace?: number
  /**
   * The size limit of a body that is read, in bytes: with a `policy`, and in protocol revision
   * 2026-07-28 and later. Default 2 MiB.
   */
  readonly maxBody?: number
  /**
   * Proxies whose `X-Forwarded-For` is believed: addresses, or networks such as `10.0.0.0/8`. Callers
   * without a token are counted by the last entry that is not one of them. Default: none, so that
   * they are counted by the peer of their connection.
   */
  readonly trustedProxies?: readonly string[]
  /**
   * How a client hears that a tool needs a login or a scope. `http`: 401 or 403, as the MCP
   * specification has it. `tool-result`: 200, and the challenge in the result of the tool
   * (`_meta["mcp/www_authenticate"]`), which ChatGPT alone understands. It applies to a single
   * `tools/call` that a `policy` refuses; a bad token is 401 in every form. `auto`: a result for clients
   * that are known to need it, by their `User-Agent`. Default `http`.
   */
  readonly refusalForm?: RefusalForm
}

/** Room for an image as a tool argument, in base64. */
export const MAX_AUTHORIZED_BODY: number = 2 * 1024 * 1024

/** Router patterns, and parts that `segmentsOf` removes, would guard another path than intended. */
const ODD_IN_PATH = /[?#*:{}%\\\s]|\/\/|\/\.{1,2}(?:\/|$)/

function checkOrigins(checker: OptionChecker, path: OptionPath, value: unknown): void {
  if (value === undefined) return
  const hint = 'scheme, host and port as a browser sends them: https://app.example.com'
  if (!Array.isArray(value)) {
    checker.problem(path, 'must be a list of origins', hint)
    return
  }
  for (const [index, origin] of (value as unknown[]).entries()) {
    if (!isOrigin(origin)) checker.problem([...path, index], 'is not an origin', hint)
  }
}

function checkPath(checker: OptionChecker, path: OptionPath, value: unknown): void {
  if (value === undefined) return
  if (typeof value === 'string' && value.startsWith('/') && !ODD_IN_PATH.test(value)) return
  const message =
    'must be one path: beginning with /, without query, patterns, %, // and dot segments'
  checker.problem(path, message, '/mcp')
}

function checkSessionKeys(checker: OptionChecker, path: OptionPath, keys: unknown): void {
  if (keys === undefined) return
  if (!Array.isArray(keys) || keys.length === 0) {
    checker.problem(path, 'must be a list of keys, and not empty', `each of ${SESSION_KEY}`)
    return
  }
  for (const [index, key] of (keys as unknown[]).entries()) {
    const message = typeof key === 'string' ? sessionKeyFault(key) : 'must be a string'
    if (message !== undefined) checker.problem([...path, index], message, SESSION_KEY)
  }
  if (sha256Sync === undefined) {
    const message = 'needs node:crypto, which this runtime does not have'
    checker.problem(path, message, 'nodejs_compat on Workers; or leave it out')
  }
}

function checkMaxBody(checker: OptionChecker, path: OptionPath, value: unknown): void {
  if (value === undefined || (Number.isInteger(value) && (value as number) > 0)) return
  checker.problem(path, 'must be a number of bytes', '2097152')
}

function checkProxies(checker: OptionChecker, path: OptionPath, value: unknown): void {
  const kind = { what: 'addresses and networks', example: "['10.0.0.0/8', '2001:db8::1']" }
  checker.faultlessTexts(path, value, kind, networkFault, '10.0.0.0/8')
}

function checkForm(checker: OptionChecker, path: OptionPath, value: unknown): void {
  const fault = value === undefined ? undefined : formFault(value)
  if (fault !== undefined) checker.problem(path, fault, 'leave it out for http')
}

/** The checks of the options besides those of the resource server. */
const GATE_CHECKS = {
  allowOrigins: checkOrigins,
  path: checkPath,
  rootMetadata: (checker, path, value) => checker.flag(path, value, true),
  streamGrace: (checker, path, value) =>
    checker.number(path, value, { fallback: 300, max: 86_400 }),
  maxBody: checkMaxBody,
  sessionKeys: checkSessionKeys,
  trustedProxies: checkProxies,
  refusalForm: checkForm,
} satisfies OptionChecks<Omit<ProtectedResourceOptions, keyof ResourceServerOptions>>

/** Who binds sessions to their caller: the guard by its `sessionKeys`, or the code around it. */
export type SessionBinding = 'here' | 'elsewhere'

/** As {@link checkProtectedResource}, for a checker that also checks other options. */
export function readProtectedResource(
  checker: OptionChecker,
  options: unknown,
  sessions: SessionBinding = 'here',
): ResourceServerSettings | undefined {
  // Without an object there is one problem and nothing else to check.
  if (!isJsonObject(options)) return readResourceServer(checker, options)
  const others = Object.entries(options).filter(([name]) => !Object.hasOwn(GATE_CHECKS, name))
  const settings = readResourceServer(checker, Object.fromEntries(others))
  checker.each(GATE_CHECKS, [], options)
  const isBound = sessions === 'elsewhere' || options['sessionKeys'] !== undefined
  if (!isBound && hasPublicRules(settings?.policy)) {
    const hint = 'then no session that began without a token becomes the session of a user'
    checker.problem(['sessionKeys'], 'is missing, and the policy has anonymous rules', hint)
  }
  return settings
}

/** Whether some operations need no token. */
export function hasPublicRules(policy: ResourceServerSettings['policy']): boolean {
  return typeof policy === 'object' && policy.rules.some(({ isPublic }) => isPublic)
}

/** The options that apply when no token is checked. */
export function readUnprotectedResource(
  checker: OptionChecker,
  { resource, path, allowOrigins }: Partial<ProtectedResourceOptions>,
): void {
  checkResource(checker, ['resource'], resource)
  checkPath(checker, ['path'], path)
  checkOrigins(checker, ['allowOrigins'], allowOrigins)
}

/**
 * Checks options of the middleware. It has no side effects.
 *
 * @returns the settings of the resource server; the other options need no conversion
 */
export function checkProtectedResource(
  options: unknown,
  words: OptionWords = OPTION_WORDS,
  sessions: SessionBinding = 'here',
): Checked<ResourceServerSettings> {
  const checker = new OptionChecker(words)
  return checker.finish(readProtectedResource(checker, options, sessions))
}

/** @throws {ConfigurationError} with every problem of the options */
export function createCheckedResourceServer(
  options: ProtectedResourceOptions,
  keySetFor: typeof createKeySet,
  setTimer: typeof setQuietTimer,
  sessions: SessionBinding,
): ResourceServerCore {
  const settings = settingsOf(checkProtectedResource(options, OPTION_WORDS, sessions))
  return new ResourceServerCore(settings, options, keySetFor, setTimer)
}
