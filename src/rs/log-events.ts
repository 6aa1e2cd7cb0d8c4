/**
 * The lines that a developer sees without an event listener: what goes wrong, in few lines.
 *
 * @module
 */
import { createEmit } from '../events.js'

/** The members of events that a line shows. */
interface ShownEvent {
  readonly type: string
  readonly code?: string
  readonly reason?: string
  readonly hint?: string
  readonly issuer?: string | undefined
  readonly claim?: string
  readonly resource?: string
  readonly requestId?: string
  readonly origin?: string
  readonly limit?: string
  readonly where?: string
  readonly status?: number
}

export interface LogEventsOptions {
  /** Writes one line, without a line end. Default: `console.warn`. */
  readonly write?: (line: string) => void
  /** Milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number
}

/** Events about something that somebody has to fix. */
const SHOWN: ReadonlySet<string> = new Set([
  'request.denied',
  'request.unavailable',
  'metadata.unmirrored',
  'request.refused',
  'request.failed',
  'path.slash',
  'request.unguarded',
  'origin.refused',
  'session.refused',
  'operation.unreadable',
  'operation.throttled',
  'operation.limited',
  'upstream.failed',
  'keys.failed',
  'introspection.failed',
  'store.failed',
  'scopes.dropped',
  'claim.suspected',
])

/**
 * A client's first request has no token, and may name a protocol revision that is too new. The
 * client learns from the answers.
 */
const EXPECTED: ReadonlySet<string> = new Set([
  'ERR_CREDENTIALS_MISSING',
  'ERR_VERSION_UNSUPPORTED',
])

const MINUTE = 60_000
/** Characters of a line. Text from others can neither end the line nor move the cursor. */
const LONGEST = 1000
/** There are far fewer kinds of code, issuer and resource. Further ones share a line. */
const MOST_KINDS = 1000

/** The lines of one kind of event. */
interface Kind {
  readonly shownAt: number
  /** How many events were not shown since then. */
  hidden: number
}

function lineOf(event: ShownEvent, resource: string | undefined, hidden: number): string {
  const { type, code, hint, issuer, requestId } = event
  const what = [type, code].filter((part) => part !== undefined).join(' ')
  const why = event.reason ?? event.where ?? event.origin ?? event.limit
  const about = [
    issuer !== undefined && `issuer ${issuer}`,
    resource !== undefined && `resource ${resource}`,
    requestId !== undefined && `request ${requestId}`,
    hidden > 0 && `${hidden} more like it in the last minutes`,
  ].filter((part) => part !== false)
  return [
    `mcp-gatehouse: ${what}`,
    why !== undefined && `: ${why}`,
    hint !== undefined && `. Try: ${hint}`,
    about.length > 0 && ` (${about.join(', ')})`,
  ]
    .filter((part) => part !== false)
    .join('')
    .slice(0, LONGEST)
    .replace(/[^\x20-\x7e]/g, '?')
}

/**
 * Makes a listener that writes one line for each code, issuer and resource, and at most one a minute:
 * the request ids of the others are not shown. Listen with `onEvent` to see each event. It is the
 * default without `onEvent`. Call it yourself to get these lines in addition to your own
 * listener.
 *
 * Requests without a token are not shown: each client begins with such a request.
 *
 * @example
 * ```ts
 * import { createResourceServer, logEvents } from 'mcp-gatehouse'
 *
 * const log = logEvents()
 * const resourceServer = createResourceServer({
 *   resource: 'https://mcp.example.com/mcp',
 *   authorizationServers: 'https://sso.example.com/realms/mcp',
 *   onEvent(event) {
 *     log(event)
 *     if (event.type === 'request.denied') console.error(event.requestId)
 *   },
 * })
 * ```
 */
export function logEvents({
  write = (line) => console.warn(line),
  now = Date.now,
}: LogEventsOptions = {}): (event: ShownEvent, resource?: string) => void {
  const kinds = new Map<string, Kind>()
  return function log(event, resource) {
    if (!SHOWN.has(event.type) || EXPECTED.has(event.code ?? '')) return
    // An issuer that fails is the same for all servers in this process.
    const place = event.requestId === undefined ? undefined : (event.resource ?? resource)
    const name =
      kinds.size < MOST_KINDS
        ? `${event.type} ${event.code} ${event.issuer} ${place} ${event.claim}`
        : ''
    const kind = kinds.get(name)
    const at = now()
    // It is the same mistake until the next start.
    if (kind !== undefined && event.type === 'request.unguarded') return
    // A clock that was set back must not silence anything.
    if (kind !== undefined && at >= kind.shownAt && at - kind.shownAt < MINUTE) {
      kind.hidden++
      return
    }
    kinds.set(name, { shownAt: at, hidden: 0 })
    write(lineOf(event, place, kind?.hidden ?? 0))
  }
}

/** One for the process, so that several servers do not repeat the same line. */
const DEFAULT = logEvents()

/**
 * Emits to a listener: by default lines on the console, and `undefined` where the developer wants
 * silence, so that no events are made.
 *
 * @param resource of all events that name none
 */
export function emitterFor<
  Event extends { readonly type: string },
  Place = undefined,
  About = undefined,
>(
  listener: ((event: Event, place?: Place, about?: About) => unknown) | false | undefined,
  resource?: string,
): ((event: Event, place?: Place, about?: About) => void) | undefined {
  const fallback = (event: Event, place?: Place) =>
    DEFAULT(event, typeof place === 'string' ? place : resource)
  return createEmit<Event, Place, About>(listener === false ? undefined : (listener ?? fallback))
}
