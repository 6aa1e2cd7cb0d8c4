/**
 * What a JSON-RPC message asks an MCP server to do, as far as it can be authorized.
 *
 * @module
 */
import { foldName, isJsonObject, type JsonObject } from '../base/json.js'
import { canonicalUri, LONGEST_URI } from './resource-uri.js'
import { canonicalTemplate } from './uri-template.js'

/** What an operation uses. */
export type McpTarget = 'tool' | 'prompt' | 'resource'

/** One operation that a message asks for. */
export interface McpOperation {
  /** The JSON-RPC method: `tools/call`. */
  readonly method: string
  /** `undefined` for methods that use none of these: `ping`, `tools/list`. */
  readonly target: McpTarget | undefined
  /** The name of the tool or prompt, the URI of the resource in one spelling. */
  readonly name: string | undefined
}

/** The parts of a message that say what it asks for. */
export interface AskedMessage {
  readonly method: string
  readonly params: JsonObject | undefined
}

/** An operation as it is reported to the operator. */
export interface ReportedOperation {
  readonly method: string
  /** Of the tool, prompt or resource. */
  readonly name: string | undefined
}

const LONGEST_REPORTED = 512
/** How many operations of one request are reported. */
export const MOST_OPERATIONS = 100

function shortened(text: string): string {
  return text.length > LONGEST_REPORTED ? `${text.slice(0, LONGEST_REPORTED)}…` : text
}

/** A client must not make the log grow without bound. */
export function tellOperations(
  operations: readonly ReportedOperation[],
): readonly ReportedOperation[] {
  const reported =
    operations.length > MOST_OPERATIONS ? operations.slice(0, MOST_OPERATIONS) : operations
  return reported.map(({ method, name }) => ({
    method: shortened(method),
    name: name === undefined ? undefined : shortened(name),
  }))
}

/** Why an operation cannot be authorized: the message does not name it, or names it in two ways. */
export class UnclearOperation {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

const NAMED: ReadonlyMap<string, readonly [target: McpTarget, member: string]> = new Map([
  ['tools/call', ['tool', 'name']],
  ['prompts/get', ['prompt', 'name']],
  ['resources/read', ['resource', 'uri']],
  ['resources/subscribe', ['resource', 'uri']],
  ['resources/unsubscribe', ['resource', 'uri']],
])
const REFERENCES: ReadonlyMap<unknown, readonly [target: McpTarget, member: string]> = new Map([
  ['ref/prompt', ['prompt', 'name']],
  ['ref/resource', ['resource', 'uri']],
])

/** Methods of the protocol itself, of all its revisions, which name nothing that belongs to the server's owner. */
const OWN_METHODS = new Set([
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'logging/setLevel',
  'subscriptions/listen',
  'tasks/get',
  'tasks/result',
  'tasks/list',
  'tasks/update',
  'tasks/cancel',
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
  'notifications/tasks/status',
])

/**
 * Whether it passes a policy that denies what no rule names: without these methods no allowed
 * operation could be used.
 */
export function isProtocolMethod(method: string): boolean {
  return OWN_METHODS.has(method)
}

/**
 * Names are compared with every pattern of a policy, character by character. No real name is
 * longer.
 */
export const LONGEST_NAME = 1024
const LONGEST_COMPARED = {
  tool: LONGEST_NAME,
  prompt: LONGEST_NAME,
  resource: LONGEST_URI,
} as const
/**
 * Line ends, escapes and NUL: servers cut names at them, and logs break. Lone surrogates: some
 * parsers drop them and read another name.
 */
const CONTROLS = /[\p{Cc}\p{Cs}]/u

/**
 * What a policy compares: the name itself, or a URI in canonical form; `undefined` for an invalid
 * name.
 */
export function comparableName(target: McpTarget, name: unknown): string | undefined {
  if (typeof name !== 'string' || name.length > LONGEST_COMPARED[target]) return undefined
  if (target === 'resource') return canonicalUri(name)
  return CONTROLS.test(name) ? undefined : name
}

function named(
  method: string,
  target: McpTarget,
  name: unknown,
  where: string,
  comparable = comparableName(target, name),
): McpOperation | UnclearOperation {
  if (comparable !== undefined) return { method, target, name: comparable }
  if (typeof name !== 'string') return new UnclearOperation(`${where} is not a string`)
  if (name.length > LONGEST_COMPARED[target]) {
    return new UnclearOperation(`${where} has more than ${LONGEST_COMPARED[target]} characters`)
  }
  return new UnclearOperation(
    target === 'resource'
      ? `${where} is not a URI, or has dot segments, a fragment or needlessly encoded characters`
      : `${where} has control characters or unpaired surrogates`,
  )
}

/** A reference may name a template, as it is listed. */
function referred(
  target: McpTarget,
  name: unknown,
  where: string,
): McpOperation | UnclearOperation {
  const isTemplate = target === 'resource' && typeof name === 'string'
  const comparable = isTemplate ? canonicalTemplate(name) : comparableName(target, name)
  return named('completion/complete', target, name, where, comparable)
}

/** A different name that some parsers read as the same. */
function isTwinOf(name: string, exact: string): boolean {
  return name !== exact && foldName(name) === exact.toLowerCase()
}

function subscribed(params: JsonObject): readonly unknown[] | undefined {
  const { notifications } = params
  if (!isJsonObject(notifications)) return []
  const wanted = 'resourceSubscriptions'
  if (Object.keys(notifications).some((each) => isTwinOf(each, wanted))) return undefined
  const { resourceSubscriptions = [] } = notifications
  return Array.isArray(resourceSubscriptions) ? resourceSubscriptions : undefined
}

/** Whether a `subscriptions/listen` asks for more than single resources. */
function listensToMore({ notifications, ...params }: JsonObject): boolean {
  const wanted = isJsonObject(notifications) ? Object.keys(notifications) : []
  const others = Object.keys(params).filter((each) => each !== '_meta')
  return others.length > 0 || wanted.some((each) => each !== 'resourceSubscriptions')
}

/**
 * Everything that a request or notification asks for; never an empty list.
 *
 * @param most as many as may be asked for
 */
export function operationsOf(
  method: string,
  params: JsonObject = {},
  most: number = Infinity,
): readonly McpOperation[] | UnclearOperation {
  if (method.length > LONGEST_NAME) return new UnclearOperation('method is too long')
  if (most < 1) return new UnclearOperation('it names too many items')
  if (CONTROLS.test(method)) {
    return new UnclearOperation('method has control characters or unpaired surrogates')
  }
  const direct = NAMED.get(method)
  if (direct !== undefined) {
    const [target, member] = direct
    const operation = named(method, target, params[member], `params.${member}`)
    return operation instanceof UnclearOperation ? operation : [operation]
  }
  if (method === 'completion/complete') {
    const { ref } = params
    const reference = isJsonObject(ref) ? REFERENCES.get(ref['type']) : undefined
    if (reference === undefined || !isJsonObject(ref)) {
      return new UnclearOperation('params.ref names neither a prompt nor a resource')
    }
    const [target, member] = reference
    // Lenient parsers would read another reference (HDR-08).
    if (Object.keys(ref).some((each) => isTwinOf(each, 'type') || isTwinOf(each, member))) {
      return new UnclearOperation('some parsers confuse two members of params.ref')
    }
    const operation = referred(target, ref[member], `params.ref.${member}`)
    return operation instanceof UnclearOperation ? operation : [operation]
  }
  const itself: McpOperation = { method, target: undefined, name: undefined }
  if (method !== 'subscriptions/listen') return [itself]
  const uris = subscribed(params)
  if (uris === undefined)
    return new UnclearOperation('resourceSubscriptions is not a list, or is named twice')
  if (Math.max(uris.length, 1) > most) return new UnclearOperation('it names too many items')
  const operations: McpOperation[] = []
  for (const uri of uris) {
    const operation = named(method, 'resource', uri, 'an entry of resourceSubscriptions')
    if (operation instanceof UnclearOperation) return operation
    operations.push(operation)
  }
  return operations.length > 0 && !listensToMore(params) ? operations : [...operations, itself]
}
