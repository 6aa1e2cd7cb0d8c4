/**
 * Checking the options of the middleware: those of the resource server, and what concerns HTTP.
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
import { checkResource } from '../rs/checks.js'
import type { ResourceServerOptions } from '../rs/options.js'
import { createResourceServerWith, type ResourceServer } from '../rs/resource-server.js'
import { readResourceServer, type ResourceServerSettings } from '../rs/settings.js'
import type { ProtectedResourceOptions } from './gate.js'
import { SESSION_KEY, sessionKeyFault } from './session-keys.js'

/** Patterns of routers and what `segmentsOf` takes away would guard another path than is meant. */
const ODD_IN_PATH = /[?#*:{}%\\\s]|\/\/|\/\.{1,2}(?:\/|$)/

function checkOrigins(checker: OptionChecker, path: OptionPath, value: unknown): void {
  if (value === undefined) return
  const hint = 'scheme, host and port as a browser sends them: https://app.example.com'
  if (!Array.isArray(value)) {
    checker.problem(path, 'must be a list of origins', hint)
    return
  }
  for (const [index, origin] of (value as unknown[]).entries()) {
    const isOrigin =
      typeof origin === 'string' && URL.canParse(origin) && new URL(origin).origin === origin
    if (!isOrigin) checker.problem([...path, index], 'is not an origin', hint)
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
    const message = typeof key === 'string' ? sessionKeyFault(key) : 'must be a text'
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

/** What an option of HTTP must be. */
const GATE_CHECKS = {
  allowOrigins: checkOrigins,
  path: checkPath,
  rootMetadata: (checker, path, value) => checker.flag(path, value, true),
  streamGrace: (checker, path, value) =>
    checker.number(path, value, { fallback: 300, max: 86_400 }),
  maxBody: checkMaxBody,
  sessionKeys: checkSessionKeys,
} satisfies OptionChecks<Omit<ProtectedResourceOptions, keyof ResourceServerOptions>>

/** What {@link checkProtectedResource} finds with a checker that has more to look at. */
export function readProtectedResource(
  checker: OptionChecker,
  options: unknown,
): ResourceServerSettings | undefined {
  // What is no object has no options of HTTP, and that is all that there is to say.
  if (!isJsonObject(options)) return readResourceServer(checker, options)
  const others = Object.entries(options).filter(([name]) => !Object.hasOwn(GATE_CHECKS, name))
  const settings = readResourceServer(checker, Object.fromEntries(others))
  checker.each(GATE_CHECKS, [], options)
  return settings
}

/** What counts where no token is checked: the path of the resource is the endpoint, and browsers may be kept away. */
export function readUnprotectedResource(
  checker: OptionChecker,
  { resource, allowOrigins }: Partial<ProtectedResourceOptions>,
): void {
  checkResource(checker, ['resource'], resource)
  checkOrigins(checker, ['allowOrigins'], allowOrigins)
}

/**
 * Checks options of the middleware. It makes nothing.
 *
 * @returns the settings of the resource server; the options of HTTP are as they were given
 */
export function checkProtectedResource(
  options: unknown,
  words: OptionWords = OPTION_WORDS,
): Checked<ResourceServerSettings> {
  const checker = new OptionChecker(words)
  return checker.finish(readProtectedResource(checker, options))
}

/** @throws {ConfigurationError} with every problem of the options */
export function createCheckedResourceServer(
  options: ProtectedResourceOptions,
  keySetFor: typeof createKeySet,
): ResourceServer {
  const settings = settingsOf(checkProtectedResource(options))
  return createResourceServerWith(settings, options, keySetFor)
}
