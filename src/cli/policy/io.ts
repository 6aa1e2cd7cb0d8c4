/**
 * Where the commands of `policy` read and write.
 *
 * @module
 */
import type { CommandIo } from '../command-io.js'

export interface PolicyIo extends CommandIo {
  /** The lines of a file; `-`: of standard input. Fails like `readFile`. */
  readonly readLines: (path: string) => AsyncIterable<string>
}
