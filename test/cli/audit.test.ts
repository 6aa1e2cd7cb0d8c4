/** The audit file as people keep it: it grows, is moved away, and may not be writable. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { AuditRecord } from 'mcp-gatehouse/gateway'
import { openAuditFile } from '../../src/cli/audit-file.js'
import { startCli, writeTemporary } from '../support/cli.js'
import { eventually, startUpstream } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

const linesOf = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditRecord)

describe('--audit-file', () => {
  test('is appended to, is for its owner alone, and is opened anew by SIGHUP', async () => {
    const upstream = await startUpstream((_request, response) => response.end('ok'))
    const folder = dirname(writeTemporary('x', ''))
    const file = join(folder, 'audit.jsonl')
    const cli = startCli(['--port', '0', '--upstream', upstream, '--audit-file', file])
    const url = await cli.listening()
    await (await fetch(`${url}/mcp`, { method: 'POST', body: '{}' })).text()
    await eventually(() => linesOf(file).length === 1)
    expect(linesOf(file)[0]).toMatchObject({ version: 1, outcome: 'allow', status: 200 })
    expect(statSync(file).mode & 0o777).toBe(0o600)

    renameSync(file, `${file}.1`)
    cli.process.kill('SIGHUP')
    await eventually(() => existsSync(file))
    await (await fetch(`${url}/mcp`, { method: 'POST', body: '{}' })).text()
    await eventually(() => linesOf(file).length === 1)
    expect(linesOf(`${file}.1`)).toHaveLength(1)
    cli.process.kill('SIGTERM')
    expect(await cli.exited).toBe(0)
  })

  test('that cannot be written stops the start', async () => {
    const cli = startCli([
      ...['--port', '0', '--upstream', 'http://127.0.0.1:9/mcp'],
      ...['--audit-file', join(dirname(writeTemporary('x', '')), 'nowhere', 'audit.jsonl')],
    ])
    expect(await cli.exited).toBe(1)
    expect(cli.stderr()).toContain('cannot write to the audit file')
    expect(cli.stderr()).toContain('ENOENT')
  })

  test('may be the log', async () => {
    const upstream = await startUpstream((_request, response) => response.end('ok'))
    const cli = startCli([
      ...['--port', '0', '--upstream', upstream, '--audit-file', '-', '--log-format', 'json'],
      // What is only worth a line at another level is recorded all the same.
      ...['--log-level', 'info'],
    ])
    const url = await cli.listening()
    await (await fetch(`${url}/mcp`, { method: 'POST', body: '{}' })).text()
    await eventually(() => cli.log().some(({ audit }) => audit !== undefined))
    expect(cli.log().find(({ audit }) => audit !== undefined)).toMatchObject({
      msg: 'audit',
      audit: { version: 1, outcome: 'allow' },
    })
    expect(existsSync('-')).toBe(false)
  })
})

describe('a file that fails later', () => {
  const record = { version: 1 } as AuditRecord

  test('is complained of, not at every record, and used again when it can be', async () => {
    const complaints: [number, string][] = []
    let now = 0
    const path = join(dirname(writeTemporary('x', '')), 'audit.jsonl')
    // A disk without room.
    symlinkSync('/dev/full', path)
    const file = openAuditFile(
      path,
      (lost, code) => complaints.push([lost, code]),
      () => now,
    )
    for (let i = 0; i < 5; i++) file.write(record)
    expect(complaints).toEqual([[1, 'ENOSPC']])
    now = 20_000
    file.write(record)
    expect(complaints).toEqual([
      [1, 'ENOSPC'],
      [5, 'ENOSPC'],
    ])
    rmSync(path)
    file.reopen().use()
    file.write(record)
    expect(linesOf(path)).toEqual([record])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    await file.close()
  })

  verifies('FLD-17', 'goes on as before if it cannot be opened again, or need not', async () => {
    const path = writeTemporary('audit.jsonl', '')
    const file = openAuditFile(path, () => undefined)
    renameSync(path, `${path}.1`)
    mkdirSync(path)
    expect(() => file.reopen()).toThrow('EISDIR')
    file.write(record)
    rmdirSync(path)
    file.reopen().discard()
    file.write(record)
    expect(linesOf(`${path}.1`)).toEqual([record, record])
    expect(linesOf(path)).toEqual([])
    await file.close()
  })

  test('keeps what was there', async () => {
    const path = writeTemporary('audit.jsonl', '{"version":1}\n')
    chmodSync(path, 0o640)
    const file = openAuditFile(path, () => undefined)
    file.write(record)
    await file.close()
    expect(linesOf(path)).toHaveLength(2)
    expect(statSync(path).mode & 0o777).toBe(0o640)
    writeFileSync(path, '')
  })
})
