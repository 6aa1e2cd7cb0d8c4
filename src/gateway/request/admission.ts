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

type Bound = keyof AdmissionLimits | 'requestsOfAddress' | 'bytesOfAddress'

/** The limits of each kind, from the narrowest. */
const BOUNDS = {
  requests: { ofAddress: 'requestsOfAddress', ofOne: 'requestsOfOne' },
  bytes: { ofAddress: 'bytesOfAddress', ofOne: 'bytesOfOne' },
} as const

interface Held {
  requests: number
  bytes: number
}

/** An exceeded limit: for the operator, with advice. */
export interface Overload {
  readonly reason: string
  readonly hint: string
}

/** The person or machine at its issuer for whom requests are counted, whatever the client. */
export interface CountedCaller {
  readonly issuer: string
  /** Callers without one cannot be told apart: they count as one. */
  readonly subject: string | undefined
  /**
   * Whether it is an address that calls without a token. All of these together have the limit of
   * one caller, and each a quarter of it. Default: no.
   */
  readonly isAddress?: boolean
}

/** One address leaves places for the others. */
function shareOf(limit: number): number {
  return Math.max(1, Math.floor(limit / 4))
}

/** Without tokens, everybody is one caller and may use the whole limit. */
const EVERYBODY = ''

type Loads = TransientMap<string | undefined, Load>

/** What one of them holds now. */
interface Load extends Held {
  readonly issuer: string
  readonly subject: string | undefined
  /** What all addresses together hold; `undefined` for others. */
  readonly together: Held | undefined
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

function addTo(held: Held, requests: number, bytes: number): void {
  held.requests += requests
  held.bytes += bytes
}

/** @param isOfRequests or of bytes */
function overloadOfAddress(limit: number, isOfRequests: boolean): Overload {
  const reason = isOfRequests
    ? `${limit} requests without a token are under way from this address`
    : `more than ${limit} bytes of request bodies without a token are held from this address`
  const hint =
    'one address has a quarter of --max-requests-per-caller; --trusted-proxy names a proxy, whose callers then count apart'
  return { reason, hint }
}

export class Admission {
  readonly #limits: AdmissionLimits
  /** By issuer, then by subject: texts that exist already, so that none is made for a request. */
  readonly #loads = new Map<string, Loads>()
  readonly #ofAll: Held = { requests: 0, bytes: 0 }
  readonly #ofAddresses: Held = { requests: 0, bytes: 0 }

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
  }

  /** How many callers have requests under way, and how many requests and bytes these are. */
  get load(): { readonly callers: number; readonly requests: number; readonly bytes: number } {
    const callers = [...this.#loads.values()].reduce((sum, { size }) => sum + size, 0)
    const { requests, bytes } = this.#ofAll
    return { callers, requests, bytes }
  }

  /** @param caller `undefined` without tokens */
  enter(caller: CountedCaller | undefined): Place | Overload {
    const subject = caller?.subject
    const issuer = subject === undefined ? EVERYBODY : (caller?.issuer ?? EVERYBODY)
    const loads = this.#loadsOf(issuer)
    const key = caller === undefined ? EVERYBODY : subject
    const together = caller?.isAddress === true ? this.#ofAddresses : undefined
    const load = loads.get(key) ?? { issuer, subject: key, together, requests: 0, bytes: 0 }
    const broken = this.#boundOf('requests', load, 1)
    if (broken !== undefined) return this.#overloaded(broken)
    if (load.requests === 0) loads.set(key, load)
    this.#add(load, 1, 0)
    return new Place(this, load)
  }

  hold(load: Load, bytes: number): Overload | undefined {
    const broken = this.#boundOf('bytes', load, bytes)
    if (broken !== undefined) return this.#overloaded(broken)
    this.#add(load, 0, bytes)
    return undefined
  }

  leave(load: Load, bytes: number): void {
    this.#add(load, -1, -bytes)
    if (load.requests === 0) this.#loadsOf(load.issuer).delete(load.subject)
  }

  /** The limit that this much more would exceed. */
  #boundOf(kind: keyof Held, load: Load, more: number): Bound | undefined {
    const { ofAddress, ofOne } = BOUNDS[kind]
    const { together = load, subject } = load
    if (together !== load && load[kind] + more > this.#limitOf(ofAddress)) return ofAddress
    if (subject !== EVERYBODY && together[kind] + more > this.#limitOf(ofOne)) return ofOne
    return this.#ofAll[kind] + more > this.#limitOf(kind) ? kind : undefined
  }

  #limitOf(bound: Bound): number {
    if (bound === 'requestsOfAddress') return shareOf(this.#limits.requestsOfOne)
    if (bound === 'bytesOfAddress') return shareOf(this.#limits.bytesOfOne)
    return this.#limits[bound]
  }

  #add(load: Load, requests: number, bytes: number): void {
    addTo(load, requests, bytes)
    addTo(this.#ofAll, requests, bytes)
    if (load.together !== undefined) addTo(load.together, requests, bytes)
  }

  /** There are few issuers: those that are trusted. */
  #loadsOf(issuer: string): Loads {
    let loads = this.#loads.get(issuer)
    if (loads === undefined) this.#loads.set(issuer, (loads = new TransientMap()))
    return loads
  }

  #overloaded(bound: Bound): Overload {
    const limit = this.#limitOf(bound)
    if (bound.endsWith('OfAddress')) return overloadOfAddress(limit, bound.startsWith('requests'))
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
