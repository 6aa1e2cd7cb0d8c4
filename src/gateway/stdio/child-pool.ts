/**
 * Everything that the bridges of a gateway keep, and how much of it there may be.
 *
 * @module
 */
import type { ChildLimits } from './limits.js'
import type { PooledChild } from './pooled-child.js'

/** Why there is no room: this caller has too many, their subject over all its clients has, or all together have. */
export type NoRoom = 'caller' | 'principal' | 'all'

/** Who wants room: see {@link Caller}. */
export type Claimant = Pick<PooledChild, 'callerKey' | 'principalKey'>

type RoomLimits = Pick<ChildLimits, 'maxChildren' | 'maxChildrenPerPrincipal'>

/** So many of one caller may end at once whatever the bound: a caller that begins anew need not wait for the last child. */
const SOME_ENDING = 10

/** What one subject may hold, whatever the number of its clients. */
function shareOf({ maxChildren }: RoomLimits): number {
  return Math.max(1, Math.floor(maxChildren / 2))
}

/** Of those that nobody uses, the one that was left first. */
function longestIdle(among: readonly PooledChild[]): PooledChild | undefined {
  const [oldest] = among
    .filter(({ idleTimer }) => idleTimer.isEmpty)
    .sort((one, other) => one.idleTimer.leftAt - other.idleTimer.leftAt)
  return oldest
}

export class ChildPool {
  readonly #all = new Set<PooledChild>()
  /** Those that end run for a moment longer: until when, and whose they are. */
  readonly #ending = new Map<Promise<void>, Claimant>()

  /**
   * Makes room for one more of this caller. Clients that open a session for each call rarely end them, so that one of
   * the caller's own that nobody uses ends first. A caller whose subject has none yet gets a place of those that hold
   * most, as long as one of them is not in use.
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
    for (const each of this.#all) void each.end({ reason: 'the gateway ends' })
    await Promise.all(this.#ending.keys())
  }

  /** A caller that makes children end faster than they do waits for them, and nobody else waits for theirs. */
  #tooManyEnding({ callerKey, principalKey }: Claimant, limits: RoomLimits): NoRoom | undefined {
    const ending = [...this.#ending.values()]
    const own = ending.filter((each) => each.callerKey === callerKey)
    if (own.length >= Math.max(limits.maxChildrenPerPrincipal, SOME_ENDING)) return 'caller'
    const ofPrincipal = ending.filter((each) => each.principalKey === principalKey)
    const isShared = principalKey !== undefined
    if (isShared && ofPrincipal.length >= Math.max(shareOf(limits), SOME_ENDING)) return 'principal'
    // Many callers together could have too much running all the same.
    return this.#ending.size >= 2 * Math.max(limits.maxChildren, SOME_ENDING) ? 'all' : undefined
  }

  #of(member: keyof Claimant, key: string | undefined): readonly PooledChild[] {
    return [...this.#all].filter((each) => each[member] === key)
  }

  /** Without tokens there is nobody to share with. */
  #ofPrincipal({ principalKey }: Claimant): readonly PooledChild[] {
    return principalKey === undefined ? [] : this.#of('principalKey', principalKey)
  }

  #end(among: readonly PooledChild[]): boolean {
    const oldest = longestIdle(among)
    void oldest?.end({ reason: 'its caller needs room for another' })
    return oldest !== undefined
  }

  /** Of the subject that holds most, the one that nobody has used for longest. */
  #endOfRichest(): boolean {
    const held = new Map<string | undefined, number>()
    for (const { principalKey } of this.#all) {
      held.set(principalKey, (held.get(principalKey) ?? 0) + 1)
    }
    const heldBy = ({ principalKey }: PooledChild) => held.get(principalKey) ?? 0
    const idle = [...this.#all].filter(({ idleTimer }) => idleTimer.isEmpty)
    const most = Math.max(...idle.map(heldBy))
    const oldest = longestIdle(idle.filter((each) => heldBy(each) === most))
    void oldest?.end({ reason: 'a caller without any needs room, and its subject holds most' })
    return oldest !== undefined
  }
}
