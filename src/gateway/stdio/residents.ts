/**
 * Everything that the bridges of a gateway keep, and how much of it there may be.
 *
 * @module
 */
import type { ChildLimits } from './limits.js'
import type { Resident } from './resident.js'

/** Why there is no room: this caller has too many, or all together have. */
export type NoRoom = 'caller' | 'all'

/** So many of one caller may end at once whatever the bound: who begins anew need not wait for the last child. */
const SOME_ENDING = 10

export class Residents {
  readonly #all = new Set<Resident>()
  /** Those that end run for a moment longer: until when, and whose they are. */
  readonly #ending = new Map<Promise<void>, string>()

  /**
   * Makes room for one more of this caller, by ending one of his that nobody uses: clients that open a session for
   * each call rarely end them. Nobody loses a session because somebody else wants one.
   *
   * @returns `undefined` when there is room
   */
  makeRoom(
    callerKey: string,
    { maxChildren, maxChildrenPerPrincipal }: ChildLimits,
  ): NoRoom | undefined {
    // Whoever makes children end faster than they do waits for them, and nobody else waits for his.
    const ending = [...this.#ending.values()].filter((key) => key === callerKey)
    if (ending.length >= Math.max(maxChildrenPerPrincipal, SOME_ENDING)) return 'caller'
    // Many callers together could have too much running all the same.
    if (this.#ending.size >= 2 * Math.max(maxChildren, SOME_ENDING)) return 'all'
    const own = [...this.#all].filter((each) => each.callerKey === callerKey)
    if (own.length >= maxChildrenPerPrincipal) return this.#endUnused(own) ? undefined : 'caller'
    if (this.#all.size >= maxChildren) return this.#endUnused(own) ? undefined : 'all'
    return undefined
  }

  add(resident: Resident): void {
    this.#all.add(resident)
  }

  /** It has begun to end. */
  remove(resident: Resident, ended: Promise<void>): void {
    this.#all.delete(resident)
    this.#ending.set(ended, resident.callerKey)
    void ended.then(() => this.#ending.delete(ended))
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    for (const each of this.#all) void each.end({ reason: 'the gateway ends' })
    await Promise.all(this.#ending.keys())
  }

  #endUnused(among: readonly Resident[]): boolean {
    const [oldest] = among
      .filter(({ attendance }) => attendance.isEmpty)
      .sort((one, other) => one.attendance.leftAt - other.attendance.leftAt)
    void oldest?.end({ reason: 'its caller needs room for another' })
    return oldest !== undefined
  }
}
