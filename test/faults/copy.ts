/** The source with a fault planted, for what is bundled and not loaded by the test runner. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ALL_FAULTS } from './all.js'
import { placesOf } from './place.js'

const SOURCE = resolve(import.meta.dirname, '../../src')

/** @returns the folder of the source to bundle: a copy in `folder` if a fault is planted */
export function sourceToBundle(folder: string): string {
  const { GATEHOUSE_PLANTED_FAULT: id } = process.env
  const fault = ALL_FAULTS.find((entry) => entry.id === id)
  if (fault === undefined) return SOURCE
  const copy = join(folder, 'src')
  cpSync(SOURCE, copy, { recursive: true })
  for (const place of placesOf(fault)) {
    const file = join(copy, place)
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(fault.find, () => fault.replace),
    )
  }
  return copy
}
