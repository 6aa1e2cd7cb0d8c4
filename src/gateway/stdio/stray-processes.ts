/**
 * Processes that left the group of the command that started them (`setsid`, daemons). All of them
 * inherit a mark in their environment, by which we can find them on Linux. A process that empties
 * its environment is not found. On other systems none is found.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

/** The name of the variable. Each command that is started gets its own UUID as the value. */
export const MARK = 'GATEHOUSE_PROCESS'

/** How long they may take after SIGTERM, and then each time after SIGKILL, in milliseconds. */
const GRACE = 500
const AGAIN = 50
/** They may start others while we look. */
const ROUNDS = 5

const VALUE = new RegExp(`(?:^|\\0)${MARK}=([\\da-f-]{36})(?:\\0|$)`)

interface MarkedProcess {
  readonly pid: number
  readonly mark: string
  /** The process group in which it is now. */
  readonly group: number
}

function isPid(name: string): boolean {
  return /^\d+$/.test(name)
}

/** @param stat of proc(5): the name stands in parentheses and may hold any character */
function readProcess(pid: string, environ: string, stat: string): readonly MarkedProcess[] {
  const mark = VALUE.exec(environ)?.[1]
  const [, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return mark === undefined ? [] : [{ pid: Number(pid), mark, group: Number(group) }]
}

async function readMarked(pid: string): Promise<readonly MarkedProcess[]> {
  try {
    const environ = await readFile(`/proc/${pid}/environ`, 'latin1')
    return environ.includes(MARK)
      ? readProcess(pid, environ, await readFile(`/proc/${pid}/stat`, 'latin1'))
      : []
  } catch {
    // It has ended, or is somebody else's.
    return []
  }
}

async function findMarked(): Promise<readonly MarkedProcess[]> {
  const names = await readdir('/proc').catch((): string[] => [])
  const found: MarkedProcess[] = []
  for (const pid of names.filter(isPid)) found.push(...(await readMarked(pid)))
  return found
}

let running: Promise<unknown> = Promise.resolve()
let next: Promise<readonly MarkedProcess[]> | undefined

/** All that are marked now. Callers that wait for the same look share it. */
function look(): Promise<readonly MarkedProcess[]> {
  next ??= running.then(() => {
    next = undefined
    const found = findMarked()
    running = found
    return found
  })
  return next
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended by itself.
  }
}

/**
 * Ends the processes with this mark in groups other than their command's. The command has ended
 * already.
 *
 * @returns how many there were
 */
export async function endStrays(mark: string, group: number | undefined): Promise<number> {
  if (process.platform !== 'linux') return 0
  const pids = new Set<number>()
  for (let round = 0; round < ROUNDS; round++) {
    const strays = (await look()).filter((each) => each.mark === mark && each.group !== group)
    if (strays.length === 0) break
    for (const { pid } of strays) {
      pids.add(pid)
      signal(pid, round === 0 ? 'SIGTERM' : 'SIGKILL')
    }
    await delay(round === 0 ? GRACE : AGAIN)
  }
  return pids.size
}

/** Ends all processes with these marks, while our own process ends and nothing can be waited for. */
export function killMarked(marks: ReadonlySet<string>): void {
  if (process.platform !== 'linux') return
  for (const pid of readdirSync('/proc').filter(isPid)) {
    try {
      const [found] = readProcess(pid, readFileSync(`/proc/${pid}/environ`, 'latin1'), '')
      if (found !== undefined && marks.has(found.mark)) signal(found.pid, 'SIGKILL')
    } catch {
      // As above.
    }
  }
}
