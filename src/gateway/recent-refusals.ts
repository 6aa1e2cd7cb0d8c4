/**
 * The last refusals, for the admin page.
 *
 * @module
 */
import { codeFor, lineOf, outcomeOf, type EventSubject, type GatewayEvent } from './events.js'

export interface RecentRefusal {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly requestId: string
  readonly code: string
  readonly reason: string
  readonly hint: string | undefined
  readonly resource: string | undefined
  readonly user: string | undefined
  readonly subject: string | undefined
  readonly clientId: string | undefined
}

const MOST = 50
/** How many of them are about paths that no resource has. */
const MOST_UNSERVED = 10
/** Characters of each text. */
const LONGEST = 500

const OUTCOMES: ReadonlySet<string> = new Set([
  'denied',
  'refused',
  'unavailable',
  'upstream_failed',
  'failed',
])

/** Clients begin with these, and learn from the answer. They would push out the refusals that matter. */
const EXPECTED: ReadonlySet<string> = new Set([
  'ERR_CREDENTIALS_MISSING',
  'ERR_VERSION_UNSUPPORTED',
])

/** A member of an event that is a text. */
function textOf(event: GatewayEvent, name: string): string | undefined {
  const value = (event as unknown as Readonly<Record<string, unknown>>)[name]
  return typeof value === 'string' ? value.slice(0, LONGEST) : undefined
}

export class RecentRefusals {
  readonly #now: () => number
  /** The newest first. */
  readonly #all: RecentRefusal[] = []

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now
  }

  /** The newest first. */
  get all(): readonly RecentRefusal[] {
    return this.#all
  }

  hear(event: GatewayEvent, resource: string | undefined, about: EventSubject | undefined): void {
    if (event.type === 'request.completed' || !('requestId' in event)) return
    const [outcome = ''] = outcomeOf(event) ?? []
    const code = codeFor(event)
    if (code === undefined || EXPECTED.has(code)) return
    const isUnserved = event.type === 'path.unserved'
    if (!isUnserved && !OUTCOMES.has(outcome)) return
    if (isUnserved) this.#makeRoom(code)
    const person = (name: 'user' | 'subject' | 'clientId') =>
      textOf(event, name) ?? about?.[name]?.slice(0, LONGEST)
    this.#all.unshift({
      at: this.#now(),
      requestId: event.requestId,
      code,
      reason: textOf(event, 'reason') ?? lineOf(event)[1]().slice(0, LONGEST),
      hint: textOf(event, 'hint'),
      resource,
      user: person('user'),
      subject: person('subject'),
      clientId: person('clientId'),
    })
    if (this.#all.length > MOST) this.#all.pop()
  }

  /** Scanners ask for many paths. They push out each other. */
  #makeRoom(code: string): void {
    const alike = this.#all.filter((each) => each.code === code)
    const oldest = alike.at(-1)
    if (oldest !== undefined && alike.length >= MOST_UNSERVED) {
      this.#all.splice(this.#all.indexOf(oldest), 1)
    }
  }
}
