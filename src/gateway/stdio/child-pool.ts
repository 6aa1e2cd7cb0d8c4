/**
 * All children of a gateway's bridges, and their limits.
 *
 * @module
 */
import type { ChildLimits } from './limits.js'
import type { PooledChild } from './pooled-child.js'

/**
 * Why there is no room: too many children of this caller, of their subject over all its clients, of
 * callers without a token, or in total.
 */
export type NoRoom = 'caller' | 'principal' | 'anonymous' | 'all'

/** The caller that needs room: see {@link Caller}. */
export type Claimant = Pick<PooledChild, 'callerKey' | 'principalKey'>

type RoomLimits = Pick<ChildLimits, 'maxChildren' | 'maxChildrenPerPrincipal'>

/**
 * How many children of one caller may be shutting down at once. With some, a caller that starts
 * another child need not wait for the last one.
 */
const SOME_ENDING = 10

/** What one subject may hold, whatever the number of its clients. */
function shareOf({ maxChildren }: RoomLimits): number {
  return Math.max(1, Math.floor(maxChildren / 2))
}

/** The child that has been unused for longest. */
function longestIdle(among: readonly PooledChild[]): PooledChild | undefined {
  const [oldest] = among
    .filter(({ idleTimer }) => idleTimer.isEmpty)
    .sort((one, other) => one.idleTimer.leftAt - other.idleTimer.leftAt)
  return oldest
}

/** How many children there are now. */
export interface ChildCounts {
  readonly running: number
  /** How many of them serve a session. */
  readonly sessions: number
}

export class ChildPool {
  readonly #all = new Set<PooledChild>()
  /** Ending children run for a moment longer: when each has ended, and whose it is. */
  readonly #ending = new Map<Promise<void>, Claimant>()

  /**
   * Makes room for one more of this caller. Clients that open a session for each call rarely end
   * them, so an unused child of the same caller ends first. A caller whose subject has no child yet
   * takes an unused one of the subject that has most.
   *
   * @returns `undefined` when there is room
   */
  makeRoom(claimant: Claimant, limits: RoomLimits): NoRoom | undefined {
    const tooManyEnding = this.#tooManyEnding(claimant, limits)
    if (tooManyEnding !== undefined) return tooManyEnding
    const own = this.#of('callerKey', claimant.callerKey)
    if (own.length >= limits.maxChildrenPerPrincipal) return this.#end(own) ? undefined : 'caller'
    const ofPrincipal = this.#ofPrincipal(claimant)
    if (ofPrincipal.length >= shareOf(limits))
      return this.#end(ofPrincipal) ? undefined : 'principal'
    if (this.#all.size < limits.maxChildren || this.#end(own)) return undefined
    const isFirst = claimant.principalKey !== undefined && ofPrincipal.length === 0
    return isFirst && this.#endOfRichest() ? undefined : 'all'
  }

  get counts(): ChildCounts {
    const sessions = [...this.#all].filter(({ isSession }) => isSession).length
    return { running: this.#all.size, sessions }
  }

  add(pooled: PooledChild): void {
    this.#all.add(pooled)
  }

  /** It has begun to end. */
  remove(pooled: PooledChild, ended: Promise<void>): void {
    this.#all.delete(pooled)
    const { callerKey, principalKey } = pooled
    this.#ending.set(ended, { callerKey, principalKey })
    void ended.then(() => this.#ending.delete(ended))
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    for (const each of this.#all) void each.end({ reason: 'the gateway is shutting down' })
    await Promise.all(this.#ending.keys())
  }

  /** A caller that replaces children faster than they end waits for them; other callers do not. */
  #tooManyEnding({ callerKey, principalKey }: Claimant, limits: RoomLimits): NoRoom | undefined {
    const ending = [...this.#ending.values()]
    const own = ending.filter((each) => each.callerKey === callerKey)
    if (own.length >= Math.max(limits.maxChildrenPerPrincipal, SOME_ENDING)) return 'caller'
    const ofPrincipal = ending.filter((each) => each.principalKey === principalKey)
    const isShared = principalKey !== undefined
    if (isShared && ofPrincipal.length >= Math.max(shareOf(limits), SOME_ENDING)) return 'principal'
    // Many callers together could still have too many running.
    return this.#ending.size >= 2 * Math.max(limits.maxChildren, SOME_ENDING) ? 'all' : undefined
  }

  #of(member: keyof Claimant, key: string | undefined): readonly PooledChild[] {
    return [...this.#all].filter((each) => each[member] === key)
  }

  /** Without tokens there is only one caller. */
  #ofPrincipal({ principalKey }: Claimant): readonly PooledChild[] {
    return principalKey === undefined ? [] : this.#of('principalKey', principalKey)
  }

  #end(among: readonly PooledChild[]): boolean {
    const oldest = longestIdle(among)
    void oldest?.end({ reason: 'its caller needs room for another' })
    return oldest !== undefined
  }

  /** The longest unused child of the subject that has most. */
  #endOfRichest(): boolean {
    const held = new Map<string | undefined, number>()
    for (const { principalKey } of this.#all) {
      held.set(principalKey, (held.get(principalKey) ?? 0) + 1)
    }
    const heldBy = ({ principalKey }: PooledChild) => held.get(principalKey) ?? 0
    const idle = [...this.#all].filter(({ idleTimer }) => idleTimer.isEmpty)
    const most = Math.max(...idle.map(heldBy))
    const oldest = longestIdle(idle.filter((each) => heldBy(each) === most))
    void oldest?.end({
      reason: 'a caller without a child needs room, and this subject has the most children',
    })
    return oldest !== undefined
  }
}
