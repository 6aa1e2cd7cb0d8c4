/**
 * Where the records of decisions are kept: a file that only grows, one line of JSON each.
 *
 * @module
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import type { AuditRecord } from '../gateway/audit.js'

/** Milliseconds between two complaints that nothing can be written. */
const COMPLAINT_INTERVAL = 10_000
/** Who may call what, and did, is nobody else's business. */
const MODE = 0o600

export interface AuditFile {
  write(record: AuditRecord): void
  /** After somebody moved the file away: the next record begins a new one. */
  reopen(): void
  close(): void
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
}

/**
 * Every record is written at once, so that none is lost with the process.
 *
 * @param complain is told that records are lost, how many and why; now and then
 * @throws where the file cannot be opened
 */
export function openAuditFile(
  path: string,
  complain: (lost: number, code: string) => void,
  now: () => number = Date.now,
): AuditFile {
  let file: number | undefined = openSync(path, 'a', MODE)
  let lost = 0
  let complainedAt = -Infinity
  /** Half a line stands at the end. */
  let isTorn = false

  function fail(error: unknown): void {
    lost++
    if (now() - complainedAt < COMPLAINT_INTERVAL) return
    complainedAt = now()
    complain(lost, codeOf(error))
    lost = 0
  }

  function append(target: number, text: string): void {
    const bytes = Buffer.from(text)
    let written = 0
    while (written < bytes.length) {
      written += writeSync(target, bytes, written)
      isTorn = written < bytes.length
    }
  }

  return {
    write(record) {
      try {
        file ??= openSync(path, 'a', MODE)
        append(file, `${isTorn ? '\n' : ''}${JSON.stringify(record)}\n`)
      } catch (error) {
        fail(error)
      }
    },
    reopen() {
      const old = file
      file = undefined
      try {
        // Where closing fails, what was written is all that there is.
        if (old !== undefined) closeSync(old)
        file = openSync(path, 'a', MODE)
      } catch (error) {
        fail(error)
      }
    },
    close() {
      if (file !== undefined) closeSync(file)
      file = undefined
    },
  }
}
