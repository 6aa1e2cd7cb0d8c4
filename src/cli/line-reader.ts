/**
 * Reads a text file line by line: audit files and logs may be larger than memory.
 *
 * @module
 */
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'

/**
 * The lines of a file; `-`: of standard input.
 *
 * @throws the error of the file system
 */
export async function* readLines(path: string): AsyncGenerator<string> {
  if (path === '-') {
    yield* createInterface({ input: process.stdin, crlfDelay: Infinity })
    return
  }
  const file = await open(path)
  try {
    yield* file.readLines()
  } finally {
    await file.close()
  }
}
