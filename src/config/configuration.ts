/**
 * The configuration of the gateway: values, or all problems.
 *
 * @module
 */
import type { ConfigurationProblem } from '../errors.js'
import type { SettingFiles } from './files.js'
import type { ConfiguredIssuer } from './issuers.js'
import type { ConfiguredResource } from './resources.js'
import type { Settings } from './setting-table.js'
import type { GivenValues } from './setting.js'

export interface Configuration {
  readonly settings: Settings
  /** The values that were given, each with its origin. File names are absolute. */
  readonly given: GivenValues
  /** The issuers at the top. They apply to every resource that names none. */
  readonly issuers: readonly ConfiguredIssuer[]
  /** At least one. */
  readonly resources: readonly ConfiguredResource[]
  /** The arguments after `--`. */
  readonly command: readonly string[] | undefined
  readonly files: SettingFiles
  readonly proxyEnvironment: Readonly<Record<string, string>>
  /** The part of our environment that a command gets: what every command needs, and these names. */
  readonly environmentFor: (childEnv: readonly string[] | undefined) => Record<string, string>
  /** All problems. With one or more, nothing may start. */
  readonly problems: readonly ConfigurationProblem[]
  /** Shown to the operator; they stop nothing. */
  readonly warnings: readonly string[]
}
