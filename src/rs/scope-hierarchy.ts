/**
 * Which scopes include others (SCP-04).
 *
 * @module
 */

/** Names of scopes, with those that each includes. */
export type Implications = Readonly<Record<string, readonly string[]>>

/** The scopes that form a cycle, or `undefined`: a cycle would make all of them the same, which nobody means. */
export function findCycle(implies: Implications): readonly string[] | undefined {
  const finished = new Set<string>()
  for (const start of Object.keys(implies)) {
    const path: string[] = []
    const pending: (string | undefined)[] = [start]
    while (pending.length > 0) {
      const scope = pending.pop()
      if (scope === undefined) {
        finished.add(path.pop() as string)
        continue
      }
      if (path.includes(scope)) return [...path.slice(path.indexOf(scope)), scope]
      if (finished.has(scope)) continue
      path.push(scope)
      pending.push(undefined, ...(Object.hasOwn(implies, scope) ? (implies[scope] ?? []) : []))
    }
  }
  return undefined
}

/** Granted scopes, and what they include. */
export class ScopeHierarchy {
  readonly #implies: Implications
  /** Tokens share their lists of scopes, so that this is found at once for nearly all of them. */
  readonly #known = new WeakMap<readonly string[], ReadonlySet<string>>()

  /** @param implies without cycles */
  constructor(implies: Implications = {}) {
    this.#implies = implies
  }

  /** All that these scopes stand for, themselves too. */
  held(granted: readonly string[]): ReadonlySet<string> {
    let held = this.#known.get(granted)
    if (held === undefined) {
      const all = new Set(granted)
      // A set that grows while it is gone through is gone through to its new end.
      for (const scope of all) {
        if (!Object.hasOwn(this.#implies, scope)) continue
        for (const included of this.#implies[scope] ?? []) all.add(included)
      }
      held = all
      this.#known.set(granted, held)
    }
    return held
  }

  /** The required scopes that are not held. */
  missing(granted: readonly string[], required: readonly string[]): readonly string[] {
    if (required.length === 0) return required
    const held = this.held(granted)
    return required.filter((scope) => !held.has(scope))
  }
}
