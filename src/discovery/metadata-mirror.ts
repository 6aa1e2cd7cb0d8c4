/**
 * The metadata document of an authorization server as it was published, for clients that look for it
 * at the resource's own host (MCP authorization of 2025-03-26).
 *
 * - The document must name the issuer, and each address in it must be https, at any depth.
 * - One fetch serves any number of concurrent requests, and none begins while the document is fresh.
 * - After each fault the next attempt waits longer; until then, requests fail without a fetch. A
 *   document past its age is never served.
 *
 * @module
 */
import { Availability } from '../base/availability.js'
import { retryAfterSeconds } from '../base/back-off.js'
import { Flights, type Flight } from '../base/flights.js'
import type { FetchedDocument } from '../base/http.js'
import { parseJsonObject } from '../base/json.js'
import { createSteadyClock } from '../base/steady-clock.js'
import { AuthorizationServerError } from '../errors.js'
import { endpointFault, findDocument, type DocumentUse } from './authorization-server.js'

/** The document is fetched at most once a second, whatever the settings. */
const SHORTEST_MAX_AGE = 1_000

export interface MetadataMirrorOptions {
  /** The issuer that the document must name. */
  readonly issuer: string
  /** The `iss` of its access tokens. */
  readonly accessTokenIssuer: string
  readonly discoveryUrl: string | undefined
  readonly allowHttp: readonly string[]
  readonly fetch: typeof fetch
  readonly now: () => number
  /** Milliseconds. */
  readonly maxAge: number
  /** Requests must not wait for one another's work ({@link isolatesRequests}). */
  readonly isolated: boolean
}

/** A fetch under way. */
interface Loading extends Flight {
  readonly done: Promise<string>
}

/** The only flight of a mirror. */
const DOCUMENT = ''

/** Members whose value is an address (RFC 8414 §2, RFC 8705 §5), also with a language. */
const ADDRESS = /_(?:endpoint|uri)(?:#|$)/

/** The text of bytes that every parser reads alike. */
function exactText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** The first address, at any depth, that is not https. */
function addressFault(
  value: unknown,
  faultOf: (name: string, address: unknown) => string | undefined,
): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  for (const [name, member] of Object.entries(value)) {
    const fault = ADDRESS.test(name) ? faultOf(name, member) : addressFault(member, faultOf)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** Clients use what we serve, so all of it is checked, and not only what we use ourselves. */
function forClients(issuer: string, allowHttp: readonly string[]): DocumentUse {
  return {
    faultOf: ({ bytes }) => {
      const document = parseJsonObject(exactText(bytes) ?? '')
      if (document === undefined) return 'is not JSON in UTF-8, or names a member twice'
      // What is allowed at our own `discoveryUrl` is not for clients.
      return addressFault(document, (name, address) =>
        endpointFault(name, address, issuer, { allowHttp }),
      )
    },
    codeOf: () => 'ERR_METADATA_UNFIT',
  }
}

export class MetadataMirror {
  readonly #options: MetadataMirrorOptions
  readonly #now: () => number
  readonly #availability: Availability
  readonly #flights: Flights<Loading>
  readonly #maxAge: number
  #text: string | undefined
  /** When the last successful fetch began. */
  #loadedAt = Number.NEGATIVE_INFINITY

  constructor(options: MetadataMirrorOptions) {
    this.#options = options
    this.#now = createSteadyClock(options.now, () => {
      // Its age is unknown.
      this.#text = undefined
    })
    this.#availability = new Availability({ now: this.#now })
    this.#flights = new Flights(options.isolated)
    this.#maxAge = Math.max(options.maxAge, SHORTEST_MAX_AGE)
  }

  /**
   * The document, to be sent byte for byte in UTF-8.
   *
   * @throws {AuthorizationServerError} `ERR_METADATA_UNFIT` if it must not be served,
   * `ERR_DISCOVERY_FAILED` if it cannot be read
   */
  async read(): Promise<string> {
    const at = this.#now()
    if (this.#text !== undefined && at - this.#loadedAt <= this.#maxAge) return this.#text
    const { fault, isPausing } = this.#availability
    if (fault !== undefined && isPausing) throw fault.error
    return this.#flights.join(DOCUMENT, () => ({ done: this.#load() })).done
  }

  /** Seconds until asking again may help; at least 1. */
  retryAfter(): number {
    return retryAfterSeconds(this.#availability.fault?.retryAt ?? 0, this.#now())
  }

  async #load(): Promise<string> {
    const began = this.#now()
    const call = this.#availability.begin(true)
    try {
      const { bytes } = await this.#find()
      const text = exactText(bytes) ?? ''
      this.#availability.answered()
      this.#text = text
      this.#loadedAt = began
      return text
    } catch (error) {
      if (!(error instanceof AuthorizationServerError)) throw error
      throw this.#availability.failedBefore(call, { error, passes: true }, began).error
    } finally {
      this.#availability.end(call)
    }
  }

  #find(): Promise<FetchedDocument> {
    const { issuer, accessTokenIssuer, discoveryUrl, allowHttp, fetch } = this.#options
    const use = forClients(issuer, allowHttp)
    return findDocument(issuer, { accessTokenIssuer, discoveryUrl, allowHttp, fetch }, use)
  }
}
