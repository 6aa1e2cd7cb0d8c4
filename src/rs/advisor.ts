/**
 * Advice about identity providers, for the operator. The first request loads it while it waits for
 * other work: a browser or a worker need not hold it before.
 *
 * @module
 */
import type * as AdviceHints from '../advice/hints.js'
import type { Refusal } from '../errors.js'

type Hints = typeof AdviceHints

export class Advisor {
  readonly #issuers: readonly string[]
  #hints: Hints | undefined

  /** @param issuers all configured issuers */
  constructor(issuers: readonly string[]) {
    this.#issuers = issuers
  }

  /** Waits until the advice is loaded; refusals work without it. */
  async ready(): Promise<void> {
    // Not one shared promise: one that another request began may never settle.
    this.#hints ??= await import('../advice/hints.js').catch(() => undefined)
  }

  /** One sentence; `undefined` when there is nothing useful to say. */
  hintFor({ code, issuer, about }: Refusal, context: AdviceHints.HintContext): string | undefined {
    const hints = this.#hints
    if (hints === undefined) return undefined
    const onlyIssuer = this.#issuers.length === 1 ? this.#issuers[0] : undefined
    const general = () => hints.hintFor(code, { issuer: issuer ?? onlyIssuer, ...context })
    if (about === undefined) return general()
    const special =
      typeof about === 'string'
        ? hints.hintFor(about, { issuer })
        : hints.hintForIssuer(about, this.#issuers)
    return special ?? general()
  }
}
