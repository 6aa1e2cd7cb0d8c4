/** Where the workers of a run share the command line that `support/cli.ts` bundles. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'

const ROOT = resolve(import.meta.dirname, '../..')
/** In the checkout, because packages that stay outside of the bundle are looked for from there. */
const CACHE = join(ROOT, 'node_modules/.cache')

declare module 'vitest' {
  interface ProvidedContext {
    cliFolder: string
  }
}

export default function setup({ provide }: TestProject): () => void {
  mkdirSync(CACHE, { recursive: true })
  const folder = mkdtempSync(join(CACHE, 'gatehouse-'))
  // The command reads its version there.
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  provide('cliFolder', folder)
  return () => rmSync(folder, { recursive: true, force: true })
}
