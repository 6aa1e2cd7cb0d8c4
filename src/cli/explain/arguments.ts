/**
 * The arguments of `explain`: flags of its own, and the settings of `serve`.
 *
 * @module
 */
import { collectFlags } from '../../config/sources.js'
import { SETTINGS } from '../../config/setting-lists.js'
import type { ConfigurationProblem } from '../../errors.js'
import { splitArguments } from '../split-arguments.js'
import { looksLikeToken } from './secrecy.js'

export interface ExplainArguments {
  readonly isJson: boolean
  /** The id of a request, or its end. */
  readonly request: string | undefined
  /** The log file with that request. */
  readonly log: string | undefined
  /** The running gateway that refused it. */
  readonly admin: { readonly url: string; readonly tokenFile: string } | undefined
  /** The arguments for the settings. */
  readonly settings: readonly string[]
}

const TOKEN_AS_ARGUMENT: ConfigurationProblem = {
  path: 'explain',
  message:
    'takes no token as an argument: other users of this machine can see it, and the shell keeps it',
  hint: 'give it on standard input: mcp-gatehouse explain … < token.txt; let this token expire',
}

const OWN = ['--request', '--log', '--admin', '--admin-token-file'] as const
type OwnFlag = (typeof OWN)[number]

const EXAMPLES: Readonly<Record<OwnFlag, string>> = {
  '--request': 'the id, or its end: --request 1f2e3d4c',
  '--log': 'a log in JSON: --log gateway.log',
  '--admin': 'the admin listener: --admin http://127.0.0.1:9464',
  '--admin-token-file': 'the file of the gateway: --admin-token-file admin.token',
}

interface Own {
  readonly values: ReadonlyMap<OwnFlag, string>
  readonly others: readonly string[]
  readonly problems: readonly ConfigurationProblem[]
}

/** Takes the flags of the command out of its arguments. */
function takeOwn(argv: readonly string[]): Own {
  const values = new Map<OwnFlag, string>()
  const others: string[] = []
  const problems: ConfigurationProblem[] = []
  for (let at = 0; at < argv.length; at++) {
    const argument = argv[at] ?? ''
    const flag = OWN.find((each) => argument === each || argument.startsWith(`${each}=`))
    if (flag === undefined) {
      others.push(argument)
      continue
    }
    const value = argument === flag ? argv[++at] : argument.slice(flag.length + 1)
    const hint = EXAMPLES[flag]
    if (value === undefined || value === '')
      problems.push({ path: flag, message: 'needs a value', hint })
    else if (values.has(flag))
      problems.push({ path: flag, message: 'is given more than once', hint: 'keep one' })
    else values.set(flag, value)
  }
  return { values, others, problems }
}

/** Eight characters of a random id are enough to find one request. */
const ID = /^[\x21-\x7e]{8,200}$/

function requestProblems({ values }: Own): readonly ConfigurationProblem[] {
  const [request, log, admin] = ['--request', '--log', '--admin'].map((flag) =>
    values.get(flag as OwnFlag),
  )
  if (request === undefined) {
    const path = log === undefined ? '--admin' : '--log'
    if (log === undefined && admin === undefined) return []
    return [{ path, message: 'needs --request', hint: 'the id of a request in it' }]
  }
  const problems: ConfigurationProblem[] = []
  if (!ID.test(request)) {
    const hint = 'X-Request-Id of the answer, or the eight characters after ref'
    problems.push({ path: '--request', message: 'is not the id of a request', hint })
  }
  if ((log === undefined) === (admin === undefined)) {
    const hint = 'the log file of the gateway, or its admin listener'
    problems.push({ path: '--request', message: 'needs either --log or --admin', hint })
  }
  if (admin !== undefined && !values.has('--admin-token-file')) {
    const hint = EXAMPLES['--admin-token-file']
    problems.push({ path: '--admin', message: 'needs --admin-token-file', hint })
  }
  return problems
}

/** @returns the arguments, or all problems; no problem shows a value */
export function readArguments(
  argv: readonly string[],
): ExplainArguments | readonly ConfigurationProblem[] {
  const { own: before, tail } = splitArguments(argv)
  const flags = before.filter((argument) => argument !== '--json')
  const own = takeOwn(flags)
  const { rest } = collectFlags(SETTINGS, own.others)
  const isToken = (argument: string) => !argument.startsWith('-') || looksLikeToken(argument)
  if (flags.some(looksLikeToken) || rest.some(isToken)) return [TOKEN_AS_ARGUMENT]
  const problems = [...own.problems, ...requestProblems(own)]
  if (problems.length > 0) return problems
  const [url, tokenFile] = [own.values.get('--admin'), own.values.get('--admin-token-file')]
  const admin = url === undefined || tokenFile === undefined ? undefined : { url, tokenFile }
  // Without --admin it is the setting of serve.
  const setting =
    admin === undefined && tokenFile !== undefined ? [`--admin-token-file=${tokenFile}`] : []
  return {
    isJson: flags.length < before.length,
    request: own.values.get('--request'),
    log: own.values.get('--log'),
    admin,
    settings: [...own.others, ...setting, ...tail],
  }
}
