/**
 * Where the doctor reads and writes, and its clock.
 *
 * @module
 */
import type { CommandIo } from '../command-io.js'

export interface DoctorIo extends CommandIo {
  /** @throws what the file system throws */
  readonly writeFile: (path: string, text: string) => void
  /** Whether stdout shows colours. */
  readonly isColoured: boolean
  /** Shows what is done next, to people who wait. An empty text: nothing more. */
  readonly onStep: (step: string) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds for one request. */
  readonly patience: number
}
