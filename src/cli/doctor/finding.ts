/**
 * One thing that the doctor found: what was seen, which clients it stops, and what to change.
 *
 * @module
 */
import type { Client, Fact } from '../../advice/clients.js'
import type { Severity } from '../../advice/finding-kind.js'
import { FINDINGS, type FindingId } from '../../advice/findings.js'
import { providerOf } from '../../advice/provider-changes.js'
import { printable, shownUrl } from './shown.js'

export interface Finding {
  readonly id: FindingId
  readonly severity: Severity
  readonly title: string
  /** What it is about: a URL. */
  readonly about: string
  /** What was seen, in a sentence. It holds no secret. */
  readonly seen: string
  /** The names of the clients that fail because of it. */
  readonly breaks: readonly string[]
  /** The names of the clients of which it is not known. */
  readonly mayBreak: readonly string[]
  readonly change: string
  /** A URL, or a page of the documents of mcp-gatehouse. */
  readonly reference: string
}

/** Whether a client fails. `undefined`: it is not known. */
export type Rule = (client: Client) => boolean | undefined

export const EVERY: Rule = () => true
const NONE: Rule = () => false

/** Clients fail if `fails` says so of their fact. */
export function where<Value>(
  fact: (client: Client) => Fact<Value>,
  fails: (value: Value) => boolean,
): Rule {
  return (client) => {
    const { value } = fact(client)
    return value === undefined ? undefined : fails(value)
  }
}

/** Stops clients whose requests come from the servers of their vendor. */
export const HOSTED: Rule = where((client) => client.isHosted, Boolean)

/** Notes findings about one subject, as checks meet them. */
export class Findings {
  readonly #clients: readonly Client[]
  readonly #all: Finding[] = []

  constructor(clients: readonly Client[]) {
    this.#clients = clients
  }

  get all(): readonly Finding[] {
    return this.#all
  }

  /** Whether one of these was found already. */
  has(...ids: readonly FindingId[]): boolean {
    return this.#all.some(({ id }) => ids.includes(id))
  }

  /**
   * @param about the URL; for an authorization server, its issuer
   * @param endpoint of that server, which may show its product
   */
  add(id: FindingId, about: string, seen: string, fails: Rule = NONE, endpoint?: unknown): void {
    const change = providerOf(about, endpoint)?.changes[id] ?? FINDINGS[id].change
    this.#note(id, about, seen, change, fails)
  }

  /** With advice that follows from what was seen. */
  addWithAdvice(id: FindingId, about: string, seen: string, advice: string | undefined): void {
    this.#note(id, about, seen, advice ?? FINDINGS[id].change, NONE)
  }

  #note(id: FindingId, about: string, seen: string, change: string, fails: Rule): void {
    const { title, severity, reference } = FINDINGS[id]
    const named = (verdict: boolean | undefined) =>
      this.#clients.filter((client) => fails(client) === verdict).map(({ name }) => name)
    const breaks = named(true)
    this.#all.push({
      id,
      severity: breaks.length > 0 ? 'error' : severity,
      title,
      about: shownUrl(about),
      seen: printable(seen),
      breaks,
      mayBreak: named(undefined),
      change,
      reference,
    })
  }
}
