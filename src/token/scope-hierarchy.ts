/**
 * Which scopes include others (SCP-04).
 *
 * @module
 */

/** Names of scopes, with those that each includes. */
export type Implications = Readonly<Record<string, readonly string[]>>

/**
 * The scopes that form a cycle, or `undefined`: a cycle would make all of them equal, which cannot
 * be meant.
 */
export function findCycle(implies: Implications): readonly string[] | undefined {
  const finished = new Set<string>()
  for (const start of Object.keys(implies)) {
    /** A set keeps its insertion order: the path so far. */
    const path = new Set<string>()
    const pending: { readonly scope: string; readonly isDone: boolean }[] = [
      { scope: start, isDone: false },
    ]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { scope, isDone } = next
      if (isDone) {
        path.delete(scope)
        finished.add(scope)
        continue
      }
      if (path.has(scope)) {
        const way = [...path]
        return [...way.slice(way.indexOf(scope)), scope]
      }
      if (finished.has(scope)) continue
      path.add(scope)
      pending.push({ scope, isDone: true })
      const included = Object.hasOwn(implies, scope) ? (implies[scope] ?? []) : []
      for (const each of included) pending.push({ scope: each, isDone: false })
    }
  }
  return undefined
}

/** Expands granted scopes by what they include. */
export class ScopeHierarchy {
  readonly #implies: Implications
  /** Tokens share their lists of scopes, so that nearly every token finds this at once. */
  readonly #known = new WeakMap<readonly string[], ReadonlySet<string>>()

  /** @param implies without cycles */
  constructor(implies: Implications = {}) {
    this.#implies = implies
  }

  /** These scopes and all that they include. */
  held(granted: readonly string[]): ReadonlySet<string> {
    let held = this.#known.get(granted)
    if (held === undefined) {
      const all = new Set(granted)
      // Iteration over a set visits what is added meanwhile.
      for (const scope of all) {
        if (!Object.hasOwn(this.#implies, scope)) continue
        for (const included of this.#implies[scope] ?? []) all.add(included)
      }
      held = all
      this.#known.set(granted, held)
    }
    return held
  }

  /** The required scopes that are missing. */
  missing(granted: readonly string[], required: readonly string[]): readonly string[] {
    if (required.length === 0) return required
    const held = this.held(granted)
    return required.filter((scope) => !held.has(scope))
  }
}
