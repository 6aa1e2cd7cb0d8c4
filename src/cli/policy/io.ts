/**
 * Where the commands of `policy` read and write.
 *
 * @module
 */

/** Texts are whole lines. */
export interface PolicyIo {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly readFile: (path: string) => string
  /** The lines of a file; `-`: of standard input. Fails like {@link readFile}. */
  readonly readLines: (path: string) => AsyncIterable<string>
  readonly env: Readonly<Record<string, string | undefined>>
}
