/**
 * Short texts that several processes may share: answers about tokens, and marks that must not be set twice.
 *
 * @module
 */

/**
 * Keeps answers. Your own implementation may use Valkey, a database, or a Durable Object;
 * {@link createMemoryAnswerStore} keeps them in this process. Keys are ASCII and hold digests,
 * never a token; values are JSON. A method that fails must reject: each user of the store decides
 * what that means (a cache asks again, a replay check refuses).
 */
export interface AnswerStore {
  /** The value that was set; `undefined` when there is none or it has expired. */
  get(key: string): Promise<string | undefined>
  /** @param milliseconds how long the value is kept at most; more than 0 */
  set(key: string, value: string, milliseconds: number): Promise<void>
  delete(key: string): Promise<void>
  /**
   * Sets a value if there is none, atomically. Such a value must not be evicted before it expires.
   *
   * @returns whether it was set
   */
  setIfAbsent(key: string, value: string, milliseconds: number): Promise<boolean>
}

export interface MemoryAnswerStoreOptions {
  /** Values kept at once. Default 10,000. */
  readonly max?: number
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number
}

interface Kept {
  readonly value: string
  readonly until: number
  /** Set by `setIfAbsent`: never evicted. */
  readonly isMark: boolean
}

class MemoryAnswerStore implements AnswerStore {
  readonly #kept = new Map<string, Kept>()
  readonly #max: number
  readonly #now: () => number

  constructor({ max = 10_000, now = Date.now }: MemoryAnswerStoreOptions) {
    this.#max = max
    this.#now = now
  }

  get(key: string): Promise<string | undefined> {
    return Promise.resolve(this.#find(key)?.value)
  }

  set(key: string, value: string, milliseconds: number): Promise<void> {
    return this.#keep(key, { value, until: this.#now() + milliseconds, isMark: false })
  }

  delete(key: string): Promise<void> {
    this.#kept.delete(key)
    return Promise.resolve()
  }

  async setIfAbsent(key: string, value: string, milliseconds: number): Promise<boolean> {
    if (this.#find(key) !== undefined) return false
    await this.#keep(key, { value, until: this.#now() + milliseconds, isMark: true })
    return true
  }

  #find(key: string): Kept | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined || kept.until > this.#now()) return kept
    this.#kept.delete(key)
    return undefined
  }

  #keep(key: string, kept: Kept): Promise<void> {
    this.#kept.delete(key)
    if (this.#kept.size >= this.#max) this.#makeRoom()
    if (this.#kept.size >= this.#max) return Promise.reject(new Error('the store is full of marks'))
    this.#kept.set(key, kept)
    return Promise.resolve()
  }

  /** Expired values go first; if there are none, the oldest value that is not a mark. */
  #makeRoom(): void {
    const at = this.#now()
    let oldest: string | undefined
    for (const [key, { until, isMark }] of this.#kept) {
      if (until <= at) this.#kept.delete(key)
      else if (!isMark) oldest ??= key
    }
    if (this.#kept.size >= this.#max && oldest !== undefined) this.#kept.delete(oldest)
  }
}

/**
 * Makes a store in the memory of this process: bounded, the least recently set value goes first.
 * Marks ({@link AnswerStore.setIfAbsent}) stay until they expire; a store that is full of marks
 * rejects.
 *
 * @example
 * ```ts
 * import { createMemoryAnswerStore } from 'mcp-gatehouse'
 *
 * const store = createMemoryAnswerStore({ max: 1000 })
 * await store.set('answer', '{"active":true}', 30_000)
 * console.log(await store.get('answer'), await store.setIfAbsent('answer', '{}', 30_000))
 * ```
 */
export function createMemoryAnswerStore(options: MemoryAnswerStoreOptions = {}): AnswerStore {
  return new MemoryAnswerStore(options)
}
