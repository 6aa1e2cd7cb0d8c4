#!/usr/bin/env node
/**
 * The command line.
 *
 * @module
 */
import { codeOf } from '../base/error-code.js'
import { readFileSync, writeFileSync } from 'node:fs'
import { ConfigurationError, type ConfigurationProblem } from '../errors.js'
import { nodeFault, runtimeFault } from '../gateway/needed-runtime.js'
import { isColoured } from './coloured.js'
import type { CommandIo } from './command-io.js'
import { initWarnings } from './init-warning.js'
import type { DoctorIo } from './doctor/io.js'
import { formatProblems } from './problems.js'
import { asksForHelp, splitArguments } from './split-arguments.js'

const COMMANDS = ['serve', 'check', 'explain', 'policy', 'doctor', 'login', 'clients', 'key']

/** Exit code for bad usage and bad configuration. */
const USAGE = 2

function version(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Reports all problems at once. */
function reportProblems(problems: readonly ConfigurationProblem[]): number {
  process.stderr.write(formatProblems(problems))
  say('Nothing was started. mcp-gatehouse --help lists all settings.')
  return USAGE
}

async function runServe(argv: readonly string[]): Promise<number> {
  const [{ readConfiguration }, { FileReader }] = await Promise.all([
    import('../config/read-configuration.js'),
    import('./file-reader.js'),
  ])
  const reader = new FileReader()
  const readAgain = () => readConfiguration({ argv, env: process.env, readFile: reader.read })
  const configuration = await readAgain()
  const { settings, command, problems } = configuration
  const warnings = [...configuration.warnings, ...initWarnings(process.pid, configuration)]
  if (problems.length > 0) {
    for (const warning of warnings) say(warning)
    return reportProblems(problems)
  }
  if (settings.transport === 'stdio') {
    for (const warning of warnings) say(warning)
    return runCommand(command ?? [])
  }
  const fault = runtimeFault(process.versions)
  if (fault !== undefined) {
    say(`mcp-gatehouse: ${fault}`)
    return USAGE
  }
  const [{ serve }, { limitsOf }, { toGatewayOptions }] = await Promise.all([
    import('./serve.js'),
    import('./limits.js'),
    import('../config/to-gateway-options.js'),
  ])
  const { adminHost, adminPort, adminTokenFile, logLevel, logFormat } = settings
  return serve({
    options: toGatewayOptions(configuration),
    log: { level: logLevel, format: logFormat },
    accessLog: settings.accessLog,
    auditFile: settings.auditFile,
    admin:
      adminPort === undefined
        ? undefined
        : { host: adminHost, port: adminPort, tokenFile: adminTokenFile },
    limits: limitsOf(settings),
    sidecar:
      command === undefined || settings.upstream === undefined
        ? undefined
        : {
            command,
            environment: configuration.environmentFor(settings.childEnv),
            startTimeout: settings.childStartTimeout,
          },
    files: { configuration, reader, readAgain },
    warnings,
  })
}

async function runCommand(command: readonly string[]): Promise<number> {
  const { passThrough } = await import('./pass-through.js')
  try {
    return await passThrough(command)
  } catch (error) {
    say(`the command cannot be started (${codeOf(error)}): ${command[0] ?? ''}`)
    return 1
  }
}

/** Where the commands with a folder of their own read and write. */
const IO: CommandIo = {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  readFile: (path) => readFileSync(path, 'utf8'),
  env: process.env,
}

/** How long the doctor waits for one answer, in milliseconds. */
const PATIENCE = 10_000

function doctorIo(): DoctorIo {
  const { isTTY: isTerminal } = process.stderr
  return {
    ...IO,
    writeFile: writeFileSync,
    isColoured: isColoured(process.stdout, process.env),
    onStep: (step) => isTerminal && process.stderr.write(`\r\u001b[K${step}`),
    now: Date.now,
    patience: PATIENCE,
  }
}

/** The commands with a folder of their own, each loaded when it is called. */
const OWN_COMMANDS: Readonly<Record<string, (argv: readonly string[]) => Promise<number>>> = {
  policy: async (argv) => {
    const [{ runPolicy }, { readLines }] = await Promise.all([
      import('./policy/command.js'),
      import('./line-reader.js'),
    ])
    return runPolicy(argv, { ...IO, readLines })
  },
  explain: async (argv) => {
    const { runExplain } = await import('./explain/command.js')
    return runExplain(argv, { ...IO, stdin: process.stdin })
  },
  login: async (argv) => (await import('./login/command.js')).runLogin(argv, IO),
  clients: async (argv) => (await import('./clients/command.js')).runClients(argv, IO),
  key: async (argv) => (await import('./key/command.js')).runKey(argv, { ...IO, now: Date.now }),
  doctor: async (argv) => (await import('./doctor/command.js')).runDoctor(argv, doctorIo()),
}

async function main(argv: readonly string[]): Promise<number> {
  const [command = ''] = argv
  const { own } = splitArguments(argv)
  // These commands have their own help, and their arguments may be names of tools.
  const run = Object.hasOwn(OWN_COMMANDS, command) ? OWN_COMMANDS[command] : undefined
  const isVersion = run === undefined && (own.includes('--version') || own.includes('-V'))
  const isHelp = asksForHelp(argv) || (run === undefined && own[0] === 'help')
  const fault = isHelp || isVersion ? undefined : nodeFault(process.versions)
  // Too old a Node fails at its first request, with an error that does not name Node.
  if (fault !== undefined) {
    say(fault)
    return USAGE
  }
  if (run !== undefined) return run(argv.slice(1))
  if (isHelp) {
    const { helpText } = await import('./help.js')
    process.stdout.write(`${helpText()}\n`)
    return 0
  }
  if (isVersion) {
    process.stdout.write(`${version()}\n`)
    return 0
  }
  const [first] = own
  if (first === undefined || first.startsWith('-')) return runServe(argv)
  if (first === 'serve') return runServe(argv.slice(1))
  if (first === 'check' && own.includes('--live')) {
    const { runLiveCheck } = await import('./doctor/command.js')
    return runLiveCheck(argv.slice(1), doctorIo())
  }
  if (first === 'check') {
    const { runCheck } = await import('./check.js')
    return runCheck(argv.slice(1), process.env, { stdout: IO.stdout, stderr: IO.stderr })
  }
  return reportProblems([
    {
      path: first,
      message: 'no such command',
      hint: `${COMMANDS.join(', ')}; a command to start comes after --`,
    },
  ])
}

try {
  process.exit(await main(process.argv.slice(2)))
} catch (error) {
  // A check that the configuration lacks: its problems are written for operators, and show no secret.
  if (error instanceof ConfigurationError) process.exit(reportProblems(error.problems))
  // A bug: the operator sees where, but no message that could quote a value.
  const { whereThrown } = await import('../events.js')
  say(`mcp-gatehouse failed: ${whereThrown(error)}`)
  process.exit(1)
}
