/**
 * The command `serve`: from checked settings to a gateway that runs until a signal, or until its
 * sidecar ends.
 *
 * @module
 */
import { isatty } from 'node:tty'
import type { Logger } from 'pino'
import { codeOf } from '../base/error-code.js'
import type { Admin, AdminPage } from '../gateway/admin.js'
import type { EventSubject, GatewayEvent } from '../gateway/events.js'
import { createGateway, type Gateway, type Listening } from '../gateway/gateway.js'
import type { Metrics } from '../gateway/metrics.js'
import type { GatewayOptions } from '../gateway/options.js'
import { RecentRefusals } from '../gateway/recent-refusals.js'
import { findExecutable } from '../gateway/stdio/executable.js'
import type { Sidecar } from './sidecar.js'
import { readAdminToken } from '../config/admin-token.js'
import { changedSettings } from '../config/changed-settings.js'
import type { Configuration } from '../config/configuration.js'
import { readPolicies, secretParts } from '../config/file-parts.js'
import { REAL_TIME } from '../gateway/clock.js'
import { redactCommand } from '../config/redacted.js'
import { openAuditFile, type AuditFile } from './audit-file.js'
import type { FileReader } from './file-reader.js'
import { createEventLog } from './log-events.js'
import { createLog, type Log, type LogOptions } from './log.js'
import type { LineWriter } from './line-writer.js'
import { Reload } from './reload.js'

export interface ServeInput {
  readonly options: GatewayOptions
  readonly log: LogOptions
  /** Whether calls that were let in have lines in the log. */
  readonly accessLog: 'on' | 'off'
  /** `-`: into the log. `undefined`: no records. */
  readonly auditFile: string | undefined
  /** `undefined`: no second listener. */
  readonly admin:
    | {
        readonly host: string
        readonly port: number
        /** The file with the token for the page; `undefined`: there is no page. */
        readonly tokenFile: string | undefined
      }
    | undefined
  /** By flag, for people. */
  readonly limits: readonly (readonly [flag: string, value: string])[]
  /** The HTTP server to start as a sidecar. */
  readonly sidecar:
    | {
        readonly command: readonly string[]
        readonly environment: Readonly<Record<string, string>>
        readonly startTimeout: number
      }
    | undefined
  /** What is read again while it runs. */
  readonly files: {
    readonly configuration: Configuration
    readonly reader: FileReader
    /** Reads everything as at the start. */
    readonly readAgain: () => Promise<Configuration>
  }
  readonly warnings: readonly string[]
}

/** Why a start or a run failed, in a sentence for the operator. */
class Failure extends Error {}

/** Everything that runs, in the order in which it was started. */
class Running {
  readonly #logger: Logger
  readonly #writer: LineWriter
  readonly #input: ServeInput
  readonly #gateway: Gateway
  #metrics: Metrics | undefined
  #admin: Admin | undefined
  #sidecar: Sidecar | undefined
  #isStopping = false
  #reload: Reload | undefined
  /** SIGHUP came before there was anything to replace. */
  #isHungUp = false
  readonly #audit: AuditFile | undefined
  /** `undefined` if there is no page that shows them. */
  readonly #refusals: RecentRefusals | undefined

  /** @throws {Failure} if no records could be written */
  constructor(input: ServeInput, { logger, writer }: Log) {
    this.#input = input
    this.#logger = logger
    this.#writer = writer
    this.#audit = openAudit(input.auditFile, logger)
    const audit = this.#audit
    const log = createEventLog(logger, input.accessLog)
    const refusals = input.admin?.tokenFile === undefined ? undefined : new RecentRefusals(Date.now)
    this.#refusals = refusals
    this.#gateway = createGateway({
      ...input.options,
      onEvent: (event: GatewayEvent, resource?: string, about?: EventSubject) => {
        this.#metrics?.count(event, resource)
        refusals?.hear(event, resource, about)
        log(event, resource, about)
      },
      ...(audit !== undefined && { onAudit: (record) => audit.write(record) }),
    })
  }

  async start(): Promise<void> {
    await this.#findCommand()
    await this.#startSidecar()
    const { admin, options } = this.#input
    // A signal may have come while the command was starting.
    if (this.#isStopping) return
    if (admin !== undefined) await this.#startAdmin(admin)
    if (this.#isStopping) return
    const listening = await this.#gateway.listen().catch((error: unknown) => {
      throw listenFailure(error, options.host ?? '127.0.0.1', options.port ?? 8080)
    })
    this.#announce(listening)
    this.#reload = this.#createReload(listening)
    this.#reload.watch()
    if (this.#isHungUp) this.#reload.hangUp()
  }

  /** Settles when there is a reason to end, other than a signal. */
  async failed(): Promise<Failure> {
    const reason = await (this.#sidecar?.exited ?? new Promise<never>(() => undefined))
    return new Failure(`the command ${reason}`)
  }

  /** Handles SIGHUP: files may have changed. */
  hangUp(): void {
    this.#isHungUp = true
    this.#reload?.hangUp()
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#reload?.stop()
    await this.#gateway.close()
    this.#admin?.close()
    await this.#sidecar?.stop()
    await this.#audit?.close()
  }

  #createReload({ resources }: Listening): Reload {
    const { configuration, reader, readAgain } = this.#input.files
    const context = {
      configuration,
      resources: resources.map(({ resource }) => resource),
      gateway: this.#gateway,
      readFile: reader.read,
    }
    return new Reload({
      parts: secretParts(context),
      readPolicies: () => readPolicies(context),
      async compare() {
        const after = await readAgain()
        return { problems: after.problems, changed: changedSettings(configuration, after) }
      },
      audit: this.#input.auditFile === LOG ? undefined : this.#audit,
      auditSource: configuration.given.get('auditFile')?.source ?? 'auditFile',
      gateway: this.#gateway,
      reader,
      logger: this.#logger,
      clock: REAL_TIME,
    })
  }

  /** Looks for the command now, not when the first client connects. */
  async #findCommand(): Promise<void> {
    const { resources, ...only } = this.#input.options
    for (const { command = [], childEnvironment = only.childEnvironment } of resources ?? [only]) {
      const [file] = command
      if (file === undefined) continue
      const found = await findExecutable(file, childEnvironment?.['PATH'])
      if (found === undefined) throw new Failure(`there is no command ${file}`)
    }
  }

  async #startSidecar(): Promise<void> {
    const { sidecar, options } = this.#input
    // The rules between settings guarantee that an upstream is set.
    if (sidecar === undefined || options.upstream === undefined) return
    const { startSidecar } = await import('./sidecar.js')
    this.#logger.info({ command: sidecar.command[0] }, 'starting the command')
    try {
      this.#sidecar = await startSidecar({
        ...sidecar,
        upstream: new URL(options.upstream ?? ''),
        onOutput: (line) => this.#writer.write(line),
      })
      await this.#sidecar.started
    } catch (error) {
      throw new Failure(`the command ${error instanceof Error ? error.message : ''}`)
    }
  }

  async #startAdmin({ host, port, tokenFile }: NonNullable<ServeInput['admin']>): Promise<void> {
    const [{ createAdmin }, { createMetrics }] = await Promise.all([
      import('../gateway/admin.js'),
      import('../gateway/metrics.js'),
    ])
    const metrics = (this.#metrics = createMetrics(
      () => this.#gateway.status(),
      () => ({ log: this.#writer.dropped, audit: this.#audit?.lost ?? 0 }),
    ))
    const { allowHosts } = this.#input.options
    const page = tokenFile === undefined ? undefined : await this.#createPage(tokenFile)
    this.#admin = createAdmin({
      gateway: this.#gateway,
      metrics,
      host,
      allowHosts,
      port,
      page,
      onRefused: ({ reason, hint }) =>
        this.#logger.warn({ hint }, `admin listener: refused: ${reason}`),
    })
    const listening = await this.#admin.listen().catch((error: unknown) => {
      throw listenFailure(error, host, port)
    })
    this.#logger.info({ host, port: listening.port }, 'health and metrics')
  }

  async #createPage(tokenFile: string): Promise<AdminPage> {
    const { adminPage } = await import('../gateway/admin-page.js')
    /** The last fault in the log: the same one is not repeated. */
    let told: string | undefined
    return {
      token: () => {
        const read = readAdminToken(tokenFile)
        const fault = 'fault' in read ? read.fault : undefined
        if (fault !== undefined && fault !== told) {
          const hint = 'chmod 600, and at least 32 characters; until then, nobody can see the page'
          this.#logger.error({ hint }, `--admin-token-file ${fault}`)
        }
        told = fault
        return 'token' in read ? read.token : undefined
      },
      refusals: () => this.#refusals?.all ?? [],
      write: async () =>
        adminPage({
          status: this.#gateway.status(),
          readiness: await this.#gateway.readiness(),
          refusals: this.#refusals?.all ?? [],
          limits: this.#input.limits,
          now: Date.now(),
        }),
    }
  }

  /** A line for each resource. */
  #announce({ resources, url }: Listening): void {
    for (const { resource, issuers, upstream } of resources) {
      const command = this.#commandOf(resource)
      const guard =
        issuers.length === 0 ? 'without tokens' : `for tokens of ${issuers.join(' and ')}`
      const server = command === undefined ? upstream : redactCommand(command).join(' ')
      const text = `the URL for clients is ${resource}; listening at ${url}, ${guard}, in front of ${server}`
      this.#logger.info(
        { resource, url, issuers, upstream, ...(command && { command: server }) },
        text,
      )
    }
  }

  #commandOf(resource: string): readonly string[] | undefined {
    const { command, resources = [] } = this.#input.options
    return command ?? resources.find((each) => each.resource === resource)?.command
  }
}

/** Writes records into the log, whatever its level. */
const LOG = '-'

function openAudit(path: string | undefined, logger: Logger): AuditFile | undefined {
  if (path === undefined) return undefined
  if (path === LOG) {
    const lines = logger.child({}, { level: 'info' })
    return {
      lost: 0,
      write: (audit) => lines.info({ audit }, 'audit'),
      reopen: () => ({ use: () => undefined, discard: () => undefined }),
      close: () => Promise.resolve(),
    }
  }
  try {
    return openAuditFile(path, (lost, code) => {
      logger.error({ lost, code, path }, `audit records are lost: ${lossOf(code)}`)
    })
  } catch (error) {
    const code = codeOf(error, 'error')
    throw new Failure(`cannot write to the audit file ${path} (${code}${NO_READER[code] ?? ''})`)
  }
}

/** What an error of a pipe means. */
const NO_READER: Readonly<Record<string, string>> = {
  ENXIO: ': the pipe has no reader; start the reader first',
  EPIPE: ': the pipe has lost its reader',
  EAGAIN: ': the reader of this pipe does not keep up',
}

function lossOf(code: string): string {
  return `the file cannot be written${NO_READER[code] ?? ''}`
}

function listenFailure(error: unknown, host: string, port: number): Failure {
  const code = codeOf(error, 'error')
  const reasons: Record<string, string> = {
    EADDRINUSE: 'another process listens there',
    EACCES: 'not allowed to listen there',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'this name has no address',
  }
  return new Failure(`cannot listen on ${host}:${port}: ${reasons[code] ?? code} (${code})`)
}

/** Whether a user started us in a terminal: SIGHUP then means that it was closed. */
function isInTerminal(): boolean {
  return isatty(0) || isatty(2)
}

/** The next signal that ends us. Without a handler it would leave the sidecar running. */
function nextSignal(endsAtHangUp: boolean): Promise<NodeJS.Signals> {
  const signals = ['SIGTERM', 'SIGINT', 'SIGQUIT', ...(endsAtHangUp ? ['SIGHUP'] : [])]
  return new Promise((resolve) => {
    const end = (signal: NodeJS.Signals) => {
      for (const each of signals) process.off(each, end)
      resolve(signal)
    }
    for (const each of signals) process.on(each, end)
  })
}

/**
 * Runs until a signal.
 *
 * @returns the exit code: 0 after a signal, 1 for anything that failed
 */
export async function serve(input: ServeInput): Promise<number> {
  const inTerminal = isInTerminal()
  // Without a handler it would end us.
  if (!inTerminal) process.on('SIGHUP', () => undefined)
  const log = await createLog(input.log)
  try {
    return await run(input, log, inTerminal)
  } finally {
    await log.writer.finish()
  }
}

async function run(input: ServeInput, log: Log, inTerminal: boolean): Promise<number> {
  const { logger } = log
  for (const warning of input.warnings) logger.warn(warning)
  let running: Running
  try {
    running = new Running(input, log)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    logger.fatal(error.message)
    return 1
  }
  const ended = nextSignal(inTerminal)
  if (!inTerminal) process.on('SIGHUP', () => running.hangUp())

  let exitCode = 0
  const fail = (failure: unknown) => {
    if (!(failure instanceof Failure)) throw failure
    logger.fatal(failure.message)
    exitCode = 1
  }
  try {
    const outcome = await Promise.race([running.start(), ended])
    if (outcome === undefined) {
      const reason = await Promise.race([ended, running.failed()])
      if (reason instanceof Failure) fail(reason)
    }
  } catch (failure) {
    fail(failure)
  }
  if (exitCode === 0) logger.info('shutting down: running answers may finish')
  // A second signal ends us at once.
  const asked = nextSignal(inTerminal).then(() => {
    logger.warn('shutting down at once')
    return 'at once' as const
  })
  if ((await Promise.race([running.stop(), asked])) === 'at once') return 1
  return exitCode
}
