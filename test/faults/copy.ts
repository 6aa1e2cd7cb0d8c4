/** The source with a fault planted, for what is bundled and not loaded by the test runner. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { faultCalled, placeOf, PLANTED } from './plugin.js'

const SOURCE = resolve(import.meta.dirname, '../../src')

/** @returns the folder of the source to bundle: a copy in `folder` if a fault is planted */
export function sourceToBundle(folder: string): string {
  const id = process.env[PLANTED]
  if (id === undefined) return SOURCE
  const fault = faultCalled(id)
  const copy = join(folder, 'src')
  cpSync(SOURCE, copy, { recursive: true })
  const file = join(copy, placeOf(fault))
  const text = readFileSync(file, 'utf8')
  writeFileSync(
    file,
    text.replace(fault.find, () => fault.replace),
  )
  return copy
}
