/** Readers that stop reading: the log's, and the audit file's where that is a pipe. Nothing waits for them. */
import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { AuditRecord } from 'mcp-gatehouse/gateway'
import { openAuditFile } from '../../src/cli/audit-file.js'
import { LineWriter } from '../../src/cli/line-writer.js'
import { createLog } from '../../src/cli/log.js'
import { freePort, startCli, writeTemporary } from '../support/cli.js'
import { eventually, startUpstream } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

/** A reader that takes one piece and no more until it is told to. */
function createReader() {
  const taken: string[] = []
  let isReading = false
  let takeOn: (() => void) | undefined
  const target = new Writable({
    decodeStrings: false,
    highWaterMark: 1,
    write(line: string, _encoding, done) {
      taken.push(line)
      if (isReading) done()
      else takeOn = done
    },
  })
  return {
    target,
    taken,
    read() {
      isReading = true
      takeOn?.()
    },
  }
}

const LINE = `${'x'.repeat(99)}\n`

describe('lines for a reader that does not read', () => {
  verifies('ATK-07', 'are kept up to a bound, then dropped, counted, and told', async () => {
    const reader = createReader()
    const reported: number[] = []
    const writer = new LineWriter(reader.target, (count) => reported.push(count), 1_000)
    const kept = Array.from({ length: 30 }, () => writer.write(LINE)).filter(Boolean)
    expect(kept).toHaveLength(11)
    expect([writer.dropped, reported]).toEqual([19, []])
    reader.read()
    await eventually(() => reported.length === 1)
    expect(reported).toEqual([19])
    expect(writer.write(LINE)).toBe(true)
    expect(reader.taken).toHaveLength(12)
    expect(writer.dropped).toBe(19)
  })

  test('that is gone are dropped and counted', () => {
    const reader = createReader()
    const writer = new LineWriter(reader.target, () => undefined)
    reader.target.destroy(new Error('EPIPE'))
    expect(writer.write(LINE)).toBe(false)
    expect(writer.dropped).toBe(1)
  })

  verifies('ATK-07', 'that it did not take before it left are counted, too', async () => {
    const target = new Writable({
      autoDestroy: false,
      write: (_line, _encoding, done) => setImmediate(done, new Error('EPIPE')),
    })
    const writer = new LineWriter(target, () => undefined)
    writer.write(LINE)
    await eventually(() => writer.dropped === 1)
  })

  test('do not keep an end waiting for long; one who reads gets all of them', async () => {
    const reader = createReader()
    const writer = new LineWriter(reader.target, () => undefined)
    for (let n = 0; n < 3; n++) writer.write(LINE)
    const finished = writer.finish()
    reader.read()
    await finished
    expect(reader.taken.filter((line) => line === LINE)).toHaveLength(3)
    const stalled = new LineWriter(createReader().target, () => undefined)
    stalled.write(LINE)
    await stalled.finish()
  })

  verifies('ATK-07', 'of the log are told among the log', async () => {
    const reader = createReader()
    const { logger, writer } = await createLog({ level: 'info', format: 'json' }, reader.target)
    for (let n = 0; n < 5_000 && writer.dropped < 5; n++)
      logger.info({ filler: LINE.repeat(100) }, 'a line')
    reader.read()
    await eventually(() => reader.taken.at(-1)?.includes('"lost":5') === true)
    expect(JSON.parse(reader.taken.at(-1) ?? '')).toMatchObject({ level: 'warn', lost: 5 })
  })
})

describe('a gateway whose log nobody reads', () => {
  /** With every line that there is. */
  async function start() {
    const upstream = await startUpstream((_request, response) => response.end('{}'))
    const adminPort = await freePort()
    const cli = startCli([
      ...['--port', '0', '--upstream', upstream, '--admin-port', `${adminPort}`],
      ...['--log-level', 'debug', '--log-format', 'json', '--audit-file', '-'],
    ])
    const url = await cli.listening()
    const admin = `http://127.0.0.1:${adminPort}`
    const lost = async () =>
      Number(/what="log"} (\d+)/.exec(await (await fetch(`${admin}/metrics`)).text())?.[1])
    async function post(): Promise<void> {
      const answer = await fetch(`${url}/mcp`, { method: 'POST', body: '{}' })
      expect([answer.status, await answer.text()]).toEqual([200, '{}'])
    }
    async function end(): Promise<number | null> {
      const exited = new Promise<number | null>((resolve) => cli.process.once('exit', resolve))
      cli.process.kill('SIGTERM')
      return exited
    }
    return { cli, admin, lost, post, end }
  }

  verifies('ATK-07', 'serves, says so in its metrics, and ends', async () => {
    // The loader of TypeScript starts a compiler for what it has not cached. That inherits stderr and makes it a pipe that
    // blocks: everything must be cached before.
    const first = await start()
    await first.post()
    expect([await first.lost(), await first.end()]).toEqual([0, 0])

    const { cli, admin, lost, post, end } = await start()
    cli.process.stderr.pause()
    while ((await lost()) === 0) await Promise.all(Array.from({ length: 200 }, post))
    expect((await fetch(`${admin}/livez`)).status).toBe(200)
    expect(await end()).toBe(0)
    cli.process.stderr.resume()
  })
})

describe('an audit file that is a pipe', () => {
  const record = { version: 1, filler: LINE.repeat(20) } as unknown as AuditRecord

  function makePipe(): string {
    const path = join(dirname(writeTemporary('x', '')), 'audit')
    expect(spawnSync('mkfifo', [path]).status).toBe(0)
    return path
  }

  /** With a reader that reads when the test does. */
  function openPipe(now?: () => number) {
    const path = makePipe()
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const complaints: [number, string][] = []
    const file = openAuditFile(path, (lost, code) => complaints.push([lost, code]), now)
    return { reader, complaints, file }
  }

  verifies('ATK-07', 'without a reader stops the start, and says what is missing', async () => {
    const cli = startCli([
      ...['--port', '0', '--upstream', 'http://127.0.0.1:9/mcp', '--audit-file', makePipe()],
    ])
    expect(await cli.exited).toBe(1)
    expect(cli.stderr()).toContain('the pipe has no reader; start the reader first')
  })

  verifies(
    'ATK-07',
    'whose reader stops: records are lost and told, and no write waits',
    async () => {
      const { reader, complaints, file } = openPipe(() => 0)
      let written = 0
      for (; written < 5_000 && file.lost < 3; written++) file.write(record)
      expect(complaints).toEqual([[1, 'EAGAIN']])
      // What the pipe holds is whole records, the oldest first.
      const bytes = Buffer.alloc(32 * 1024)
      expect(readSync(reader, bytes)).toBeGreaterThan(0)
      expect(JSON.parse(bytes.toString().split('\n')[0] ?? '')).toEqual(record)
      const atFirst = file.lost
      await file.close()
      expect(complaints.slice(1)).toEqual([[file.lost - 1, 'EAGAIN']])
      // Those that waited for the reader, of which the pipe took some.
      expect(file.lost).toBeGreaterThan(atFirst + 400)
      expect(file.lost).toBeLessThan(written)
    },
  )

  verifies('ATK-07', 'whose reader leaves: every record that nobody got is counted', async () => {
    const { reader, complaints, file } = openPipe(() => 0)
    closeSync(reader)
    for (let n = 1; n <= 3; n++) {
      file.write(record)
      await eventually(() => file.lost === n)
    }
    await file.close()
    expect(complaints).toEqual([
      [1, 'EPIPE'],
      [2, 'ENXIO'],
    ])
  })

  verifies('ATK-07', 'whose reader is slow: the end waits until it has all records', async () => {
    const { reader, complaints, file } = openPipe()
    for (let n = 0; n < 300; n++) file.write(record)
    const closed = file.close()
    let text = ''
    const bytes = Buffer.alloc(64 * 1024)
    const takeOn = setInterval(() => {
      try {
        text += bytes.toString('latin1', 0, readSync(reader, bytes))
      } catch {
        // Nothing is there now.
      }
    }, 5)
    await closed
    await eventually(() => text.trimEnd().split('\n').length === 300)
    clearInterval(takeOn)
    expect(JSON.parse(text.trimEnd().split('\n').at(-1) ?? '')).toEqual(record)
    expect([file.lost, complaints]).toEqual([0, []])
  })

  test('a file on a disk takes each record at once', async () => {
    const path = writeTemporary('audit.jsonl', '')
    const file = openAuditFile(path, () => undefined)
    file.write(record)
    expect(readFileSync(path, 'utf8')).toBe(`${JSON.stringify(record)}\n`)
    await file.close()
  })
})
