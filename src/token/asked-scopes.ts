/**
 * The words in which clients ask for scopes. At some providers, tokens hold other words: a client of
 * Entra asks for `api://APP/mcp.use`, and the token says `mcp.use`.
 *
 * @module
 */

export interface AskedScopesOptions {
  /** The base scopes, as tokens hold them. */
  readonly base: readonly string[]
  /** What clients ask for instead; `undefined`: the same. */
  readonly advertised: readonly string[] | undefined
  /** It is put before every scope that has no form of its own. */
  readonly prefix: string | undefined
}

/** Scopes by the form in which tokens hold them, with the form in which clients ask for them. */
export type ScopeForms = Readonly<Record<string, string>>

/** The scopes of OpenID Connect Core §5.4 and §3.1.2.1. They belong to no application. */
const OF_OPENID: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'address', 'phone'])

/** Turns the scopes that tokens hold into those that clients ask for. */
export class AskedScopes {
  readonly base: ReadonlySet<string>
  readonly #options: AskedScopesOptions
  readonly #advertised: readonly string[] | undefined
  readonly #prefix: string
  #forms: ScopeForms = {}
  #isPlain = true

  constructor(options: AskedScopesOptions) {
    const { base, advertised, prefix = '' } = options
    this.#options = options
    this.base = new Set(base)
    this.#advertised = advertised
    this.#prefix = prefix
    this.use({})
  }

  /** Takes the forms of the current policy. */
  use(forms: ScopeForms): void {
    this.#forms = forms
    const hasForms = Object.keys(forms).length > 0
    this.#isPlain = this.#advertised === undefined && this.#prefix === '' && !hasForms
  }

  /** The same, with the forms of another policy. */
  with(forms: ScopeForms): AskedScopes {
    const other = new AskedScopes(this.#options)
    other.use(forms)
    return other
  }

  /** What metadata and challenges name for these scopes. */
  of(scopes: readonly string[]): readonly string[] {
    if (this.#isPlain) return scopes
    const asked = scopes.flatMap((scope) =>
      this.#advertised !== undefined && this.base.has(scope)
        ? this.#advertised
        : [this.#formOf(scope)],
    )
    return [...new Set(asked)]
  }

  /** What metadata names, and the challenge to a request without a token. */
  get ofBase(): readonly string[] {
    return this.#advertised ?? this.of([...this.base])
  }

  /** Two of these scopes that a client asks for in the same words: nobody can tell which is meant. */
  findTwins(scopes: readonly string[]): readonly [string, string] | undefined {
    const known = new Map<string, string>()
    for (const scope of scopes) {
      const form = this.#formOf(scope)
      const other = known.get(form)
      if (other !== undefined && other !== scope) return [other, scope]
      known.set(form, scope)
    }
    return undefined
  }

  #formOf(scope: string): string {
    if (Object.hasOwn(this.#forms, scope)) return this.#forms[scope] as string
    const isWhole = OF_OPENID.has(scope) || scope.startsWith(this.#prefix)
    return isWhole ? scope : `${this.#prefix}${scope}`
  }
}
