/** What opens a URL on a desktop, played by the script that fills in the forms of a login. */
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

/** @returns the program, to be installed as `xdg-open` */
export function writeOpener(): string {
  const file = join(mkdtempSync(join(tmpdir(), 'gatehouse-opener-')), 'opener')
  const script = `exec '${process.execPath}' --import tsx examples/demo/headless.ts "$1"`
  writeFileSync(file, `#!/bin/sh\ncd '${ROOT}'\n${script}\n`)
  chmodSync(file, 0o755)
  return file
}
