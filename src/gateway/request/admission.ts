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

interface Load {
  requests: number
  bytes: number
}

/** The share of one request. */
export class Place {
  readonly #admission: Admission
  readonly #caller: string
  #bytes = 0
  #isLeft = false

  constructor(admission: Admission, caller: string) {
    this.#admission = admission
    this.#caller = caller
  }

  /** @returns the limit that these bytes of its body would exceed: then they are not counted */
  hold(bytes: number): Overload | undefined {
    const broken = this.#admission.hold(this.#caller, bytes)
    if (broken === undefined) this.#bytes += bytes
    return broken
  }

  /** The request has ended. Further calls do nothing. */
  leave(): void {
    if (this.#isLeft) return
    this.#isLeft = true
    this.#admission.leave(this.#caller, this.#bytes)
  }
}

export class Admission {
  readonly #limits: AdmissionLimits
  readonly #loads = new TransientMap<string, Load>()
  #requests = 0
  #bytes = 0

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
  }

  /** How many callers have requests under way, and how many. */
  get load(): { readonly callers: number; readonly requests: number; readonly bytes: number } {
    return { callers: this.#loads.size, requests: this.#requests, bytes: this.#bytes }
  }

  /** @param caller empty without tokens: then all are one and may use the whole limit */
  enter(caller: string): Place | Overload {
    const { requests, requestsOfOne } = this.#limits
    const load = this.#loads.get(caller)
    if (caller !== '' && (load?.requests ?? 0) >= requestsOfOne) return this.#tell('requestsOfOne')
    if (this.#requests >= requests) return this.#tell('requests')
    if (load === undefined) this.#loads.set(caller, { requests: 1, bytes: 0 })
    else load.requests++
    this.#requests++
    return new Place(this, caller)
  }

  hold(caller: string, bytes: number): Overload | undefined {
    const load = this.#loads.get(caller)
    if (load === undefined) return undefined
    if (caller !== '' && load.bytes + bytes > this.#limits.bytesOfOne)
      return this.#tell('bytesOfOne')
    if (this.#bytes + bytes > this.#limits.bytes) return this.#tell('bytes')
    load.bytes += bytes
    this.#bytes += bytes
    return undefined
  }

  leave(caller: string, bytes: number): void {
    const load = this.#loads.get(caller)
    if (load === undefined) return
    this.#requests--
    this.#bytes -= bytes
    load.requests--
    load.bytes -= bytes
    if (load.requests === 0) this.#loads.delete(caller)
  }

  #tell(bound: Bound): Overload {
    const limit = this.#limits[bound]
    const whose = bound.endsWith('OfOne') ? ' of this caller' : ''
    if (bound.startsWith('requests')) {
      const flag = whose === '' ? '--max-requests' : '--max-requests-per-caller'
      const hint = `${flag} sets how many there may be; open streams count`
      return { reason: `${limit} requests${whose} are under way`, hint }
    }
    const hint = 'a smaller --max-body makes room for more of them'
    return { reason: `more than ${limit} bytes of bodies${whose} are kept`, hint }
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
