/**
 * Compares our clock with an identity provider's, by the `Date` of its answers (RFC 9110 §6.6.1). Advice may depend on
 * it; no decision does.
 *
 * @module
 */
export class ProviderClock {
  readonly #now: () => number
  #ahead: number | undefined

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * Seconds from our clock to that of the provider when it last answered; negative when the provider was behind.
   * `undefined` until an answer has a date.
   */
  get ahead(): number | undefined {
    return this.#ahead
  }

  /** The same function, but the date of each answer is noted. */
  observe(fetchFunction: typeof fetch): typeof fetch {
    return async (input, init) => {
      const response = await fetchFunction(input, init)
      this.#note(response.headers)
      return response
    }
  }

  #note(headers: Headers): void {
    const date = Date.parse(headers.get('date') ?? '')
    // The answer of a cache is older by its age (RFC 9111 §5.1).
    const age = Number(headers.get('age') ?? 0)
    if (Number.isFinite(date + age)) this.#ahead = (date - this.#now()) / 1000 + age
  }
}
