/**
 * The command `policy explain`: which rules decide, and what a client would get. It uses the same
 * code that serves clients.
 *
 * @module
 */
import type { ConfigurationProblem } from '../../errors.js'
import type { ResourceServerEvent } from '../../events.js'
import { parseJsonObject } from '../../base/json.js'
import type { Visitor } from '../../rs/anonymous.js'
import type { GuardAnswer } from '../../web/answers.js'
import { createGuard } from '../../web/guard.js'
import {
  isProtocolMethod,
  operationsOf,
  UnclearOperation,
  type McpOperation,
} from '../../mcp/operation.js'
import { ScopeHierarchy } from '../../token/scope-hierarchy.js'
import { parseScopes } from '../../token/scopes.js'
import { flagOf } from '../../config/names.js'
import { endpointProblems } from '../../config/option-problems.js'
import type { PolicyFile } from '../../config/policy-file.js'
import { EXAMPLE_RESOURCE, type PolicyArguments } from './arguments.js'
import type { CommandIo } from '../command-io.js'
import { paramsOf, type Params } from './params.js'
import { createEvaluator, describeClaim, EXAMPLE_ISSUER, tokenWith, type Needs } from './needs.js'
import { jsonText, inOneLine, shownScalar } from './shown.js'

interface Question {
  readonly method: string
  /** The name as it was typed. */
  readonly name: string | undefined
  readonly params: Params
  readonly scopes: readonly string[]
  readonly baseScopes: readonly string[]
  readonly claims: Readonly<Record<string, unknown>>
  readonly protocolVersion: string | undefined
  readonly resource: string
  /** There is no token. */
  readonly isAnonymous: boolean
}

function readQuestion({
  names: [, method = '', name],
  given,
  settings,
}: PolicyArguments): Question | readonly ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = []
  const problem = (path: string, message: string, hint: string) => {
    problems.push({ path, message, hint })
  }
  const read = <Value>(
    path: string,
    fallback: Value,
    parse: (value: string | readonly string[]) => Value | undefined,
    hint: string,
  ): Value => {
    const value = given.get(path)?.value
    if (value === undefined) return fallback
    const parsed = parse(value)
    if (parsed === undefined) problem(flagOf(path), 'cannot be read', hint)
    return parsed ?? fallback
  }
  const scopesHint = 'scopes in one argument, blanks between: "mcp:read mcp:write"'
  const question = {
    scopes: read('scopes', [], parseScopes, scopesHint),
    baseScopes: read('baseScopes', [], parseScopes, scopesHint),
    claims: read('claims', {}, (text) => parseJsonObject(String(text)), '{"groups":["ops"]}'),
    protocolVersion: read<string | undefined>(
      'protocolVersion',
      undefined,
      (text) => (/^\d{4}-\d\d-\d\d$/.test(String(text)) ? String(text) : undefined),
      'a revision of MCP: 2025-11-25',
    ),
    resource: settings.resource ?? EXAMPLE_RESOURCE,
    isAnonymous: given.has('anonymous'),
  }
  problems.push(...endpointProblems(settings, (path) => given.get(path)?.source))
  const params = paramsOf(method, name)
  if (typeof params === 'string') {
    problem('NAME', params, 'tools/call NAME, prompts/get NAME, resources/read URI, tools/list')
  }
  if (problems.length > 0 || typeof params === 'string') return problems
  return { ...question, method, name, params }
}

/** Stands for the id of a request, which differs each time. */
const ANY_REQUEST = 'XXXXXXXX'

interface Verdict {
  readonly answer: GuardAnswer | undefined
  readonly events: readonly ResourceServerEvent[]
}

function visitorOf({ isAnonymous, scopes, claims }: Question): Visitor {
  return isAnonymous
    ? { outcome: 'anonymous', address: '', hasSession: false }
    : { outcome: 'authenticated', token: tokenWith(scopes, claims), bearer: '' }
}

/** Authorizes as the gateway does. */
function authorize(question: Question, { document }: PolicyFile): Verdict {
  const events: ResourceServerEvent[] = []
  const options = {
    resource: question.resource,
    authorizationServers: EXAMPLE_ISSUER,
    scopes: question.baseScopes,
    policy: document,
    onEvent: (event: ResourceServerEvent) => void events.push(event),
  }
  const guard = createGuard(options, undefined, undefined, 'elsewhere')
  const { method, params, protocolVersion } = question
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }))
  const decision = guard.operations?.authorize(visitorOf(question), body, {
    origin: undefined,
    protocolVersion,
    requestId: ANY_REQUEST,
  })
  return { answer: decision !== undefined && 'outcome' in decision ? decision : undefined, events }
}

function reasonOf(events: readonly ResourceServerEvent[]): string | undefined {
  for (const event of events) {
    if (event.type === 'request.denied' || event.type === 'operation.unreadable') {
      return event.reason
    }
  }
  return undefined
}

interface Explanation {
  readonly method: string
  readonly name: string | undefined
  /** `undefined` if the operation cannot be authorized. */
  readonly rules:
    | undefined
    | readonly (Needs['rules'][number] & {
        readonly scopes: readonly string[]
        readonly claims: readonly string[]
      })[]
  readonly needed: readonly string[]
  readonly held: readonly string[]
  readonly missing: readonly string[]
  readonly claims: readonly string[]
  readonly allowed: boolean
  readonly reason: string | undefined
  readonly answer: GuardAnswer | undefined
}

function explain(
  question: Question,
  operation: McpOperation | undefined,
  file: PolicyFile,
): Explanation {
  const { answer, events } = authorize(question, file)
  const needs = operation && createEvaluator(file)(operation)
  const event = events.find(({ type }) => type === 'operation.judged')
  const needed = event?.type === 'operation.judged' ? event.scopesNeeded : []
  const held = new ScopeHierarchy(file.policy.implies).held(question.scopes)
  return {
    method: question.method,
    name: operation === undefined ? question.name : operation.name,
    rules: needs?.rules.map((rule) => {
      const { scopes = [], claims = [] } = file.policy.rules[rule.index] ?? {}
      return { ...rule, scopes, claims: claims.map(describeClaim) }
    }),
    needed,
    held: question.scopes,
    missing: needed.filter((scope) => !held.has(scope)),
    claims: (needs?.claims ?? []).map(describeClaim),
    allowed: answer === undefined,
    reason: reasonOf(events),
    answer,
  }
}

/** This field identifies the request, and differs each time. */
const NOT_SHOWN = new Set(['X-Request-Id'])

function headersOf({ headers }: GuardAnswer): readonly (readonly [string, string])[] {
  return Object.entries(headers).filter(([name]) => !NOT_SHOWN.has(name))
}

/** Methods of the protocol are not denied where no rule names them. */
function whyUnnamed({ method, name }: Explanation, unmatched: string): string {
  return name === undefined && isProtocolMethod(method)
    ? 'a method of the protocol needs no rule'
    : `unmatched is ${unmatched}`
}

function formatText(explanation: Explanation, unmatched: string): string {
  const { method, name, rules, needed, held, missing, claims, allowed, reason, answer } =
    explanation
  const list = (scopes: readonly string[]) => (scopes.length === 0 ? 'nothing' : scopes.join(' '))
  const lines = [name === undefined ? method : `${method} ${shownScalar(name)}`]
  if (rules?.length === 0) lines.push(`no rule names it, and ${whyUnnamed(explanation, unmatched)}`)
  for (const rule of rules ?? []) {
    const asks = [
      ...(rule.scopes.length > 0 ? [rule.scopes.join(' ')] : []),
      ...rule.claims.map((claim) => `claim ${claim}`),
    ]
    lines.push(`${rule.place}: rules[${rule.index}] asks for ${asks.join(', ') || 'nothing more'}`)
  }
  if (rules !== undefined) {
    lines.push(`needed:  ${list(needed)}`, ...claims.map((claim) => `         claim ${claim}`))
    lines.push(`held:    ${list(held)}`, `missing: ${list(missing)}`)
  }
  lines.push(allowed ? 'allowed' : `denied: ${inOneLine(reason ?? '', 1000)}`)
  if (answer !== undefined) {
    const headers = headersOf(answer).map(([field, value]) => `  ${field}: ${value}`)
    lines.push(
      '',
      'The client gets:',
      `  HTTP ${answer.status}`,
      ...headers,
      '',
      `  ${answer.body}`,
    )
  }
  return `${lines.join('\n')}\n`
}

function formatJson({ answer, ...explanation }: Explanation): string {
  const shown = answer && {
    status: answer.status,
    headers: Object.fromEntries(headersOf(answer)),
    body: JSON.parse(answer.body) as unknown,
  }
  return jsonText({ ...explanation, answer: shown })
}

/** @returns the exit code: 0 allowed, 1 denied; problems of the arguments */
export function explainFile(
  file: PolicyFile,
  given: PolicyArguments,
  { stdout }: CommandIo,
): number | readonly ConfigurationProblem[] {
  const question = readQuestion(given)
  if (!('method' in question)) return question
  const operations = operationsOf(question.method, question.params)
  const operation = operations instanceof UnclearOperation ? undefined : operations[0]
  const explanation = explain(question, operation, file)
  const isJson = given.given.has('json')
  stdout(isJson ? formatJson(explanation) : formatText(explanation, file.policy.unmatched))
  return explanation.allowed ? 0 : 1
}
