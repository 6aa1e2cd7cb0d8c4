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
  /** The arguments for the settings. */
  readonly settings: readonly string[]
}

const TOKEN_AS_ARGUMENT: ConfigurationProblem = {
  path: 'explain',
  message:
    'takes no token as an argument: other users of this machine can see it, and the shell keeps it',
  hint: 'give it on standard input: mcp-gatehouse explain … < token.txt; let this token expire',
}

const OWN = ['--request', '--log'] as const
type OwnFlag = (typeof OWN)[number]

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
    const hint =
      flag === '--log'
        ? 'a log in JSON: --log gateway.log'
        : 'the id, or its end: --request 1f2e3d4c'
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
  const [request, log] = [values.get('--request'), values.get('--log')]
  if (request === undefined) {
    if (log === undefined) return []
    return [{ path: '--log', message: 'needs --request', hint: 'the id of a request in that log' }]
  }
  const problems: ConfigurationProblem[] = []
  if (!ID.test(request)) {
    const hint = 'X-Request-Id of the answer, or the eight characters after ref'
    problems.push({ path: '--request', message: 'is not the id of a request', hint })
  }
  if (log === undefined) {
    problems.push({
      path: '--request',
      message: 'needs --log',
      hint: 'the log file of the gateway',
    })
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
  return {
    isJson: flags.length < before.length,
    request: own.values.get('--request'),
    log: own.values.get('--log'),
    settings: [...own.others, ...tail],
  }
}
