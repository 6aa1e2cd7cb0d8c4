/**
 * The command `policy replay`: which recorded requests another policy would decide otherwise.
 *
 * @module
 */
import type { ConfigurationProblem } from '../../errors.js'
import { isJsonObject, parseJsonObject, type JsonObject } from '../../base/json.js'
import { flagOf } from '../../config/names.js'
import { readReason } from '../../config/named-file.js'
import type { PolicyFile } from '../../config/policy-file.js'
import { operationsOf, UnclearOperation } from '../../mcp/operation.js'
import { ScopeHierarchy } from '../../token/scope-hierarchy.js'
import { parseScopes } from '../../token/scopes.js'
import type { PolicyArguments } from './arguments.js'
import type { PolicyIo } from './io.js'
import { createEvaluator, describeClaim, type Needs } from './needs.js'
import { paramsOf } from './params.js'
import { inOneLine, jsonText, shownScalar } from './shown.js'

/** A recorded name ends with this when it was cut. */
const CUT = '…'
/** Different changes that are kept; further ones are only counted. */
const MOST_CHANGES = 10_000

type Verdict = 'allow' | 'deny' | 'unknown'

interface Decision {
  readonly verdict: Verdict
  /** Why it is not allowed, or not known. */
  readonly reason: string | undefined
}

interface RecordedOperation {
  readonly method: string
  readonly name: string | undefined
}

interface RecordedRequest {
  readonly was: 'allow' | 'deny'
  readonly operations: readonly RecordedOperation[]
  readonly scopes: readonly string[]
  readonly subject: string | undefined
  readonly clientId: string | undefined
  /** There was no token. */
  readonly isAnonymous: boolean
}

/** A change of one operation for one caller. */
interface Change extends RecordedOperation {
  readonly was: 'allow' | 'deny'
  readonly becomes: Verdict
  readonly reason: string | undefined
  readonly subject: string | undefined
  readonly clientId: string | undefined
  requests: number
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

function operationOf(value: unknown): RecordedOperation | undefined {
  if (!isJsonObject(value)) return undefined
  const method = textOf(value['method'])
  return method === undefined ? undefined : { method, name: textOf(value['name']) }
}

/** What a policy had decided; `undefined` for a request that no policy decided. */
function readRecord(record: JsonObject): RecordedRequest | undefined {
  const { outcome, operations } = record
  if ((outcome !== 'allow' && outcome !== 'deny') || !Array.isArray(operations)) return undefined
  const known = operations.map(operationOf)
  if (known.length === 0 || known.includes(undefined)) return undefined
  return {
    was: outcome,
    operations: known as RecordedOperation[],
    scopes: textsOf(record['scopesHeld']),
    subject: textOf(record['subject']),
    clientId: textOf(record['clientId']),
    isAnonymous: record['anonymous'] === true,
  }
}

function weighAnonymous({ isPublic }: Needs): Decision {
  return isPublic
    ? { verdict: 'allow', reason: undefined }
    : { verdict: 'deny', reason: 'needs a token' }
}

/** Decides recorded operations by a policy. */
class Replay {
  readonly #needsOf: ReturnType<typeof createEvaluator>
  readonly #hierarchy: ScopeHierarchy
  readonly #baseScopes: readonly string[]

  constructor(file: PolicyFile, baseScopes: readonly string[]) {
    this.#needsOf = createEvaluator(file)
    this.#hierarchy = new ScopeHierarchy(file.policy.implies)
    this.#baseScopes = baseScopes
  }

  decide(
    { method, name }: RecordedOperation,
    { scopes, isAnonymous }: Pick<RecordedRequest, 'scopes' | 'isAnonymous'>,
  ): Decision {
    if (name?.endsWith(CUT) === true) return { verdict: 'unknown', reason: 'its name was cut' }
    const params = paramsOf(method, name)
    const operations = typeof params === 'string' ? undefined : operationsOf(method, params)
    if (operations === undefined || operations instanceof UnclearOperation) {
      return { verdict: 'unknown', reason: 'the record does not say what it was about' }
    }
    for (const operation of operations) {
      const needs = this.#needsOf(operation)
      const decision = isAnonymous ? weighAnonymous(needs) : this.#weigh(needs, scopes)
      if (decision.verdict !== 'allow') return decision
    }
    return { verdict: 'allow', reason: undefined }
  }

  #weigh({ scopes: needed, claims, denial }: Needs, scopes: readonly string[]): Decision {
    if (denial !== undefined) return { verdict: 'deny', reason: denial }
    const held = this.#hierarchy.held(scopes)
    const missing = [...new Set([...this.#baseScopes, ...needed])].filter(
      (scope) => !held.has(scope),
    )
    if (missing.length > 0) return { verdict: 'deny', reason: `lacks ${missing.join(' ')}` }
    const [claim] = claims
    if (claim === undefined) return { verdict: 'allow', reason: undefined }
    return { verdict: 'unknown', reason: `needs the claim ${describeClaim(claim)}` }
  }
}

/** All that an audit file says about a policy. */
class Report {
  readonly #changes = new Map<string, Change>()
  #lines = 0
  #records = 0
  #requests = 0
  #withoutOperations = 0
  #unreadable = 0
  #uncounted = 0

  addLine(line: string, resource: string | undefined, replay: Replay): void {
    if (line.trim() === '') return
    this.#lines++
    const record = parseJsonObject(line)
    if (record?.['version'] !== 1) {
      this.#unreadable++
      return
    }
    this.#records++
    if (resource !== undefined && record['resource'] !== resource) return
    const request = readRecord(record)
    if (request === undefined) this.#withoutOperations++
    else this.#add(request, replay)
  }

  /** A request is allowed if each of its operations is. */
  #add(request: RecordedRequest, replay: Replay): void {
    this.#requests++
    const decisions = request.operations.map((operation) => ({
      operation,
      ...replay.decide(operation, request),
    }))
    const decisive =
      decisions.find(({ verdict }) => verdict === 'deny') ??
      decisions.find(({ verdict }) => verdict === 'unknown') ??
      decisions[0]
    if (decisive !== undefined && decisive.verdict !== request.was) this.#note(request, decisive)
  }

  #note(
    { was, subject, clientId }: RecordedRequest,
    { operation, verdict: becomes, reason }: Decision & { readonly operation: RecordedOperation },
  ): void {
    const key = JSON.stringify([was, becomes, operation, reason, subject, clientId])
    const known = this.#changes.get(key)
    if (known !== undefined) known.requests++
    else if (this.#changes.size >= MOST_CHANGES) this.#uncounted++
    else
      this.#changes.set(key, { was, becomes, ...operation, reason, subject, clientId, requests: 1 })
  }

  /** The most frequent ones first. */
  get changes(): readonly Change[] {
    return [...this.#changes.values()].sort((one, other) => other.requests - one.requests)
  }

  get isUnchanged(): boolean {
    return this.#changes.size === 0
  }

  /** Why no request was decided again; `undefined`: at least one was. */
  get emptiness(): string | undefined {
    if (this.#requests > 0) return undefined
    if (this.#lines === 0) return 'has no records, so nothing was decided again'
    if (this.#records === 0) return `has ${this.#lines} lines, and none is an audit record`
    return this.#withoutOperations > 0
      ? 'has no record that names an operation and that a policy decided'
      : `has no record about the resource of ${flagOf('resource')}`
  }

  toJson(): string {
    return jsonText({
      requests: this.#requests,
      withoutOperations: this.#withoutOperations,
      unreadableLines: this.#unreadable,
      changesNotShown: this.#uncounted,
      changes: this.changes,
    })
  }

  toText(): string {
    const lines = this.changes.map(
      ({ was, becomes, method, name, reason, subject, clientId, requests }) => {
        const what = name === undefined ? method : `${method} ${shownScalar(name)}`
        const who = [subject ?? 'nobody', ...(clientId === undefined ? [] : [`by ${clientId}`])]
        const why = reason === undefined ? '' : `: ${inOneLine(reason, 200)}`
        return `${was} → ${becomes}  ${requests} × ${what}  ${inOneLine(who.join(' '))}${why}`
      },
    )
    if (this.isUnchanged) lines.push('No recorded request would be decided otherwise.')
    if (this.#uncounted > 0) lines.push(`${this.#uncounted} requests with other changes`)
    lines.push('', ...this.#summary())
    return `${lines.join('\n')}\n`
  }

  #summary(): readonly string[] {
    const lines = [`${this.#requests} requests were decided again.`]
    if (this.#withoutOperations > 0) {
      lines.push(`${this.#withoutOperations} records name no operation, or no policy decided them.`)
    }
    if (this.#unreadable > 0) lines.push(`${this.#unreadable} lines are not audit records.`)
    return lines
  }
}

/** @returns the exit code: 0 nothing changes, 1 something may; problems of the arguments */
export async function replayAudit(
  file: PolicyFile,
  { given, settings }: PolicyArguments,
  { stdout, readLines }: PolicyIo,
): Promise<number | readonly ConfigurationProblem[]> {
  const audit = given.get('audit')?.value
  const hint = `a file that ${flagOf('auditFile')} has written, or - for standard input`
  if (audit === undefined) return [{ path: flagOf('audit'), message: 'is missing', hint }]
  const baseScopes = parseScopes(given.get('baseScopes')?.value ?? [])
  if (baseScopes === undefined) {
    const scopesHint = 'scopes in one argument, blanks between: "mcp:read mcp:write"'
    return [{ path: flagOf('baseScopes'), message: 'cannot be read', hint: scopesHint }]
  }
  const replay = new Replay(file, baseScopes)
  const report = new Report()
  try {
    for await (const line of readLines(String(audit))) {
      report.addLine(line, settings.resource, replay)
    }
  } catch (error) {
    return [{ path: flagOf('audit'), message: readReason(error), hint }]
  }
  const { emptiness } = report
  if (emptiness !== undefined) return [{ path: flagOf('audit'), message: emptiness, hint }]
  stdout(given.has('json') ? report.toJson() : report.toText())
  return report.isUnchanged ? 0 : 1
}
