/**
 * Where the commands read and write.
 *
 * @module
 */

/** Texts are whole lines. */
export interface CommandIo {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly readFile: (path: string) => string
  readonly env: Readonly<Record<string, string | undefined>>
}
