/**
 * The children of callers with a token, and those of callers without one, apart: neither takes a
 * place of the other.
 *
 * @module
 */
import { ANONYMOUS_KEY } from '../../rs/anonymous.js'
import { ChildPool, type ChildCounts, type Claimant, type NoRoom } from './child-pool.js'
import type { ChildLimits } from './limits.js'
import type { PooledChild } from './pooled-child.js'

type RoomLimits = Pick<
  ChildLimits,
  'maxChildren' | 'maxChildrenPerPrincipal' | 'maxAnonymousChildren'
>

export class ChildPools {
  readonly #named = new ChildPool()
  readonly #anonymous = new ChildPool()

  /** As {@link ChildPool.makeRoom}. Callers without a token are one; each address has a share. */
  makeRoom(claimant: Claimant, limits: RoomLimits): NoRoom | undefined {
    const { maxAnonymousChildren: most } = limits
    if (claimant.callerKey !== ANONYMOUS_KEY) return this.#named.makeRoom(claimant, limits)
    const own = { maxChildren: most, maxChildrenPerPrincipal: Number.POSITIVE_INFINITY }
    return this.#anonymous.makeRoom(claimant, own) === undefined ? undefined : 'anonymous'
  }

  get counts(): ChildCounts {
    const [one, other] = [this.#named.counts, this.#anonymous.counts]
    return { running: one.running + other.running, sessions: one.sessions + other.sessions }
  }

  add(pooled: PooledChild): void {
    this.#poolOf(pooled).add(pooled)
  }

  /** It has begun to end. */
  remove(pooled: PooledChild, ended: Promise<void>): void {
    this.#poolOf(pooled).remove(pooled, ended)
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    await Promise.all([this.#named.close(), this.#anonymous.close()])
  }

  #poolOf({ callerKey }: Claimant): ChildPool {
    return callerKey === ANONYMOUS_KEY ? this.#anonymous : this.#named
  }
}
