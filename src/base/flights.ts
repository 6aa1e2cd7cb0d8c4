/**
 * Single flight: any number of requests wait for one call.
 *
 * @module
 */

/** Something under way; `done` settles when it is over. */
export interface Flight {
  readonly done: Promise<unknown>
}

export class Flights<F extends Flight> {
  readonly #underWay = new Map<string, F>()
  readonly #isolated: boolean

  /**
   * @param isolated whether requests are isolated; then each has its own flight
   * ({@link isolatesRequests})
   */
  constructor(isolated: boolean) {
    this.#isolated = isolated
  }

  get(key: string): F | undefined {
    return this.#underWay.get(key)
  }

  /** The flight under way, or a new one. */
  join(key: string, begin: () => F): F {
    const current = this.#underWay.get(key)
    if (current !== undefined) return current
    const flight = begin()
    if (this.#isolated) return flight
    this.#underWay.set(key, flight)
    const forget = () => {
      this.#underWay.delete(key)
    }
    flight.done.then(forget, forget)
    return flight
  }
}
