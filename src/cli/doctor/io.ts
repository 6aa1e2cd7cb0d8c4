/**
 * Where the doctor reads and writes, and its clock.
 *
 * @module
 */

/** Texts are whole lines. */
export interface DoctorIo {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly readFile: (path: string) => string
  /** @throws what the file system throws */
  readonly writeFile: (path: string, text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether stdout shows colours. */
  readonly isColoured: boolean
  /** Shows what is done next, to people who wait. An empty text: nothing more. */
  readonly onStep: (step: string) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds for one request. */
  readonly patience: number
}
