/**
 * Requests for paths that no resource has: mostly a client with a wrong URL, sometimes a scanner.
 *
 * @module
 */
import { quoted } from '../../errors.js'
import { parseHost } from '../hosts.js'
import type { RequestRecord } from './record.js'

/** Lines in a minute, each about another path: scanners must not fill the log. */
const MOST_LINES = 10
const MINUTE = 60_000
/** Characters of a path or a host in a line. */
const SHOWN = 100

export class UnservedPaths {
  readonly #resources: readonly string[]
  readonly #now: () => number
  #minuteBegan = Number.NEGATIVE_INFINITY
  /** Reported in this minute. */
  #paths = new Set<string>()

  /**
   * @param resources all that are served
   * @param now milliseconds that never run backwards
   */
  constructor(resources: readonly string[], now: () => number) {
    this.#resources = resources
    this.#now = now
  }

  /**
   * Reports a request, unless there are too many of its kind.
   *
   * @param host the `Host` that was accepted
   * @returns the resource that its client may have meant: the only one, or one at its host
   */
  report(record: RequestRecord, path: string, host: string): string | undefined {
    const resource = this.#resourceAt(host)
    if (!this.#isNews(path)) return resource
    record.report({
      type: 'path.unserved',
      requestId: record.id,
      method: record.method,
      path: quoted(path, SHOWN),
      host: quoted(host, SHOWN),
      served: resource === undefined ? this.#resources : [resource],
      hint: 'correct the URL of the client; to serve another URL: --resource',
    })
    return resource
  }

  #resourceAt(host: string): string | undefined {
    const [only, ...others] = this.#resources
    if (others.length === 0) return only
    const name = parseHost(host)?.host
    return this.#resources.find((resource) => new URL(resource).hostname === name)
  }

  #isNews(path: string): boolean {
    const now = this.#now()
    if (now - this.#minuteBegan >= MINUTE) {
      this.#minuteBegan = now
      this.#paths = new Set()
    }
    if (this.#paths.size >= MOST_LINES || this.#paths.has(path)) return false
    this.#paths.add(path)
    return true
  }
}
