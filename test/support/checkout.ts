/** Copies of the checkout, for what writes: tests leave the working tree alone. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const ROOT = resolve(import.meta.dirname, '../..')
/** The build reads none of them. */
const LEFT_OUT = new Set(['.git', 'coverage', 'dist', 'node_modules', 'test'])

/** A folder whose files find our packages. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-checkout-'))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

/** Packs what is here. Packing runs the build. */
export async function pack(destination: string): Promise<void> {
  const copy = makeFolder()
  try {
    for (const name of readdirSync(ROOT)) {
      if (!LEFT_OUT.has(name)) cpSync(join(ROOT, name), join(copy, name), { recursive: true })
    }
    await promisify(execFile)('npm', ['pack', '--pack-destination', destination], { cwd: copy })
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}
