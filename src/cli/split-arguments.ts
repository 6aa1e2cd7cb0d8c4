/**
 * The two parts of a command line.
 *
 * @module
 */

interface SplitArguments {
  /** The arguments of the command itself. */
  readonly own: readonly string[]
  /** `--` and what comes after it: the command that starts a server. Empty without `--`. */
  readonly tail: readonly string[]
}

export function splitArguments(argv: readonly string[]): SplitArguments {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length
  return { own: argv.slice(0, end), tail: argv.slice(end) }
}

/** Whether somebody asks for the help of the command itself. */
export function asksForHelp(argv: readonly string[]): boolean {
  const { own } = splitArguments(argv)
  return own.includes('--help') || own.includes('-h')
}
