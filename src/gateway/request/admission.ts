/**
 * Limits per caller and in total: concurrent requests, and bytes of buffered bodies. They are only
 * counted, so nothing waits.
 *
 * @module
 */
import { TransientMap } from './transients.js'

export interface AdmissionLimits {
  /** Requests under way. */
  readonly requests: number
  /** Of one caller. */
  readonly requestsOfOne: number
  /** Bytes of buffered bodies, until their requests end. */
  readonly bytes: number
  readonly bytesOfOne: number
}

type Bound = keyof AdmissionLimits

/** An exceeded limit: for the operator, with advice. */
export interface Overload {
  readonly reason: string
  readonly hint: string
}

/** The person or machine at its issuer for whom requests are counted, whatever the client. */
export interface Principal {
  readonly issuer: string
  /** Callers without one cannot be told apart: they count as one. */
  readonly subject: string | undefined
}

/** Without tokens, everybody is one caller and may use the whole limit. */
const EVERYBODY = ''

type Loads = TransientMap<string | undefined, Load>

/** What one principal holds now. */
interface Load {
  readonly issuer: string
  readonly subject: string | undefined
  requests: number
  bytes: number
}

/** The share of one request. */
export class Place {
  readonly #admission: Admission
  readonly #load: Load
  #bytes = 0
  #isLeft = false

  constructor(admission: Admission, load: Load) {
    this.#admission = admission
    this.#load = load
  }

  /** @returns the limit that these bytes of its body would exceed: then they are not counted */
  hold(bytes: number): Overload | undefined {
    if (this.#isLeft) return undefined
    const broken = this.#admission.hold(this.#load, bytes)
    if (broken === undefined) this.#bytes += bytes
    return broken
  }

  /** The request has ended. Further calls do nothing. */
  leave(): void {
    if (this.#isLeft) return
    this.#isLeft = true
    this.#admission.leave(this.#load, this.#bytes)
  }
}

export class Admission {
  readonly #limits: AdmissionLimits
  /** By issuer, then by subject: texts that exist already, so that none is made for a request. */
  readonly #loads = new Map<string, Loads>()
  #requests = 0
  #bytes = 0

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
  }

  /** How many principals have requests under way, and how many requests and bytes these are. */
  get load(): { readonly callers: number; readonly requests: number; readonly bytes: number } {
    const callers = [...this.#loads.values()].reduce((sum, { size }) => sum + size, 0)
    return { callers, requests: this.#requests, bytes: this.#bytes }
  }

  /** @param principal `undefined` without tokens */
  enter(principal: Principal | undefined): Place | Overload {
    const { requests, requestsOfOne } = this.#limits
    const subject = principal?.subject
    const issuer = subject === undefined ? EVERYBODY : (principal?.issuer ?? EVERYBODY)
    const loads = this.#loadsOf(issuer)
    const key = principal === undefined ? EVERYBODY : subject
    const load = loads.get(key) ?? { issuer, subject: key, requests: 0, bytes: 0 }
    if (key !== EVERYBODY && load.requests >= requestsOfOne)
      return this.#overloaded('requestsOfOne')
    if (this.#requests >= requests) return this.#overloaded('requests')
    if (load.requests === 0) loads.set(key, load)
    load.requests++
    this.#requests++
    return new Place(this, load)
  }

  hold(load: Load, bytes: number): Overload | undefined {
    const isOne = load.subject !== EVERYBODY
    if (isOne && load.bytes + bytes > this.#limits.bytesOfOne) return this.#overloaded('bytesOfOne')
    if (this.#bytes + bytes > this.#limits.bytes) return this.#overloaded('bytes')
    load.bytes += bytes
    this.#bytes += bytes
    return undefined
  }

  leave(load: Load, bytes: number): void {
    this.#requests--
    this.#bytes -= bytes
    load.requests--
    load.bytes -= bytes
    if (load.requests === 0) this.#loadsOf(load.issuer).delete(load.subject)
  }

  /** There are few issuers: those that are trusted. */
  #loadsOf(issuer: string): Loads {
    let loads = this.#loads.get(issuer)
    if (loads === undefined) this.#loads.set(issuer, (loads = new TransientMap()))
    return loads
  }

  #overloaded(bound: Bound): Overload {
    const limit = this.#limits[bound]
    const whose = bound.endsWith('OfOne') ? ' of this caller' : ''
    if (bound.startsWith('requests')) {
      const flag = whose === '' ? '--max-requests' : '--max-requests-per-caller'
      const hint = `${flag} sets the limit; open streams count`
      return { reason: `${limit} requests${whose} are under way`, hint }
    }
    const hint = 'a smaller --max-body makes room for more requests'
    return { reason: `more than ${limit} bytes of request bodies${whose} are held`, hint }
  }
}

/**
 * Far more than one caller needs, and it leaves room for others. Used by the gateway and its
 * settings.
 */
export const MOST_REQUESTS = { maxRequests: 10_000, maxRequestsPerCaller: 1_000 } as const

/** How many bodies of the largest size may be buffered for one caller, and in total. */
const BODIES_OF_ONE = 16
const BODIES = 64

/** @param maxBody bytes of one body */
export function admissionLimits(
  requests: number,
  requestsOfOne: number,
  maxBody: number,
): AdmissionLimits {
  return { requests, requestsOfOne, bytes: BODIES * maxBody, bytesOfOne: BODIES_OF_ONE * maxBody }
}
