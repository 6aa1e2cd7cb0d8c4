/**
 * Writes the audit records: to an append-only file or a pipe, one line of JSON each.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { MAX_WAITING, untilTaken } from './line-writer.js'
import type { AuditRecord } from '../gateway/audit.js'

/** Milliseconds between two complaints that nothing can be written. */
const COMPLAINT_INTERVAL = 10_000
/** Only the owner may read who called what. */
const MODE = 0o600
/** A pipe without a reader is refused, and one whose reader does not read makes no write wait. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
/** What a write to a pipe says whose reader does not keep up, or is gone. */
const NOT_READ = 'EAGAIN'
const NO_READER = 'EPIPE'

export interface AuditFile {
  /** Records that could not be written. */
  readonly lost: number
  write(record: AuditRecord): void
  /** After somebody moved the file away: the next record begins a new one. */
  reopen(): void
  /** Waits a moment for a reader that is slow. */
  close(): Promise<void>
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
}

/** Where records are written: a file, or a pipe to whatever collects them. */
interface Target {
  /** @throws where it could not be written */
  write(line: string): void
  /** Waits a moment for a reader that is slow. Lines that it does not take have failed. */
  close(): Promise<void>
}

/** On a disk nothing waits: every record is written at once, so that none is lost with the process. */
function createFileTarget(file: number): Target {
  /** Half a line stands at the end. */
  let isTorn = false
  return {
    write(line) {
      const bytes = Buffer.from(isTorn ? `\n${line}` : line)
      let written = 0
      while (written < bytes.length) {
        written += writeSync(file, bytes, written)
        isTorn = written < bytes.length
      }
    },
    close() {
      closeSync(file)
      return Promise.resolve()
    },
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code })
}

/** @param fail called for each line that nobody took, where that shows later */
function createPipeTarget(file: number, fail: (error: unknown) => void): Target {
  const socket = new Socket({ fd: file, readable: false, writable: true })
  let waiting = 0
  let isClosed = false
  // Each record that was lost with it is reported separately.
  socket.on('error', () => undefined)
  return {
    write(line) {
      if (socket.destroyed) throw failure(NO_READER)
      if (socket.writableLength > MAX_WAITING) throw failure(NOT_READ)
      waiting++
      socket.write(line, (error) => {
        // Node calls a line written that is still there when the socket is destroyed.
        if (isClosed) return
        waiting--
        if (error !== null && error !== undefined) fail(error)
      })
    },
    async close() {
      await untilTaken(socket)
      isClosed = true
      socket.destroy()
      for (; waiting > 0; waiting--) fail(failure(NOT_READ))
    },
  }
}

function open(path: string, fail: (error: unknown) => void): Target {
  const file = openSync(path, FLAGS, MODE)
  const isPipe = fstatSync(file).isFIFO()
  return isPipe ? createPipeTarget(file, fail) : createFileTarget(file)
}

/**
 * Opens a file, or a pipe. A write never waits: a record for which a pipe has no room is lost, and counted.
 *
 * @param complain learns now and then that records are lost, how many and why
 * @throws where it cannot be opened
 */
export function openAuditFile(
  path: string,
  complain: (lost: number, code: string) => void,
  now: () => number = Date.now,
): AuditFile {
  let target: Target | undefined = open(path, fail)
  let lost = 0
  let unreported = 0
  let complainedAt = -Infinity

  /** Of the last record that was lost. */
  let lastCode = ''

  function report(): void {
    complainedAt = now()
    complain(unreported, lastCode)
    unreported = 0
  }

  function fail(error: unknown): void {
    lost++
    unreported++
    lastCode = codeOf(error)
    if (now() - complainedAt >= COMPLAINT_INTERVAL) report()
  }

  async function close(): Promise<void> {
    const old = target
    target = undefined
    try {
      await old?.close()
    } catch {
      // What was written is all that there is.
    }
  }

  return {
    get lost() {
      return lost
    },
    write(record) {
      try {
        target ??= open(path, fail)
        target.write(`${JSON.stringify(record)}\n`)
      } catch (error) {
        // A pipe whose reader is gone is another pipe when there is one again.
        if (codeOf(error) === NO_READER) void close()
        fail(error)
      }
    },
    reopen() {
      try {
        void close()
        target = open(path, fail)
      } catch (error) {
        fail(error)
      }
    },
    async close() {
      await close()
      if (unreported > 0) report()
    },
  }
}
