/** Which file a command starts: on Windows with the endings that the system adds, and no others. */
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { findExecutable } from '../../src/gateway/stdio/executable.js'
import { verifies } from '../support/verifies.js'

function folderWith(...names: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-path-'))
  for (const name of names) {
    writeFileSync(join(folder, name), '')
    chmodSync(join(folder, name), 0o755)
  }
  return folder
}

verifies('FLD-60', 'cmd and node are found on Windows, npx.cmd is not', async () => {
  const folder = folderWith('cmd.exe', 'npx.cmd', 'more.com')
  const find = (name: string) => findExecutable(name, folder, 'win32')
  expect(await find('npx')).toBeUndefined()
  expect(await find('cmd')).toBe(join(folder, 'cmd.exe'))
  expect(await find('cmd.exe')).toBe(join(folder, 'cmd.exe'))
  expect(await find('more')).toBe(join(folder, 'more.com'))
  expect(await find(`${folder}/cmd`)).toBe(`${folder}/cmd.exe`)
  // A path is not looked for in PATH.
  expect(await find('.\\cmd')).toBeUndefined()
})

verifies('FLD-60', 'no ending is added anywhere else', async () => {
  const folder = folderWith('cmd.exe', 'server')
  expect(await findExecutable('cmd', folder, 'linux')).toBeUndefined()
  expect(await findExecutable('server', folder, 'linux')).toBe(join(folder, 'server'))
})
