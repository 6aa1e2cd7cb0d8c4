/**
 * The flags `--auth oauth --oauth-issuer URL …` for your own MCP server, with one call.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { ConfigurationError, type ConfigurationProblem } from './errors.js'
import type { ProtectedResourceOptions } from './web/options.js'
import { helpLines } from './config/help.js'
import { configuredIssuers, readIssuers } from './config/issuers.js'
import { optionProblems } from './config/option-problems.js'
import { toOptions } from './config/to-options.js'
import { readApiKeys } from './config/api-keys-file.js'
import { readPolicy } from './config/policy-file.js'
import {
  idlePolicyProblems,
  idleWarnings,
  idTokenWarnings,
  isFaulty,
  missingProblems,
  openIssuerWarnings,
  placeholderWarnings,
  plainHttpWarnings,
  severalIssuersProblems,
  stdioProblems,
} from './config/rules.js'
import { parseSettings } from './config/setting-table.js'
import { AUTH_ENVIRONMENT_SETTINGS, AUTH_SETTINGS } from './config/setting-lists.js'
import type { GivenValue } from './config/setting.js'
import { collectEnvironment, collectFlags } from './config/sources.js'

export type { ConfigurationProblem } from './errors.js'
export type { ProtectedResourceOptions } from './web/options.js'

/** Defaults of the server that replace ours. Flags and environment override them. */
export interface AuthFlagDefaults {
  /** The URL at which clients reach the server by default: `http://localhost:3000/mcp`. */
  readonly resource?: string
}

export interface AuthFlagsInput {
  /** The arguments without the program: `process.argv.slice(2)`. */
  readonly argv: readonly string[]
  /** `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly defaults?: AuthFlagDefaults
}

/** The server stays unchanged. */
export interface AuthNone {
  readonly auth: 'none'
  /** The arguments that are not ours, in order, for the server's own parser. */
  readonly rest: string[]
  /** Warnings to show; they stop nothing. */
  readonly warnings: readonly string[]
}

/** The server must be protected. */
export interface AuthOAuth {
  readonly auth: 'oauth'
  /** For `protectedResource()`, which accepts them. */
  readonly options: ProtectedResourceOptions
  readonly rest: string[]
  readonly warnings: readonly string[]
}

/** The server must not start. */
export interface AuthInvalid {
  readonly auth: 'invalid'
  /** All problems, each with the flag or environment name as its `path`. */
  readonly problems: readonly ConfigurationProblem[]
  /** The problems, a line each, for stderr. The exit code is 2. */
  readonly text: string
  readonly warnings: readonly string[]
}

export type AuthFlags = AuthNone | AuthOAuth | AuthInvalid

/** Flags with this prefix are ours, even if they do not exist. */
const OWN_FLAGS = '--oauth-'

function invalid(
  problems: readonly ConfigurationProblem[],
  warnings: readonly string[],
): AuthInvalid {
  const { problems: frozen, message: text } = new ConfigurationError(problems)
  return { auth: 'invalid', problems: frozen, text, warnings }
}

/**
 * Gives a server the flags `--auth`, `--resource`, `--oauth-*` and their environment names, all listed by
 * {@link authFlagsHelp}. Precedence: flag, environment, default. Without `--auth oauth` the result is
 * `none` and the server stays untouched.
 *
 * It prints nothing, exits nothing and contacts nobody; `--oauth-jwks-file` and `--oauth-policy`
 * are read now, once. An unknown flag stays in `rest`, unless it is one of `--oauth-*`; so does
 * everything after `--`. Problems come back as data, all at once, and show no values that could be
 * secret.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { readAuthFlags } from 'mcp-gatehouse/flags'
 * import { protectedResource, type AuthenticatedRequest } from 'mcp-gatehouse/node'
 *
 * const result = readAuthFlags({
 *   argv: process.argv.slice(2),
 *   env: process.env,
 *   defaults: { resource: 'http://localhost:3000/mcp' },
 * })
 * for (const warning of result.warnings) console.error(warning)
 * if (result.auth === 'invalid') {
 *   console.error(result.text)
 *   process.exit(2)
 * }
 * const guard = result.auth === 'oauth' ? protectedResource(result.options) : undefined
 * const endpoint = result.auth === 'oauth' ? new URL(result.options.resource).pathname : '/mcp'
 * createServer((req: AuthenticatedRequest, res) => {
 *   const serve = () => {
 *     // All paths but the endpoint come here without a token.
 *     const [path] = (req.url ?? '').split('?')
 *     if (path === endpoint) res.end(`hello ${req.auth?.clientId ?? 'stranger'}`)
 *     else res.writeHead(404, { 'Content-Type': 'application/json' }).end('{"error":"not_found"}')
 *   }
 *   if (guard === undefined) serve()
 *   else guard(req, res, serve)
 * }).listen(3000, 'localhost')
 * ```
 */
export function readAuthFlags({ argv, env, defaults = {} }: AuthFlagsInput): AuthFlags {
  const flags = collectFlags(AUTH_SETTINGS, argv, OWN_FLAGS)
  const environment = collectEnvironment(AUTH_ENVIRONMENT_SETTINGS, env)
  const fromDefaults: [string, GivenValue][] =
    defaults.resource === undefined
      ? []
      : [['resource', { value: defaults.resource, source: 'defaults.resource' }]]
  const given = new Map([...fromDefaults, ...environment.given, ...flags.given])
  const { settings, problems: valueProblems } = parseSettings(given)
  const problems = [...flags.problems, ...valueProblems]
  // If it cannot be read, we do not know what was meant, and list all other problems.
  const isKnown = (path: string) => !isFaulty(problems, path)
  const isAuthFaulty = !isKnown('auth')

  if (settings.auth === 'none' && !isAuthFaulty) {
    const warnings = [...environment.warnings, ...idleWarnings(flags.given, environment.given)]
    const found = [...flags.problems, ...idlePolicyProblems(given)]
    if (found.length > 0) return invalid(found, warnings)
    return { auth: 'none', rest: flags.rest, warnings }
  }

  const readFile = (path: string) => readFileSync(path, 'utf8')
  const { issuers } = configuredIssuers(settings, given, undefined)
  const read = readIssuers(issuers, readFile)
  const policy = readPolicy(given, readFile)
  const apiKeys = readApiKeys(given, readFile)
  const found = [
    ...problems,
    ...(isAuthFaulty ? [] : missingProblems(AUTH_SETTINGS, given, isKnown)),
    ...severalIssuersProblems(given),
    ...stdioProblems(flags.rest),
    ...read.problems,
    ...policy.problems,
    ...apiKeys.problems,
  ]
  const options = toOptions(settings, read.now, {
    policy: policy.document,
    apiKeys: apiKeys.document,
  })
  const { resource } = options
  const sourceOf = (path: string) => given.get(path)?.source
  found.push(...optionProblems(options, { sourceOf, issuers: read.now, settings }))
  if (found.length > 0 || resource === undefined) return invalid(found, environment.warnings)
  const warnings = [
    ...environment.warnings,
    ...plainHttpWarnings(given),
    ...idTokenWarnings(issuers),
    ...placeholderWarnings(issuers),
    ...openIssuerWarnings(issuers),
  ]
  return { auth: 'oauth', options: { ...options, resource }, rest: flags.rest, warnings }
}

/**
 * The help lines for the flags of {@link readAuthFlags}, for the server's own `--help`. Give it the
 * same defaults. It ends without a line break.
 *
 * @example
 * ```ts
 * import { authFlagsHelp } from 'mcp-gatehouse/flags'
 *
 * console.log(`Usage: my-server [options]\n\nAuthorization:\n${authFlagsHelp()}`)
 * ```
 */
export function authFlagsHelp({ resource }: AuthFlagDefaults = {}): string {
  const settings =
    resource === undefined
      ? AUTH_SETTINGS
      : AUTH_SETTINGS.map((each) =>
          each.path === 'resource' ? { ...each, default: resource } : each,
        )
  return helpLines(settings).join('\n')
}
