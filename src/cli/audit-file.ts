/**
 * Writes the audit records: to an append-only file or a pipe, one line of JSON each.
 *
 * @module
 */
import { codeOf } from '../base/error-code.js'
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { MAX_WAITING, untilTaken } from './line-writer.js'
import type { AuditRecord } from '../gateway/audit.js'

/** Milliseconds between two complaints that nothing can be written. */
const COMPLAINT_INTERVAL = 10_000
/** Only the owner may read who called what. */
const MODE = 0o600
/** Opening a pipe without a reader fails, and no write waits for a reader that does not read. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
/** The error of a write to a pipe whose reader does not keep up or is gone. */
const NOT_READ = 'EAGAIN'
const NO_READER = 'EPIPE'

export interface AuditFile {
  /** Records that could not be written. */
  readonly lost: number
  write(record: AuditRecord): void
  /**
   * Opens the file again, after it was moved away.
   *
   * @throws if it cannot be opened; then records go on as before
   */
  reopen(): Reopened
  /** Waits a moment for a slow reader. */
  close(): Promise<void>
}

/** A file that was opened again: one of the two must be called. */
export interface Reopened {
  /** The next record goes there. */
  use(): void
  /** Records go on as before. */
  discard(): void
}

/** Where records are written: a file, or a pipe to a program that collects them. */
interface Target {
  /** @throws if the line could not be written */
  write(line: string): void
  /** Waits a moment for a slow reader. Lines that it does not take have failed. */
  close(): Promise<void>
}

/**
 * A disk makes nothing wait. Every record is written at once, so that none is lost with the
 * process.
 */
function createFileTarget(file: number): Target {
  /** The file ends with half a line. */
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

/** @param fail called for each line that was not taken, if that shows only later */
function createPipeTarget(file: number, fail: (error: unknown) => void): Target {
  const socket = new Socket({ fd: file, readable: false, writable: true })
  let waiting = 0
  let isClosed = false
  // Each lost record is reported separately.
  socket.on('error', () => undefined)
  return {
    write(line) {
      if (socket.destroyed) throw failure(NO_READER)
      if (socket.writableLength > MAX_WAITING) throw failure(NOT_READ)
      waiting++
      socket.write(line, (error) => {
        // When the socket is destroyed, Node reports a line that still waits as written.
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
 * Opens a file, or a pipe. A write never waits: a record for which a pipe has no room is lost, and
 * counted.
 *
 * @param complain gets a report now and then that records are lost, with their number and the
 * reason
 * @throws if it cannot be opened
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

  /** The error code of the last lost record. */
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
      // Nothing more can be written.
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
        // When a pipe that lost its reader gets a new one, it must be opened again.
        if (codeOf(error) === NO_READER) void close()
        fail(error)
      }
    },
    reopen() {
      const opened = open(path, fail)
      return {
        use() {
          void close()
          target = opened
        },
        discard: () => void opened.close(),
      }
    },
    async close() {
      await close()
      if (unreported > 0) report()
    },
  }
}
