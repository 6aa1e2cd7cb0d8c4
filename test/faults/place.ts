/** Where a fault is planted: the one file that has its text, wherever that file is moved or however it is named. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Fault } from './faults.js'

const root = resolve(import.meta.dirname, '../../src')
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))

/**
 * Files below src/ that have the text of a fault; a file that has it twice is named twice. It is the right place when
 * there is exactly one.
 */
export function placesOf({ file: wanted, find }: Fault): readonly string[] {
  return sources
    .filter(({ file }) => wanted === undefined || file === wanted)
    .flatMap(({ file, text }) => Array<string>(text.split(find).length - 1).fill(file))
}
