/**
 * Takes files that have changed while the gateway runs: at SIGHUP everything or nothing; secrets and
 * keys also by themselves.
 *
 * @module
 */
import type { Logger } from 'pino'
import { codeOf } from '../base/error-code.js'
import type { FilePart, PoliciesRead } from '../config/file-parts.js'
import { ConfigurationError, withoutRepeats, type ConfigurationProblem } from '../errors.js'
import type { Clock } from '../gateway/clock.js'
import type { Gateway } from '../gateway/gateway.js'
import type { AuditFile, Reopened } from './audit-file.js'
import type { FileReader } from './file-reader.js'

/** Milliseconds between two looks at the files of secrets and keys. */
const INTERVAL = 5_000

export interface ReloadOptions {
  readonly parts: readonly FilePart[]
  readonly readPolicies: () => PoliciesRead
  /** Reads the whole configuration as at the start: its problems, and the settings that differ. */
  readonly compare: () => Promise<{
    readonly problems: readonly ConfigurationProblem[]
    readonly changed: readonly string[]
  }>
  readonly audit: AuditFile | undefined
  readonly auditSource: string
  readonly gateway: Pick<Gateway, 'replacePolicies'>
  readonly reader: FileReader
  readonly logger: Logger
  readonly clock: Clock
}

/** A part, and how its files looked. */
interface Watched {
  readonly part: FilePart
  /** When their content was taken or found at fault. */
  settled: string
  /** A moment ago. */
  seen: string
}

interface WatchedRead {
  readonly watched: Watched
  /** How the files looked just before. */
  readonly look: string
  readonly read: Awaited<ReturnType<FilePart['read']>>
}

/** They are not read again before they change. */
function settle(reads: readonly WatchedRead[]): void {
  for (const { watched, look } of reads) watched.settled = look
}

/** Together: one may wait for a provider. */
async function takeAll(reads: readonly WatchedRead[]): Promise<void> {
  settle(reads)
  await Promise.all(reads.map(async ({ read }) => read.take()))
}

function problemsOf(reads: readonly WatchedRead[]): readonly ConfigurationProblem[] {
  return reads.flatMap(({ read }) => read.problems)
}

function isFaulty({ read }: WatchedRead): boolean {
  return read.problems.length > 0
}

export class Reload {
  readonly #options: ReloadOptions
  readonly #watched: readonly Watched[]
  #clearTimer: (() => void) | undefined
  /** The end of what was begun last: nothing is taken at the same time. */
  #last: Promise<void> = Promise.resolve()
  #isAsked = false
  #isStopped = false

  constructor(options: ReloadOptions) {
    this.#options = options
    this.#watched = options.parts.map((part) => {
      const look = options.reader.lookWhenRead(part.files)
      return { part, settled: look, seen: look }
    })
  }

  /** Begins to look at the files of secrets and keys. */
  watch(): void {
    if (this.#watched.length === 0 || this.#isStopped) return
    this.#clearTimer = this.#options.clock.setTimer(() => {
      void this.#inTurn(() => this.#takeChanged()).then(() => this.watch())
    }, INTERVAL)
  }

  /** Handles SIGHUP. Further ones before it begins change nothing. */
  hangUp(): void {
    if (this.#isAsked || this.#isStopped) return
    this.#isAsked = true
    void this.#inTurn(() => {
      this.#isAsked = false
      return this.#takeAll()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#clearTimer?.()
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(step).catch((error: unknown) => {
      // A bug: the message could quote a secret.
      const code = codeOf(error)
      this.#options.logger.error({ code }, 'files could not be read again; old values stay')
    })
    return this.#last
  }

  async #takeAll(): Promise<void> {
    const { audit, auditSource, logger } = this.#options
    const policies = this.#options.readPolicies()
    const { problems, changed } = await this.#options.compare()
    const reads = await Promise.all(this.#watched.map((each) => this.#read(each)))
    // What is good may still be taken by itself.
    settle(reads.filter(isFaulty))
    const found = [...problems, ...policies.problems, ...problemsOf(reads)]
    if (found.length > 0) return this.#refuseAll(found)
    let reopened: Reopened | undefined
    try {
      reopened = audit?.reopen()
    } catch (error) {
      return this.#refuseAll([
        { path: auditSource, message: `cannot be opened (${codeOf(error)})`, hint: 'a file' },
      ])
    }
    try {
      this.#options.gateway.replacePolicies(policies.policies)
    } catch (error) {
      reopened?.discard()
      if (!(error instanceof ConfigurationError)) throw error
      const source = policies.sources.join(', ')
      return this.#refuseAll(
        error.problems.map((each) => ({ ...each, path: `${source}: ${each.path}` })),
      )
    }
    reopened?.use()
    await takeAll(reads)
    const secrets = this.#watched.flatMap(({ part }) => part.sources)
    const sources = [...policies.sources, ...secrets, ...(audit === undefined ? [] : [auditSource])]
    const read = [...new Set(sources)]
    const what = read.length === 0 ? 'no setting names a file that can be' : read.join(', ')
    logger.info({ read }, `SIGHUP: read again: ${what}`)
    if (changed.length === 0) return
    logger.warn({ changed }, `SIGHUP: changed, but it needs a restart: ${changed.join(', ')}`)
  }

  /** Takes each part whose files have changed, and have not since the last look. */
  async #takeChanged(): Promise<void> {
    const due = this.#watched.filter((each) => this.#isDue(each))
    const reads = await Promise.all(due.map((each) => this.#read(each)))
    settle(reads.filter(isFaulty))
    const problems = withoutRepeats(problemsOf(reads))
    for (const problem of problems) this.#tell(problem, 'the value from before stays')
    const good = reads.filter((each) => !isFaulty(each))
    await takeAll(good)
    if (good.length === 0) return
    const read = [...new Set(good.flatMap(({ watched }) => watched.part.sources))]
    const text = `read again, because the file has changed: ${read.join(', ')}`
    this.#options.logger.info({ read }, text)
  }

  #isDue(watched: Watched): boolean {
    const now = this.#options.reader.look(watched.part.files)
    const isSame = now === watched.seen
    watched.seen = now
    return isSame && now !== watched.settled
  }

  async #read(watched: Watched): Promise<WatchedRead> {
    const { part } = watched
    const look = this.#options.reader.look(part.files)
    return { watched, look, read: await part.read() }
  }

  #refuseAll(problems: readonly ConfigurationProblem[]): void {
    for (const problem of withoutRepeats(problems)) this.#tell(problem, 'nothing was taken')
  }

  #tell({ path, message, hint }: ConfigurationProblem, consequence: string): void {
    this.#options.logger.error({ hint }, `${path}: ${message}; ${consequence}`)
  }
}
